//! What one workspace calls its own says nothing about another's.

use http::Method;
use serde_json::{Value, json};

use super::two_tenants::{TwoTenants, claims, shared_partner};

/// In both workspaces the e-mail, tenantId, username, external id and link key are one and the same.
#[tokio::test]
async fn two_workspaces_use_the_same_names_side_by_side() {
    let tenants = TwoTenants::start().await;
    let before = tenants.rows(&tenants.b).await;

    let made = tenants.post("/partners", shared_partner()).await.expect(201);
    assert_eq!(made["email"], "shared@example.com");
    assert_eq!(made["tenantId"], "shared");
    assert_eq!(made["programId"], tenants.a.program_id.to_string());
    assert_eq!(made["groupId"], tenants.a.group_id.to_string());
    // The key is free here: no ending was added.
    assert_eq!(made["links"].as_array().unwrap().len(), 1);
    assert_eq!(made["links"][0]["shortLink"], "http://acme.localhost:8080/shared");
    let path = format!("/partners/{}", made["id"].as_str().unwrap());
    assert_eq!(tenants.ask(Method::GET, &path, None).await.expect(200), made);

    let requests = [
        json!({"tenantId": "shared"}),
        json!({"partnerId": made["id"]}),
        json!({"partner": {"email": "SHARED@example.com"}}),
        json!({"tenantId": "shared", "partner": {"email": "shared@example.com"}}),
    ];
    for request in requests {
        let token = tenants.post("/tokens/embed/referrals", request.clone()).await.expect(201);
        let claims: Value = serde_json::from_str(&claims(token["publicToken"].as_str().unwrap())).unwrap();
        assert_eq!(claims["wid"], tenants.a.id.to_string(), "{request}");
        assert_eq!(claims["pid"], made["id"], "{request}");
    }

    // By each of the shared names, and with a key that the other workspace has as well.
    let partners = [
        json!({"id": "shared"}),
        json!({"id": made["id"]}),
        json!({"key": "shared"}),
        json!({"email": "shared@example.com"}),
    ];
    for (key, partner) in ["only-b", "b2", "b3", "b4"].into_iter().zip(partners) {
        let link = json!({"key": key, "partner": partner});
        let link = tenants.post("/partner_referral_links", link).await.expect(201);
        assert_eq!(link["data"]["url"], format!("http://acme.localhost:8080/{key}"));
    }
    let domains = tenants.ask(Method::GET, "/partner_referral_links:domains", None).await.expect(200);
    assert_eq!(domains["data"].as_array().unwrap().len(), 1);
    assert_eq!(domains["data"][0]["domain"], "acme.localhost");

    // What changes an enrollment changes one's own.
    let moved = json!({"email": "shared@example.com", "tenantId": "only-b"});
    assert_eq!(tenants.post("/partners", moved).await.expect(201)["id"], made["id"]);
    // A refusal tells nothing either.
    let refused = json!({"tenantId": "shared", "partner": {"email": "shared@example.com"}});
    tenants.post("/tokens/embed/referrals", refused).await.expect(409);

    assert_eq!(tenants.rows(&tenants.b).await, before);
}

/// A key that the other workspace has on its domain, an external id and an e-mail that it knows are no conflict, and
/// the profile that it has is not found.
#[tokio::test]
async fn what_the_other_workspace_knows_is_new_here() {
    let tenants = TwoTenants::start().await;
    let before = tenants.rows(&tenants.b).await;
    let new = json!({"tenantId": "only-b", "partner": {"email": "only-b@example.com"}});
    tenants.post("/tokens/embed/referrals", new).await.expect(201);
    let found = json!({"email": "only-b@example.com", "linkProps": {"externalId": "only-b"}});
    let found = tenants.post("/partners", found).await.expect(201);
    assert_ne!(found["id"], tenants.only_b["id"]);
    assert_eq!(found["username"], Value::Null);
    assert_eq!(found["name"], "only-b@example.com");
    assert_eq!(found["links"][0]["key"], "only-b");
    let second = json!({"email": "second@example.com", "linkProps": {"externalId": "only-b"}});
    tenants.post("/partners", second.clone()).await.expect(201);
    // In one's own workspace it is taken now.
    let third = json!({"email": "third@example.com", "linkProps": {"externalId": "only-b"}});
    tenants.post("/partners", third).await.expect(409);
    assert_eq!(tenants.rows(&tenants.b).await, before);
}
