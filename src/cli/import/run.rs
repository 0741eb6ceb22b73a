//! The import itself.

use std::path::Path;
use std::time::Duration;

use anyhow::bail;
use serde::Serialize;
use tokio::sync::watch;

use super::super::output::print;
use super::outcome::{Counts, Outcome, Retry};
use super::progress::Progress;
use super::report::Report;
use super::source::{Chunk, Row, Source};
use crate::app::shutdown::Signals;
use crate::enrollments::bulk::Batch;
use crate::enrollments::{CreatePartnerRequest, EnrollRequest, Enroller, Origin, PartnerRequest};
use crate::error::Error;
use crate::values::ProgramScope;
use crate::work::Actor;

/// An import of partners into a program.
pub(super) struct Import {
    pub(super) enroller: Enroller,
    pub(super) actor: Actor,
    pub(super) scope: ProgramScope,
    pub(super) docs_url: String,
    pub(super) dry_run: bool,
    /// The most rows that are in progress at the same time.
    pub(super) concurrency: usize,
    /// The longest time to wait for a database that does not answer.
    pub(super) max_wait: Duration,
}

/// The result that is printed at the end.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    dry_run: bool,
    #[serde(flatten)]
    counts: Counts,
}

/// The reason why an import ended before the end of the file.
struct Stopped {
    /// The first line that is not imported.
    line: u64,
    reason: String,
}

impl Import {
    /// Imports a file.
    ///
    /// # Errors
    /// After the summary, when the import ended early or rows were refused.
    pub(super) async fn run(self, path: &Path, report: Option<&Path>, json: bool) -> anyhow::Result<()> {
        let source = Source::open(path)?;
        let mut report = Report::create(report, path, &self.docs_url)?;
        let progress = Progress::new(source.size);
        let mut counts = Counts::default();
        let ended = self.import(source, &mut report, &progress, &mut counts).await;
        progress.end();
        report.flush()?;
        print(&Summary { dry_run: self.dry_run, counts }, json)?;
        if let Some(Stopped { line, reason }) = ended? {
            bail!("{reason}: all rows before line {line} are done; run the same command again to continue");
        }
        match counts {
            Counts { rows: 0, .. } => bail!("{} has no rows", path.display()),
            Counts { refused: 0, .. } => Ok(()),
            Counts { refused, rows, .. } => bail!("{refused} of {rows} rows were refused"),
        }
    }

    async fn import(
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
            let stopped = self.process(requests, &mut outcomes, &mut signals).await;
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

    /// Processes the requests of a chunk. Returns the reason if the import ended before all requests were done.
    async fn process(
        &self,
        requests: Vec<(usize, CreatePartnerRequest)>,
        outcomes: &mut [Option<Outcome>],
        signals: &mut Signals,
    ) -> Option<String> {
        let (stop, stopped) = watch::channel(false);
        let retry = Retry { max_wait: self.max_wait, stopped };
        let work = |request: CreatePartnerRequest| self.enroll(request.partner, retry.clone());
        let mut batch = Batch::new(requests, self.concurrency, work);
        let mut reason = None;
        loop {
            tokio::select! {
                done = batch.next() => {
                    let Some((number, outcome)) = done else { return reason };
                    if let Outcome::Undone(error) = &outcome
                        && reason.is_none()
                    {
                        let (seconds, cause) = (self.max_wait.as_secs(), cause(error));
                        reason = Some(format!("the database did not answer for {seconds} s ({cause})"));
                    }
                    outcomes[number] = Some(outcome);
                }
                // The second signal does not even wait for rows in progress.
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

    /// Enrolls the partner of a row.
    fn enroll(&self, partner: PartnerRequest, retry: Retry) -> impl Future<Output = Outcome> + Send + use<> {
        let (enroller, actor, scope) = (self.enroller.clone(), self.actor, self.scope);
        retry.outcome(move || {
            let (enroller, partner) = (enroller.clone(), partner.clone());
            async move {
                let request = EnrollRequest::for_partner(scope, Origin::Workspace, partner);
                Ok(enroller.enroll(actor, request).await?.is_new)
            }
        })
    }
}

fn cause(error: &Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}
