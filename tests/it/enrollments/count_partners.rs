//! `GET /partners/count`. The tests of the list also compare the count, for each filter of the list.

use serde_json::json;

use super::fixtures::{PARTNERS, World};

async fn count(world: &World, query: &str) -> serde_json::Value {
    world.workspace.actor.get(&format!("{PARTNERS}/count{query}")).await.expect(200)
}

#[tokio::test]
async fn count_ignores_pages_and_orders() {
    let mut world = World::start().await;
    assert_eq!(count(&world, "").await, 0);
    for index in 0..3 {
        world.enrolled(json!({ "email": format!("p{index}@example.com") })).await;
    }
    for query in ["", "?page=2&pageSize=1", "?pageSize=1000&page=x&sortBy=name&sortOrder=up", "?programId"] {
        let expected = if query == "?programId" { 404 } else { 200 };
        let answer = world.workspace.actor.get(&format!("{PARTNERS}/count{query}")).await;
        assert_eq!(answer.status, expected, "{query}");
        if expected == 200 {
            assert_eq!(answer.body, 3, "{query}");
        }
    }
    world.arrange("UPDATE enrollments SET status = 'banned'").await;
    assert_eq!(count(&world, "?status=approved").await, 0);
    assert_eq!(count(&world, "?status=banned").await, 3);
}

#[tokio::test]
async fn invalid_filter_is_rejected() {
    let world = World::start().await;
    for query in ["status=x", "country=xx", "email=x", "tenantId=", "search=%01"] {
        let body = world.workspace.actor.get(&format!("{PARTNERS}/count?{query}")).await.expect(422);
        assert_eq!(body["error"]["errors"][0]["path"], query.split('=').next().unwrap(), "{query}");
    }
}
