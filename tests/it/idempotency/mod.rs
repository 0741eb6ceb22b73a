//! A POST with an `Idempotency-Key` takes effect once.
#![expect(clippy::disallowed_methods, reason = "a transaction of the test holds a key")]

mod kill;

use std::time::Duration;

use axum::body::Body;
use futures_util::future::join_all;
use http::Method;
use http::header::CONTENT_TYPE;
use pearset::testing::idempotency::{self, IdempotencyKey};
use pearset::testing::values::clock::Clock as _;
use pearset::testing::values::id::WorkspaceId;
use pearset::testing::workspaces::Scope;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor, PgConnection};

use crate::enrollments::fixtures::{ENROLLED, PARTNERS, World};
use crate::support::actor::{Actor, Answer};
use crate::support::invariants;

const LINKS: &str = "/partners/links";
const REPLAYED: &str = "idempotency-replayed";

async fn post_with_key(actor: &Actor, key: &str, path: &str, body: &Value) -> Answer {
    let request = actor.request(Method::POST, path).header("Idempotency-Key", key);
    actor.send(request.header(CONTENT_TYPE, "application/json").body(Body::from(body.to_string())).unwrap()).await
}

fn is_replayed(answer: &Answer) -> bool {
    answer.headers.get(REPLAYED).is_some_and(|value| value == "true")
}

async fn enrolled() -> World {
    let world = World::start().await;
    world.partner(json!({"email": "jane@example.com", "tenantId": "jane"})).await.expect(201);
    world
}

async fn count(world: &World, what: &'static str) -> i64 {
    invariants::count(&mut world.app.sql().await, what).await
}

const ALL_LINKS: &str = "SELECT count(*) FROM links";
const KEPT: &str = "SELECT count(*) FROM idempotency_keys";

#[tokio::test]
async fn a_repetition_gets_the_same_answer_and_changes_nothing() {
    let world = enrolled().await;
    let actor = &world.workspace.actor;
    let body = json!({"tenantId": "jane", "url": "https://example.com/a"});
    let first = post_with_key(actor, "one", LINKS, &body).await;
    assert!(!is_replayed(&first));
    let first = first.expect(201);
    for path in [LINKS, "/api/partners/links", "/v1/partners/links"] {
        let again = post_with_key(actor, "one", path, &body).await;
        assert!(is_replayed(&again), "{path}");
        assert_eq!(again.expect(201), first, "{path}");
    }
    assert_eq!(count(&world, ALL_LINKS).await, 2, "the default link and the new link");
    // A request with another key, or with none, is another request.
    assert_ne!(post_with_key(actor, "two", LINKS, &body).await.expect(201)["id"], first["id"]);
    assert!(!is_replayed(&actor.post(LINKS, body).await));
    assert_eq!(count(&world, ALL_LINKS).await, 4);
}

#[tokio::test]
async fn an_enrollment_and_its_answer_are_stored_together() {
    let mut world = World::start().await;
    let body = json!({"email": "jane@example.com", "tenantId": "jane"});
    let first = post_with_key(&world.workspace.actor, "one", PARTNERS, &body).await.expect(201);
    assert_eq!(world.written().await, ENROLLED);
    assert_eq!(count(&world, KEPT).await, 1);
    world.app.sql().await.execute("UPDATE partners SET name = 'Changed'").await.unwrap();
    assert_eq!(post_with_key(&world.workspace.actor, "one", PARTNERS, &body).await.expect(201), first);
}

/// A request whose answer cannot be stored changes nothing.
#[tokio::test]
async fn nothing_is_committed_without_the_stored_answer() {
    let world = enrolled().await;
    let sql = &mut world.app.sql().await;
    sql.execute("ALTER TABLE idempotency_keys ADD CONSTRAINT none CHECK (status = 0)").await.unwrap();
    let body = json!({"tenantId": "jane", "url": "https://example.com/a"});
    let failed = post_with_key(&world.workspace.actor, "one", LINKS, &body).await;
    assert!(!failed.status.is_success());
    assert_eq!((count(&world, ALL_LINKS).await, count(&world, KEPT).await), (1, 0));
    sql.execute("ALTER TABLE idempotency_keys DROP CONSTRAINT none").await.unwrap();
    post_with_key(&world.workspace.actor, "one", LINKS, &body).await.expect(201);
    assert_eq!((count(&world, ALL_LINKS).await, count(&world, KEPT).await), (2, 1));
}

#[tokio::test]
async fn another_request_with_the_same_key_is_rejected() {
    let world = enrolled().await;
    let actor = &world.workspace.actor;
    let body = json!({"tenantId": "jane", "url": "https://example.com/a"});
    post_with_key(actor, "one", LINKS, &body).await.expect(201);
    // Any difference counts: the server does not judge which differences matter.
    let others = [
        (LINKS, json!({"tenantId": "jane", "url": "https://example.com/b"})),
        ("/partners/links?a=b", body.clone()),
        ("/tags", body.clone()),
    ];
    for (path, other) in others {
        let message = post_with_key(actor, "one", path, &other).await.expect_error(422);
        assert_eq!(message, "invalid_value: Idempotency-Key: Was used for another request", "{path}");
    }
    // An API key with fewer rights gets no answer that it could not have got itself.
    let weak = world.app.actor_with(&world.workspace, &[Scope::TokensWrite]).await;
    post_with_key(&weak, "one", LINKS, &body).await.expect_error(422);
    let equal = world.app.actor_with(&world.workspace, &[Scope::ApisAll]).await;
    assert!(is_replayed(&post_with_key(&equal, "one", LINKS, &body).await));
}

#[tokio::test]
async fn a_failed_request_leaves_the_key_free() {
    let world = World::start().await;
    let actor = &world.workspace.actor;
    let body = json!({"tenantId": "jane", "url": "https://example.com/a"});
    post_with_key(actor, "one", LINKS, &body).await.expect(404);
    world.partner(json!({"email": "jane@example.com", "tenantId": "jane"})).await.expect(201);
    assert!(!is_replayed(&post_with_key(actor, "one", LINKS, &body).await));
    assert!(is_replayed(&post_with_key(actor, "one", LINKS, &body).await));
}

#[tokio::test]
async fn a_key_belongs_to_its_workspace() {
    let world = World::start().await;
    let other = world.app.workspace("other").await;
    let body = json!({"email": "jane@example.com"});
    let one = post_with_key(&world.workspace.actor, "one", PARTNERS, &body).await.expect(201);
    let answer = post_with_key(&other.actor, "one", PARTNERS, &body).await;
    assert!(!is_replayed(&answer));
    assert_ne!(answer.expect(201)["id"], one["id"]);
}

#[tokio::test]
async fn a_key_is_free_after_24_hours() {
    let world = enrolled().await;
    let actor = &world.workspace.actor;
    let body = json!({"tenantId": "jane", "url": "https://example.com/a"});
    let first = post_with_key(actor, "one", LINKS, &body).await.expect(201);
    world.app.clock.advance(Duration::from_secs(24 * 60 * 60 - 1));
    assert_eq!(post_with_key(actor, "one", LINKS, &body).await.expect(201), first);
    world.app.clock.advance(Duration::from_secs(1));
    let second = post_with_key(actor, "one", LINKS, &json!({"tenantId": "jane", "url": "https://example.com/b"})).await;
    assert!(!is_replayed(&second));
    assert_eq!(count(&world, KEPT).await, 1, "in place of the expired answer");
}

#[tokio::test]
async fn expired_answers_are_deleted_in_every_workspace() {
    let world = World::start().await;
    let other = world.app.workspace("other").await;
    for actor in [&world.workspace.actor, &other.actor] {
        post_with_key(actor, "old", PARTNERS, &json!({"email": "a@example.com"})).await.expect(201);
    }
    world.app.clock.advance(Duration::from_hours(23));
    post_with_key(&other.actor, "young", PARTNERS, &json!({"email": "b@example.com"})).await.expect(201);
    assert_eq!(idempotency::sweep(&world.app.state.db, world.app.clock.now()).await.unwrap(), 0);
    world.app.clock.advance(Duration::from_hours(1));
    assert_eq!(idempotency::sweep(&world.app.state.db, world.app.clock.now()).await.unwrap(), 2);
    assert_eq!(count(&world, KEPT).await, 1);
    // More than one batch.
    let many = "INSERT INTO idempotency_keys SELECT workspace_id, 'k' || n, fingerprint, 201, '', expires_at \
                FROM idempotency_keys, generate_series(1, 2500) n";
    world.app.sql().await.execute(many).await.unwrap();
    world.app.clock.advance(Duration::from_hours(24));
    assert_eq!(idempotency::sweep(&world.app.state.db, world.app.clock.now()).await.unwrap(), 2501);
    assert_eq!(count(&world, KEPT).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_32_concurrent_requests_takes_effect() {
    let world = enrolled().await;
    for round in 0..8 {
        let (key, body) = (format!("key-{round}"), json!({"tenantId": "jane", "url": "https://example.com/a"}));
        let calls = (0..32).map(|_| {
            let (actor, key, body) = (world.workspace.actor.clone(), key.clone(), body.clone());
            tokio::spawn(async move { post_with_key(&actor, &key, LINKS, &body).await })
        });
        let answers: Vec<Answer> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
        let succeeded: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 201).collect();
        assert_eq!(succeeded.iter().filter(|answer| !is_replayed(answer)).count(), 1);
        assert!(succeeded.iter().all(|answer| answer.body == succeeded[0].body));
        for rejected in answers.iter().filter(|answer| answer.status != 201) {
            assert_eq!(rejected.status, 409);
            assert_eq!(rejected.body["error"]["message"], "A request with this Idempotency-Key is still running.");
        }
        assert_eq!(count(&world, ALL_LINKS).await, 2 + round);
    }
}

/// The end of a request's transaction frees the key, however the transaction ends.
#[tokio::test]
async fn a_key_in_progress_is_rejected_promptly_and_free_when_its_transaction_ends() {
    let world = enrolled().await;
    let actor = &world.workspace.actor;
    let body = json!({"tenantId": "jane", "url": "https://example.com/a"});
    let key = "one".parse().unwrap();
    for was_used in [false, true] {
        let mut other = world.app.sql().await;
        other.execute("BEGIN").await.unwrap();
        hold_key(&mut other, world.workspace.id, &key).await;
        for body in [&body, &json!({"tenantId": "jane"})] {
            let begin = tokio::time::Instant::now();
            let message = post_with_key(actor, "one", LINKS, body).await.expect_error(409);
            assert_eq!(message, "A request with this Idempotency-Key is still running.");
            // Requests wait this long for other locks.
            assert!(begin.elapsed() < Duration::from_secs(2), "{was_used}");
        }
        if was_used {
            // Ends the session, like the kill of a server.
            let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut other).await.unwrap();
            let end = format!("SELECT pg_terminate_backend({pid}, 10000)");
            world.app.sql().await.execute(AssertSqlSafe(end)).await.unwrap();
        } else {
            other.execute("ROLLBACK").await.unwrap();
        }
        assert!(!is_replayed(&post_with_key(actor, "one", LINKS, &body).await), "{was_used}");
        assert!(is_replayed(&post_with_key(actor, "one", LINKS, &body).await), "{was_used}");
        world.app.clock.advance(Duration::from_hours(24));
    }
    assert_eq!((count(&world, ALL_LINKS).await, count(&world, KEPT).await), (3, 1));
}

/// Holds a key like a running request, until the end of the transaction.
pub(crate) async fn hold_key(sql: &mut PgConnection, workspace_id: WorkspaceId, key: &IdempotencyKey) {
    let claim = "SELECT is_claimed FROM claim_idempotency_key($1, $2, sha256('x'), '2100-01-01Z', '2100-01-02Z')";
    let claimed: bool = sqlx::query_scalar(claim).bind(workspace_id).bind(key.as_str()).fetch_one(sql).await.unwrap();
    assert!(claimed);
}

/// Equal requests with different keys: a lost race is retried inside the transaction of the request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_requests_with_different_keys_make_one_enrollment() {
    let world = World::start().await;
    for round in 0..8 {
        let body = json!({"email": format!("p{round}@example.com"), "tenantId": format!("p{round}")});
        let calls = (0..8).map(|client| {
            let (actor, body) = (world.workspace.actor.clone(), body.clone());
            tokio::spawn(async move { post_with_key(&actor, &format!("{round}-{client}"), PARTNERS, &body).await })
        });
        let answers: Vec<Value> = join_all(calls).await.into_iter().map(|answer| answer.unwrap().expect(201)).collect();
        assert!(answers.iter().all(|answer| answer == &answers[0]));
    }
    invariants::check(&world.app).await;
    assert_eq!(count(&world, "SELECT count(*) FROM enrollments").await, 8);
}

#[tokio::test]
async fn each_failed_item_of_a_list_leaves_nothing() {
    let world = World::start().await;
    let actor = &world.workspace.actor;
    world.partner(json!({"email": "jane@example.com", "tenantId": "jane"})).await.expect(201);
    let body = json!([
        {"email": "a@example.com"}, {"email": "b@example.com", "tenantId": "jane"},
        {"email": "c@example.com", "linkProps": {"externalId": "x"}}, {"email": "d@example.com", "linkProps": {"externalId": "x"}},
    ]);
    let first = post_with_key(actor, "one", "/partners/bulk", &body).await.expect(200);
    let statuses: Vec<i64> = first.as_array().unwrap().iter().map(|item| item["status"].as_i64().unwrap()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 3, "{first}");
    invariants::check(&world.app).await;
    let again = post_with_key(actor, "one", "/partners/bulk", &body).await;
    assert!(is_replayed(&again));
    assert_eq!(again.expect(200), first);
}

#[tokio::test]
async fn a_key_has_1_to_255_visible_characters() {
    let world = World::start().await;
    let actor = &world.workspace.actor;
    let body = json!({"email": "jane@example.com"});
    for (key, problem) in [
        (String::new(), "too_small: Idempotency-Key: Must have at least 1 character"),
        ("k".repeat(256), "too_big: Idempotency-Key: Must have at most 255 characters"),
        ("kä".to_owned(), "invalid_format: Idempotency-Key: Must have only visible ASCII characters"),
        ("k\tk".to_owned(), "invalid_format: Idempotency-Key: Must have only visible ASCII characters"),
    ] {
        assert_eq!(post_with_key(actor, &key, PARTNERS, &body).await.expect_error(422), problem);
    }
    post_with_key(actor, &"k".repeat(255), PARTNERS, &body).await.expect(201);
    post_with_key(actor, "a key: of \"words\"", PARTNERS, &body).await.expect(201);
    // Other methods ignore the header: they can be repeated safely anyway.
    let get = actor.request(Method::GET, PARTNERS).header("Idempotency-Key", "").body(Body::empty()).unwrap();
    actor.send(get).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_went_away_finds_the_outcome_with_the_same_key() {
    let world = enrolled().await;
    for turn in 0..200_u64 {
        let (actor, key) = (world.workspace.actor.clone(), format!("key-{turn}"));
        let body = json!({"tenantId": "jane", "url": format!("https://example.com/{turn}")});
        let call = post_with_key(&actor, &key, LINKS, &body);
        let _ = tokio::time::timeout(Duration::from_micros(turn * 50), call).await;
        let begin = tokio::time::Instant::now();
        loop {
            match post_with_key(&actor, &key, LINKS, &body).await {
                answer if answer.status == 409 => assert!(begin.elapsed() < Duration::from_secs(5)),
                answer => break drop(answer.expect(201)),
            }
        }
    }
    assert_eq!(count(&world, ALL_LINKS).await, 201);
}
