//! What tests of links have in common: a partner with one default link.

use std::time::Duration;

use serde_json::{Value, json};

use crate::enrollments::fixtures::World;

pub(super) const LINKS: &str = "/partners/links";
pub(super) const UPSERT: &str = "/partners/links/upsert";
/// Jane's id in the customer's system.
pub(super) const TENANT: &str = "user_1";
/// What making a link writes: nothing tells of it yet.
pub(super) const MADE: &str = "links +1";

/// Jane, with the tenant id `user_1` and a default link with the key `jane`.
pub(super) async fn world_with_jane() -> (World, Value) {
    let mut world = World::start().await;
    let jane = world.enrolled(json!({ "email": "jane@example.com", "name": "Jane", "tenantId": TENANT })).await;
    // A link that is made from now on is a later one.
    world.app.clock.advance(Duration::from_secs(1));
    (world, jane)
}

/// A link of Jane's.
pub(super) async fn made(world: &mut World, body: Value) -> Value {
    let mut request = json!({ "tenantId": TENANT });
    request.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    let link = world.workspace.actor.post(LINKS, request).await.expect(201);
    world.written().await;
    link
}

/// The address of a link.
pub(super) fn path(link: &Value) -> String {
    format!("/links/{}", link["id"].as_str().unwrap())
}

/// The entries of the audit log about links: what was done to which link, by whom, and the details.
pub(super) async fn audit_log(world: &World) -> Vec<Value> {
    let rows = world.rows("audit_logs").await;
    let entry = |row: &Value| {
        assert!(row["api_key_id"].is_string() && row["program_id"].is_string());
        json!([row["action"], row["target"], row["details"]])
    };
    rows.iter().map(entry).collect()
}

/// Tags of the workspace, by name.
pub(super) async fn tags(world: &World, names: &[&str]) -> Vec<String> {
    let mut ids = Vec::new();
    for name in names {
        let tag = world.workspace.actor.post("/tags", json!({ "name": name, "color": "pink" })).await.expect(201);
        ids.push(tag["id"].as_str().unwrap().to_owned());
    }
    ids
}
