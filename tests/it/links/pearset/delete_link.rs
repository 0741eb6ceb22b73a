//! `DELETE /links/{id}`.

use serde_json::{Value, json};

use super::fixtures::{LINKS, TENANT, audit_log, create_link, create_tags, path, world_with_jane};
use crate::enrollments::fixtures::NOTHING;

#[tokio::test]
async fn deleted_link_loses_its_tags_and_frees_its_names() {
    let (mut world, jane) = world_with_jane().await;
    create_tags(&world, &["autumn"]).await;
    let body = json!({ "key": "own", "linkProps": { "externalId": "84213", "tagNames": "autumn" } });
    let link = create_link(&mut world, body.clone()).await;
    let deleted = world.workspace.actor.delete(&path(&link)).await.expect(200);
    assert_eq!(deleted, json!({ "id": link["id"] }));
    assert_eq!(world.written().await, "links -1");
    let details = json!({ "partnerId": jane["id"], "key": "own" });
    assert_eq!(audit_log(&world).await, [json!(["link.deleted", link["id"], details])]);
    let gone = "The link does not exist.";
    assert_eq!(world.workspace.actor.delete(&path(&link)).await.expect_error(404), gone);
    assert_eq!(world.workspace.actor.get(&path(&link)).await.expect_error(404), gone);
    assert_eq!(world.workspace.actor.patch(&path(&link), json!({})).await.expect_error(404), gone);
    let again = create_link(&mut world, body).await;
    assert_ne!(again["id"], link["id"]);
    assert_eq!(world.workspace.actor.delete("/links/ext_84213").await.expect(200)["id"], again["id"]);
}

#[tokio::test]
async fn totals_of_the_partner_outlive_the_link() {
    let (mut world, jane) = world_with_jane().await;
    let link = create_link(&mut world, json!({ "key": "counted" })).await;
    world.counted("key = 'counted'", json!({ "clicks": 5, "sale_amount": 100 })).await;
    world.workspace.actor.delete(&path(&link)).await.expect(200);
    let shown = world.workspace.actor.get(&format!("/partners/{}", jane["id"].as_str().unwrap())).await.expect(200);
    assert_eq!((&shown["clicks"], &shown["saleAmount"]), (&json!(5), &json!(100)));
}

#[tokio::test]
async fn default_link_of_the_group_cannot_be_deleted() {
    let (mut world, jane) = world_with_jane().await;
    let default = jane["links"][0].clone();
    let refused = "A default link of the partner's group cannot be deleted.";
    assert_eq!(world.workspace.actor.delete(&path(&default)).await.expect_error(409), refused);
    // The link stays a default link when its key and URL change.
    world
        .workspace
        .actor
        .patch(&path(&default), json!({ "key": "k", "url": "https://example.com/x" }))
        .await
        .expect(200);
    assert_eq!(world.workspace.actor.delete(&path(&default)).await.expect_error(409), refused);
    world.written().await;
    assert_eq!(audit_log(&world).await.len(), 1);

    // The link is not a default link in another group.
    let group = world.group("other", &["https://example.com/other"]).await;
    let group = uuid::Uuid::from(group);
    world.arrange(&format!("UPDATE enrollments SET group_id = '{group}'")).await;
    world.workspace.actor.delete(&path(&default)).await.expect(200);
    assert_eq!(world.written().await, "links -1");
}

#[tokio::test]
async fn link_of_a_removed_default_link_can_be_deleted() {
    let (mut world, jane) = world_with_jane().await;
    world.arrange("UPDATE group_default_links SET removed_at = now()").await;
    world.workspace.actor.delete(&path(&jane["links"][0])).await.expect(200);
    assert_eq!(world.written().await, "links -1");
    let left = world.workspace.actor.get(&format!("{LINKS}?tenantId={TENANT}")).await.expect(200);
    assert_eq!(left, json!([]));
}

#[tokio::test]
async fn link_of_another_program_is_not_found() {
    let (mut world, _) = world_with_jane().await;
    let link = create_link(&mut world, json!({ "linkProps": { "externalId": "84213" } })).await;
    let second = world.program("second.example.com").await;
    for path in [path(&link), "/links/ext_84213".to_owned(), "/links/nothing".to_owned()] {
        second.actor.delete(&path).await.expect(404);
        let other = format!("{path}?programId={}", second.program_id);
        world.workspace.actor.delete(&other).await.expect(404);
    }
    assert_eq!(world.written().await, NOTHING);
    assert_eq!(audit_log(&world).await, [] as [Value; 0]);
}
