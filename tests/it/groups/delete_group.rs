//! `DELETE /groups/{id}`.

use serde_json::json;
use sqlx::Executor;

use super::changes::{audit_log, delete, enroll, group};
use crate::enrollments::fixtures::World;

#[tokio::test]
async fn partners_move_to_the_default_group_and_keep_their_links() {
    let world = World::start().await;
    let made = group(&world, "creators").await;
    let jane = enroll(&world, "jane", "creators").await;
    enroll(&world, "john", "creators").await;
    let default = world.workspace.group_id.to_string();
    let answer = delete(&world.workspace.actor, "/groups/creators").await.expect(200);
    assert_eq!(answer, json!({"id": made["id"], "movedTo": default, "movedPartners": 2}));

    let path = format!("/partners/{}", jane["id"].as_str().unwrap());
    let moved = world.workspace.actor.get(&path).await.expect(200);
    assert_eq!((&moved["groupId"], &moved["links"]), (&json!(default), &jane["links"]));
    world.token(json!({"tenantId": "jane"})).await.expect(201);
    assert_eq!(world.workspace.actor.get(&path).await.expect(200)["links"].as_array().unwrap().len(), 2);

    // Nobody finds the group any more.
    delete(&world.workspace.actor, "/groups/creators").await.expect_error(404);
    delete(&world.workspace.actor, &format!("/groups/{}", made["id"].as_str().unwrap())).await.expect_error(404);
    super::changes::patch(&world.workspace.actor, "/groups/creators", json!({"name": "A"})).await.expect_error(404);
    for group in [&json!("creators"), &made["id"]] {
        world.partner(json!({"email": "new@example.com", "groupId": group})).await.expect_error(404);
    }
    let again = group(&world, "creators").await;
    assert_ne!(again["id"], made["id"], "the new group with the same slug is another group");
    let log = audit_log(&world).await;
    assert!(log.contains(&(json!("group.deleted"), made["id"].clone(), json!({"movedTo": default}))), "{log:?}");
}

#[tokio::test]
async fn partners_move_to_the_named_group() {
    let world = World::start().await;
    for slug in ["creators", "press", "more"] {
        group(&world, slug).await;
    }
    enroll(&world, "jane", "creators").await;
    let press = world.workspace.actor.get("/groups/press").await.expect(200)["id"].clone();
    let answer = delete(&world.workspace.actor, "/groups/creators?moveTo=press").await.expect(200);
    assert_eq!((&answer["movedTo"], &answer["movedPartners"]), (&press, &json!(1)));
    let path = format!("/groups/more?moveTo={}", press.as_str().unwrap());
    assert_eq!(delete(&world.workspace.actor, &path).await.expect(200)["movedPartners"], 0);
    assert_eq!(world.workspace.actor.get("/groups/press").await.expect(200)["partnersCount"], 1);
}

#[tokio::test]
async fn rejected_deletion_changes_nothing() {
    let world = World::start().await;
    group(&world, "creators").await;
    for (path, status) in [
        ("/groups/default", 409),
        ("/groups/nothing", 404),
        ("/groups/creators?moveTo=nothing", 404),
        ("/groups/creators?moveTo=grp_x", 404),
        ("/groups/creators?moveTo=creators", 422),
    ] {
        delete(&world.workspace.actor, path).await.expect_error(status);
    }
    assert_eq!(world.workspace.actor.get("/groups").await.expect(200).as_array().unwrap().len(), 2);
}

/// The group has more partners than one transaction moves, and another transaction locks one of them for longer than a
/// request may take. The next request moves the remaining partners to the group that the first request named.
#[tokio::test]
async fn interrupted_move_is_finished_by_the_next_request() {
    let world = World::start().await;
    let made = group(&world, "creators").await;
    let press = group(&world, "press").await;
    enroll(&world, "jane", "creators").await;
    let many = "WITH new AS (
                    INSERT INTO partners (workspace_id, id, email, email_normalized, created_at)
                    SELECT workspace_id, gen_random_uuid(), n || '@many.example', n || '@many.example', now()
                    FROM groups, generate_series(1, 1500) n WHERE slug = 'creators' RETURNING workspace_id, id)
                INSERT INTO enrollments (workspace_id, id, program_id, partner_id, group_id, status, created_at)
                SELECT g.workspace_id, gen_random_uuid(), g.program_id, new.id, g.id, 'approved', now()
                FROM new JOIN groups g USING (workspace_id) WHERE g.slug = 'creators'";
    world.app.sql().await.execute(many).await.unwrap();
    let mut other = world.app.sql().await;
    let lock = "BEGIN; SELECT FROM enrollments ORDER BY id DESC LIMIT 1 FOR UPDATE";
    other.execute(lock).await.unwrap();
    let message = delete(&world.workspace.actor, "/groups/creators?moveTo=press").await.expect_error(503);
    assert!(message.ends_with(&format!("with the id {} in its path.", made["id"].as_str().unwrap())), "{message}");
    // The group is closed, and the partners who are still in the group can work.
    world.workspace.actor.get("/groups/creators").await.expect_error(404);
    world.partner(json!({"email": "new@example.com", "groupId": "creators"})).await.expect_error(404);
    world.token(json!({"tenantId": "jane"})).await.expect(201);
    other.execute("ROLLBACK").await.unwrap();

    // A request that names the id leaves the new group with the same slug alone.
    group(&world, "creators").await;
    let path = format!("/groups/{}", made["id"].as_str().unwrap());
    delete(&world.workspace.actor, &format!("{path}?moveTo=default")).await.expect_error(409);
    let answer = delete(&world.workspace.actor, &format!("{path}?moveTo=press")).await.expect(200);
    assert_eq!((&answer["id"], &answer["movedTo"]), (&made["id"], &press["id"]));
    assert!(answer["movedPartners"].as_u64().unwrap() < 1501, "the first request has moved the first batch: {answer}");
    assert_eq!(world.workspace.actor.get("/groups/press").await.expect(200)["partnersCount"], 1501);
    delete(&world.workspace.actor, &path).await.expect_error(404);
    world.workspace.actor.get("/groups/creators").await.expect(200);
}

/// The target of a move is deleted before the partners have moved there.
#[tokio::test]
async fn deleted_target_passes_the_partners_on_to_its_own_target() {
    let world = World::start().await;
    for slug in ["creators", "press"] {
        group(&world, slug).await;
    }
    enroll(&world, "jane", "creators").await;
    let mut other = world.app.sql().await;
    other.execute("BEGIN; SELECT FROM enrollments FOR UPDATE").await.unwrap();
    delete(&world.workspace.actor, "/groups/creators?moveTo=press").await.expect_error(503);
    delete(&world.workspace.actor, "/groups/press").await.expect(200);
    other.execute("ROLLBACK").await.unwrap();
    let answer = delete(&world.workspace.actor, "/groups/creators").await.expect(200);
    assert_eq!(answer["movedTo"], world.workspace.group_id.to_string());
}
