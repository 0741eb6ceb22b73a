//! `DELETE /partner_referral_links/{id}`.

use serde_json::json;

use super::fixtures::{JANE, LINKS, audit_log, create, delete, list_links, world_with_jane};
use crate::enrollments::fixtures::{NOTHING, PARTNERS};

#[tokio::test]
async fn deleted_link_is_gone_from_both_formats() {
    let (mut world, jane) = world_with_jane().await;
    let mut deleted = Vec::new();
    for by_key in [false, true] {
        let link = create(&world, "Old/Key", json!({})).await.expect(201)["data"].clone();
        world.written().await;
        let name = if by_key { "old%2Fkey" } else { link["id"].as_str().unwrap() };
        assert_eq!(delete(&world, name).await.expect(200), json!({ "status": 1 }));
        assert_eq!(world.written().await, "links -1");
        assert_eq!(delete(&world, name).await.expect_error(404), "The link does not exist.");
        assert_eq!(world.written().await, NOTHING);
        world.workspace.actor.get(&format!("{LINKS}/{name}")).await.expect(404);
        deleted.push(json!(["link.deleted", link["id"], { "partnerId": jane["id"], "key": "Old/Key" }]));
    }
    assert_eq!(audit_log(&world).await, deleted);
    assert_eq!(list_links(&world, "user_1").await.len(), 1);
    let shown = world.workspace.actor.get(&format!("{PARTNERS}/{}", jane["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(shown["links"], jane["links"]);
}

#[tokio::test]
async fn totals_of_the_partner_outlive_the_link() {
    let (mut world, jane) = world_with_jane().await;
    create(&world, "sold", json!({})).await.expect(201);
    world.counted("key = 'sold'", json!({ "clicks": 9, "sales": 2, "sale_amount": 500 })).await;
    delete(&world, "sold").await.expect(200);
    let shown = world.workspace.actor.get(&format!("{PARTNERS}/{}", jane["id"].as_str().unwrap())).await.expect(200);
    assert_eq!((&shown["totalClicks"], &shown["totalSaleAmount"]), (&json!(9), &json!(500)));
}

#[tokio::test]
async fn default_link_of_the_group_cannot_be_deleted() {
    let (mut world, jane) = world_with_jane().await;
    let answer = delete(&world, "jane").await.expect(409);
    assert_eq!((&answer["error"]["code"], &answer["status"]), (&json!("conflict"), &json!(0)));
    assert_eq!(answer["message"], answer["error"]["message"]);
    delete(&world, jane["links"][0]["id"].as_str().unwrap()).await.expect(409);
    assert_eq!(world.written().await, NOTHING);
    // The link is not a default link in another group.
    world.group("vip", &["https://example.com/vip"]).await;
    world.arrange("UPDATE enrollments SET group_id = (SELECT id FROM groups WHERE slug = 'vip')").await;
    delete(&world, "jane").await.expect(200);
    assert_eq!(world.written().await, "links -1");
}

#[tokio::test]
async fn link_of_another_program_or_workspace_is_a_404() {
    let (mut world, _) = world_with_jane().await;
    let second = world.program("second.example.com").await;
    let stranger = world.app.workspace("stranger").await;
    let mut names = vec!["link_01kkntq2cpfta8yamrpzxvg4jy".to_owned(), "nothing".to_owned(), "%ff".to_owned()];
    for (actor, name) in [(&second.actor, "second"), (&stranger.actor, "stranger")] {
        actor.post(PARTNERS, json!({ "email": JANE })).await.expect(201);
        let link = actor.post(LINKS, json!({ "key": name, "partner": { "email": JANE } })).await.expect(201);
        names.push(link["data"]["id"].as_str().unwrap().to_owned());
        names.push(name.to_owned());
    }
    world.written().await;
    for name in names {
        assert_eq!(delete(&world, &name).await.expect_error(404), "The link does not exist.", "{name}");
    }
    delete(&world, "second?program_id=x").await.expect(404);
    assert_eq!(world.written().await, NOTHING);
    delete(&world, &format!("second?program_id={}", second.program_id)).await.expect(200);
    assert_eq!(world.written().await, "links -1");
}
