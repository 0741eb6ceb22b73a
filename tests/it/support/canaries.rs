//! Nothing that the tests send of a person, and no secret, may be in what the server writes elsewhere than to its
//! caller: the log of the application (down to its trace lines) and of every program that a test starts, the log of
//! PostgreSQL, the metrics, and the errors that callers get.
//!
//! What counts: keys, tokens, e-mail addresses, in any line; and of what was sent of late, the names, customers' ids,
//! passwords and texts about a person ([`TOLD`]). A line that has one ends the whole run at once: it may come from a
//! task whose panic nobody sees.

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

/// The exit code of a run that is ended here; that of a failed test.
pub(crate) const ENDED: i32 = 101;

/// Members of a request whose values are nobody else's business.
const TOLD: [&str; 12] = [
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
/// Shorter values would be found in lines by chance, as would plain words.
const SHORTEST: usize = 6;
/// Requests whose values are looked for. What a request causes is logged while it runs, or soon after.
const REMEMBERED: usize = 64;

static SENT: Mutex<VecDeque<Vec<String>>> = Mutex::new(VecDeque::new());

static PATTERNS: LazyLock<[(&str, Regex); 3]> = LazyLock::new(|| {
    [
        ("an API key", "pst_[0-9A-Za-z]{36}"),
        ("a token", r"eyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+"),
        ("an e-mail address", r"[0-9A-Za-z_.+-]+(@|%40)[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)+"),
    ]
    .map(|(name, pattern)| (name, Regex::new(pattern).unwrap()))
});

/// What is in a text that must not be.
pub(crate) fn find(text: &str) -> Option<String> {
    let pattern = PATTERNS.iter().find(|(_, pattern)| pattern.is_match(text)).map(|(name, _)| (*name).to_owned());
    pattern.or_else(|| {
        let sent = SENT.lock().unwrap();
        sent.iter().flatten().find(|value| text.contains(value.as_str())).map(|value| format!("'{value}' of a request"))
    })
}

fn is_telling(value: &str) -> bool {
    value.trim().len() >= SHORTEST && !value.chars().all(|c| c.is_ascii_lowercase())
}

/// Remembers what a request tells, to look for it.
pub(crate) fn sent(body: &[u8]) {
    let Ok(body) = serde_json::from_slice(body) else { return };
    let mut told = Vec::new();
    collect(&body, &mut told);
    if !told.is_empty() {
        let mut sent = SENT.lock().unwrap();
        sent.push_back(told);
        if sent.len() > REMEMBERED {
            sent.pop_front();
        }
    }
}

fn collect(value: &Value, told: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(text) if TOLD.contains(&name.as_str()) && is_telling(text) => {
                        told.push(text.clone());
                    }
                    value => collect(value, told),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, told)),
        _ => {}
    }
}

/// An error repeats nothing of what it is about.
#[track_caller]
pub(crate) fn check_answer(status: u16, body: &[u8]) {
    if status >= 400 {
        let body = String::from_utf8_lossy(body);
        let found = find(&body);
        assert!(found.is_none(), "an error has {} in it: {body}", found.unwrap_or_default());
    }
}

/// Ends the run if the line has something in it that it must not have.
pub(crate) fn check_line(line: &str) {
    if let Some(found) = find(line) {
        // The test harness does not take what is written so.
        let _ = writeln!(io::stderr(), "\nA log has {found} in it, which it must not have:\n{line}");
        process::exit(ENDED);
    }
}

/// From now on every line that the application logs in this process is looked at.
pub(crate) fn watch() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let lines = tracing_subscriber::fmt().with_env_filter(EnvFilter::new("info,pearset=trace,pearset::otlp=off"));
        lines.with_ansi(false).with_writer(Checked).init();
    });
}

/// From now on every line of this file is looked at, for as long as the process runs.
pub(crate) fn watch_file(path: PathBuf) {
    thread::spawn(move || {
        let mut lines = BufReader::new(File::open(&path).unwrap());
        let mut line = String::new();
        loop {
            match lines.read_line(&mut line) {
                // The rest of a line may be on its way.
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
