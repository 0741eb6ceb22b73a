//! `PUT /partner_referral_links/{id}`.

use serde_json::{Value, json};

use super::fixtures::{JANE, LINKS, add_domain, audit_log, create, list_links, update, update_as, world_with_jane};
use crate::enrollments::fixtures::{NOTHING, PARTNERS, World};

/// The rows that a change writes.
const LINK_UPDATED: &str = "links ~1";

async fn create_link(world: &World, key: &str) -> Value {
    create(world, key, json!({})).await.expect(201)["data"].clone()
}

/// Returns the response for a link with these members changed.
#[expect(clippy::needless_pass_by_value, reason = "callers pass a literal")]
fn with(link: &Value, members: Value) -> Value {
    let mut link = link.clone();
    link.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    json!({ "data": link, "status": 1 })
}

#[tokio::test]
async fn id_stays_when_the_key_changes() {
    let (mut world, jane) = world_with_jane().await;
    let link = create_link(&world, "old").await;
    let id = link["id"].as_str().unwrap();
    world.written().await;
    let expected = with(&link, json!({ "key": "New", "url": "http://acme.localhost:8080/New" }));
    assert_eq!(update(&world, "OLD", json!({ "key": "New" })).await.expect(200), expected);
    assert_eq!(world.written().await, LINK_UPDATED);
    for name in ["new", id] {
        assert_eq!(world.workspace.actor.get(&format!("{LINKS}/{name}")).await.expect(200), expected, "{name}");
    }
    world.workspace.actor.get(&format!("{LINKS}/old")).await.expect(404);
    // The Pearset format shows the new key, and the old key is free.
    let shown = world.workspace.actor.get(&format!("{PARTNERS}/{}", jane["id"].as_str().unwrap())).await.expect(200);
    let shown = shown["links"].as_array().unwrap().iter().find(|link| link["id"] == id).unwrap().clone();
    assert_eq!((&shown["key"], &shown["shortLink"]), (&json!("New"), &json!("http://acme.localhost:8080/New")));
    create_link(&world, "old").await;
    assert_eq!(audit_log(&world).await, [json!(["link.updated", id, { "changed": ["key"] }])]);
}

#[tokio::test]
async fn changed_default_link_stays_a_default_link() {
    let (world, jane) = world_with_jane().await;
    let answer = update(&world, "jane", json!({ "key": "Jane-2" })).await.expect(200)["data"].clone();
    assert_eq!((&answer["id"], &answer["default"]), (&jane["links"][0]["id"], &json!(true)));
    world.token(json!({ "tenantId": "user_1" })).await.expect(201);
    assert_eq!(list_links(&world, "user_1").await, [answer]);
}

#[tokio::test]
async fn absent_members_stay_and_a_change_without_effect_writes_nothing() {
    let (mut world, _) = world_with_jane().await;
    let additional = add_domain(&world, &world.workspace, "https://partnero.com?aff=", true).await;
    let body = json!({
        "domain_id": additional, "is_additional": true, "direct_tracking": true, "direct_tracking_redirect": true,
        "direct_tracking_redirect_url": "https://example.com/a",
    });
    let link = create(&world, "Key", body).await.expect(201)["data"].clone();
    world.written().await;
    for body in [
        json!({}),
        json!({ "unknown": 1 }),
        json!({ "key": "Key" }),
        json!({ "is_additional": true }),
        json!({ "domain_id": additional, "is_additional": true }),
        json!({ "direct_tracking": true, "direct_tracking_redirect": true }),
        json!({ "direct_tracking_redirect_url": "https://EXAMPLE.com/a" }),
        // The members that Partnero's PHP library sends.
        json!({ "id": link["id"], "key": "Key", "partnerKey": "Jane", "url": "x", "programMain": true }),
    ] {
        assert_eq!(update(&world, "key", body.clone()).await.expect(200), with(&link, json!({})), "{body}");
        assert_eq!(world.written().await, NOTHING, "{body}");
    }
    assert!(audit_log(&world).await.is_empty());
    for (body, changed, expected) in [
        (json!({ "key": "KEY" }), json!(["key"]), json!({ "key": "KEY", "url": "https://partnero.com?aff=KEY" })),
        (json!({ "direct_tracking": false }), json!(["directTracking"]), json!({ "direct_tracking": false })),
        (json!({ "directTracking": true }), json!(["directTracking"]), json!({ "direct_tracking": true })),
    ] {
        let before = world.workspace.actor.get(&format!("{LINKS}/key")).await.expect(200)["data"].clone();
        assert_eq!(update(&world, "key", body).await.expect(200), with(&before, expected));
        assert_eq!(world.written().await, LINK_UPDATED);
        assert_eq!(audit_log(&world).await.last().unwrap()[2], json!({ "changed": changed }));
    }
}

#[tokio::test]
async fn link_moves_to_another_domain() {
    let (mut world, _) = world_with_jane().await;
    // Two domains have the same host.
    let aff = add_domain(&world, &world.workspace, "https://partnero.com?aff=", true).await;
    let reference = add_domain(&world, &world.workspace, "https://partnero.com?ref=", false).await;
    let link = create_link(&world, "key").await;
    world.written().await;
    for (body, url, is_additional) in [
        (json!({ "domain_id": aff, "is_additional": true }), "https://partnero.com?aff=key", true),
        (json!({ "domain_id": reference, "is_additional": false }), "https://partnero.com?ref=key", false),
        (json!({ "domain_id": aff, "is_additional": true, "key": "both" }), "https://partnero.com?aff=both", true),
        (json!({ "domain_id": null, "key": "key" }), "http://acme.localhost:8080/key", false),
    ] {
        let answer = update(&world, link["id"].as_str().unwrap(), body.clone()).await.expect(200)["data"].clone();
        assert_eq!((&answer["url"], &answer["is_additional"]), (&json!(url), &json!(is_additional)), "{body}");
        assert_eq!(answer["id"], link["id"]);
        assert_eq!(world.written().await, LINK_UPDATED, "{body}");
    }
    for (body, code) in [
        (json!({ "domain_id": aff }), "invalid_type"),
        (json!({ "domain_id": aff, "is_additional": false }), "invalid_value"),
        (json!({ "domain_id": reference, "is_additional": true }), "invalid_value"),
        (json!({ "domain_id": null, "is_additional": true }), "invalid_value"),
        (json!({ "is_additional": true }), "invalid_value"),
        (json!({ "is_additional": null }), "invalid_type"),
    ] {
        let message = update(&world, "key", body.clone()).await.expect_error(422);
        assert!(message.starts_with(&format!("{code}: is_additional: ")), "{body}: {message}");
    }
    for id in ["dom_01h455vb4pex5vsknk084sn02q", "partnero.com", ""] {
        let answer = update(&world, "key", json!({ "domain_id": id, "is_additional": true })).await;
        assert_eq!(answer.expect_error(404), "The domain does not exist.", "{id}");
    }
    assert_eq!(world.written().await, NOTHING);
}

#[tokio::test]
async fn taken_key_is_a_409() {
    let (mut world, _) = world_with_jane().await;
    let additional = add_domain(&world, &world.workspace, "https://partnero.com?aff=", true).await;
    create_link(&world, "mine").await;
    create_link(&world, "taken").await;
    let elsewhere = json!({ "domain_id": additional, "is_additional": true });
    create(&world, "elsewhere", elsewhere.clone()).await.expect(201);
    create(&world, "mine", elsewhere).await.expect(201);
    world.written().await;
    for body in [
        json!({ "key": "taken" }),
        json!({ "key": "TAKEN" }),
        json!({ "key": "jane" }),
        json!({ "domain_id": additional, "is_additional": true }),
        json!({ "domain_id": additional, "is_additional": true, "key": "elsewhere" }),
    ] {
        let answer = update(&world, "mine", body.clone()).await.expect(409);
        assert_eq!(answer["message"], "A link with this key exists already.", "{body}");
        assert_eq!((&answer["error"]["code"], &answer["status"]), (&json!("conflict"), &json!(0)));
        assert_eq!(world.written().await, NOTHING, "{body}");
    }
    assert!(audit_log(&world).await.is_empty());
    update(&world, "mine", json!({ "key": "elsewhere" })).await.expect(200);
}

/// The rule covers the stored and the sent members together.
#[tokio::test]
async fn redirect_needs_a_stored_or_a_sent_url() {
    let (mut world, _) = world_with_jane().await;
    let (url, other) = ("https://example.com/a", "https://example.com/b");
    create_link(&world, "key").await;
    world.written().await;
    for (body, expected) in [
        (json!({ "direct_tracking_redirect": true }), None),
        (json!({ "direct_tracking_redirect_url": url }), Some(json!([false, url]))),
        (json!({ "direct_tracking_redirect": true }), Some(json!([true, url]))),
        (json!({ "direct_tracking_redirect_url": null }), None),
        (json!({ "directTrackingRedirectUrl": null }), None),
        (json!({ "direct_tracking_redirect_url": other }), Some(json!([true, other]))),
        (json!({ "direct_tracking_redirect": true, "direct_tracking_redirect_url": null }), None),
        (
            json!({ "direct_tracking_redirect": false, "direct_tracking_redirect_url": null }),
            Some(json!([false, null])),
        ),
        (json!({ "direct_tracking_redirect": true, "direct_tracking_redirect_url": url }), Some(json!([true, url]))),
        (json!({ "direct_tracking_redirect": false }), Some(json!([false, url]))),
    ] {
        let answer = update(&world, "key", body.clone()).await;
        let Some(expected) = expected else {
            let answer = answer.expect(422);
            assert!(answer["errors"]["direct_tracking_redirect_url"][0].is_string(), "{body}: {answer}");
            assert_eq!(world.written().await, NOTHING, "{body}");
            continue;
        };
        let data = answer.expect(200)["data"].clone();
        let found = json!([data["direct_tracking_redirect"], data["direct_tracking_redirect_url"]]);
        assert_eq!(found, expected, "{body}");
        assert_eq!(world.written().await, LINK_UPDATED, "{body}");
    }
}

#[tokio::test]
async fn each_broken_rule_is_a_problem() {
    let (mut world, _) = world_with_jane().await;
    create_link(&world, "key").await;
    world.written().await;
    for (body, problems) in [
        (json!([]), &[("", "invalid_type")][..]),
        (json!({ "key": null }), &[("key", "invalid_type")]),
        (json!({ "key": "" }), &[("key", "too_small")]),
        (json!({ "key": "a b" }), &[("key", "invalid_format")]),
        (json!({ "key": "robots.txt" }), &[("key", "invalid_value")]),
        (json!({ "direct_tracking": null }), &[("direct_tracking", "invalid_type")]),
        (json!({ "direct_tracking_redirect_url": "x" }), &[("direct_tracking_redirect_url", "invalid_format")]),
        (json!({ "program_id": null }), &[("program_id", "invalid_type")]),
        (
            json!({ "key": 1, "domain_id": 1, "direct_tracking_redirect": "secret canary", "program_id": 1 }),
            &[
                ("key", "invalid_type"),
                ("domain_id", "invalid_type"),
                ("direct_tracking_redirect", "invalid_type"),
                ("program_id", "invalid_type"),
            ],
        ),
    ] {
        // The body is checked before the link is looked up.
        for name in ["key", "nothing"] {
            let answer = update(&world, name, body.clone()).await.expect(422);
            let found = answer["error"]["errors"].as_array().unwrap().iter();
            let found: Vec<_> =
                found.map(|problem| (problem["path"].as_str().unwrap(), problem["code"].as_str().unwrap())).collect();
            assert_eq!(found, problems, "{body}");
            assert!(!answer.to_string().contains("canary"));
        }
    }
    assert_eq!(world.written().await, NOTHING);
}

#[tokio::test]
async fn unknown_link_is_a_404() {
    let (mut world, _) = world_with_jane().await;
    let second = world.program("second.example.com").await;
    let stranger = world.app.workspace("stranger").await;
    let mut names = vec!["link_01kkntq2cpfta8yamrpzxvg4jy".to_owned(), "nothing".to_owned(), "%00".to_owned()];
    for (actor, name) in [(&second.actor, "second"), (&stranger.actor, "stranger")] {
        let partner = actor.post(PARTNERS, json!({ "email": JANE, "username": name })).await.expect(201);
        names.push(partner["links"][0]["id"].as_str().unwrap().to_owned());
        names.push(name.to_owned());
    }
    world.written().await;
    for name in names {
        let answer = update(&world, &name, json!({ "key": "new" })).await;
        assert_eq!(answer.expect_error(404), "The link does not exist.", "{name}");
    }
    assert_eq!(world.written().await, NOTHING);
    // The link is found with the other program's id, and by an API key of that program.
    let body = json!({ "key": "second-2", "program_id": second.program_id });
    update(&world, "second", body).await.expect(200);
    update_as(&second.actor, "second-2", json!({ "key": "second-3" })).await.expect(200);
    update(&world, "second-3", json!({ "program_id": "x" })).await.expect(404);
}
