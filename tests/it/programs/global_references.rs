//! Rows that are read before the workspace is known refer to rows of their own workspace only. No foreign key enforces
//! this rule.

use pearset::testing::db::Db;
use pearset::testing::domains::{LinkAddress, NewDomain, insert_domain};
use pearset::testing::error::Result;
use pearset::testing::programs::update_default_program;
use pearset::testing::provisioning::CreateApiKey;
use pearset::testing::values::ProgramScope;
use pearset::testing::values::clock::Clock as _;
use pearset::testing::values::id::{ProgramId, WorkspaceId};
use pearset::testing::work::Actor;
use pearset::testing::workspaces::{ApiKey, Scopes};

use crate::enrollments::fixtures::World;
use crate::support::invariants;

async fn new_key(world: &World, workspace_id: WorkspaceId, program_id: ProgramId) -> Result<()> {
    let create = CreateApiKey {
        key: ApiKey::generate(&world.app.state.ids),
        name: "test".to_owned(),
        program_id: Some(program_id),
        scopes: Scopes::default(),
        expires_at: None,
    };
    world.app.state.executor.run(Actor::command_line(workspace_id), create).await.map(drop)
}

async fn new_default(db: &Db, workspace_id: WorkspaceId, program_id: ProgramId) -> Result<()> {
    let made = db
        .tenant(workspace_id)
        .run("test", move |conn, _| Box::pin(update_default_program(conn, ProgramScope { workspace_id, program_id })));
    made.await
}

#[tokio::test]
async fn a_program_of_another_workspace_or_of_none_is_refused() {
    let world = World::start().await;
    let own = world.program("second.example.com").await;
    let other = world.app.workspace("other").await;
    let unknown: ProgramId = world.app.state.ids.next(world.app.clock.now());
    for program in [other.program_id, unknown] {
        assert_eq!(new_key(&world, world.workspace.id, program).await.unwrap_err().code().status(), 404);
        let refused = new_default(&world.app.state.db, world.workspace.id, program).await;
        assert_eq!(refused.unwrap_err().code().status(), 404);
    }
    invariants::check(&world.app).await;
    new_key(&world, world.workspace.id, own.program_id).await.unwrap();
    new_default(&world.app.state.db, world.workspace.id, own.program_id).await.unwrap();
    invariants::check(&world.app).await;
}

/// A host and its domain are made together or not at all.
#[tokio::test]
async fn a_host_belongs_to_the_domain_that_it_was_made_with() {
    let world = World::start().await;
    let other = world.app.workspace("other").await;
    let host = "go.acme.com";
    for (workspace, free) in [(&world.workspace, true), (&other, false)] {
        let (id, now) = (world.app.state.ids.next(world.app.clock.now()), world.app.clock.now());
        let (workspace_id, program_id) = (workspace.id, workspace.program_id);
        let made = world.app.state.db.tenant(workspace_id).run("test", move |conn, _| {
            Box::pin(async move {
                let address = LinkAddress::served(host.parse().unwrap());
                insert_domain(
                    conn,
                    ProgramScope { workspace_id, program_id },
                    NewDomain { id, address: &address, is_additional: false },
                    now,
                )
                .await
            })
        });
        assert_eq!(made.await.is_ok(), free, "the host is free");
        invariants::check(&world.app).await;
    }
    let hosts = "SELECT count(*) FROM domains WHERE host = 'go.acme.com'";
    assert_eq!(invariants::count(&mut world.app.sql().await, hosts).await, 1);
}
