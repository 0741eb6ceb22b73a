//! This module looks for personal data and secrets that the tests have sent in every output that must be free of
//! them: the log of the application (including trace lines) and of every program that a test starts, the log of
//! PostgreSQL, the metrics, and error answers.
//!
//! API keys, tokens and e-mail addresses are forbidden in every line. The values of personal members
//! ([`PERSONAL_MEMBERS`]: names, customers' ids, passwords, texts about a person) are forbidden if a recent request
//! contained them. A line with a forbidden value ends the whole run immediately, because the line can come from a task
//! whose panic nobody notices.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, Once};
use std::time::Duration;
use std::{process, thread};

use regex::Regex;
use serde_json::Value;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// The exit code of a run that this module ends, equal to the exit code of a failed test.
pub(crate) const ENDED: i32 = 101;

/// Members of a request whose values are personal or secret.
const PERSONAL_MEMBERS: [&str; 12] = [
    "name",
    "username",
    "companyName",
    "description",
    "email",
    "tenantId",
    "externalUserId",
    "externalId",
    "password",
    "token",
    "publicToken",
    "comments",
];
/// The minimum length of remembered values. Shorter values, and plain words, appear in log lines by chance.
const MIN_LENGTH: usize = 6;
/// The number of recent requests whose values are remembered. A request is logged while it runs, or soon after.
const MAX_REMEMBERED: usize = 64;

static REMEMBERED: Mutex<VecDeque<Vec<String>>> = Mutex::new(VecDeque::new());

static PATTERNS: LazyLock<[(&str, Regex); 3]> = LazyLock::new(|| {
    [
        ("an API key", "pst_[0-9A-Za-z]{36}"),
        ("a token", r"eyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+"),
        ("an e-mail address", r"[0-9A-Za-z_.+-]+(@|%40)[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)+"),
    ]
    .map(|(name, pattern)| (name, Regex::new(pattern).unwrap()))
});

/// Returns a description of the first forbidden value in a text.
pub(crate) fn find(text: &str) -> Option<String> {
    let pattern = PATTERNS.iter().find(|(_, pattern)| pattern.is_match(text)).map(|(name, _)| (*name).to_owned());
    pattern.or_else(|| {
        let remembered = REMEMBERED.lock().unwrap();
        remembered
            .iter()
            .flatten()
            .find(|value| text.contains(value.as_str()))
            .map(|value| format!("'{value}' of a request"))
    })
}

fn is_distinctive(value: &str) -> bool {
    value.trim().len() >= MIN_LENGTH && !value.chars().all(|c| c.is_ascii_lowercase())
}

/// Remembers the personal values of a request that was sent, for later look-ups.
pub(crate) fn sent(body: &[u8]) {
    let Ok(body) = serde_json::from_slice(body) else { return };
    let mut personal = Vec::new();
    collect(&body, &mut personal);
    if !personal.is_empty() {
        let mut remembered = REMEMBERED.lock().unwrap();
        remembered.push_back(personal);
        if remembered.len() > MAX_REMEMBERED {
            remembered.pop_front();
        }
    }
}

fn collect(value: &Value, personal: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(text) if PERSONAL_MEMBERS.contains(&name.as_str()) && is_distinctive(text) => {
                        personal.push(text.clone());
                    }
                    value => collect(value, personal),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, personal)),
        _ => {}
    }
}

/// Asserts that an error answer contains no forbidden value.
#[track_caller]
pub(crate) fn check_answer(status: u16, body: &[u8]) {
    if status >= 400 {
        let body = String::from_utf8_lossy(body);
        let found = find(&body);
        assert!(found.is_none(), "an error answer contains {}: {body}", found.unwrap_or_default());
    }
}

/// Ends the run if a log line contains a forbidden value.
pub(crate) fn check_line(line: &str) {
    if let Some(found) = find(line) {
        // The test harness captures `eprintln!`, but not a direct write to stderr.
        let _ = writeln!(io::stderr(), "\nA log line contains {found}, which no log may contain:\n{line}");
        process::exit(ENDED);
    }
}

/// Checks every line that the application logs in this process from now on.
pub(crate) fn watch() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let lines = tracing_subscriber::fmt().with_env_filter(EnvFilter::new("info,pearset=trace,pearset::otlp=off"));
        lines.with_ansi(false).with_writer(Checked).init();
    });
}

/// Checks every line of this file for as long as the process runs.
pub(crate) fn watch_file(path: PathBuf) {
    thread::spawn(move || {
        let mut lines = BufReader::new(File::open(&path).unwrap());
        let mut line = String::new();
        loop {
            match lines.read_line(&mut line) {
                // PostgreSQL may still be writing the rest of the line.
                Ok(_) if !line.ends_with('\n') => thread::sleep(Duration::from_millis(100)),
                Ok(_) => {
                    check_line(&line);
                    line.clear();
                }
                Err(error) => panic!("{}: {error}", path.display()),
            }
        }
    });
}

struct Checked;

impl<'a> MakeWriter<'a> for Checked {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}

impl Write for Checked {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        check_line(&String::from_utf8_lossy(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
