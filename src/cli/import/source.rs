//! The file to be imported, row by row.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::thread;

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::sync::mpsc::{self, Receiver};

use super::csv::CsvRows;
use super::jsonl::JsonlRows;
use crate::enrollments::CreatePartnerRequest;
use crate::error::{Error, Result};
use crate::validation::{Problem, ProblemCode, read_request};
use crate::values::id::ProgramId;

/// The largest row, in bytes. The same as for the body of a request.
pub(super) const MAX_ROW: usize = 1024 * 1024;

/// The limits of a chunk. The next chunk is read while a chunk is processed.
const CHUNK_ROWS: usize = 1_000;
const CHUNK_BYTES: u64 = 2 * 1024 * 1024;

/// The first bytes of files that some programs write.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A row of the file.
pub(super) struct RawRow {
    /// The first line of the row, counted from 1.
    pub(super) line: u64,
    /// The body of the request.
    pub(super) body: std::result::Result<Value, Unreadable>,
}

/// A row that cannot be read as the body of a request.
pub(super) struct Unreadable {
    pub(super) text: String,
    pub(super) error: Error,
}

/// A row in a report.
pub(super) struct Original {
    pub(super) line: u64,
    pub(super) content: Value,
}

/// A row to be imported.
pub(super) struct Row {
    pub(super) original: Original,
    pub(super) request: Result<CreatePartnerRequest>,
}

impl Row {
    fn new(raw: RawRow, program_id: ProgramId) -> Self {
        let (content, request) = match raw.body {
            Ok(body) => {
                let request = read(&body, program_id);
                (body, request)
            }
            Err(Unreadable { text, error }) => (Value::String(text), Err(error)),
        };
        Self { original: Original { line: raw.line, content }, request }
    }
}

fn read(body: &Value, program_id: ProgramId) -> Result<CreatePartnerRequest> {
    let request: CreatePartnerRequest = read_request(body)?;
    if request.program.is_some_and(|named| named.0 != Some(program_id)) {
        return Err(Error::invalid(vec![Problem {
            code: ProblemCode::InvalidValue,
            path: "programId".to_owned(),
            message: "Must be the program of the import".into(),
        }]));
    }
    Ok(request)
}

/// Rows that are processed together.
pub(super) struct Chunk {
    pub(super) rows: Vec<Row>,
    /// The number of bytes of the file that are read after this chunk.
    pub(super) bytes: u64,
}

/// An open file.
pub(super) struct Source {
    pub(super) size: u64,
    rows: Rows,
}

enum Rows {
    Csv(Box<CsvRows<BufReader<File>>>),
    Jsonl(JsonlRows<BufReader<File>>),
}

impl Source {
    /// Opens a file. The extension of the name tells the format.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let name = path.display();
        let file = File::open(path).with_context(|| format!("cannot read {name}"))?;
        let size = file.metadata()?.len();
        let mut text = BufReader::new(file);
        if text.fill_buf().with_context(|| format!("cannot read {name}"))?.starts_with(BYTE_ORDER_MARK) {
            text.consume(BYTE_ORDER_MARK.len());
        }
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let rows = match extension.to_ascii_lowercase().as_str() {
            "csv" => Rows::Csv(Box::new(CsvRows::new(text).with_context(|| format!("{name}"))?)),
            "jsonl" | "ndjson" => Rows::Jsonl(JsonlRows::new(text)),
            _ => bail!("{name} must be a .csv or a .jsonl file"),
        };
        Ok(Self { size, rows })
    }

    /// Reads the file on a separate thread, at most one chunk ahead of the receiver.
    pub(super) fn chunks(mut self, program_id: ProgramId) -> Receiver<anyhow::Result<Chunk>> {
        let (sender, chunks) = mpsc::channel(1);
        thread::spawn(move || {
            while let Some(chunk) = self.chunk(program_id).transpose() {
                let failed = chunk.is_err();
                if sender.blocking_send(chunk).is_err() || failed {
                    return;
                }
            }
        });
        chunks
    }

    fn chunk(&mut self, program_id: ProgramId) -> anyhow::Result<Option<Chunk>> {
        let (begin, mut rows) = (self.rows.position(), Vec::new());
        while rows.len() < CHUNK_ROWS && self.rows.position() - begin < CHUNK_BYTES {
            let Some(raw) = self.rows.next()? else { break };
            rows.push(Row::new(raw, program_id));
        }
        Ok((!rows.is_empty()).then_some(Chunk { rows, bytes: self.rows.position() }))
    }
}

impl Rows {
    fn next(&mut self) -> anyhow::Result<Option<RawRow>> {
        match self {
            Self::Csv(rows) => rows.next(),
            Self::Jsonl(rows) => rows.next().context("cannot read the next line"),
        }
    }

    fn position(&self) -> u64 {
        match self {
            Self::Csv(rows) => rows.position(),
            Self::Jsonl(rows) => rows.position(),
        }
    }
}
