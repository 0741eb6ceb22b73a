//! The output of a command: one JSON value, or lines for people.

use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write as _};

use anyhow::Context;
use clap::Args;
use serde::Serialize;
use serde_json::Value;

/// The format of the result.
#[derive(Debug, Args)]
pub struct Output {
    /// Print the result as one JSON value
    #[arg(long)]
    pub(super) json: bool,
}

/// Prints a value.
///
/// # Errors
/// When the value cannot be turned into JSON, or cannot be written.
pub(super) fn print(value: &impl Serialize, json: bool) -> anyhow::Result<()> {
    let value = serde_json::to_value(value)?;
    if json {
        return write(&format!("{value}\n"));
    }
    match &value {
        Value::Array(items) if items.is_empty() => write("none\n"),
        Value::Array(items) => write(&items.iter().map(fields).collect::<Vec<_>>().join("\n")),
        other => write(&fields(other)),
    }
}

/// Writes to standard output. A reader that stops before the end, such as `head`, is not an error.
///
/// # Errors
/// When the text cannot be written.
pub(crate) fn write(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("cannot write the result"),
        _ => Ok(()),
    }
}

fn fields(value: &Value) -> String {
    let Value::Object(fields) = value else {
        return plain(value) + "\n";
    };
    let width = fields.keys().map(String::len).max().unwrap_or_default();
    fields.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{name:width$}  {}", plain(value));
        text
    })
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
