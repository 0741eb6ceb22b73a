//! `pearset import`: how a customer moves in from another system.

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
use crate::http::rate_limit::Limiter;
use crate::programs;
use crate::values::ProgramScope;
use crate::values::clock::{Clock, SystemClock};
use crate::values::id::{Ids, ProgramId};
use crate::workspaces::Slug;

/// `pearset import`
#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// Enroll the partners of a file; who is enrolled already is found, so that it may be run again
    Partners(ImportPartners),
}

/// `pearset import partners`
#[derive(Debug, Args)]
pub struct ImportPartners {
    /// A .jsonl file with a body of `POST /partners` on each line, or a .csv file whose header has the same names
    file: PathBuf,
    /// Slug of the workspace
    #[arg(long)]
    workspace: Slug,
    /// Id of the program [default: the workspace's default program]
    #[arg(long)]
    program: Option<ProgramId>,
    /// Write nothing: tell what would become of each row, if it were the only one
    #[arg(long)]
    dry_run: bool,
    /// Where each refused row is written, with its line, the error and the row
    #[arg(long)]
    report: Option<PathBuf>,
    /// Rows that are worked on at the same time
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    concurrency: u16,
    /// Seconds to wait for a database that does not answer
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(..=3_600))]
    wait: u64,
    /// How the result is printed
    #[command(flatten)]
    output: Output,
}

impl ImportCommand {
    /// Sessions to the database that it needs at the same time.
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
            app,
            scope,
            dry_run: self.dry_run,
            places: self.concurrency.into(),
            patience: Duration::from_secs(self.wait),
        };
        import.run(&self.file, self.report.as_deref(), self.output.json).await
    }
}
