//! `PATCH /links/{id}`.

use std::time::Duration;

use argon2::{Argon2, PasswordVerifier};
use pearset::testing::domains::{LinkAddress, NewDomain, insert_domain};
use pearset::testing::values::ProgramScope;
use pearset::testing::values::clock::Clock as _;
use serde_json::{Value, json};

use super::fixtures::{audit_log, create_link, create_tags, path, world_with_jane};
use crate::enrollments::fixtures::{NOTHING, World};

/// Returns every field with a value and the form in which a response shows the value.
fn every_field() -> Vec<(&'static str, Value, Value)> {
    let same = |name, value: Value| (name, value.clone(), value);
    let url = |name| (name, json!("brightloom.example"), json!("https://brightloom.example/"));
    vec![
        url("url"),
        same("key", json!("Other/Key")),
        ("externalId", json!("ext_84213"), json!("84213")),
        same("trackConversion", json!(false)),
        same("publicStats", json!(true)),
        ("geo", json!({ "FR": "brightloom.example/fr" }), json!({ "FR": "https://brightloom.example/fr" })),
        same("utm_source", json!("newsletter")),
        same("utm_medium", json!("email")),
        same("utm_campaign", json!("autumn")),
        same("utm_term", json!("knitting")),
        same("utm_content", json!("banner")),
        same("archived", json!(true)),
        same("comments", json!("Two\nlines")),
        ("expiresAt", json!("2027-01-31T23:00:00+01:00"), json!("2027-01-31T22:00:00.000Z")),
        url("expiredUrl"),
        ("password", json!("spring-lamb-gallop"), json!(null)),
        same("proxy", json!(true)),
        same("title", json!("Knit anything")),
        same("description", json!("")),
        url("image"),
        url("video"),
        same("rewrite", json!(true)),
        url("ios"),
        url("android"),
        same("doIndex", json!(true)),
        (
            "testVariants",
            json!([{ "url": "a.example", "percentage": 50 }, { "url": "b.example", "percentage": 50 }]),
            json!([{ "url": "https://a.example/", "percentage": 50.0 }, { "url": "https://b.example/", "percentage": 50.0 }]),
        ),
        ("testStartedAt", json!("2026-03-14T09:00:00Z"), json!("2026-03-14T09:00:00.000Z")),
        ("testCompletedAt", json!("2026-04-14T09:00:00Z"), json!("2026-04-14T09:00:00.000Z")),
    ]
}

#[tokio::test]
async fn each_field_changes_alone() {
    let (mut world, _) = world_with_jane().await;
    let mut link = create_link(&mut world, json!({ "key": "own" })).await;
    for (second, (name, value, shown)) in every_field().into_iter().enumerate() {
        world.app.clock.advance(Duration::from_secs(1));
        let changed = world.workspace.actor.patch(&path(&link), json!({ name: value })).await.expect(200);
        assert_eq!(world.written().await, "links ~1", "{name}");
        link[name] = shown;
        link["updatedAt"] = json!(format!("2026-03-01T12:00:{:02}.250Z", second + 2));
        if name == "key" {
            link["shortLink"] = json!("http://acme.localhost:8080/Other/Key");
        }
        assert_eq!(changed, link, "{name}");
        let log = audit_log(&world).await;
        assert_eq!(*log.last().unwrap(), json!(["link.updated", link["id"], { "changed": [name] }]));
        // The same value again is not a change.
        if name != "password" {
            let again = world.workspace.actor.patch(&path(&link), json!({ name: value })).await.expect(200);
            assert_eq!(again, link, "{name}");
            assert_eq!(world.written().await, NOTHING, "{name}");
            assert_eq!(audit_log(&world).await.len(), log.len(), "{name}");
        }
    }
    assert_eq!(world.workspace.actor.get(&path(&link)).await.expect(200), link);
    let stored = world.rows("links").await[1]["settings"]["password"].clone();
    assert!(Argon2::default().verify_password(b"spring-lamb-gallop", stored.as_str().unwrap()).is_ok());
    // The link is found by its new names.
    for path in ["/links/ext_84213", "/links/info?domain=acme.localhost&key=other/key"] {
        assert_eq!(world.workspace.actor.get(path).await.expect(200), link, "{path}");
    }
}

#[tokio::test]
async fn absent_keeps_null_clears_and_a_value_sets() {
    let (mut world, _) = world_with_jane().await;
    let link = create_link(&mut world, json!({ "key": "own" })).await;
    let all: Value = every_field().into_iter().map(|(name, value, _)| (name, value)).collect();
    world.workspace.actor.patch(&path(&link), all.clone()).await.expect(200);
    world.written().await;
    let full = world.workspace.actor.patch(&path(&link), json!({})).await.expect(200);
    assert_eq!(world.written().await, NOTHING);
    let never_null = ["url", "key", "trackConversion", "publicStats", "archived", "proxy", "rewrite", "doIndex"];
    for (name, _, shown) in every_field() {
        assert_eq!(full[name], shown, "{name}");
        let answer = world.workspace.actor.patch(&path(&link), json!({ name: null })).await;
        if never_null.contains(&name) {
            assert!(answer.expect_error(422).starts_with(&format!("invalid_type: {name}: ")), "{name}");
            assert_eq!(world.written().await, NOTHING, "{name}");
        } else {
            assert_eq!(answer.expect(200)[name], json!(null), "{name}");
            assert_eq!(world.written().await, "links ~1", "{name}");
        }
    }
    assert_eq!(world.rows("links").await[1]["settings"]["password"], Value::Null);
}

#[tokio::test]
async fn given_tags_replace_the_present_ones() {
    let (mut world, _) = world_with_jane().await;
    let ids = create_tags(&world, &["a", "b", "c"]).await;
    let link = create_link(&mut world, json!({ "linkProps": { "tagNames": ["a"] } })).await;
    for (body, names, writes) in [
        (json!({ "tagIds": ids[1] }), json!(["b"]), true),
        (json!({ "tagNames": ["B"] }), json!(["b"]), false),
        (json!({ "tagIds": [ids[2], ids[0]] }), json!(["a", "c"]), true),
        (json!({ "tagIds": [ids[0]], "tagNames": "c" }), json!(["a", "c"]), false),
        (json!({ "comments": "x" }), json!(["a", "c"]), true),
        (json!({ "tagIds": [ids[0]], "tagNames": ["b", "c"] }), json!(["a", "b", "c"]), true),
        (json!({ "tagNames": [] }), json!([]), true),
        (json!({ "tagIds": [], "tagNames": [] }), json!([]), false),
    ] {
        let changed = world.workspace.actor.patch(&path(&link), body.clone()).await.expect(200);
        let shown: Value = changed["tags"].as_array().unwrap().iter().map(|tag| tag["name"].clone()).collect();
        assert_eq!(shown, names, "{body}");
        assert_eq!(changed["tagId"], changed["tags"].get(0).map_or(Value::Null, |tag| tag["id"].clone()));
        assert_eq!(world.written().await, if writes { "links ~1" } else { NOTHING }, "{body}");
    }
    for (body, path_of_problem) in [
        (json!({ "tagIds": ["x", ids[0]] }), "tagIds[0]"),
        (json!({ "tagNames": "d", "comments": "y" }), "tagNames"),
        (json!({ "tagIds": null }), "tagIds"),
    ] {
        let message = world.workspace.actor.patch(&path(&link), body.clone()).await.expect_error(422);
        assert!(message.contains(&format!(": {path_of_problem}: ")), "{body}: {message}");
        assert_eq!(world.written().await, NOTHING, "{body}");
    }
}

/// Adds a domain to the program.
async fn add_domain(world: &World, url_prefix: &str) {
    let now = world.app.clock.now();
    let address = LinkAddress::Elsewhere(url_prefix.parse().unwrap());
    let (workspace, id) = (&world.workspace, world.app.state.ids.next(now));
    let new = NewDomain { id, address: &address, is_additional: true };
    let scope = ProgramScope { workspace_id: workspace.id, program_id: workspace.program_id };
    insert_domain(&mut world.app.sql().await, scope, new, now).await.unwrap();
}

#[tokio::test]
async fn link_moves_to_another_domain_of_its_program() {
    let (mut world, _) = world_with_jane().await;
    add_domain(&world, "https://partnero.com?aff=").await;
    let second = world.program("second.example.com").await;
    let link = create_link(&mut world, json!({ "key": "own" })).await;
    let moved = world.workspace.actor.patch(&path(&link), json!({ "domain": "Partnero.com" })).await.expect(200);
    assert_eq!(
        (&moved["id"], &moved["domain"], &moved["key"], &moved["shortLink"]),
        (&link["id"], &json!("partnero.com"), &json!("own"), &json!("https://partnero.com?aff=own"))
    );
    assert_eq!(audit_log(&world).await, [json!(["link.updated", link["id"], { "changed": ["domain"] }])]);
    world.written().await;
    let other = create_link(&mut world, json!({ "key": "own" })).await;
    let conflict = world.workspace.actor.patch(&path(&other), json!({ "domain": "partnero.com" })).await;
    assert_eq!(conflict.expect_error(409), "A link with this key exists already.");
    for unknown in ["second.example.com", "nothing", ""] {
        let answer = world.workspace.actor.patch(&path(&link), json!({ "domain": unknown, "key": "x" })).await;
        assert_eq!(answer.expect_error(404), "The domain does not exist.", "{unknown}");
    }
    assert_eq!(world.written().await, NOTHING);
    assert_eq!(second.actor.patch(&path(&link), json!({ "key": "x" })).await.status, 404);
}

#[tokio::test]
async fn taken_name_is_a_conflict_and_nothing_changes() {
    let (mut world, _) = world_with_jane().await;
    create_link(&mut world, json!({ "key": "Taken", "linkProps": { "externalId": "taken" } })).await;
    let link = create_link(&mut world, json!({ "key": "own", "linkProps": { "externalId": "own" } })).await;
    let actor = world.workspace.actor.clone();
    for (body, what) in [
        (json!({ "comments": "x", "key": "tAKEN" }), "key"),
        (json!({ "comments": "x", "key": "jane" }), "key"),
        (json!({ "comments": "x", "externalId": "ext_taken" }), "externalId"),
    ] {
        let message = actor.patch(&path(&link), body.clone()).await.expect_error(409);
        assert_eq!(message, format!("A link with this {what} exists already."), "{body}");
        assert_eq!(world.written().await, NOTHING, "{body}");
    }
    // A link can get its own key in another case.
    assert_eq!(actor.patch(&path(&link), json!({ "key": "OWN", "externalId": "own" })).await.expect(200)["key"], "OWN");
    assert_eq!(actor.get("/links/info?domain=acme.localhost&key=own").await.expect(200)["key"], "OWN");
    // The old names are free.
    actor.patch("/links/ext_own", json!({ "key": "new", "externalId": "new" })).await.expect(200);
    create_link(&mut world, json!({ "key": "own", "linkProps": { "externalId": "own" } })).await;
}

#[tokio::test]
async fn problems_have_paths_in_the_order_of_openapi_yaml() {
    let (mut world, _) = world_with_jane().await;
    let link = create_link(&mut world, json!({})).await;
    let body = json!({
        "testVariants": [], "url": "x", "domain": 1, "key": "a b", "externalId": "", "trackConversion": "no",
        "publicStats": null, "geo": { "XX": "https://example.com/", "FR": "x", "GB": 1 }, "utm_source": 1, "archived": 1,
        "tagIds": 1, "comments": 1, "expiresAt": "x", "password": "", "doIndex": 0, "programId": 1,
    });
    let answer = world.workspace.actor.patch(&path(&link), body).await.expect(422);
    let problems = answer["error"]["errors"].as_array().unwrap();
    let paths: Vec<&str> = problems.iter().map(|problem| problem["path"].as_str().unwrap()).collect();
    assert_eq!(
        paths,
        [
            "url",
            "domain",
            "key",
            "externalId",
            "trackConversion",
            "publicStats",
            "geo.FR",
            "geo.GB",
            "geo",
            "utm_source",
            "archived",
            "tagIds",
            "comments",
            "expiresAt",
            "password",
            "doIndex",
            "testVariants",
            "programId",
        ]
    );
    assert_eq!(world.written().await, NOTHING);
}

#[tokio::test]
async fn owner_of_a_link_never_changes() {
    let (mut world, jane) = world_with_jane().await;
    let link = create_link(&mut world, json!({})).await;
    let other = world.enrolled(json!({ "email": "b@example.com", "tenantId": "b" })).await;
    let body = json!({ "partnerId": other["id"], "tenantId": "b", "programId": null, "id": "link_x", "clicks": 9 });
    assert_eq!(world.workspace.actor.patch(&path(&link), body).await.expect(200), link);
    assert_eq!(link["partnerId"], jane["id"]);
    assert_eq!(world.written().await, NOTHING);
}
