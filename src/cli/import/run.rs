//! The import itself.

use std::path::Path;
use std::time::Duration;

use anyhow::bail;
use serde::Serialize;
use tokio::sync::watch;

use super::super::output::print;
use super::outcome::{Counts, Outcome, Patience};
use super::progress::Progress;
use super::report::Report;
use super::source::{Chunk, Row, Source};
use crate::app::shutdown::Signals;
use crate::enrollments::bulk::Batch;
use crate::enrollments::{CreatePartnerRequest, PartnerRequest, enroll_by_workspace};
use crate::error::Error;
use crate::surfaces::state::AppState;
use crate::values::ProgramScope;

/// An import that is about to begin.
pub(super) struct Import {
    pub(super) app: AppState,
    pub(super) scope: ProgramScope,
    pub(super) dry_run: bool,
    /// Rows that are worked on at the same time.
    pub(super) places: usize,
    /// How long a database that does not answer is waited for.
    pub(super) patience: Duration,
}

/// What is told at the end.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    dry_run: bool,
    #[serde(flatten)]
    counts: Counts,
}

/// Why an import ends before the file does.
struct Stopped {
    /// The first line that is not done.
    line: u64,
    reason: String,
}

impl Import {
    /// Imports a file.
    ///
    /// # Errors
    /// When it could not finish, or rows were refused: after the summary.
    pub(super) async fn run(self, path: &Path, report: Option<&Path>, json: bool) -> anyhow::Result<()> {
        let source = Source::open(path)?;
        let mut report = Report::create(report, path, &self.app.config.docs_url)?;
        let progress = Progress::new(source.size);
        let mut counts = Counts::default();
        let ended = self.work(source, &mut report, &progress, &mut counts).await;
        progress.end();
        report.flush()?;
        print(&Summary { dry_run: self.dry_run, counts }, json)?;
        if let Some(Stopped { line, reason }) = ended? {
            bail!("{reason}: all rows before line {line} are done; run the same command again to go on");
        }
        match counts {
            Counts { rows: 0, .. } => bail!("{} has no rows", path.display()),
            Counts { refused: 0, .. } => Ok(()),
            Counts { refused, rows, .. } => bail!("{refused} of {rows} rows were refused"),
        }
    }

    async fn work(
        &self,
        source: Source,
        report: &mut Report,
        progress: &Progress,
        counts: &mut Counts,
    ) -> anyhow::Result<Option<Stopped>> {
        // The first signal stops the import, the second one does not wait for rows in progress.
        let mut signals = Signals::listen(2)?;
        let mut chunks = source.chunks(self.scope.program_id);
        while let Some(chunk) = chunks.recv().await {
            let Chunk { rows, bytes } = chunk?;
            let (mut requests, mut outcomes) = (Vec::new(), Vec::with_capacity(rows.len()));
            let mut originals = Vec::with_capacity(rows.len());
            for (number, Row { original, request }) in rows.into_iter().enumerate() {
                originals.push(original);
                outcomes.push(match request {
                    Ok(request) => {
                        requests.push((number, request));
                        None
                    }
                    Err(error) => Some(Outcome::Refused(error)),
                });
            }
            let stopped = self.settle(requests, &mut outcomes, &mut signals).await;
            let mut undone = None;
            for (row, outcome) in originals.iter().zip(outcomes) {
                let Some(outcome) = outcome else {
                    undone.get_or_insert(row.line);
                    continue;
                };
                counts.add(&outcome);
                match outcome {
                    Outcome::Created | Outcome::Found => {}
                    Outcome::Refused(error) => report.add(row, &error, progress)?,
                    Outcome::Undone(_) => {
                        undone.get_or_insert(row.line);
                    }
                }
            }
            report.flush()?;
            progress.reached(bytes, *counts);
            if let Some(reason) = stopped {
                let line = undone.or_else(|| originals.last().map(|row| row.line + 1)).unwrap_or_default();
                return Ok(Some(Stopped { line, reason }));
            }
        }
        Ok(None)
    }

    /// Does what the requests ask for. Returns why it ended before all were done.
    async fn settle(
        &self,
        requests: Vec<(usize, CreatePartnerRequest)>,
        outcomes: &mut [Option<Outcome>],
        signals: &mut Signals,
    ) -> Option<String> {
        let (stop, stopped) = watch::channel(false);
        let patience = Patience { limit: self.patience, stopped };
        let work = |request: CreatePartnerRequest| self.outcome(request.partner, patience.clone());
        let mut batch = Batch::new(requests, self.places, work);
        let mut reason = None;
        loop {
            tokio::select! {
                done = batch.next() => {
                    let Some((number, outcome)) = done else { return reason };
                    if let Outcome::Undone(error) = &outcome
                        && reason.is_none()
                    {
                        let (limit, cause) = (self.patience.as_secs(), cause(error));
                        reason = Some(format!("the database did not answer for {limit} s ({cause})"));
                    }
                    outcomes[number] = Some(outcome);
                }
                // Whoever asks twice does not even wait for what has begun.
                () = signals.next() => match reason {
                    Some(_) => return reason,
                    None => reason = Some("interrupted".to_owned()),
                },
            }
            if reason.is_some() {
                batch.stop();
                stop.send_replace(true);
            }
        }
    }

    /// What becomes of one row.
    fn outcome(&self, partner: PartnerRequest, patience: Patience) -> impl Future<Output = Outcome> + Send + use<> {
        let (app, scope) = (self.app.clone(), self.scope);
        patience.outcome(move || {
            let (app, partner) = (app.clone(), partner.clone());
            async move { Ok(enroll_by_workspace(&app, scope, partner).await?.is_new) }
        })
    }
}

fn cause(error: &Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}
