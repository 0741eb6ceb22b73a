//! The hosts that a group allows the links of its partners to point to.

use serde_json::{Value, json};

use super::fixtures::{LINKS, TENANT, UPSERT, create_link, path, world_with_jane};
use crate::enrollments::fixtures::NOTHING;

const NOT_ALLOWED: &str = "invalid_value: url: The partner's group does not allow links to this host";

#[tokio::test]
async fn link_to_a_host_that_is_not_allowed_is_rejected() {
    let (mut world, _) = world_with_jane().await;
    let link = create_link(&mut world, json!({})).await;
    world.arrange("UPDATE groups SET allowed_hosts = '{acme.com,*.acme.org}'").await;
    let actor = world.workspace.actor.clone();
    let send_to_each_route = async |url: &Value| {
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
        for answer in send_to_each_route(&json!(url)).await {
            assert_eq!(answer.expect_error(422), NOT_ALLOWED, "{url}");
        }
        assert_eq!(world.written().await, NOTHING, "{url}");
    }
    for url in ["https://ACME.com/x", "acme.com:8443", "http://www.acme.org/", "https://a.b.acme.org/?x=1"] {
        for answer in send_to_each_route(&json!(url)).await {
            assert!(answer.status.is_success(), "{url}: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn default_url_must_be_allowed_too_and_existing_urls_stay() {
    let (mut world, _) = world_with_jane().await;
    let link = create_link(&mut world, json!({})).await;
    world.arrange("UPDATE groups SET allowed_hosts = '{acme.com}'").await;
    let actor = world.workspace.actor.clone();
    let partnero = json!({ "key": "own", "partner": { "id": TENANT } });
    for (route, body) in [(LINKS, json!({ "tenantId": TENANT })), ("/partner_referral_links", partnero)] {
        assert_eq!(actor.post(route, body).await.expect_error(422), NOT_ALLOWED, "{route}");
        assert_eq!(world.written().await, NOTHING, "{route}");
    }
    let same = json!({ "url": "https://example.com/", "comments": "changed" });
    assert_eq!(actor.patch(&path(&link), same).await.expect(200)["comments"], "changed");
    actor.patch(&path(&link), json!({ "comments": "again" })).await.expect(200);
    let upsert = json!({ "tenantId": TENANT, "url": "https://example.com/", "comments": "upserted" });
    assert_eq!(actor.put(UPSERT, upsert).await.expect(200)["comments"], "upserted");
    world.arrange("UPDATE groups SET allowed_hosts = '{}'").await;
    create_link(&mut world, json!({ "url": "https://anywhere.example/" })).await;
}

/// The limits are set through the API.
#[tokio::test]
async fn changed_limits_of_a_group_apply_to_the_next_link() {
    let (world, _) = world_with_jane().await;
    let actor = &world.workspace.actor;
    let create = async |url: &str| actor.post(LINKS, json!({ "tenantId": TENANT, "url": url })).await;
    let change = json!({ "maxPartnerLinks": 2, "allowedHosts": ["example.com", "*.acme.org"] });
    actor.patch("/groups/default", change).await.expect(200);
    assert_eq!(create("https://acme.com/").await.expect_error(422), NOT_ALLOWED);
    create("https://www.acme.org/").await.expect(201);
    let message = create("https://www.acme.org/").await.expect_error(409);
    assert_eq!(message, "A partner of this group can have at most 2 link(s).");
    actor.patch("/groups/default", json!({ "maxPartnerLinks": null, "allowedHosts": [] })).await.expect(200);
    create("https://acme.com/").await.expect(201);
}
