//! Every POST accepts an `Idempotency-Key`.

use http::Method;

use super::requests::World;

/// Answers that are not replayed differ from each other: a new token, link, group or time.
#[tokio::test]
async fn every_post_is_replayed() {
    let world = World::start().await;
    let actor = &world.workspace.actor;
    let mut posts = 0;
    for request in world.requests().into_iter().filter(|request| request.operation.method == Method::POST) {
        let name = &request.operation.operation_id;
        let key = name.parse().unwrap();
        request.arrange().await;
        let first = request.send_once(actor, &key).await;
        assert!(first.status.is_success(), "{name}: {}", first.body);
        assert!(!first.headers.contains_key("idempotency-replayed"), "{name}");
        let again = request.send_once(actor, &key).await;
        assert_eq!((again.status, &again.body), (first.status, &first.body), "{name}");
        assert!(again.headers.contains_key("idempotency-replayed"), "{name}");
        posts += 1;
    }
    assert!(posts > 15, "only {posts}");
}
