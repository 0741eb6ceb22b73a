//! `PUT /partners/links/upsert`.

use std::time::Duration;

use serde_json::{Value, json};

use super::fixtures::{
    LINK_INSERTED, LINKS, TENANT, UPSERT, audit_log, create_link, create_tags, path, world_with_jane,
};
use crate::enrollments::fixtures::{NOT_ENROLLED, NOTHING, World};

const URL: &str = "https://example.com/autumn";

/// Upserts a link for Jane.
async fn upsert(world: &World, url: &str, body: Value) -> Value {
    let mut request = json!({ "tenantId": TENANT, "url": url });
    request.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    world.workspace.actor.put(UPSERT, request).await.expect(200)
}

#[tokio::test]
async fn link_is_created_once_and_found_afterwards() {
    let (mut world, _) = world_with_jane().await;
    let link = upsert(&world, URL, json!({ "key": "autumn", "comments": "first" })).await;
    assert_eq!(world.written().await, LINK_INSERTED);
    assert_eq!((&link["url"], &link["key"], &link["comments"]), (&json!(URL), &json!("autumn"), &json!("first")));
    // Links are found by the stored form of the URL.
    for url in [URL, "example.com/autumn", "https://EXAMPLE.com:443/autumn"] {
        assert_eq!(upsert(&world, url, json!({})).await, link, "{url}");
        assert_eq!(world.written().await, NOTHING, "{url}");
    }
    assert_ne!(upsert(&world, "https://example.com/autumn/", json!({})).await["id"], link["id"]);
    assert_eq!(world.written().await, LINK_INSERTED);
    assert_eq!(audit_log(&world).await, [] as [Value; 0]);
}

#[tokio::test]
async fn existing_link_changes_as_the_request_asks() {
    let (mut world, _) = world_with_jane().await;
    let ids = create_tags(&world, &["autumn", "winter"]).await;
    let props = json!({
        "externalId": "84213", "archived": true, "title": "T", "tagIds": ids[0], "password": "hidden",
        "expiresAt": "2027-01-01T00:00:00Z",
    });
    let link = upsert(&world, URL, json!({ "comments": "first", "linkProps": props })).await;
    world.written().await;
    world.app.clock.advance(Duration::from_mins(1));
    let request = json!({ "key": "other", "linkProps": { "title": null, "doIndex": true, "tagNames": ["Winter"] } });
    let changed = upsert(&world, URL, request).await;
    assert_eq!(world.written().await, "links ~1");
    let mut expected = link.clone();
    for (name, value) in [
        ("key", json!("other")),
        ("shortLink", json!("http://acme.localhost:8080/other")),
        ("title", json!(null)),
        ("doIndex", json!(true)),
        ("tagId", json!(ids[1])),
        ("tags", json!([{ "id": ids[1], "name": "winter", "color": "pink" }])),
        ("updatedAt", json!("2026-03-01T12:01:01.250Z")),
    ] {
        expected[name] = value;
    }
    assert_eq!(changed, expected);
    assert!(world.rows("links").await[1]["settings"]["password"].is_string());
    let entry = json!(["link.updated", link["id"], { "changed": ["key", "title", "doIndex", "tags"] }]);
    assert_eq!(audit_log(&world).await, [entry]);
}

#[tokio::test]
async fn oldest_own_link_to_the_url_is_changed() {
    let (mut world, jane) = world_with_jane().await;
    world.enrolled(json!({ "email": "b@example.com", "tenantId": "b" })).await;
    // The default link counts as a link to its URL.
    assert_eq!(upsert(&world, "https://example.com/", json!({})).await["id"], jane["links"][0]["id"]);
    create_link(&mut world, json!({ "url": "https://example.com/" })).await;
    assert_eq!(upsert(&world, "https://example.com/", json!({})).await["id"], jane["links"][0]["id"]);
    let link = create_link(&mut world, json!({ "url": URL })).await;
    let theirs = json!({ "tenantId": "b", "url": URL });
    let theirs = world.workspace.actor.put(UPSERT, theirs).await.expect(200);
    assert_ne!(theirs["id"], link["id"]);
    assert_eq!(world.written().await, LINK_INSERTED);
}

#[tokio::test]
async fn conflict_or_problem_changes_nothing() {
    let (mut world, _) = world_with_jane().await;
    create_link(&mut world, json!({ "key": "taken", "linkProps": { "externalId": "taken" } })).await;
    upsert(&world, URL, json!({})).await;
    world.written().await;
    for url in [URL, "https://example.com/new"] {
        for (body, status) in [
            (json!({ "comments": "x", "key": "Taken" }), 409),
            (json!({ "comments": "x", "linkProps": { "externalId": "ext_taken" } }), 409),
            (json!({ "comments": "x", "linkProps": { "tagNames": "unknown" } }), 422),
            (json!({ "url": "ftp://example.com/" }), 422),
            (json!({ "url": null }), 422),
            (json!({ "tenantId": null }), 400),
            (json!({ "tenantId": "nobody" }), 404),
        ] {
            let mut request = json!({ "tenantId": TENANT, "url": url });
            request.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
            let answer = world.workspace.actor.put(UPSERT, request).await;
            assert_eq!(answer.status, status, "{url} {body}: {}", answer.body);
            assert_eq!(world.written().await, NOTHING, "{url} {body}");
        }
    }
    assert_eq!(audit_log(&world).await, [] as [Value; 0]);
    let nobody = json!({ "tenantId": "nobody", "url": URL });
    assert_eq!(world.workspace.actor.put(UPSERT, nobody).await.expect_error(404), NOT_ENROLLED);
    let missing = world.workspace.actor.put(UPSERT, json!({ "tenantId": TENANT })).await.expect_error(422);
    assert_eq!(missing, "invalid_type: url: Required");
}

#[tokio::test]
async fn other_routes_show_the_same_link() {
    let (mut world, _) = world_with_jane().await;
    let link = upsert(&world, URL, json!({ "linkProps": { "externalId": "84213" } })).await;
    world.written().await;
    assert_eq!(world.workspace.actor.get(&path(&link)).await.expect(200), link);
    let listed = world.workspace.actor.get(&format!("{LINKS}?tenantId={TENANT}")).await.expect(200);
    assert_eq!(listed[1]["id"], link["id"]);
}
