//! Logging to standard error. A thread of its own writes the lines: a slow reader must not delay a request.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::bail;
use clap::ValueEnum;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Subscriber;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, fmt, registry};

use super::{OTLP, REQUEST, Settings};

/// The most lines that wait to be written. More lines are dropped and counted.
const MAX_WAITING_LINES: usize = 8_192;
/// Bytes that are written in one system call when lines arrive fast.
const WRITE_BUFFER: usize = 64 * 1024;
/// The longest delay of a line that arrives directly after another line.
const GATHER_PERIOD: Duration = Duration::from_millis(5);

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Human,
    /// One JSON object per line.
    Json,
}

/// The writing thread. Dropping the guard writes the lines that wait.
static WRITER: Mutex<Option<WorkerGuard>> = Mutex::new(None);
static DROPPED: OnceLock<ErrorCounter> = OnceLock::new();

/// Starts logging to standard error, and hands spans to their exporter.
pub(super) fn start(settings: &Settings, spans: Option<&SdkTracerProvider>) -> anyhow::Result<()> {
    let filter = settings.log.parse().ok().filter(|_: &Targets| settings.log.split(',').all(is_level_or_rule));
    let Some(filter) = filter else {
        bail!("PEARSET_LOG must be a level (error, warn, info, debug, trace) or a filter like pearset=debug");
    };
    let filter = filter
        // The notice of a migration that finds its table in place is noise.
        .with_target("sqlx::postgres::notice", LevelFilter::WARN)
        // Lines of every level have the id of their request.
        .with_target(REQUEST, LevelFilter::ERROR)
        .with_target(OTLP, LevelFilter::OFF);
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(MAX_WAITING_LINES)
        .thread_name("log")
        .finish(Gathering(BufWriter::with_capacity(WRITE_BUFFER, io::stderr())));
    let _ = DROPPED.set(writer.error_counter());
    *WRITER.lock().unwrap_or_else(PoisonError::into_inner) = Some(guard);
    match spans {
        // One filter for everything costs less than one filter for each layer.
        None => registry().with(filter).with(lines(settings.log_format, writer)).init(),
        Some(provider) => {
            let spans = tracing_opentelemetry::layer()
                .with_tracer(provider.tracer("pearset"))
                .with_location(false)
                .with_threads(false)
                .with_target(false)
                .with_tracked_inactivity(false)
                .with_filter(Targets::new().with_target(OTLP, LevelFilter::TRACE));
            registry().with(lines(settings.log_format, writer).with_filter(filter)).with(spans).init();
        }
    }
    Ok(())
}

/// A writer with a pause after each write, so that the lines of the pause are written together. Without the pause the
/// thread is woken for each line, and waking costs a request more than the line itself.
struct Gathering<W>(W);

impl<W: Write> Write for Gathering<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    /// Called by the writing thread when no line waits.
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()?;
        thread::sleep(GATHER_PERIOD);
        Ok(())
    }
}

/// Returns the layer that writes events as lines.
fn lines<S>(format: LogFormat, writer: NonBlocking) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let terminal = io::stderr().is_terminal();
    let lines = fmt::layer().with_writer(writer);
    match format {
        LogFormat::Human => lines.with_ansi(terminal).with_target(false).boxed(),
        LogFormat::Auto if terminal => lines.with_target(false).boxed(),
        LogFormat::Auto | LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
    }
}

/// Writes the lines that wait, and ends logging. Takes at most one second.
pub fn flush() {
    let guard = WRITER.lock().unwrap_or_else(PoisonError::into_inner).take();
    // Outside of the lock: dropping the guard waits for the writing thread.
    drop(guard);
}

/// Returns the number of lines that were dropped because standard error was not read fast enough.
#[must_use]
pub fn dropped_lines() -> u64 {
    DROPPED.get().map_or(0, |lines| lines.dropped_lines().try_into().unwrap_or(u64::MAX))
}

/// Returns whether a part of the filter is a level or a rule. The filter itself would treat a misspelled level as the
/// name of a module, and would log nothing of any other module.
fn is_level_or_rule(part: &str) -> bool {
    part.contains('=') || part.trim().parse::<LevelFilter>().is_ok()
}
