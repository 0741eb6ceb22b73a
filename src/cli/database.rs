//! The database of a command, and the look-ups that commands have in common.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

use anyhow::Context;

use crate::app::workers::{self, Supervisor};
use crate::config::Settings;
use crate::db::{Db, Source};
use crate::programs;
use crate::telemetry::Metrics;
use crate::values::clock::{Clock, SystemClock};
use crate::values::id::{Ids, ProgramId, WorkspaceId};
use crate::work::Executor;
use crate::workspaces::{self, Slug};

/// Opens the database (the database of a running server if there is one), brings the schema up to date, and runs the
/// work of a command.
pub(super) fn with_database(
    settings: &Settings,
    work: impl AsyncFnOnce(Executor) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    with_sessions(settings, NonZeroUsize::MIN, work)
}

/// Does the same as [`with_database`] for work that uses up to `sessions` database sessions at the same time. Such work
/// may fill new tables, so the statistics of the tables are kept up to date meanwhile.
pub(super) fn with_sessions(
    settings: &Settings,
    sessions: NonZeroUsize,
    work: impl AsyncFnOnce(Executor) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let source = Source::for_command(&settings.database()?)?;
    let threads = thread::available_parallelism().map_or(sessions, |most| most.min(sessions)).get();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    let outcome = runtime.block_on(async {
        let options = source.prepare().await?;
        let (metrics, clock) = (Arc::<Metrics>::default(), Arc::new(SystemClock) as Arc<dyn Clock>);
        let ids = Arc::new(Ids::system());
        let fills_tables = sessions > NonZeroUsize::MIN;
        let workers = fills_tables.then(|| workers::table_statistics(options.clone())).into_iter().collect();
        let _supervisor = Supervisor::start(workers, &metrics, &clock, &ids);
        let db = Db::new(options, sessions.get(), Arc::clone(&ids), metrics)?;
        work(Executor::new(db, clock, ids)).await
    });
    drop(runtime);
    source.stop();
    outcome
}

/// Finds the workspace with a slug.
pub(super) async fn find_workspace(db: &Db, slug: &Slug) -> anyhow::Result<WorkspaceId> {
    let wanted = slug.clone();
    let found = db
        .global()
        .read("find_workspace", move |conn| {
            let slug = wanted.clone();
            Box::pin(async move { workspaces::find_id_by_slug(conn, slug.as_str()).await })
        })
        .await?;
    found.with_context(|| format!("there is no workspace '{}'", slug.as_str()))
}

/// Finds the workspace of a program.
pub(super) async fn find_workspace_of(db: &Db, id: ProgramId) -> anyhow::Result<WorkspaceId> {
    let found = db
        .global()
        .read("find_workspace_of_program", move |conn| Box::pin(programs::find_workspace_of_program(conn, id)))
        .await?;
    found.context("there is no such program")
}

/// Finds the named program of a workspace, or the default program when none is named.
pub(super) async fn find_program(
    db: &Db,
    workspace_id: WorkspaceId,
    id: Option<ProgramId>,
) -> anyhow::Result<ProgramId> {
    let found = db
        .tenant(workspace_id)
        .read("find_program", move |conn| Box::pin(programs::find_program_id(conn, workspace_id, id)))
        .await?;
    found.context("the workspace has no such program")
}
