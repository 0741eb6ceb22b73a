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
async fn what_the_group_itself_gives_needs_no_leave_and_what_was_there_stays() {
    let (mut world, _) = world_with_jane().await;
    let link = made(&mut world, json!({})).await;
    world.arrange("UPDATE groups SET allowed_hosts = '{acme.com}'").await;
    assert_eq!(made(&mut world, json!({})).await["url"], "https://example.com/");
    let actor = &world.workspace.actor;
    let same = json!({ "url": "https://example.com/", "comments": "changed" });
    assert_eq!(actor.patch(&path(&link), same).await.expect(200)["comments"], "changed");
    actor.patch(&path(&link), json!({ "comments": "again" })).await.expect(200);
    world.arrange("UPDATE groups SET allowed_hosts = '{}'").await;
    made(&mut world, json!({ "url": "https://anywhere.example/" })).await;
}
