//! `pearset import`: moves a customer in from another system.

mod columns;
mod csv;
mod jsonl;
mod outcome;
mod progress;
mod report;
mod run;
mod source;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use clap::{Args, Subcommand};

use super::database::{find_program, find_workspace};
use super::output::Output;
use crate::app::{Parts, assemble};
use crate::config::Settings;
use crate::db::Db;
use crate::embed_tokens::{Keyring, SigningKeySource};
use crate::enrollments::Enroller;
use crate::http::rate_limit::Limiter;
use crate::programs;
use crate::values::ProgramScope;
use crate::values::clock::{Clock, SystemClock};
use crate::values::id::{Ids, ProgramId};
use crate::work::Actor;
use crate::workspaces::Slug;

/// `pearset import`
#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// Enroll the partners of a file. Partners who are enrolled already are found, so that the command can be repeated
    Partners(ImportPartners),
}

/// `pearset import partners`
#[derive(Debug, Args)]
pub struct ImportPartners {
    /// A .jsonl file with a body of `POST /partners` on each line, or a .csv file with the same names in the header
    file: PathBuf,
    /// Slug of the workspace
    #[arg(long)]
    workspace: Slug,
    /// Id of the program [default: the workspace's default program]
    #[arg(long)]
    program: Option<ProgramId>,
    /// Write nothing, and report the outcome that each row would have if it were the only row
    #[arg(long)]
    dry_run: bool,
    /// Write each refused row to this file, with its line and the error
    #[arg(long)]
    report: Option<PathBuf>,
    /// Maximum number of rows in progress at the same time
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    concurrency: u16,
    /// Maximum time to wait for a database that does not answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(..=3_600))]
    wait: u64,
    /// The format of the result
    #[command(flatten)]
    output: Output,
}

impl ImportCommand {
    /// Returns the number of database sessions that the import needs at the same time.
    pub(super) fn sessions(&self) -> NonZeroUsize {
        let Self::Partners(import) = self;
        NonZeroUsize::new(import.concurrency.into()).unwrap_or(NonZeroUsize::MIN)
    }

    pub(super) async fn run(self, db: Db, settings: &Settings) -> anyhow::Result<()> {
        let Self::Partners(import) = self;
        import.run(db, settings).await
    }
}

impl ImportPartners {
    async fn run(self, db: Db, settings: &Settings) -> anyhow::Result<()> {
        let workspace_id = find_workspace(&db, &self.workspace).await?;
        let scope = ProgramScope { workspace_id, program_id: find_program(&db, workspace_id, self.program).await? };
        let is_active = db
            .tenant(workspace_id)
            .read("find_program", move |conn| Box::pin(programs::is_active(conn, scope)))
            .await?;
        if !is_active {
            bail!("the program is not active");
        }
        let db = if self.dry_run { db.rehearsal() } else { db };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let app = assemble(Parts {
            db,
            limiter: Limiter::new(None, &clock, None),
            admission: settings.admission(),
            clock,
            ids: Arc::new(Ids::system()),
            keyring: Keyring::new(&SigningKeySource::Database)?,
            metrics: Arc::default(),
            public_url: settings.public_url()?,
        });
        let import = run::Import {
            enroller: Enroller::new(app.executor.clone(), app.lookups.clone()),
            actor: Actor::command_line(workspace_id),
            scope,
            docs_url: app.public_url.docs(),
            dry_run: self.dry_run,
            concurrency: self.concurrency.into(),
            max_wait: Duration::from_secs(self.wait),
        };
        import.run(&self.file, self.report.as_deref(), self.output.json).await
    }
}
