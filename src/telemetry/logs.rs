//! Logging to standard error, by a thread of its own: a reader that is slow must not hold up a request.

use std::io::{self, BufWriter, IsTerminal};
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::bail;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::config::{LogFormat, Settings};

/// The target of the access log: `PEARSET_LOG=info,pearset::access=off` switches it off.
pub const ACCESS: &str = "pearset::access";
/// The target of the span around a request, which gives each line its request id.
pub const REQUEST: &str = "pearset::request";

/// Lines that wait to be written, at most. Those above are dropped and counted.
const WAITING_LINES: usize = 8_192;
/// In bytes: so many lines leave in one go when they come fast.
const WRITTEN_AT_ONCE: usize = 64 * 1024;

/// The thread that writes: dropping it writes what waits.
static WRITER: Mutex<Option<WorkerGuard>> = Mutex::new(None);
static DROPPED: OnceLock<ErrorCounter> = OnceLock::new();

/// Starts logging to standard error.
pub(super) fn start(settings: &Settings) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.log).ok().filter(|_| settings.log.split(',').all(is_level_or_rule));
    let Some(filter) = filter else {
        bail!("PEARSET_LOG must be a level (error, warn, info, debug, trace) or a filter like pearset=debug");
    };
    let filter = filter
        // A migration that finds its table in place is no news.
        .add_directive("sqlx::postgres::notice=warn".parse()?)
        // A line of any level has the id of its request.
        .add_directive(format!("{REQUEST}=error").parse()?);
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(WAITING_LINES)
        .thread_name("log")
        .finish(BufWriter::with_capacity(WRITTEN_AT_ONCE, io::stderr()));
    let _ = DROPPED.set(writer.error_counter());
    *WRITER.lock().unwrap_or_else(PoisonError::into_inner) = Some(guard);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    let terminal = io::stderr().is_terminal();
    match settings.log_format {
        LogFormat::Human => builder.with_ansi(terminal).with_target(false).init(),
        LogFormat::Auto if terminal => builder.with_target(false).init(),
        LogFormat::Auto | LogFormat::Json => builder.json().flatten_event(true).with_span_list(false).init(),
    }
    Ok(())
}

/// Writes what waits to be written, and ends logging. Takes a second at most.
pub fn flush() {
    drop(WRITER.lock().unwrap_or_else(PoisonError::into_inner).take());
}

/// Lines that were dropped because standard error was not read fast enough.
#[must_use]
pub fn dropped_lines() -> u64 {
    DROPPED.get().map_or(0, |lines| lines.dropped_lines().try_into().unwrap_or(u64::MAX))
}

/// A bare word is a level here. The filter would take one that is none for the name of a module, and log nothing of
/// all others.
fn is_level_or_rule(part: &str) -> bool {
    part.contains(['=', '[', ']']) || part.trim().parse::<LevelFilter>().is_ok()
}
