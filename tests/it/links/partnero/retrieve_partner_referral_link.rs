//! `GET /partner_referral_links/{id}` and `GET /partner_referral_links:search`.

use serde_json::{Value, json};

use super::fixtures::{JANE, LINKS, add_domain, create, list_links, world_with_jane};
use crate::enrollments::fixtures::{NOTHING, PARTNERS, World};
use crate::support::actor::Answer;

const NO_LINK: &str = "The link does not exist.";

/// Finds a link through both routes, which must answer the same.
async fn find(world: &World, name: &str) -> Answer {
    let actor = &world.workspace.actor;
    let found = actor.get(&format!("{LINKS}/{name}")).await;
    let searched = actor.get(&format!("{LINKS}:search?id={name}")).await;
    assert_eq!((found.status, &found.body), (searched.status, &searched.body), "{name}");
    found
}

async fn search(world: &World, query: &str) -> Answer {
    world.workspace.actor.get(&format!("{LINKS}:search{query}")).await
}

#[tokio::test]
async fn link_is_found_by_id_or_by_key() {
    let (mut world, jane) = world_with_jane().await;
    let made = create(&world, "c/Jörg", json!({})).await.expect(201);
    world.written().await;
    let id = made["data"]["id"].as_str().unwrap();
    for name in [id, "c%2FJ%C3%B6rg", "C%2fj%c3%b6RG", "c%2FJo%CC%88rg"] {
        assert_eq!(find(&world, name).await.expect(200), made, "{name}");
    }
    for key in ["?key=c/J%C3%B6rg", "?key=C%2Fj%c3%b6RG"] {
        assert_eq!(search(&world, key).await.expect(200), made, "{key}");
    }
    // A link that was created through the Pearset format.
    let default = find(&world, "jane").await.expect(200)["data"].clone();
    assert_eq!(default["id"], jane["links"][0]["id"]);
    assert_eq!(default["url"], jane["links"][0]["shortLink"]);
    assert_eq!((&default["key"], &default["default"]), (&json!("Jane"), &json!(true)));
    assert_eq!(world.written().await, NOTHING);
}

#[tokio::test]
async fn key_on_several_domains_means_the_link_on_the_default_domain_else_the_oldest() {
    let (mut world, _) = world_with_jane().await;
    let mut ids = Vec::new();
    for host in ["b", "a"] {
        let id = add_domain(&world, &world.workspace, &format!("https://{host}.example.com/"), true).await;
        let body = json!({ "domain_id": id, "is_additional": true });
        ids.push(create(&world, "several", body).await.expect(201)["data"]["id"].clone());
        world.app.clock.advance(std::time::Duration::from_secs(1));
    }
    assert_eq!(find(&world, "several").await.expect(200)["data"]["id"], ids[0]);
    let on_default = create(&world, "SEVERAL", json!({})).await.expect(201)["data"]["id"].clone();
    assert_eq!(find(&world, "several").await.expect(200)["data"]["id"], on_default);
    assert_eq!(search(&world, "?key=several").await.expect(200)["data"]["id"], on_default);
    // The other links are found by id, also when another domain becomes the default.
    let last = ids[1].as_str().unwrap();
    assert_eq!(find(&world, last).await.expect(200)["data"]["url"], "https://a.example.com/several");
    world
        .arrange("UPDATE programs SET default_domain_id = (SELECT id FROM domains WHERE host = 'a.example.com')")
        .await;
    assert_eq!(find(&world, "several").await.expect(200)["data"]["id"], ids[1]);
}

/// A key can have the form of an id.
#[tokio::test]
async fn id_goes_before_key() {
    let (world, _) = world_with_jane().await;
    let first = create(&world, "first", json!({})).await.expect(201)["data"].clone();
    let id = first["id"].as_str().unwrap();
    let second = create(&world, id, json!({})).await.expect(201)["data"].clone();
    assert_eq!(find(&world, id).await.expect(200)["data"], first);
    assert_eq!(search(&world, &format!("?key={id}")).await.expect(200)["data"], second);
    // The parameter `id` goes before `key`, in any order.
    for query in [format!("?id={id}&key=jane"), format!("?key=jane&id={id}")] {
        assert_eq!(search(&world, &query).await.expect(200)["data"], first, "{query}");
    }
    assert_eq!(search(&world, "?id=nothing&key=jane").await.expect_error(404), NO_LINK);
}

#[tokio::test]
async fn unknown_link_is_a_404() {
    let (world, _) = world_with_jane().await;
    let second = world.program("second.example.com").await;
    let stranger = world.app.workspace("stranger").await;
    let mut names = vec![
        "link_01kkntq2cpfta8yamrpzxvg4jy".to_owned(),
        "LINK_01KKNTQ2CPFTA8YAMRPZXVG4JY".to_owned(),
        "pn_01kkntq2cnf1prr1w49pfyaa1w".to_owned(),
        "nothing".to_owned(),
        "a%20b".to_owned(),
        "%2F".to_owned(),
        "'".to_owned(),
        "x".repeat(8_000),
    ];
    for (actor, name) in [(&second.actor, "second"), (&stranger.actor, "stranger")] {
        let body = json!({ "email": "elsewhere@example.com", "username": name });
        let partner = actor.post(PARTNERS, body).await.expect(201);
        assert_eq!(actor.get(&format!("{LINKS}/{name}")).await.expect(200)["data"]["key"], name);
        names.push(name.to_owned());
        names.push(partner["links"][0]["id"].as_str().unwrap().to_owned());
    }
    for name in names {
        assert_eq!(find(&world, &name).await.expect_error(404), NO_LINK, "{name}");
        assert_eq!(search(&world, &format!("?key={name}")).await.expect_error(404), NO_LINK, "{name}");
    }
    for path in ["%ff", "%00", "%c3%28", "%zz", "."] {
        let answer = world.workspace.actor.get(&format!("{LINKS}/{path}")).await;
        assert_eq!(answer.expect_error(404), NO_LINK, "{path}");
    }
    for query in ["?id=", "?key=", "?id=&key=jane"] {
        assert_eq!(search(&world, query).await.expect_error(404), NO_LINK, "{query}");
    }
}

#[tokio::test]
async fn search_without_id_and_key_is_a_422() {
    let (world, _) = world_with_jane().await;
    for (query, problem) in [
        ("", "custom: : You must provide either id or key."),
        ("?ID=jane", "custom: : You must provide either id or key."),
        ("?id=%00", "invalid_format: id: Must not contain control characters"),
        ("?key=%01&id=jane", "invalid_format: key: Must not contain control characters"),
    ] {
        let body = search(&world, query).await.expect(422);
        assert_eq!(body["message"], problem, "{query}");
        assert_eq!(body["status"], 0);
    }
}

/// The partner's present group decides whether a link is a default link.
#[tokio::test]
async fn default_link_is_a_default_link_of_the_present_group() {
    let (mut world, _) = world_with_jane().await;
    let is_default = async |world: &World| {
        let found = find(world, "jane").await.expect(200)["data"]["default"].clone();
        let listed = list_links(world, "user_1").await[0]["default"].clone();
        assert_eq!(found, listed);
        found
    };
    assert_eq!(is_default(&world).await, true);

    world.group("vip", &["https://example.com/vip"]).await;
    world.arrange("UPDATE enrollments SET group_id = (SELECT id FROM groups WHERE slug = 'vip')").await;
    assert_eq!(is_default(&world).await, false);
    world.arrange("UPDATE enrollments SET group_id = (SELECT id FROM groups WHERE slug = 'default')").await;
    assert_eq!(is_default(&world).await, true);

    world.arrange("UPDATE group_default_links SET removed_at = now()").await;
    assert_eq!(is_default(&world).await, false);
}

#[tokio::test]
async fn program_id_names_another_program() {
    let (world, _) = world_with_jane().await;
    let second = world.program("second.example.com").await;
    let partner = second.actor.post(PARTNERS, json!({ "email": JANE, "username": "Jane" })).await.expect(201);
    let query = format!("program_id={}", second.program_id);
    for path in [format!("{LINKS}/jane?{query}"), format!("{LINKS}:search?key=jane&{query}")] {
        let found = world.workspace.actor.get(&path).await.expect(200);
        assert_eq!(found["data"]["id"], partner["links"][0]["id"], "{path}");
    }
    let own = world.workspace.actor.get(&format!("{LINKS}/jane?program_id={}", world.workspace.program_id)).await;
    assert_ne!(own.expect(200)["data"]["id"], partner["links"][0]["id"]);
    let other: Value = world.workspace.actor.get(&format!("{LINKS}/jane?program_id=x")).await.expect(404);
    assert_eq!(other["message"], "The program does not exist.");
}
