//! `POST /groups`.

use serde_json::{Value, json};

use super::changes::{audit_log, enroll};
use crate::enrollments::fixtures::World;

async fn create(world: &World, body: Value) -> crate::support::actor::Answer {
    world.workspace.actor.post("/groups", body).await
}

#[tokio::test]
async fn name_is_the_only_required_member() {
    let world = World::start().await;
    let group = create(&world, json!({"name": "Müller & Söhne"})).await.expect(201);
    assert_eq!(group["slug"], "mueller-and-soehne");
    assert_eq!(group["programId"], world.workspace.program_id.to_string());
    assert_eq!(group["defaultLinks"].as_array().unwrap().len(), 1);
    assert_eq!(group["defaultLinks"][0]["url"], "https://example.com/");
    assert_eq!((&group["color"], &group["maxPartnerLinks"]), (&Value::Null, &Value::Null));
    assert_eq!((&group["allowedHosts"], &group["isDefault"]), (&json!([]), &json!(false)));
    assert_eq!(group["partnersCount"], 0);
    assert_eq!(world.workspace.actor.get("/groups/mueller-and-soehne").await.expect(200), group);
    assert_eq!(audit_log(&world).await, [(json!("group.created"), group["id"].clone(), json!({}))]);
}

#[tokio::test]
async fn created_group_has_every_given_member() {
    let world = World::start().await;
    let body = json!({
        "name": "Creators", "slug": "creators-1", "color": "purple",
        "defaultLinks": [{"url": "acme.com/one"}, {"url": "https://shop.acme.com/two"}],
        "maxPartnerLinks": 3, "allowedHosts": ["Acme.com", "*.acme.com", "acme.com"],
    });
    let group = create(&world, body).await.expect(201);
    assert_eq!(
        (&group["name"], &group["slug"], &group["color"]),
        (&json!("Creators"), &json!("creators-1"), &json!("purple"))
    );
    let urls: Vec<_> = group["defaultLinks"].as_array().unwrap().iter().map(|link| link["url"].clone()).collect();
    assert_eq!(urls, ["https://acme.com/one", "https://shop.acme.com/two"], "links are in the order of the request");
    assert_eq!(group["maxPartnerLinks"], 3);
    assert_eq!(group["allowedHosts"], json!(["acme.com", "*.acme.com"]));

    let partner = enroll(&world, "jane", "creators-1").await;
    assert_eq!(partner["groupId"], group["id"]);
    let urls: Vec<_> = partner["links"].as_array().unwrap().iter().map(|link| link["url"].clone()).collect();
    assert_eq!(urls, ["https://acme.com/one", "https://shop.acme.com/two"]);
    assert_eq!(world.workspace.actor.get("/groups/creators-1").await.expect(200)["partnersCount"], 1);
}

#[tokio::test]
async fn group_can_have_no_default_links() {
    let world = World::start().await;
    create(&world, json!({"name": "None", "defaultLinks": []})).await.expect(201);
    assert_eq!(enroll(&world, "jane", "none").await["links"], json!([]));
}

#[tokio::test]
async fn invalid_member_is_rejected_with_its_path() {
    let mut world = World::start().await;
    let six = vec![json!({"url": "https://acme.com/"}); 6];
    let hosts: Vec<String> = (0..51).map(|number| format!("h{number}.com")).collect();
    let rows = [
        (json!({}), "invalid_type: name: "),
        (json!({"name": null}), "invalid_type: name: "),
        (json!({"name": ""}), "too_small: name: "),
        (json!({"name": "a".repeat(101)}), "too_big: name: "),
        (json!({"name": "!!!"}), "invalid_type: slug: "),
        (json!({"name": "A", "slug": null}), "invalid_type: slug: "),
        (json!({"name": "A", "slug": "A"}), "invalid_format: slug: "),
        (json!({"name": "A", "slug": "grp_1"}), "invalid_format: slug: "),
        (json!({"name": "A", "slug": "a".repeat(49)}), "invalid_format: slug: "),
        (json!({"name": "A", "color": "pearl"}), "invalid_value: color: "),
        (json!({"name": "A", "defaultLinks": six}), "too_big: defaultLinks: "),
        (json!({"name": "A", "defaultLinks": null}), "invalid_type: defaultLinks: "),
        (json!({"name": "A", "defaultLinks": [{}]}), "invalid_type: defaultLinks[0].url: "),
        (json!({"name": "A", "defaultLinks": [{"url": "ftp://a.b"}]}), "invalid_format: defaultLinks[0].url: "),
        (json!({"name": "A", "maxPartnerLinks": 0}), "too_small: maxPartnerLinks: "),
        (json!({"name": "A", "maxPartnerLinks": 10_001}), "too_big: maxPartnerLinks: "),
        (json!({"name": "A", "maxPartnerLinks": 1.5}), "invalid_type: maxPartnerLinks: "),
        (json!({"name": "A", "maxPartnerLinks": "3"}), "invalid_type: maxPartnerLinks: "),
        (json!({"name": "A", "allowedHosts": null}), "invalid_type: allowedHosts: "),
        (json!({"name": "A", "allowedHosts": ["https://acme.com"]}), "invalid_format: allowedHosts[0]: "),
        (json!({"name": "A", "allowedHosts": hosts}), "too_big: allowedHosts: "),
        (json!({"name": "A", "allowedHosts": ["acme.com"]}), "custom: allowedHosts: "),
        (
            json!({
                "name": "A", "allowedHosts": ["*.acme.com"],
                "defaultLinks": [{"url": "https://a.acme.com"}, {"url": "https://acme.com"}],
            }),
            "custom: defaultLinks[1].url: ",
        ),
        (
            json!({"name": "A", "maxPartnerLinks": 1, "defaultLinks": [{"url": "a.com"}, {"url": "b.com"}]}),
            "custom: maxPartnerLinks: ",
        ),
    ];
    for (body, expected) in rows {
        let message = create(&world, body.clone()).await.expect_error(422);
        assert!(message.starts_with(expected), "{body}: {message}");
    }
    assert_eq!(world.written().await, "");
    assert_eq!(world.rows("groups").await.len(), 1);
}

#[tokio::test]
async fn slug_is_unique_in_a_program() {
    let world = World::start().await;
    create(&world, json!({"name": "Creators"})).await.expect(201);
    create(&world, json!({"name": "CREATORS!"})).await.expect_error(409);
    create(&world, json!({"name": "Other", "slug": "creators"})).await.expect_error(409);
    let second = world.program("go.second.example.com").await;
    let group = second.actor.post("/groups", json!({"name": "Creators"})).await.expect(201);
    assert_eq!(group["programId"], second.program_id.to_string());
    assert_eq!(group["defaultLinks"][0]["url"], "https://second.example.com/");
}
