//! `GET /partner_referral_links:domains`.

use serde_json::{Value, json};

use super::fixtures::add_domain;
use crate::enrollments::fixtures::World;

const DOMAINS: &str = "/partner_referral_links:domains";

async fn list(world: &World, query: &str) -> Vec<Value> {
    let answer = world.workspace.actor.get(&format!("{DOMAINS}{query}")).await.expect(200);
    assert_eq!(answer["status"], 1);
    answer["data"].as_array().unwrap().clone()
}

/// Starts a program with its own domain and `count` more, one second apart.
async fn world_with(count: usize) -> World {
    let world = World::start().await;
    for index in 0..count {
        world.app.clock.advance(std::time::Duration::from_secs(1));
        // The order of the names is the reverse of the order of creation.
        let url_prefix = format!("https://d{:02}.example.com?aff=", 99 - index);
        add_domain(&world, &world.workspace, &url_prefix, index % 2 == 0).await;
    }
    world
}

fn hosts(domains: &[Value]) -> Vec<&str> {
    domains.iter().map(|domain| domain["domain"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn default_domain_comes_first_with_a_null_id() {
    let world = World::start().await;
    let host = "acme.localhost";
    let default = json!({ "id": null, "domain": host, "url": format!("http://{host}:8080/"), "is_additional": false });
    assert_eq!(list(&world, "").await, std::slice::from_ref(&default));

    world.app.clock.advance(std::time::Duration::from_secs(1));
    let older = add_domain(&world, &world.workspace, "https://partnero.com?aff=", true).await;
    world.app.clock.advance(std::time::Duration::from_secs(1));
    let newer = add_domain(&world, &world.workspace, "https://acme.com/r/", false).await;
    let partnero = json!({
        "id": older, "domain": "partnero.com", "url": "https://partnero.com?aff=", "is_additional": true,
    });
    let acme = json!({ "id": newer, "domain": "acme.com", "url": "https://acme.com/r/", "is_additional": false });
    assert_eq!(list(&world, "").await, [default, partnero, acme]);
}

#[tokio::test]
async fn new_default_domain_has_the_null_id() {
    let mut world = World::start().await;
    let new = add_domain(&world, &world.workspace, "https://partnero.com?aff=", false).await;
    let id = world.rows("domains").await.iter().find(|row| row["host"] == "partnero.com").unwrap()["id"].clone();
    world.arrange(&format!("UPDATE programs SET default_domain_id = {}", id.to_string().replace('"', "'"))).await;
    let domains = list(&world, "").await;
    assert_eq!(hosts(&domains), ["partnero.com", "acme.localhost"]);
    assert_eq!(domains[0]["id"], Value::Null);
    assert!(domains[1]["id"].as_str().unwrap().starts_with("dom_"));
    assert_ne!(domains[1]["id"], json!(new));

    // New links are on the new default domain.
    let partner = world.partner(json!({ "email": "jane@example.com" })).await.expect(201);
    assert_eq!(partner["links"][0]["shortLink"], "https://partnero.com?aff=jane");
}

#[tokio::test]
async fn pages_show_each_domain_once() {
    let world = world_with(24).await;
    let all = list(&world, "?limit=250").await;
    assert_eq!(all.len(), 25);
    assert_eq!(hosts(&all)[..3], ["acme.localhost", "d99.example.com", "d98.example.com"]);
    for (query, from, to) in [
        ("", 0, 10),
        ("?page=1", 0, 10),
        ("?page=2", 10, 20),
        ("?page=3", 20, 25),
        ("?page=4", 25, 25),
        ("?page=2147483647", 25, 25),
        ("?page=2147483647&limit=250", 25, 25),
        ("?limit=1", 0, 1),
        ("?limit=7&page=4", 21, 25),
        ("?page=2&limit=24", 24, 25),
        ("?limit=25", 0, 25),
        ("?unknown=x&limit=2", 0, 2),
    ] {
        assert_eq!(list(&world, query).await, all[from..to], "{query}");
    }
}

#[tokio::test]
async fn other_programs_and_workspaces_are_not_listed() {
    let world = World::start().await;
    let second = world.program("second.example.com").await;
    let stranger = world.app.workspace("stranger").await;
    add_domain(&world, &second, "https://partnero.com?aff=", true).await;
    add_domain(&world, &stranger, "https://partnero.com?aff=", true).await;
    assert_eq!(hosts(&list(&world, "").await), ["acme.localhost"]);
    let of_second = second.actor.get(DOMAINS).await.expect(200);
    assert_eq!(hosts(of_second["data"].as_array().unwrap()), ["second.example.com", "partnero.com"]);
}

#[tokio::test]
async fn invalid_page_or_limit_is_a_422() {
    let world = World::start().await;
    for (query, problems) in [
        ("?limit=0", &[("limit", "too_small")][..]),
        ("?limit=-1", &[("limit", "too_small")]),
        ("?limit=251", &[("limit", "too_big")]),
        ("?limit=ten", &[("limit", "invalid_type")]),
        ("?limit=", &[("limit", "invalid_type")]),
        ("?limit=1.5", &[("limit", "invalid_type")]),
        ("?limit=%00", &[("limit", "invalid_format")]),
        ("?page=0", &[("page", "too_small")]),
        ("?page=2147483648", &[("page", "too_big")]),
        ("?page=99999999999999999999999", &[("page", "too_big")]),
        ("?page=x&limit=0", &[("limit", "too_small"), ("page", "invalid_type")]),
    ] {
        for base in ["", "/api", "/v1"] {
            let body = world.workspace.actor.get(&format!("{base}{DOMAINS}{query}")).await.expect(422);
            let found: Vec<_> = body["error"]["errors"]
                .as_array()
                .unwrap()
                .iter()
                .map(|problem| (problem["path"].as_str().unwrap(), problem["code"].as_str().unwrap()))
                .collect();
            assert_eq!(found, problems, "{query}");
            assert_eq!((&body["status"], &body["message"]), (&json!(0), &body["error"]["message"]));
            for (field, _) in problems {
                assert!(body["errors"][field][0].is_string(), "{query}");
            }
        }
    }
}

#[tokio::test]
async fn route_exists_at_all_three_bases() {
    let world = World::start().await;
    let first = list(&world, "").await;
    for base in ["/api", "/v1"] {
        let answer = world.workspace.actor.get(&format!("{base}{DOMAINS}")).await.expect(200);
        assert_eq!((&answer["data"], &answer["status"]), (&json!(first), &json!(1)));
    }
}
