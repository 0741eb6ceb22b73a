//! `linkProps`: every member is stored on the links of a new enrollment.

use argon2::{Argon2, PasswordVerifier};
use pearset::testing::values::clock::Clock as _;
use pearset::testing::values::id::TagId;
use serde_json::{Value, json};

use super::fixtures::{ENROLLED, NOTHING, World};

const JANE: &str = "jane@example.com";

/// The columns that `linkProps` decides. The hash of the password, which has a random salt, is left out.
fn stored(link: &Value) -> Value {
    let mut settings = link["settings"].clone();
    settings.as_object_mut().unwrap().remove("password");
    json!({ "external_id": link["external_id"], "tenant_id": link["tenant_id"], "settings": settings })
}

fn everything() -> Value {
    json!({
        "externalId": "ext_84213", "tenantId": "t", "prefix": "/c/", "archived": true,
        "comments": "Two\nlines",
        "expiresAt": "2027-01-31T23:00:00.123+01:00", "expiredUrl": "brightloom.example/offers",
        "password": "spring-lamb-gallop", "proxy": true, "title": "Knit anything", "description": "Patterns",
        "image": "https://cdn.brightloom.example/a.png", "video": "http://CDN.brightloom.example:80/a.mp4",
        "rewrite": true, "ios": "https://apps.brightloom.example/ios?x=1", "android": "https://apps.brightloom.example/é",
        "doIndex": true,
        "testVariants": [
            { "url": "brightloom.example", "percentage": 33.5 },
            { "url": "https://brightloom.example/b", "percentage": 66.5 },
        ],
        "testStartedAt": "2026-03-14T09:00:00Z", "testCompletedAt": "2026-04-14T09:00:00Z",
    })
}

fn everything_stored() -> Value {
    json!({
        "external_id": "84213", "tenant_id": "t",
        "settings": {
            "archived": true, "comments": "Two\nlines",
            "expiresAt": "2027-01-31T22:00:00.123Z", "expiredUrl": "https://brightloom.example/offers",
            "proxy": true, "title": "Knit anything", "description": "Patterns",
            "image": "https://cdn.brightloom.example/a.png", "video": "http://cdn.brightloom.example/a.mp4",
            "rewrite": true, "ios": "https://apps.brightloom.example/ios?x=1",
            "android": "https://apps.brightloom.example/%C3%A9", "doIndex": true,
            "testVariants": [
                { "url": "https://brightloom.example/", "percentage": 33.5 },
                { "url": "https://brightloom.example/b", "percentage": 66.5 },
            ],
            "testStartedAt": "2026-03-14T09:00:00.000Z", "testCompletedAt": "2026-04-14T09:00:00.000Z",
        },
    })
}

#[tokio::test]
async fn every_member_is_stored_on_both_routes() {
    for token_route in [true, false] {
        let mut world = World::start().await;
        let partner = json!({ "email": JANE, "linkProps": everything() });
        if token_route {
            world.token(json!({ "partner": partner })).await.expect(201);
        } else {
            world.partner(partner).await.expect(201);
        }
        assert_eq!(world.written().await, ENROLLED);
        let link = &world.rows("links").await[0];
        assert_eq!(stored(link), everything_stored());
        assert_eq!(link["key"], "c/jane");
        let hash = link["settings"]["password"].as_str().unwrap();
        assert!(hash.starts_with("$argon2id$v=19$"), "{hash}");
        assert!(Argon2::default().verify_password(b"spring-lamb-gallop", hash).is_ok());
        assert!(Argon2::default().verify_password(b"spring-lamb-gallop ", hash).is_err());
    }
}

#[tokio::test]
async fn several_links_share_all_properties_but_the_external_id() {
    let mut world = World::start().await;
    for url in ["https://example.com/b", "https://example.com/c"] {
        world.app.add_default_link(&world.workspace, url).await;
    }
    world.partner(json!({ "email": JANE, "linkProps": everything() })).await.expect(201);
    let links = world.rows("links").await;
    assert_eq!(links.len(), 3);
    let (with, without): (Vec<_>, Vec<_>) = links.iter().partition(|link| link["external_id"] == "84213");
    assert_eq!((with.len(), without.len()), (1, 2));
    for link in &links {
        let mut expected = everything_stored();
        expected["external_id"] = link["external_id"].clone();
        assert_eq!(stored(link), expected);
        assert!(link["settings"]["password"].is_string());
    }
    assert!(without.iter().all(|link| link["external_id"].is_null()));
    // If one of three links cannot be created, the partner is not created either.
    world.written().await;
    world.partner(json!({ "email": "new@example.com", "linkProps": { "externalId": "84213" } })).await.expect(409);
    assert_eq!(world.written().await, NOTHING);
}

/// Each link with the e-mail address of its partner and the names of its tags.
const TAGS_OF_LINKS: &str =
    "(SELECT l.id, l.created_at, p.email, ARRAY(SELECT t.name FROM link_tags m JOIN tags t ON t.id = m.tag_id
                                                WHERE m.link_id = l.id ORDER BY t.name_folded) AS tags
      FROM links l JOIN partners p ON p.id = l.partner_id)";

/// Inserts a tag of the workspace by SQL.
async fn tag(world: &mut World, name: &str) -> String {
    let id: TagId = world.app.state.ids.next(world.app.clock.now());
    let uuid = uuid::Uuid::from(id);
    let (workspace, folded) = (uuid::Uuid::from(world.workspace.id), name.to_lowercase());
    let sql = format!("INSERT INTO tags VALUES ('{workspace}', '{uuid}', '{name}', '{folded}', 'pink', now())");
    world.arrange(&sql).await;
    id.to_string()
}

#[tokio::test]
async fn tags_are_put_on_every_link_of_the_partner() {
    let mut world = World::start().await;
    world.app.add_default_link(&world.workspace, "https://example.com/b").await;
    let (autumn, news, other) =
        (tag(&mut world, "Autumn").await, tag(&mut world, "Äpfel").await, tag(&mut world, "Other").await);
    for (index, (props, tags)) in [
        (json!({ "tagIds": autumn }), vec!["Autumn"]),
        (json!({ "tagIds": [news, autumn, news] }), vec!["Autumn", "Äpfel"]),
        (json!({ "tagNames": "aUTUMN" }), vec!["Autumn"]),
        (json!({ "tagNames": [" äpfel ", "Other"] }), vec!["Other", "Äpfel"]),
        // Both members together, each tag once.
        (json!({ "tagIds": [other, autumn], "tagNames": ["autumn", "ÄPFEL"] }), vec!["Autumn", "Other", "Äpfel"]),
        (json!({ "tagIds": [], "tagNames": [] }), vec![]),
        (json!({}), vec![]),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("jane{index}@example.com");
        let partner = json!({ "email": email, "linkProps": props });
        if index % 2 == 0 {
            world.token(json!({ "partner": partner })).await.expect(201);
        } else {
            world.partner(partner).await.expect(201);
        }
        let rows = world.rows(TAGS_OF_LINKS).await;
        let of_partner: Vec<&Value> = rows.iter().filter(|row| row["email"] == email.as_str()).collect();
        assert_eq!(of_partner.len(), 2, "{props}");
        assert!(of_partner.iter().all(|row| row["tags"] == json!(tags)), "{props}: {of_partner:?}");
    }
}

#[tokio::test]
async fn an_unknown_tag_is_reported_and_nothing_is_written() {
    let mut world = World::start().await;
    let autumn = tag(&mut world, "Autumn").await;
    world.enter("other").await;
    let foreign = autumn.as_str();
    let own = tag(&mut world, "Own").await;
    world.partner(json!({ "email": "known@example.com" })).await.expect(201);
    world.written().await;
    for (props, paths) in [
        // A real Dub id, from the example of the seed document.
        (json!({ "tagIds": ["clux0rgak00011"] }), vec!["tagIds[0]"]),
        (json!({ "tagIds": "clux0rgak00011" }), vec!["tagIds"]),
        (json!({ "tagIds": [own, foreign] }), vec!["tagIds[1]"]),
        (json!({ "tagNames": ["Autumn", "own"] }), vec!["tagNames[0]"]),
        (json!({ "tagIds": ["", own], "tagNames": "" }), vec!["tagIds[0]", "tagNames"]),
        // An id is not a name, and a name is not an id.
        (json!({ "tagIds": "Own" }), vec!["tagIds"]),
        (json!({ "tagNames": own }), vec!["tagNames"]),
    ] {
        for token_route in [true, false] {
            let partner = json!({ "email": JANE, "linkProps": props });
            let (answer, prefix) = if token_route {
                (world.token(json!({ "partner": partner })).await, "partner.linkProps.")
            } else {
                (world.partner(partner).await, "linkProps.")
            };
            let answer = answer.expect(422);
            let problems = answer["error"]["errors"].as_array().unwrap();
            let found: Vec<&str> = problems.iter().map(|problem| problem["path"].as_str().unwrap()).collect();
            let expected: Vec<String> = paths.iter().map(|path| format!("{prefix}{path}")).collect();
            assert_eq!(found, expected, "{props}");
            let field = if paths[0].starts_with("tagIds") { "tagIds" } else { "tagNames" };
            let message = format!("invalid_value: {}: Invalid {field} detected: no such tag", expected[0]);
            assert_eq!(answer["error"]["message"], message, "{props}");
            assert_eq!(world.written().await, NOTHING, "{props}");
        }
        // These routes do not change the links of an existing enrollment.
        world.partner(json!({ "email": "known@example.com", "linkProps": props })).await.expect(201);
        assert_eq!(world.written().await, NOTHING, "{props}");
    }
}

#[tokio::test]
async fn absent_members_have_their_defaults() {
    let world = World::start().await;
    let nulls = json!({
        "externalId": null, "tenantId": null, "comments": null, "expiresAt": null, "expiredUrl": null,
        "password": null, "title": null, "description": null, "image": null, "video": null, "ios": null,
        "android": null, "testVariants": null, "testStartedAt": null, "testCompletedAt": null,
    });
    world.partner(json!({ "email": "a@example.com" })).await.expect(201);
    world.partner(json!({ "email": "b@example.com", "linkProps": {} })).await.expect(201);
    world.partner(json!({ "email": "c@example.com", "linkProps": nulls })).await.expect(201);
    for link in world.rows("links").await {
        // Only settings that differ from their default are stored.
        assert_eq!(link["settings"], json!({}));
        assert_eq!((&link["external_id"], &link["tenant_id"]), (&Value::Null, &Value::Null));
    }
}

#[tokio::test]
async fn an_external_id_is_unique_in_the_workspace() {
    let mut world = World::start().await;
    let body = |email: &str, id: &str| json!({ "email": email, "linkProps": { "externalId": id } });
    let first = world.enrolled(body(JANE, "84213")).await;
    // All or nothing: neither the partner nor the enrollment is created.
    for id in ["84213", "ext_84213"] {
        world.partner(body("new@example.com", id)).await.expect(409);
        world.token(json!({ "partner": body("new@example.com", id) })).await.expect(409);
        let second = world.program(&format!("{}.example.com", id.replace('_', "-"))).await;
        second.actor.post(super::fixtures::PARTNERS, body("new@example.com", id)).await.expect(409);
        assert_eq!(world.written().await, NOTHING, "{id}");
    }
    // The repeated call has the external id of its own link.
    assert_eq!(world.partner(body(JANE, "84213")).await.expect(201), first);
    // Ids are compared by bytes, one prefix is dropped, and another workspace has its own ids.
    for (email, id) in [("a@example.com", "EXT_84213"), ("b@example.com", "ext_ext_84213")] {
        world.partner(body(email, id)).await.expect(201);
        assert_eq!(world.written().await, ENROLLED);
    }
    world.enter("other").await;
    world.partner(body(JANE, "84213")).await.expect(201);
    assert_eq!(world.written().await, ENROLLED);
}
