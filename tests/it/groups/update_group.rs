//! `PATCH /groups/{id}`.

use serde_json::{Value, json};
use sqlx::Executor;

use super::changes::{audit_log, enroll, group, patch};
use crate::enrollments::fixtures::World;

const PATH: &str = "/groups/creators";

/// Returns the targets of a partner's links.
async fn urls(world: &World, partner: &Value) -> Vec<String> {
    let path = format!("/partners/{}", partner["id"].as_str().unwrap());
    let partner = world.workspace.actor.get(&path).await.expect(200);
    partner["links"].as_array().unwrap().iter().map(|link| link["url"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn absent_member_stays_and_null_clears() {
    let world = World::start().await;
    let body = json!({
        "name": "Creators", "color": "red", "maxPartnerLinks": 3, "allowedHosts": ["example.com"],
    });
    let made = world.workspace.actor.post("/groups", body).await.expect(201);
    world.app.clock.advance(std::time::Duration::from_secs(1));
    let same = patch(&world.workspace.actor, PATH, json!({"name": "Creators", "color": "red"})).await.expect(200);
    assert_eq!(same, made, "a change to the same values changes nothing");
    let renamed = patch(&world.workspace.actor, PATH, json!({"name": "Press", "slug": "press"})).await.expect(200);
    let mut expected = made.clone();
    for (member, value) in
        [("name", json!("Press")), ("slug", json!("press")), ("updatedAt", renamed["updatedAt"].clone())]
    {
        expected[member] = value;
    }
    assert_eq!(renamed, expected);
    assert_ne!(renamed["updatedAt"], made["updatedAt"]);
    let body = json!({"color": null, "maxPartnerLinks": null, "allowedHosts": []});
    let cleared = patch(&world.workspace.actor, "/groups/press", body).await.expect(200);
    assert_eq!(
        (&cleared["color"], &cleared["maxPartnerLinks"], &cleared["allowedHosts"]),
        (&json!(null), &json!(null), &json!([]))
    );
    let log = audit_log(&world).await;
    let changed = log.iter().skip(1).map(|(_, _, details)| details["changed"].clone()).collect::<Vec<_>>();
    assert_eq!(log.len(), 3);
    assert!(changed.contains(&json!(["name", "slug"])));
    assert!(changed.contains(&json!(["color", "maxPartnerLinks", "allowedHosts"])));
}

#[tokio::test]
async fn default_links_are_kept_changed_created_and_removed() {
    let world = World::start().await;
    let links = json!([{"url": "https://a.com/"}, {"url": "https://b.com/"}, {"url": "https://c.com/"}]);
    let made =
        world.workspace.actor.post("/groups", json!({"name": "Creators", "defaultLinks": links})).await.expect(201);
    let jane = enroll(&world, "jane", "creators").await;
    // One of John's links points elsewhere: that link does not follow any more.
    let john = enroll(&world, "john", "creators").await;
    let by_hand = "UPDATE links SET url = 'https://own.com/' WHERE tenant_id = 'john' AND url = 'https://b.com/'";
    world.app.sql().await.execute(by_hand).await.unwrap();

    world.app.clock.advance(std::time::Duration::from_secs(1));
    let id = |index: usize| made["defaultLinks"][index]["id"].clone();
    let wanted = json!([
        {"id": id(1), "url": "https://b.com/new"}, {"url": "https://d.com"}, {"id": id(0), "url": "https://a.com/"},
    ]);
    let changed = patch(&world.workspace.actor, PATH, json!({"defaultLinks": wanted})).await.expect(200);
    let shown: Vec<_> = changed["defaultLinks"].as_array().unwrap().iter().map(|link| link["url"].clone()).collect();
    assert_eq!(shown, ["https://a.com/", "https://b.com/new", "https://d.com/"]);
    assert_eq!(changed["defaultLinks"][1]["id"], id(1));

    assert_eq!(urls(&world, &jane).await, ["https://a.com/", "https://b.com/new", "https://c.com/"]);
    assert_eq!(urls(&world, &john).await, ["https://a.com/", "https://own.com/", "https://c.com/"]);
    // Jane gets the new default link with the next token request. The link for the removed default link stays.
    world.token(json!({"tenantId": "jane"})).await.expect(201);
    assert_eq!(urls(&world, &jane).await.len(), 4);
    let bob = enroll(&world, "bob", "creators").await;
    assert_eq!(urls(&world, &bob).await, ["https://a.com/", "https://b.com/new", "https://d.com/"]);
    let pending = world.rows("group_default_links").await;
    assert!(pending.iter().all(|link| link["previous_urls"] == json!([])), "{pending:?}");
}

/// The state is as after a request that ended before all links had followed. The next request continues.
#[tokio::test]
async fn remaining_links_follow_at_the_next_request() {
    let world = World::start().await;
    let made = group(&world, "creators").await;
    let jane = enroll(&world, "jane", "creators").await;
    let interrupted =
        "UPDATE group_default_links SET url = 'https://example.com/new', previous_urls = '{https://example.com/}'
                       WHERE group_id = (SELECT id FROM groups WHERE slug = 'creators')";
    world.app.sql().await.execute(interrupted).await.unwrap();
    assert_eq!(urls(&world, &jane).await, ["https://example.com/"]);
    patch(&world.workspace.actor, PATH, json!({})).await.expect(200);
    assert_eq!(urls(&world, &jane).await, ["https://example.com/new"]);
    // The default link gets its first target back.
    let back = json!([{"id": made["defaultLinks"][0]["id"], "url": "https://example.com/"}]);
    patch(&world.workspace.actor, PATH, json!({"defaultLinks": back})).await.expect(200);
    assert_eq!(urls(&world, &jane).await, ["https://example.com/"]);
}

/// The group has more partners than one transaction changes, and another transaction locks the last of them for longer
/// than a request may take. The next request starts after the partners whose links have followed: a link of the first
/// partner that has its old target again meanwhile keeps that target.
#[tokio::test]
async fn interrupted_change_continues_where_it_has_stopped() {
    let world = World::start().await;
    let made = group(&world, "creators").await;
    let jane = enroll(&world, "jane", "creators").await;
    let many = "WITH new AS (
                    INSERT INTO partners (workspace_id, id, email, email_normalized, created_at)
                    SELECT workspace_id, ('ffffffff-ffff-7fff-8fff-' || lpad(n::text, 12, '0'))::uuid,
                           n || '@many.example', n || '@many.example', now()
                    FROM groups, generate_series(1, 1500) n WHERE slug = 'creators' RETURNING workspace_id, id)
                INSERT INTO enrollments (workspace_id, id, program_id, partner_id, group_id, status, created_at)
                SELECT g.workspace_id, new.id, g.program_id, new.id, g.id, 'approved', now()
                FROM new JOIN groups g USING (workspace_id) WHERE g.slug = 'creators'";
    world.app.sql().await.execute(many).await.unwrap();
    let mut other = world.app.sql().await;
    other.execute("BEGIN; SELECT FROM enrollments ORDER BY id DESC LIMIT 1 FOR UPDATE").await.unwrap();
    let target = |path: &str| json!({"defaultLinks": [{"id": made["defaultLinks"][0]["id"], "url": path}]});
    patch(&world.workspace.actor, PATH, target("https://example.com/new")).await.expect_error(503);
    assert_eq!(urls(&world, &jane).await, ["https://example.com/new"]);
    other.execute("ROLLBACK").await.unwrap();

    let by_hand = "UPDATE links SET url = 'https://example.com/' WHERE tenant_id = 'jane'";
    world.app.sql().await.execute(by_hand).await.unwrap();
    patch(&world.workspace.actor, PATH, json!({"name": "Others"})).await.expect(200);
    assert_eq!(urls(&world, &jane).await, ["https://example.com/"]);
    let links = world.rows("group_default_links").await;
    assert!(links.iter().all(|link| link["previous_urls"] == json!([])), "{links:?}");
    // A change to another target starts with the first partner again.
    world
        .app
        .sql()
        .await
        .execute("UPDATE links SET url = 'https://example.com/new' WHERE tenant_id = 'jane'")
        .await
        .unwrap();
    patch(&world.workspace.actor, PATH, target("https://example.com/third")).await.expect(200);
    assert_eq!(urls(&world, &jane).await, ["https://example.com/third"]);
}

#[tokio::test]
async fn another_group_can_become_the_default() {
    let world = World::start().await;
    let made = group(&world, "creators").await;
    assert_eq!(made["isDefault"], false);
    patch(&world.workspace.actor, PATH, json!({"isDefault": false})).await.expect(200);
    assert_eq!(patch(&world.workspace.actor, PATH, json!({"isDefault": true})).await.expect(200)["isDefault"], true);
    assert_eq!(world.workspace.actor.get("/groups/default").await.expect(200)["isDefault"], false);
    let jane = world.partner(json!({"email": "jane@example.com"})).await.expect(201);
    assert_eq!(jane["groupId"], made["id"]);
    let message = patch(&world.workspace.actor, PATH, json!({"isDefault": false})).await.expect_error(409);
    assert!(message.contains("another one"), "{message}");
}

#[tokio::test]
async fn change_that_contradicts_the_group_is_rejected() {
    let world = World::start().await;
    let made = group(&world, "creators").await;
    group(&world, "press").await;
    let id = &made["defaultLinks"][0]["id"];
    let theirs = world.workspace.actor.get("/groups/press").await.expect(200)["defaultLinks"][0]["id"].clone();
    let before = (world.rows("groups").await, world.rows("group_default_links").await);
    let rows = [
        (json!({"slug": "press"}), 409, "A group with this slug"),
        (json!({"defaultLinks": [{"id": theirs, "url": "a.com"}]}), 404, "The default link"),
        (json!({"defaultLinks": [{"id": "pgdl_x", "url": "a.com"}]}), 404, "The default link"),
        (
            json!({"defaultLinks": [{"id": id, "url": "a.com"}, {"id": id, "url": "b.com"}]}),
            422,
            "custom: defaultLinks[1].id: ",
        ),
        (json!({"allowedHosts": ["acme.com"]}), 422, "custom: allowedHosts: "),
        (
            json!({"allowedHosts": ["acme.com"], "defaultLinks": [{"url": "b.com"}]}),
            422,
            "custom: defaultLinks[0].url: ",
        ),
        (
            json!({"maxPartnerLinks": 1, "defaultLinks": [{"url": "a.com"}, {"url": "b.com"}]}),
            422,
            "custom: maxPartnerLinks: ",
        ),
        (json!({"isDefault": null}), 422, "invalid_type: isDefault: "),
        (json!({"name": null}), 422, "invalid_type: name: "),
    ];
    for (body, status, expected) in rows {
        let message = patch(&world.workspace.actor, PATH, body.clone()).await.expect_error(status);
        assert!(message.starts_with(expected), "{body}: {message}");
    }
    assert_eq!((world.rows("groups").await, world.rows("group_default_links").await), before);
}
