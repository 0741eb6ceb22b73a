//! The program that a request means.

use std::time::{Duration, Instant};

use pearset::testing::programs::{self, ProgramChanges};
use pearset::testing::values::ProgramScope;
use pearset::testing::values::clock::Clock as _;
use pearset::testing::values::id::ProgramId;
use serde_json::json;
use sqlx::Executor;

use crate::enrollments::fixtures::World;

async fn set_active(world: &World, id: ProgramId, active: bool) {
    let changes = ProgramChanges { active: Some(active), ..ProgramChanges::default() };
    let scope = ProgramScope { workspace_id: world.workspace.id, program_id: id };
    programs::update_program(&mut world.app.sql().await, scope, &changes, world.app.clock.now()).await.unwrap();
}

#[tokio::test]
async fn the_named_program_precedes_the_program_of_the_key_and_the_default_program() {
    let world = World::start().await;
    let second = world.program("go.second.example.com").await;
    let (first_id, second_id) = (world.workspace.program_id.to_string(), second.program_id.to_string());
    let free = &world.workspace.actor;
    let path = |id: &str| format!("/groups/default?programId={id}");
    assert_eq!(free.get("/groups/default").await.expect(200)["programId"], first_id);
    assert_eq!(free.get(&path(&second_id)).await.expect(200)["programId"], second_id);
    assert_eq!(second.actor.get("/groups/default").await.expect(200)["programId"], second_id);
    assert_eq!(second.actor.get(&path(&second_id)).await.expect(200)["programId"], second_id);
    let jane = free.post("/partners", json!({"email": "jane@example.com", "programId": second_id})).await.expect(201);
    assert_eq!(jane["programId"], second_id);
    second.actor.get(&path(&first_id)).await.expect_error(404);
}

#[tokio::test]
async fn unknown_malformed_and_foreign_programs_do_not_exist() {
    let world = World::start().await;
    let other = world.app.workspace("other").await;
    let unknown: ProgramId = world.app.state.ids.next(world.app.clock.now());
    for id in [unknown.to_string(), other.program_id.to_string(), "prog_x".to_owned(), "x".to_owned(), String::new()] {
        let message = world.workspace.actor.get(&format!("/groups?programId={id}")).await.expect_error(404);
        assert_eq!(message, "The program does not exist.", "{id}");
        let body = json!({"email": "jane@example.com", "programId": id});
        assert_eq!(world.workspace.actor.post("/partners", body).await.expect_error(404), message, "{id}");
    }
    for bad in [json!(null), json!(1)] {
        let body = json!({"email": "jane@example.com", "programId": bad});
        let message = world.workspace.actor.post("/partners", body).await.expect_error(422);
        assert!(message.starts_with("invalid_type: programId: "), "{message}");
    }
}

/// Both for a named program and for the program of the key.
#[tokio::test]
async fn an_inactive_program_does_not_exist_within_a_second() {
    let world = World::start().await;
    let second = world.program("go.second.example.com").await;
    let path = format!("/groups?programId={}", second.program_id);
    let ask = async || [world.workspace.actor.get(&path).await.status, second.actor.get("/groups").await.status];
    for (active, expected) in [(true, 200), (false, 404), (true, 200)] {
        set_active(&world, second.program_id, active).await;
        let begin = Instant::now();
        loop {
            let asked_after = begin.elapsed();
            if ask().await.iter().all(|status| *status == expected) {
                break;
            }
            assert!(asked_after <= Duration::from_secs(1), "active = {active} has no effect after {asked_after:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    assert_eq!(world.workspace.actor.get("/groups").await.status, 200);
}

#[tokio::test]
async fn the_default_program_stays_active_until_another_program_is_the_default() {
    let world = World::start().await;
    let second = world.program("go.second.example.com").await;
    let conn = &mut world.app.sql().await;
    let (now, workspace) = (world.app.clock.now(), &world.workspace);
    let first = ProgramScope { workspace_id: workspace.id, program_id: workspace.program_id };
    let other = ProgramScope { program_id: second.program_id, ..first };
    let off = ProgramChanges { active: Some(false), ..ProgramChanges::default() };
    let refused = programs::update_program(conn, first, &off, now).await.unwrap_err();
    assert_eq!(refused.code().status(), 409);
    programs::update_program(conn, other, &off, now).await.unwrap();
    let refused = programs::update_default_program(conn, other).await.unwrap_err();
    assert_eq!(refused.code().status(), 409);
    set_active(&world, second.program_id, true).await;
    programs::update_default_program(conn, other).await.unwrap();
    programs::update_program(conn, first, &off, now).await.unwrap();

    let key = world.app.actor_with(workspace, &[pearset::testing::workspaces::Scope::ApisAll]).await;
    assert_eq!(key.get("/groups/default").await.expect(200)["programId"], second.program_id.to_string());
    // An operator's own statement can deactivate the default program; then no program exists.
    conn.execute("UPDATE programs SET deactivated_at = now()").await.unwrap();
    let key = world.app.actor_with(workspace, &[pearset::testing::workspaces::Scope::ApisAll]).await;
    key.get("/groups").await.expect_error(404);
}
