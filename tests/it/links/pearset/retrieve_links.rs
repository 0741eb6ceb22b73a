//! `GET /partners/links`, `GET /links/{id}` and `GET /links/info`.

use std::time::Duration;

use serde_json::{Value, json};

use super::fixtures::{LINKS, TENANT, create_link, path, world_with_jane};
use crate::enrollments::fixtures::NOT_ENROLLED;

#[tokio::test]
async fn links_of_a_partner_are_listed_oldest_first() {
    let (mut world, jane) = world_with_jane().await;
    let mut ids = vec![jane["links"][0]["id"].clone()];
    for key in ["z", "a", "m"] {
        ids.push(create_link(&mut world, json!({ "key": key })).await["id"].clone());
        world.app.clock.advance(Duration::from_secs(1));
    }
    world.enrolled(json!({ "email": "b@example.com", "tenantId": "b" })).await;
    let actor = &world.workspace.actor;
    let listed = actor.get(&format!("{LINKS}?tenantId={TENANT}")).await.expect(200);
    let found: Vec<Value> = listed.as_array().unwrap().iter().map(|link| link["id"].clone()).collect();
    assert_eq!(found, ids);
    let partner = jane["id"].as_str().unwrap();
    assert_eq!(actor.get(&format!("{LINKS}?partnerId={partner}")).await.expect(200), listed);
    assert_eq!(actor.get(&format!("{LINKS}?partnerId={partner}&tenantId=b")).await.expect(200), listed);
    // The partner itself shows the same list.
    assert_eq!(actor.get(&format!("/partners/{partner}")).await.expect(200)["links"], listed);
    assert_eq!(
        listed[1],
        json!({
            "id": ids[1], "domain": "acme.localhost", "key": "z", "shortLink": "http://acme.localhost:8080/z",
            "url": "https://example.com/", "clicks": 0, "leads": 0, "conversions": 0, "sales": 0, "saleAmount": 0,
        })
    );
    for query in ["tenantId=nobody", "partnerId=x", "partnerId=pn_01h455vb4pex5vsknk084sn02q&tenantId=b", "partnerId="]
    {
        assert_eq!(actor.get(&format!("{LINKS}?{query}")).await.expect_error(404), NOT_ENROLLED, "{query}");
    }
    for query in ["", "?tenantid=b"] {
        let message = actor.get(&format!("{LINKS}{query}")).await.expect_error(400);
        assert_eq!(message, "You must provide either partnerId or tenantId.", "{query}");
    }
}

#[tokio::test]
async fn link_is_found_by_each_of_its_names() {
    let (mut world, jane) = world_with_jane().await;
    let link = create_link(&mut world, json!({ "key": "c/Jörg", "linkProps": { "externalId": "ext_a/b ü" } })).await;
    let id = link["id"].as_str().unwrap();
    let actor = &world.workspace.actor;
    for path in [
        format!("/links/{id}"),
        "/links/ext_a%2Fb%20%C3%BC".to_owned(),
        format!("/links/info?linkId={id}"),
        "/links/info?linkId=ext_a/b+%C3%BC".to_owned(),
        "/links/info?externalId=a/b+%C3%BC".to_owned(),
        "/links/info?externalId=ext_a/b+%C3%BC".to_owned(),
        "/links/info?domain=acme.localhost&key=c/J%C3%B6rg".to_owned(),
        "/links/info?domain=ACME.localhost&key=C/j%C3%96RG".to_owned(),
        // The first parameter that is present counts.
        format!("/links/info?linkId={id}&externalId=nothing&domain=x&key=y"),
        "/links/info?externalId=a/b+%C3%BC&domain=acme.localhost&key=jane".to_owned(),
    ] {
        assert_eq!(actor.get(&path).await.expect(200), link, "{path}");
    }
    let default = jane["links"][0]["id"].as_str().unwrap();
    assert_eq!(actor.get("/links/info?domain=acme.localhost&key=jane").await.expect(200)["id"], default);
    for path in [
        "/links/ext_",
        "/links/ext_nothing",
        "/links/nothing",
        "/links/a%2Fb%20%C3%BC",
        "/links/link_01h455vb4pex5vsknk084sn02q",
        "/links/info?linkId=x",
        "/links/info?linkId=",
        "/links/info?linkId=nothing&externalId=a/b+%C3%BC",
        "/links/info?externalId=nothing",
        "/links/info?domain=other.localhost&key=jane",
        "/links/info?domain=acme.localhost&key=nothing",
        "/links/info?domain=acme.localhost&key=",
    ] {
        assert_eq!(actor.get(path).await.expect_error(404), "The link does not exist.", "{path}");
    }
    for path in ["/links/info", "/links/info?domain=acme.localhost", "/links/info?key=jane"] {
        let message = actor.get(path).await.expect_error(400);
        assert_eq!(message, "You must provide a linkId, an externalId, or a domain and a key.", "{path}");
    }
    // The prefix is not part of the id, and an empty id is invalid.
    actor.get("/links/info?externalId=ext_").await.expect(422);
}

#[tokio::test]
async fn link_belongs_to_its_program() {
    let (mut world, _) = world_with_jane().await;
    let link = create_link(&mut world, json!({ "linkProps": { "externalId": "84213" } })).await;
    let second = world.program("second.example.com").await;
    second.actor.get(&path(&link)).await.expect(404);
    second.actor.get("/links/ext_84213").await.expect(404);
    let program = second.program_id;
    world.workspace.actor.get(&format!("{}?programId={program}", path(&link))).await.expect(404);
    let own = world.workspace.program_id;
    assert_eq!(world.workspace.actor.get(&format!("{}?programId={own}", path(&link))).await.expect(200), link);
}

#[tokio::test]
async fn counters_are_shown() {
    let (mut world, _) = world_with_jane().await;
    let link = create_link(&mut world, json!({ "key": "counted" })).await;
    let counters = json!({
        "clicks": 5, "leads": 4, "conversions": 3, "sales": 2, "sale_amount": 100,
        "last_clicked": "2026-03-02T00:00:00Z",
    });
    world.counted("key = 'counted'", counters).await;
    world.arrange("UPDATE links SET disabled_at = '2026-03-03T00:00:00Z' WHERE key = 'counted'").await;
    let shown = world.workspace.actor.get(&path(&link)).await.expect(200);
    for (name, value) in [
        ("clicks", json!(5)),
        ("leads", json!(4)),
        ("conversions", json!(3)),
        ("sales", json!(2)),
        ("saleAmount", json!(100)),
        ("lastClicked", json!("2026-03-02T00:00:00.000Z")),
        ("disabledAt", json!("2026-03-03T00:00:00.000Z")),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
}
