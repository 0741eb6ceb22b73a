//! `GET /groups` and `GET /groups/{id}`.

use serde_json::Value;

use super::changes::{delete, group};
use crate::enrollments::fixtures::World;

async fn slugs(world: &World, query: &str) -> Vec<String> {
    let groups = world.workspace.actor.get(&format!("/groups{query}")).await.expect(200);
    groups.as_array().unwrap().iter().map(|group| group["slug"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn default_group_is_first_then_oldest_first() {
    let world = World::start().await;
    for slug in ["zebra", "apple", "mango"] {
        world.app.clock.advance(std::time::Duration::from_secs(1));
        group(&world, slug).await;
    }
    assert_eq!(slugs(&world, "").await, ["default", "zebra", "apple", "mango"]);
    assert_eq!(slugs(&world, "?pageSize=2").await, ["default", "zebra"]);
    assert_eq!(slugs(&world, "?page=2&pageSize=2").await, ["apple", "mango"]);
    assert_eq!(slugs(&world, "?page=3&pageSize=2").await, [""; 0]);
    delete(&world.workspace.actor, "/groups/apple").await.expect(200);
    assert_eq!(slugs(&world, "").await, ["default", "zebra", "mango"]);
}

#[tokio::test]
async fn search_matches_names_and_slugs() {
    let world = World::start().await;
    for name in ["Big Creators", "100% Press", "Müller Ж"] {
        group(&world, name).await;
    }
    assert_eq!(slugs(&world, "?search=CREA").await, ["big-creators"]);
    assert_eq!(slugs(&world, "?search=g-c").await, ["big-creators"]);
    assert_eq!(slugs(&world, "?search=%25").await, ["100-press"]);
    assert_eq!(slugs(&world, "?search=_").await, [""; 0]);
    for letters in ["M%C3%9CLLER", "m%C3%BCller%20%D0%B6"] {
        assert_eq!(slugs(&world, &format!("?search={letters}")).await.len(), 1, "{letters}");
    }
    assert_eq!(slugs(&world, "?search=.*").await, [""; 0]);
    assert_eq!(slugs(&world, "?search=").await.len(), 4);
    for bad in ["?page=0", "?pageSize=101", "?page=x", "?search=%00"] {
        world.workspace.actor.get(&format!("/groups{bad}")).await.expect_error(422);
    }
}

#[tokio::test]
async fn group_is_found_by_id_and_by_slug_only() {
    let world = World::start().await;
    let made = group(&world, "creators").await;
    let id = made["id"].as_str().unwrap();
    for name in [id, "creators"] {
        assert_eq!(world.workspace.actor.get(&format!("/groups/{name}")).await.expect(200), made);
    }
    for name in ["Creators", "creator", "grp_x", "%00", "%FF", "x%20y", &id.to_uppercase(), &id.replace("grp_", "pn_")]
    {
        let message = world.workspace.actor.get(&format!("/groups/{name}")).await.expect_error(404);
        assert_eq!(message, "The group was not found.", "{name}");
    }
    let second = world.program("go.second.example.com").await;
    let theirs = second.actor.get("/groups/default").await.expect(200);
    assert_ne!(theirs["id"], Value::Null);
    second.actor.get(&format!("/groups/{id}")).await.expect_error(404);
    second.actor.get("/groups/creators").await.expect_error(404);
}
