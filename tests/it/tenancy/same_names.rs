//! Names in one workspace are independent of the names in another workspace.

use http::Method;
use serde_json::{Value, json};

use super::two_tenants::{TwoTenants, claims, shared_partner};

/// E-mail address, tenantId, username, external id and link key are the same in both workspaces.
#[tokio::test]
async fn two_workspaces_can_use_the_same_names() {
    let tenants = TwoTenants::start().await;
    let before = tenants.rows(&tenants.b).await;

    let made = tenants.post("/partners", shared_partner()).await.expect(201);
    assert_eq!(made["email"], "shared@example.com");
    assert_eq!(made["tenantId"], "shared");
    assert_eq!(made["programId"], tenants.a.program_id.to_string());
    assert_eq!(made["groupId"], tenants.a.group_id.to_string());
    // The key is free in this workspace, so no suffix was added.
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

    // The requests use each of the shared names, and a key that the other workspace has too.
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

    // A change of an enrollment changes the caller's own enrollment.
    let moved = json!({"email": "shared@example.com", "tenantId": "only-b"});
    assert_eq!(tenants.post("/partners", moved).await.expect(201)["id"], made["id"]);
    // An error says nothing about the other workspace either.
    let refused = json!({"tenantId": "shared", "partner": {"email": "shared@example.com"}});
    tenants.post("/tokens/embed/referrals", refused).await.expect(409);

    assert_eq!(tenants.rows(&tenants.b).await, before);
}

/// A link key, external id and e-mail address of the other workspace are no conflict, and the profile of the other
/// workspace is not found.
#[tokio::test]
async fn names_of_the_other_workspace_are_free() {
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
    // The external id is now taken in the caller's own workspace.
    let third = json!({"email": "third@example.com", "linkProps": {"externalId": "only-b"}});
    tenants.post("/partners", third).await.expect(409);
    assert_eq!(tenants.rows(&tenants.b).await, before);
}
