//! `POST /partners/links`.

use argon2::{Argon2, PasswordVerifier};
use serde_json::{Value, json};

use super::fixtures::{LINK_INSERTED, LINKS, TENANT, create_link, create_tags, world_with_jane};
use crate::enrollments::fixtures::{NOT_ENROLLED, NOTHING};

/// Members that are null unless a request sets them, and members for which Pearset has no values.
const NULL_MEMBERS: [&str; 26] = [
    "externalId",
    "folderId",
    "expiresAt",
    "expiredUrl",
    "disabledAt",
    "password",
    "title",
    "description",
    "image",
    "video",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "ios",
    "android",
    "geo",
    "lastClicked",
    "tagId",
    "comments",
    "identifier",
    "testVariants",
    "testStartedAt",
    "testCompletedAt",
    "userId",
];

#[tokio::test]
async fn link_without_properties_has_the_defaults() {
    let (mut world, jane) = world_with_jane().await;
    let link = world.workspace.actor.post(LINKS, json!({ "partnerId": jane["id"] })).await.expect(201);
    assert_eq!(world.written().await, LINK_INSERTED);
    let key = link["key"].as_str().unwrap();
    // The default link has the plain key.
    assert!(key.starts_with("jane-") && key.len() == 9, "{key}");
    let mut expected = json!({
        "id": link["id"], "domain": "acme.localhost", "key": key, "url": "https://example.com/",
        "shortLink": format!("http://acme.localhost:8080/{key}"), "tenantId": TENANT,
        "programId": world.workspace.program_id, "partnerId": jane["id"], "trackConversion": true, "tags": [],
        "webhookIds": [], "qrCode": "", "workspaceId": world.workspace.id, "projectId": world.workspace.id,
        "createdAt": "2026-03-01T12:00:01.250Z", "updatedAt": "2026-03-01T12:00:01.250Z",
    });
    for name in ["archived", "proxy", "rewrite", "doIndex", "publicStats"] {
        expected[name] = json!(false);
    }
    for name in ["clicks", "leads", "conversions", "sales", "saleAmount"] {
        expected[name] = json!(0);
    }
    for name in NULL_MEMBERS {
        expected[name] = Value::Null;
    }
    assert_eq!(link, expected);
    // The links of a partner include the new link.
    let partner = world.partner(json!({ "email": "jane@example.com" })).await.expect(201);
    assert_eq!(partner["links"][1]["id"], link["id"]);
}

#[tokio::test]
async fn every_property_except_the_password_is_shown() {
    let (mut world, _) = world_with_jane().await;
    let ids = create_tags(&world, &["winter", "Autumn"]).await;
    let props = json!({
        "externalId": "ext_84213", "tenantId": "another", "prefix": "/c/", "archived": true, "tagIds": ids[0],
        "tagNames": ["AUTUMN"], "comments": "below", "expiresAt": "2027-01-31T23:00:00.123+01:00",
        "expiredUrl": "brightloom.example/offers", "password": "spring-lamb-gallop", "proxy": true,
        "title": "Knit anything", "description": "Patterns", "image": "https://cdn.brightloom.example/a.png",
        "video": "http://CDN.brightloom.example:80/a.mp4", "rewrite": true,
        "ios": "https://apps.brightloom.example/ios", "android": "https://apps.brightloom.example/android",
        "doIndex": true,
        "testVariants": [
            { "url": "brightloom.example", "percentage": 33.5 },
            { "url": "https://brightloom.example/b", "percentage": 66.5 },
        ],
        "testStartedAt": "2026-03-14T09:00:00Z", "testCompletedAt": "2026-04-14T09:00:00Z",
    });
    let request = json!({ "url": "brightloom.example/x", "key": "Maya", "comments": "above", "linkProps": props });
    let link = create_link(&mut world, request).await;
    let (winter, autumn) = (json!({ "id": ids[0], "name": "winter", "color": "pink" }), json!(ids[1]));
    let expected = json!({
        "url": "https://brightloom.example/x", "key": "Maya", "shortLink": "http://acme.localhost:8080/Maya",
        "comments": "above", "externalId": "84213", "archived": true, "tagId": autumn,
        "tags": [{ "id": autumn, "name": "Autumn", "color": "pink" }, winter],
        "expiresAt": "2027-01-31T22:00:00.123Z", "expiredUrl": "https://brightloom.example/offers", "password": null,
        "proxy": true, "title": "Knit anything", "description": "Patterns",
        "image": "https://cdn.brightloom.example/a.png", "video": "http://cdn.brightloom.example/a.mp4",
        "rewrite": true, "ios": "https://apps.brightloom.example/ios",
        "android": "https://apps.brightloom.example/android", "doIndex": true,
        "testVariants": [
            { "url": "https://brightloom.example/", "percentage": 33.5 },
            { "url": "https://brightloom.example/b", "percentage": 66.5 },
        ],
        "testStartedAt": "2026-03-14T09:00:00.000Z", "testCompletedAt": "2026-04-14T09:00:00.000Z",
        // The partner's own tenant id, not the one in `linkProps`.
        "tenantId": TENANT,
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(link[name], *value, "{name}");
    }
    let stored = &world.rows("links").await[1];
    let hash = stored["settings"]["password"].as_str().unwrap();
    assert!(Argon2::default().verify_password(b"spring-lamb-gallop", hash).is_ok());
}

#[tokio::test]
async fn comments_of_the_link_go_before_those_in_its_properties() {
    let (mut world, _) = world_with_jane().await;
    for (body, comments) in [
        (json!({ "linkProps": { "comments": "below" } }), json!("below")),
        (json!({ "comments": "above", "linkProps": {} }), json!("above")),
        (json!({ "comments": null, "linkProps": { "comments": "below" } }), json!(null)),
    ] {
        assert_eq!(create_link(&mut world, body.clone()).await["comments"], comments, "{body}");
    }
}

#[tokio::test]
async fn link_without_a_url_points_to_the_first_default_url_else_to_the_program_site() {
    let (mut world, _) = world_with_jane().await;
    world.arrange("UPDATE group_default_links SET url = 'https://example.com/first'").await;
    world.app.add_default_link(&world.workspace, "https://example.com/second").await;
    assert_eq!(create_link(&mut world, json!({})).await["url"], "https://example.com/first");
    assert_eq!(create_link(&mut world, json!({ "url": null })).await["url"], "https://example.com/first");
    world.arrange("UPDATE group_default_links SET removed_at = now() WHERE url LIKE '%first'").await;
    assert_eq!(create_link(&mut world, json!({})).await["url"], "https://example.com/second");
    world.arrange("UPDATE group_default_links SET removed_at = now()").await;
    assert_eq!(create_link(&mut world, json!({})).await["url"], "https://example.com/");
}

#[tokio::test]
async fn derived_key_that_is_taken_gets_a_suffix() {
    let (mut world, _) = world_with_jane().await;
    assert_eq!(create_link(&mut world, json!({ "linkProps": { "prefix": "/c/" } })).await["key"], "c/jane");
    let again = create_link(&mut world, json!({ "linkProps": { "prefix": "c" } })).await;
    assert!(again["key"].as_str().unwrap().starts_with("c/jane-"), "{again}");
    // The prefix applies to derived keys only.
    assert_eq!(create_link(&mut world, json!({ "key": "own", "linkProps": { "prefix": "/c/" } })).await["key"], "own");
}

#[tokio::test]
async fn taken_key_or_external_id_is_a_conflict() {
    let (mut world, _) = world_with_jane().await;
    create_link(&mut world, json!({ "key": "Own", "linkProps": { "externalId": "84213" } })).await;
    let actor = &world.workspace.actor;
    for (body, what) in [
        (json!({ "key": "own" }), "key"),
        (json!({ "key": "JANE" }), "key"),
        (json!({ "linkProps": { "externalId": "ext_84213" } }), "externalId"),
        (json!({ "key": "free", "linkProps": { "externalId": "84213" } }), "externalId"),
        (json!({ "key": "own", "linkProps": { "externalId": "84213" } }), "externalId"),
    ] {
        let mut request = body.clone();
        request["tenantId"] = json!(TENANT);
        let message = actor.post(LINKS, request).await.expect_error(409);
        assert_eq!(message, format!("A link with this {what} exists already."), "{body}");
    }
    assert_eq!(world.written().await, NOTHING);
}

#[tokio::test]
async fn request_must_name_an_enrolled_partner() {
    let (mut world, jane) = world_with_jane().await;
    let second = world.program("second.example.com").await;
    second.actor.post("/partners", json!({ "email": "b@example.com", "tenantId": "b" })).await.expect(201);
    world.written().await;
    let actor = &world.workspace.actor;
    for body in [json!({}), json!({ "partnerId": null, "tenantId": null }), json!({ "key": "x" })] {
        let message = actor.post(LINKS, body.clone()).await.expect_error(400);
        assert_eq!(message, "You must provide either partnerId or tenantId.", "{body}");
    }
    for body in [
        json!({ "tenantId": "nobody" }),
        json!({ "tenantId": "b" }),
        json!({ "partnerId": "pn_01h455vb4pex5vsknk084sn02q" }),
        json!({ "partnerId": "" }),
        // `partnerId` goes before `tenantId`.
        json!({ "partnerId": "nobody", "tenantId": TENANT }),
    ] {
        assert_eq!(actor.post(LINKS, body.clone()).await.expect_error(404), NOT_ENROLLED, "{body}");
    }
    assert_eq!(world.written().await, NOTHING);
    let both = json!({ "partnerId": jane["id"], "tenantId": "nobody" });
    world.workspace.actor.post(LINKS, both).await.expect(201);
    // A request can name another program of the workspace.
    let named = json!({ "tenantId": "b", "programId": second.program_id });
    let link = world.workspace.actor.post(LINKS, named).await.expect(201);
    assert_eq!((&link["domain"], &link["url"]), (&json!("second.example.com"), &json!("https://second.example.com/")));
}

#[tokio::test]
async fn problems_have_paths_and_nothing_is_written() {
    let (mut world, _) = world_with_jane().await;
    for (body, paths) in [
        (json!({ "url": "mailto:a@b.c", "key": "_x" }), vec!["url", "key"]),
        (json!({ "key": null, "comments": 1 }), vec!["key", "comments"]),
        (json!({ "key": "robots.txt" }), vec!["key"]),
        (
            json!({ "linkProps": { "tagIds": ["tag_x"], "tagNames": "x" } }),
            vec!["linkProps.tagIds[0]", "linkProps.tagNames"],
        ),
        (
            json!({ "linkProps": { "externalId": "", "prefix": "a b", "expiresAt": "x" } }),
            vec!["linkProps.externalId", "linkProps.prefix", "linkProps.expiresAt"],
        ),
        (json!({ "linkProps": null }), vec!["linkProps"]),
        (json!({ "tenantId": "" }), vec!["tenantId"]),
    ] {
        let mut request = json!({ "tenantId": TENANT });
        request.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        let answer = world.workspace.actor.post(LINKS, request).await.expect(422);
        let problems = answer["error"]["errors"].as_array().unwrap();
        let found: Vec<&Value> = problems.iter().map(|problem| &problem["path"]).collect();
        assert_eq!(
            found,
            paths.iter().map(|path| json!(path)).collect::<Vec<_>>().iter().collect::<Vec<_>>(),
            "{body}"
        );
        assert_eq!(world.written().await, NOTHING, "{body}");
    }
}
