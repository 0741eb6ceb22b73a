//! Fixtures of the tests of links: a partner with one default link.

use std::time::Duration;

use serde_json::{Value, json};

use crate::enrollments::fixtures::World;

pub(super) const LINKS: &str = "/partners/links";
pub(super) const UPSERT: &str = "/partners/links/upsert";
/// Jane's id in the customer's system.
pub(super) const TENANT: &str = "user_1";
/// The rows that the creation of a link writes. No event is published.
pub(super) const LINK_INSERTED: &str = "links +1";

/// Jane, with the tenant id `user_1` and a default link with the key `jane`.
pub(super) async fn world_with_jane() -> (World, Value) {
    let mut world = World::start().await;
    let jane = world.enrolled(json!({ "email": "jane@example.com", "name": "Jane", "tenantId": TENANT })).await;
    // Links that a test creates are later than the default link.
    world.app.clock.advance(Duration::from_secs(1));
    (world, jane)
}

/// Creates a link for Jane.
pub(super) async fn create_link(world: &mut World, body: Value) -> Value {
    let mut request = json!({ "tenantId": TENANT });
    request.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    let link = world.workspace.actor.post(LINKS, request).await.expect(201);
    world.written().await;
    link
}

/// Returns the path of a link.
pub(super) fn path(link: &Value) -> String {
    format!("/links/{}", link["id"].as_str().unwrap())
}

/// Returns the action, the target and the details of each audit-log entry.
pub(super) async fn audit_log(world: &World) -> Vec<Value> {
    let rows = world.rows("audit_logs").await;
    let entry = |row: &Value| {
        assert!(row["api_key_id"].is_string() && row["program_id"].is_string());
        json!([row["action"], row["target"], row["details"]])
    };
    rows.iter().map(entry).collect()
}

/// Creates tags and returns their ids.
pub(super) async fn create_tags(world: &World, names: &[&str]) -> Vec<String> {
    let mut ids = Vec::new();
    for name in names {
        let tag = world.workspace.actor.post("/tags", json!({ "name": name, "color": "pink" })).await.expect(201);
        ids.push(tag["id"].as_str().unwrap().to_owned());
    }
    ids
}
