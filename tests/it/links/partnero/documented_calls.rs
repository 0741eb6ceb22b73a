//! The calls in Partnero's own documentation, word for word, and the documented responses. Only the id of a link
//! differs: here the id stays when the key changes.

use serde_json::{Value, json};

use super::fixtures::{delete, update};
use crate::enrollments::fixtures::World;

/// Starts a program with links at `partnero.com?aff=` and the partner of the documentation.
async fn documented_world() -> World {
    let mut world = World::start().await;
    world.arrange("UPDATE domains SET host = 'partnero.com', url_prefix = 'https://partnero.com?aff='").await;
    world.enrolled(json!({ "tenantId": "partner_123", "email": "john.doe@partnero.com", "name": "John Doe" })).await;
    world
}

/// Sends a body of the documentation, byte by byte.
async fn post(world: &World, body: &'static str) -> Value {
    let answer = world.workspace.actor.post_text("/v1/partner_referral_links", "application/json", body).await;
    answer.expect(201)
}

#[tokio::test]
async fn create_referral_link_answers_as_documented() {
    let world = documented_world().await;
    let answer = post(
        &world,
        r#"{
    "partner": {
      "id": "partner_123"
    },
    "key": "ref_456"
  }"#,
    )
    .await;
    let mut documented: Value = serde_json::from_str(
        r#"{
    "data": {
      "id": "ref_456",
      "key": "ref_456",
      "url": "https://partnero.com?aff=ref_456",
      "default": false,
      "is_additional": false,
      "direct_tracking": false,
      "direct_tracking_redirect": false,
      "direct_tracking_redirect_url": null
    },
    "status": 1
  }"#,
    )
    .unwrap();
    documented["data"]["id"] = answer["data"]["id"].clone();
    assert_eq!(answer, documented);

    // The link is found by the documented id.
    let found = world.workspace.actor.get("/v1/partner_referral_links/ref_456").await.expect(200);
    assert_eq!(found, documented);
}

/// The documentation marks these parameters with "or".
#[tokio::test]
async fn partner_is_named_in_each_documented_way() {
    let world = documented_world().await;
    for (key, partner) in [
        ("a", json!({ "id": "partner_123" })),
        ("b", json!({ "key": "john-doe" })),
        ("c", json!({ "email": "john.doe@partnero.com" })),
    ] {
        let body = json!({ "key": key, "partner": partner });
        let data = world.workspace.actor.post("/v1/partner_referral_links", body).await.expect(201)["data"].clone();
        assert_eq!(data["url"], format!("https://partnero.com?aff={key}"));
    }
}

#[tokio::test]
async fn get_available_domains_answers_as_documented() {
    let world = documented_world().await;
    let answer = world.workspace.actor.get("/v1/partner_referral_links:domains").await.expect(200);
    let documented: Value = serde_json::from_str(
        r#"{
    "data": [
      {
        "id": null,
        "domain": "partnero.com",
        "url": "https://partnero.com?aff=",
        "is_additional": false
      }
    ],
    "status": 1
  }"#,
    )
    .unwrap();
    assert_eq!((&answer["data"], &answer["status"]), (&documented["data"], &documented["status"]));
    // Every list of Partnero has these two members.
    let path = "https://partners.example.com/v1/partner_referral_links:domains";
    assert_eq!(answer["links"], json!({ "first": format!("{path}?page=1"), "last": null, "prev": null, "next": null }));
    assert_eq!(answer["meta"], json!({ "current_page": 1, "from": 1, "path": path, "per_page": 10, "to": 1 }));
}

/// Partnero's PHP library sends every member of a partner, `domain_id` and `is_additional` even for the default domain,
/// and the fields of a link in camel case.
#[tokio::test]
async fn requests_of_the_php_library_are_understood() {
    let world = documented_world().await;
    let body = json!({
        "key": "spring", "partnerKey": "john-doe", "programMain": false, "directTracking": true,
        "directTrackingRedirect": true, "directTrackingRedirectUrl": "https://partnero.com/welcome",
        "domain_id": null, "is_additional": false,
        "partner": { "key": "john-doe", "name": "John", "surname": "Doe", "password": "W6qtZMGyCD6Gj2ZrtrVa" },
    });
    let data = world.workspace.actor.post("/v1/partner_referral_links", body).await.expect(201)["data"].clone();
    assert_eq!(
        data,
        json!({
            "id": data["id"], "key": "spring", "url": "https://partnero.com?aff=spring", "default": false,
            "is_additional": false, "direct_tracking": true, "direct_tracking_redirect": true,
            "direct_tracking_redirect_url": "https://partnero.com/welcome",
        })
    );
    // The library reads `message` of every error and `errors` of a 422.
    let actor = &world.workspace.actor;
    let refused = actor.post("/v1/partner_referral_links", json!({ "key": "a b" })).await.expect(422);
    assert!(refused["message"].is_string());
    assert_eq!(refused["errors"]["partner"], json!(["Required"]));
    let listed = actor.get("/v1/partners/partner_123/referral_links?limit=250").await.expect(200);
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
    let found = actor.get("/v1/partner_referral_links:search?key=spring").await.expect(200);
    assert_eq!(found["data"], data);
    // For a change, the library sends only the members that it sets.
    let changed =
        update(&world, "spring", json!({ "key": "summer", "directTrackingRedirect": false })).await.expect(200);
    assert_eq!(
        (&changed["data"]["key"], &changed["data"]["direct_tracking_redirect"]),
        (&json!("summer"), &json!(false))
    );
    assert_eq!(delete(&world, "summer").await.expect(200), json!({ "status": 1 }));
}
