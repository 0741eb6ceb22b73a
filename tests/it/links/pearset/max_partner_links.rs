//! The maximum number of links of a partner in a group.

use serde_json::{Value, json};

use super::fixtures::{LINK_INSERTED, LINKS, TENANT, UPSERT, create_link, path, world_with_jane};
use crate::enrollments::fixtures::{NOTHING, World};

/// Sends a request for a link of Jane's to each route that creates links.
async fn create_with_each_route(world: &World, number: usize) -> [(u16, Value); 3] {
    let actor = &world.workspace.actor;
    let referral = json!({ "key": format!("key-{number}"), "partner": { "id": TENANT } });
    let url = format!("https://example.com/{number}");
    [
        actor.post(LINKS, json!({ "tenantId": TENANT })).await,
        actor.put(UPSERT, json!({ "tenantId": TENANT, "url": url })).await,
        actor.post("/partner_referral_links", referral).await,
    ]
    .map(|answer| (answer.status.as_u16(), answer.body["error"]["message"].clone()))
}

#[tokio::test]
async fn every_route_that_creates_links_respects_the_maximum() {
    let (mut world, _) = world_with_jane().await;
    // The default link counts.
    world.arrange("UPDATE groups SET max_partner_links = 4").await;
    assert_eq!(create_with_each_route(&world, 1).await.map(|(status, _)| status), [201, 200, 201]);
    assert_eq!(world.written().await, "links +3");
    for (status, message) in create_with_each_route(&world, 2).await {
        assert_eq!((status, message), (409, json!("A partner of this group can have at most 4 link(s).")));
    }
    assert_eq!(world.written().await, NOTHING);
    // Existing links can be changed.
    let found = json!({ "tenantId": TENANT, "url": "https://example.com/1", "comments": "changed" });
    world.workspace.actor.put(UPSERT, found).await.expect(200);
    assert_eq!(world.written().await, "links ~1");

    world.arrange("UPDATE groups SET max_partner_links = NULL").await;
    assert_eq!(create_with_each_route(&world, 3).await.map(|(status, _)| status), [201, 200, 201]);
    // The maximum is lower than the number of existing links.
    world.arrange("UPDATE groups SET max_partner_links = 1").await;
    assert_eq!(create_with_each_route(&world, 4).await.map(|(status, _)| status), [409, 409, 409]);
}

#[tokio::test]
async fn deleted_link_makes_room_for_another() {
    let (mut world, _) = world_with_jane().await;
    world.arrange("UPDATE groups SET max_partner_links = 2").await;
    let link = create_link(&mut world, json!({})).await;
    world.workspace.actor.post(LINKS, json!({ "tenantId": TENANT })).await.expect(409);
    world.workspace.actor.delete(&path(&link)).await.expect(200);
    world.written().await;
    world.workspace.actor.post(LINKS, json!({ "tenantId": TENANT })).await.expect(201);
    assert_eq!(world.written().await, LINK_INSERTED);
}

#[tokio::test]
async fn links_are_counted_per_partner_and_program() {
    let (mut world, _) = world_with_jane().await;
    let second = world.program("second.example.com").await;
    world.arrange("UPDATE groups SET max_partner_links = 2").await;
    create_link(&mut world, json!({})).await;
    world.enrolled(json!({ "email": "b@example.com", "tenantId": "b" })).await;
    world.workspace.actor.post(LINKS, json!({ "tenantId": "b" })).await.expect(201);
    second.actor.post("/partners", json!({ "email": "jane@example.com", "tenantId": TENANT })).await.expect(201);
    second.actor.post(LINKS, json!({ "tenantId": TENANT })).await.expect(201);
    second.actor.post(LINKS, json!({ "tenantId": TENANT })).await.expect(409);
}

#[tokio::test]
async fn default_links_ignore_the_maximum() {
    let (mut world, _) = world_with_jane().await;
    world.arrange("UPDATE groups SET max_partner_links = 1").await;
    world.app.add_default_link(&world.workspace, "https://example.com/b").await;
    let partner = world.partner(json!({ "email": "new@example.com" })).await.expect(201);
    assert_eq!(partner["links"].as_array().unwrap().len(), 2);
}
