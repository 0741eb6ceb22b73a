//! Which hosts a group allows its partners' links to lead to.

use serde_json::{Value, json};

use super::fixtures::{LINKS, TENANT, UPSERT, made, path, world_with_jane};
use crate::enrollments::fixtures::NOTHING;

const REFUSED: &str = "invalid_value: url: The partner's group does not allow links to this host";

#[tokio::test]
async fn a_link_leads_to_an_allowed_host() {
    let (mut world, _) = world_with_jane().await;
    let link = made(&mut world, json!({})).await;
    world.arrange("UPDATE groups SET allowed_hosts = '{acme.com,*.acme.org}'").await;
    let actor = world.workspace.actor.clone();
    let ways = async |url: &Value| {
        [
            actor.post(LINKS, json!({ "tenantId": TENANT, "url": url })).await,
            actor.put(UPSERT, json!({ "tenantId": TENANT, "url": url })).await,
            actor.patch(&path(&link), json!({ "url": url, "comments": "x" })).await,
        ]
    };
    for url in [
        "https://example.com/x",
        "https://www.acme.com/",
        "https://acme.org/",
        "https://acme.com.example.com/",
        "https://notacme.org/",
        "https://example.com/?x=https://acme.com/",
        "https://example.com#acme.com",
    ] {
        for answer in ways(&json!(url)).await {
            assert_eq!(answer.expect_error(422), REFUSED, "{url}");
        }
        assert_eq!(world.written().await, NOTHING, "{url}");
    }
    for url in ["https://ACME.com/x", "acme.com:8443", "http://www.acme.org/", "https://a.b.acme.org/?x=1"] {
        for answer in ways(&json!(url)).await {
            assert!(answer.status.is_success(), "{url}: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn an_address_that_the_request_leaves_out_must_be_allowed_too_and_what_was_there_stays() {
    let (mut world, _) = world_with_jane().await;
    let link = made(&mut world, json!({})).await;
    world.arrange("UPDATE groups SET allowed_hosts = '{acme.com}'").await;
    let actor = world.workspace.actor.clone();
    let partnero = json!({ "key": "own", "partner": { "id": TENANT } });
    for (route, body) in [(LINKS, json!({ "tenantId": TENANT })), ("/partner_referral_links", partnero)] {
        assert_eq!(actor.post(route, body).await.expect_error(422), REFUSED, "{route}");
        assert_eq!(world.written().await, NOTHING, "{route}");
    }
    let same = json!({ "url": "https://example.com/", "comments": "changed" });
    assert_eq!(actor.patch(&path(&link), same).await.expect(200)["comments"], "changed");
    actor.patch(&path(&link), json!({ "comments": "again" })).await.expect(200);
    let upsert = json!({ "tenantId": TENANT, "url": "https://example.com/", "comments": "upserted" });
    assert_eq!(actor.put(UPSERT, upsert).await.expect(200)["comments"], "upserted");
    world.arrange("UPDATE groups SET allowed_hosts = '{}'").await;
    made(&mut world, json!({ "url": "https://anywhere.example/" })).await;
}

/// Each limit is set as its owner sets it.
#[tokio::test]
async fn what_a_change_of_the_group_says_counts_for_the_next_link() {
    let (world, _) = world_with_jane().await;
    let actor = &world.workspace.actor;
    let create = async |url: &str| actor.post(LINKS, json!({ "tenantId": TENANT, "url": url })).await;
    let change = json!({ "maxPartnerLinks": 2, "allowedHosts": ["example.com", "*.acme.org"] });
    actor.patch("/groups/default", change).await.expect(200);
    assert_eq!(create("https://acme.com/").await.expect_error(422), REFUSED);
    create("https://www.acme.org/").await.expect(201);
    let message = create("https://www.acme.org/").await.expect_error(409);
    assert_eq!(message, "A partner of this group can have at most 2 link(s).");
    actor.patch("/groups/default", json!({ "maxPartnerLinks": null, "allowedHosts": [] })).await.expect(200);
    create("https://acme.com/").await.expect(201);
}
