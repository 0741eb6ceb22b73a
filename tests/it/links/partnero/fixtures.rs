//! What tests of the Partnero dialect have in common.

use pearset::clock::Clock as _;
use pearset::id::DomainId;
use pearset::programs::{LinkAddress, insert_domain};
use serde_json::{Value, json};

use crate::enrollments::fixtures::World;
use crate::support::actor::Answer;
use crate::support::app::Workspace;

pub(super) const LINKS: &str = "/partner_referral_links";
pub(super) const JANE: &str = "jane@example.com";

/// Jane, with the tenant id `user_1` and a default link with the key `Jane`.
pub(super) async fn world_with_jane() -> (World, Value) {
    let mut world = World::start().await;
    let jane = world.enrolled(json!({ "email": JANE, "tenantId": "user_1", "username": "Jane" })).await;
    (world, jane)
}

/// One more domain of a workspace's program, where links begin with this text.
pub(super) async fn domain(world: &World, workspace: &Workspace, url_prefix: &str, is_additional: bool) -> DomainId {
    let now = world.app.clock.now();
    let id = world.app.state.ids.next(now);
    let address = LinkAddress::Elsewhere(url_prefix.parse().unwrap());
    let new = (id, &address, is_additional);
    insert_domain(&mut world.app.sql().await, workspace.id, workspace.program_id, new, now).await.unwrap();
    id
}

/// Asks for a link of Jane's.
pub(super) async fn create(world: &World, key: &str, domain: Value) -> Answer {
    let mut body = json!({ "key": key, "partner": { "email": JANE } });
    body.as_object_mut().unwrap().extend(domain.as_object().unwrap().clone());
    world.workspace.actor.post(LINKS, body).await
}

/// All links of a partner, as this dialect lists them.
pub(super) async fn links_of(world: &World, partner: &str) -> Vec<Value> {
    let path = format!("/partners/{partner}/referral_links?limit=250");
    world.workspace.actor.get(&path).await.expect(200)["data"].as_array().unwrap().clone()
}
