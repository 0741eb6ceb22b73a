//! Refused rows: all of them in a file, the first rows on the terminal.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, bail};
use serde::Serialize;
use serde_json::Value;

use super::progress::Progress;
use super::source::Original;
use crate::error::Error;
use crate::http::response::ErrorObject;

/// The number of refused rows that are shown on the terminal.
const SHOWN: u64 = 10;

/// The report of refused rows.
pub(super) struct Report {
    file: Option<BufWriter<File>>,
    docs_url: String,
    count: u64,
}

/// A line of the report. After a correction, the value of `row` is a line of a `.jsonl` file.
#[derive(Serialize)]
struct Refused<'a> {
    line: u64,
    status: u16,
    error: ErrorObject<'a>,
    row: &'a Value,
}

impl Report {
    /// Creates the report, with a file if `path` is given. Only the owner may read the file, which has personal data.
    pub(super) fn create(path: Option<&Path>, imported: &Path, docs_url: &str) -> anyhow::Result<Self> {
        let Some(path) = path else {
            return Ok(Self { file: None, docs_url: docs_url.to_owned(), count: 0 });
        };
        if let (Ok(old), Ok(imported)) = (path.metadata(), imported.metadata())
            && (old.dev(), old.ino()) == (imported.dev(), imported.ino())
        {
            bail!("the report would overwrite the file to be imported: choose another name for --report");
        }
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { file: Some(BufWriter::new(file)), docs_url: docs_url.to_owned(), count: 0 })
    }

    pub(super) fn add(&mut self, row: &Original, error: &Error, progress: &Progress) -> anyhow::Result<()> {
        self.count += 1;
        if self.count <= SHOWN {
            progress.print(&format!("line {}: {}", row.line, error.message()));
        } else if self.count == SHOWN + 1 {
            progress.print(if self.file.is_some() {
                "… (the report has all refused rows)"
            } else {
                "… (use --report FILE to keep all refused rows)"
            });
        }
        if let Some(file) = &mut self.file {
            let (line, status, row) = (row.line, error.code().status(), &row.content);
            let refused = Refused { line, status, error: ErrorObject::new(error, &self.docs_url), row };
            serde_json::to_writer(&mut *file, &refused).context("cannot write the report")?;
            file.write_all(b"\n").context("cannot write the report")?;
        }
        Ok(())
    }

    /// Writes everything that was added to the file.
    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        match &mut self.file {
            Some(file) => file.flush().context("cannot write the report"),
            None => Ok(()),
        }
    }
}
