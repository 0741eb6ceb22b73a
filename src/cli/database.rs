//! The database that a command works on, and what it looks up there first.

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
use crate::workspaces::{self, Slug};

/// Opens the database (that of a running server if there is one), brings its schema up to date, and does the work.
pub(super) fn with_database(
    settings: &Settings,
    work: impl AsyncFnOnce(Db) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    with_sessions(settings, NonZeroUsize::MIN, work)
}

/// The same for work that uses so many sessions at the same time: it may be what fills new tables.
pub(super) fn with_sessions(
    settings: &Settings,
    sessions: NonZeroUsize,
    work: impl AsyncFnOnce(Db) -> anyhow::Result<()>,
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
        work(Db::new(options, sessions.get(), ids, metrics)?).await
    });
    drop(runtime);
    source.stop();
    outcome
}

/// The workspace with this slug.
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

/// The workspace of a program.
pub(super) async fn find_workspace_of(db: &Db, id: ProgramId) -> anyhow::Result<WorkspaceId> {
    let found = db
        .global()
        .read("find_workspace_of_program", move |conn| Box::pin(programs::find_workspace_of_program(conn, id)))
        .await?;
    found.context("there is no such program")
}

/// The program that a command means, which must be of the workspace.
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
