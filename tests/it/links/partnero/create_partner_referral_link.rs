//! `POST /partner_referral_links`.

use serde_json::{Value, json};

use super::fixtures::{JANE, LINKS, add_domain, create, world_with_jane};
use crate::enrollments::fixtures::{NOT_ENROLLED, NOTHING, PARTNERS};

/// The rows that the creation of a link writes. No event is published.
const LINK_INSERTED: &str = "links +1";

#[tokio::test]
async fn link_is_created_on_the_default_domain() {
    let (mut world, jane) = world_with_jane().await;
    let answer = create(&world, "ref_456", json!({})).await.expect(201);
    assert_eq!(world.written().await, LINK_INSERTED);
    let id = answer["data"]["id"].as_str().unwrap();
    assert!(id.starts_with("link_"));
    assert_eq!(
        answer,
        json!({
            "data": {
                "id": id, "key": "ref_456", "url": "http://acme.localhost:8080/ref_456", "default": false,
                "is_additional": false, "direct_tracking": false, "direct_tracking_redirect": false,
                "direct_tracking_redirect_url": null,
            },
            "status": 1,
        })
    );
    // The Pearset format shows the same link.
    let path = format!("{PARTNERS}/{}", jane["id"].as_str().unwrap());
    let partner = world.workspace.actor.get(&path).await.expect(200);
    let link = partner["links"].as_array().unwrap().iter().find(|link| link["id"] == id).unwrap();
    assert_eq!(
        *link,
        json!({
            "id": id, "domain": "acme.localhost", "key": "ref_456", "shortLink": answer["data"]["url"],
            "url": "https://example.com/", "clicks": 0, "leads": 0, "conversions": 0, "sales": 0, "saleAmount": 0,
        })
    );
    assert_eq!(partner["links"].as_array().unwrap().len(), 2);
    assert!(world.rows("links").await.iter().all(|link| link["tenant_id"] == "user_1"));
}

#[tokio::test]
async fn partner_is_named_by_id_tenant_id_key_or_e_mail() {
    let (mut world, jane) = world_with_jane().await;
    world.enrolled(json!({ "email": "other@example.com", "tenantId": "user_2", "username": "other" })).await;
    create(&world, "second/Key", json!({})).await.expect(201);
    let additional = add_domain(&world, &world.workspace, "https://partnero.com?aff=", true).await;
    create(&world, "third", json!({ "domain_id": additional, "is_additional": true })).await.expect(201);
    world.written().await;
    for (index, partner) in [
        json!({ "id": jane["id"] }),
        json!({ "id": "user_1" }),
        json!({ "key": "Jane" }),
        json!({ "key": "jANE" }),
        json!({ "key": "second/key" }),
        json!({ "key": "third" }),
        json!({ "email": JANE }),
        json!({ "email": "JANE@Example.COM" }),
        // The id goes before the key, and the key before the e-mail.
        json!({ "email": "other@example.com", "key": "jane" }),
        json!({ "email": "other@example.com", "key": "other", "id": "user_1" }),
    ]
    .into_iter()
    .enumerate()
    {
        let key = format!("key-{index}");
        let body = json!({ "key": key, "partner": partner });
        world.workspace.actor.post(LINKS, body).await.expect(201);
        assert_eq!(world.written().await, LINK_INSERTED, "{partner}");
        let shown = world.partner(json!({ "email": JANE })).await.expect(201);
        assert!(shown["links"].as_array().unwrap().iter().any(|link| link["key"] == key), "{partner}");
    }
}

#[tokio::test]
async fn key_on_two_domains_means_the_partner_on_the_default_domain() {
    let (mut world, _) = world_with_jane().await;
    world.enrolled(json!({ "email": "other@example.com", "username": "other" })).await;
    let additional = add_domain(&world, &world.workspace, "https://partnero.com?aff=", true).await;
    let on_domain = json!({ "domain_id": additional, "is_additional": true });
    create(&world, "other", on_domain).await.expect(201);
    let body = json!({ "key": "new", "partner": { "key": "other" } });
    world.workspace.actor.post(LINKS, body).await.expect(201);
    let shown = world.partner(json!({ "email": "other@example.com" })).await.expect(201);
    assert!(shown["links"].as_array().unwrap().iter().any(|link| link["key"] == "new"));
}

#[tokio::test]
async fn unknown_partner_is_a_404() {
    let (mut world, _) = world_with_jane().await;
    let second = world.program("second.example.com").await;
    let stranger = world.app.workspace("stranger").await;
    let mut foreign = Vec::new();
    for (actor, name) in [(&second.actor, "second"), (&stranger.actor, "stranger")] {
        let email = format!("{name}@example.com");
        let body = json!({ "email": email, "tenantId": format!("t-{name}"), "username": name });
        let partner = actor.post(PARTNERS, body).await.expect(201);
        foreign.push(json!({ "id": partner["id"] }));
        foreign.push(json!({ "id": format!("t-{name}") }));
        foreign.push(json!({ "key": name }));
        foreign.push(json!({ "email": email }));
    }
    world.written().await;
    let unknown = [
        json!({ "id": "pn_01h455vb4pex5vsknk084sn02q" }),
        json!({ "id": "pn_" }),
        json!({ "id": "USER_1" }),
        json!({ "id": "" }),
        json!({ "id": "x".repeat(1_000) }),
        json!({ "key": "nobody" }),
        json!({ "key": "" }),
        json!({ "key": "no key at all?" }),
        json!({ "email": "nobody@example.com" }),
        // The id goes before the e-mail, although only the e-mail is known.
        json!({ "id": "nobody", "email": JANE }),
    ];
    for partner in unknown.into_iter().chain(foreign) {
        let answer = world.workspace.actor.post(LINKS, json!({ "key": "new", "partner": partner })).await;
        assert_eq!(answer.expect_error(404), NOT_ENROLLED, "{partner}");
        assert_eq!(world.written().await, NOTHING, "{partner}");
    }
}

#[tokio::test]
async fn is_additional_must_match_the_domain() {
    let (mut world, _) = world_with_jane().await;
    let additional = add_domain(&world, &world.workspace, "https://partnero.com?aff=", true).await;
    let plain = add_domain(&world, &world.workspace, "https://acme.com/r/", false).await;
    for (index, (domain, url, is_additional)) in [
        (json!({ "domain_id": additional, "is_additional": true }), "https://partnero.com?aff=", true),
        (json!({ "domain_id": plain, "is_additional": false }), "https://acme.com/r/", false),
        // Lists show the default domain with the id null.
        (json!({ "domain_id": null, "is_additional": false }), "http://acme.localhost:8080/", false),
        (json!({ "domain_id": null }), "http://acme.localhost:8080/", false),
        (json!({ "is_additional": false }), "http://acme.localhost:8080/", false),
    ]
    .into_iter()
    .enumerate()
    {
        let key = format!("key_{index}");
        let data = create(&world, &key, domain.clone()).await.expect(201)["data"].clone();
        assert_eq!((&data["url"], &data["is_additional"]), (&json!(format!("{url}{key}")), &json!(is_additional)));
        assert_eq!(world.written().await, LINK_INSERTED, "{domain}");
    }
    for (domain, code) in [
        (json!({ "domain_id": additional, "is_additional": false }), "invalid_value"),
        (json!({ "domain_id": plain, "is_additional": true }), "invalid_value"),
        (json!({ "domain_id": null, "is_additional": true }), "invalid_value"),
        (json!({ "is_additional": true }), "invalid_value"),
        (json!({ "domain_id": additional }), "invalid_type"),
        (json!({ "domain_id": additional, "is_additional": null }), "invalid_type"),
        (json!({ "domain_id": additional, "is_additional": "true" }), "invalid_type"),
        (json!({ "is_additional": null }), "invalid_type"),
    ] {
        let message = create(&world, "new", domain.clone()).await.expect_error(422);
        assert!(message.starts_with(&format!("{code}: is_additional: ")), "{domain}: {message}");
        assert_eq!(world.written().await, NOTHING, "{domain}");
    }
}

#[tokio::test]
async fn unknown_domain_is_a_404() {
    let (mut world, _) = world_with_jane().await;
    let second = world.program("second.example.com").await;
    let elsewhere = add_domain(&world, &second, "https://second.example.com/r/", true).await;
    let stranger = world.app.workspace("stranger").await;
    let foreign = add_domain(&world, &stranger, "https://partnero.com?aff=", true).await;
    world.written().await;
    for id in [
        json!("dom_01h455vb4pex5vsknk084sn02q"),
        json!(elsewhere),
        json!(foreign),
        json!("partnero.com"),
        json!(""),
        json!("x".repeat(1_000)),
    ] {
        let answer = create(&world, "new", json!({ "domain_id": id, "is_additional": true })).await;
        assert_eq!(answer.expect(404)["error"]["code"], "not_found", "{id}");
        assert_eq!(world.written().await, NOTHING, "{id}");
    }
}

#[tokio::test]
async fn key_is_unique_on_a_domain_in_any_case() {
    let (mut world, _) = world_with_jane().await;
    create(&world, "Jörg", json!({})).await.expect(201);
    world.written().await;
    for key in ["Jane", "jane", "JANE", "jörg", "JO\u{308}RG"] {
        let body = create(&world, key, json!({})).await.expect(409);
        assert_eq!(body["error"]["code"], "conflict");
        assert_eq!(world.written().await, NOTHING, "{key}");
    }
    let additional = add_domain(&world, &world.workspace, "https://partnero.com?aff=", true).await;
    let elsewhere = json!({ "domain_id": additional, "is_additional": true });
    assert_eq!(create(&world, "jane", elsewhere.clone()).await.expect(201)["data"]["key"], "jane");
    create(&world, "JANE", elsewhere).await.expect(409);
    assert_eq!(world.written().await, LINK_INSERTED);
    // Another workspace can use the same key.
    world.enter("other").await;
    world.enrolled(json!({ "email": JANE, "username": "x" })).await;
    create(&world, "jane", json!({})).await.expect(201);
}

#[tokio::test]
async fn additional_link_is_not_a_default_link() {
    let (mut world, _) = world_with_jane().await;
    create(&world, "named", json!({})).await.expect(201);
    world.arrange("DELETE FROM links WHERE key = 'Jane'").await;
    world.token(json!({ "tenantId": "user_1" })).await.expect(201);
    assert_eq!(world.written().await, LINK_INSERTED);
    let keys: Vec<Value> = world.rows("links").await.into_iter().map(|link| link["key"].clone()).collect();
    assert!(keys.contains(&json!("Jane")) && keys.len() == 2, "{keys:?}");
}

#[tokio::test]
async fn route_exists_at_all_three_bases() {
    let (mut world, _) = world_with_jane().await;
    for base in ["", "/api", "/v1"] {
        let path = format!("{base}{LINKS}");
        let body = json!({ "key": format!("key{}", base.len()), "partner": { "email": JANE } });
        assert_eq!(world.workspace.actor.post(&path, body.clone()).await.expect(201)["status"], 1);
        assert_eq!(world.workspace.actor.post(&path, body).await.expect(409)["status"], 0);
    }
    assert_eq!(world.written().await, "links +3");
}
