//! Fixtures of the tests of the Partnero dialect.

use axum::body::Body;
use http::Method;
use http::header::CONTENT_TYPE;
use pearset::testing::domains::{LinkAddress, NewDomain, insert_domain};
use pearset::testing::values::ProgramScope;
use pearset::testing::values::clock::Clock as _;
use pearset::testing::values::id::DomainId;
use serde_json::{Value, json};

use crate::enrollments::fixtures::World;
use crate::support::actor::{Actor, Answer};
use crate::support::app::Workspace;

pub(super) const LINKS: &str = "/partner_referral_links";
pub(super) const JANE: &str = "jane@example.com";

/// Jane, with the tenant id `user_1` and a default link with the key `Jane`.
pub(super) async fn world_with_jane() -> (World, Value) {
    let mut world = World::start().await;
    let jane = world.enrolled(json!({ "email": JANE, "tenantId": "user_1", "username": "Jane" })).await;
    (world, jane)
}

/// Adds a domain with this URL prefix to a workspace's program.
pub(super) async fn add_domain(
    world: &World,
    workspace: &Workspace,
    url_prefix: &str,
    is_additional: bool,
) -> DomainId {
    let now = world.app.clock.now();
    let id = world.app.state.ids.next(now);
    let address = LinkAddress::Elsewhere(url_prefix.parse().unwrap());
    let new = NewDomain { id, address: &address, is_additional };
    let scope = ProgramScope { workspace_id: workspace.id, program_id: workspace.program_id };
    insert_domain(&mut world.app.sql().await, scope, new, now).await.unwrap();
    id
}

/// Sends a request for a link of Jane's.
pub(super) async fn create(world: &World, key: &str, domain: Value) -> Answer {
    let mut body = json!({ "key": key, "partner": { "email": JANE } });
    body.as_object_mut().unwrap().extend(domain.as_object().unwrap().clone());
    world.workspace.actor.post(LINKS, body).await
}

/// Lists all links of a partner.
pub(super) async fn list_links(world: &World, partner: &str) -> Vec<Value> {
    let path = format!("/partners/{partner}/referral_links?limit=250");
    world.workspace.actor.get(&path).await.expect(200)["data"].as_array().unwrap().clone()
}

/// Changes the link with this id or key.
pub(super) async fn update(world: &World, name: &str, body: Value) -> Answer {
    update_as(&world.workspace.actor, name, body).await
}

pub(super) async fn update_as(actor: &Actor, name: &str, body: Value) -> Answer {
    let request = actor.request(Method::PUT, &format!("{LINKS}/{name}")).header(CONTENT_TYPE, "application/json");
    actor.send(request.body(body.to_string().into()).unwrap()).await
}

/// Deletes the link with this id or key.
pub(super) async fn delete(world: &World, name: &str) -> Answer {
    let actor = &world.workspace.actor;
    actor.send(actor.request(Method::DELETE, &format!("{LINKS}/{name}")).body(Body::empty()).unwrap()).await
}

/// Returns the action, the target and the details of each audit-log entry.
pub(super) async fn audit_log(world: &World) -> Vec<Value> {
    let entries = world.rows("audit_logs").await;
    entries.iter().map(|entry| json!([entry["action"], entry["target"], entry["details"]])).collect()
}
