//! Logging to standard error, by a thread of its own: a reader that is slow must not hold up a request.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::bail;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Subscriber;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, fmt, registry};

use super::{OTLP, REQUEST};
use crate::config::{LogFormat, Settings};

/// Lines that wait to be written, at most. Those above are dropped and counted.
const WAITING_LINES: usize = 8_192;
/// In bytes: so many lines leave in one go when they come fast.
const WRITTEN_AT_ONCE: usize = 64 * 1024;
/// How late a line may be that comes directly after another.
const GATHERED_FOR: Duration = Duration::from_millis(5);

/// The thread that writes: dropping it writes what waits.
static WRITER: Mutex<Option<WorkerGuard>> = Mutex::new(None);
static DROPPED: OnceLock<ErrorCounter> = OnceLock::new();

/// Starts logging to standard error, and hands spans to their exporter.
pub(super) fn start(settings: &Settings, spans: Option<&SdkTracerProvider>) -> anyhow::Result<()> {
    let filter = settings.log.parse().ok().filter(|_: &Targets| settings.log.split(',').all(is_level_or_rule));
    let Some(filter) = filter else {
        bail!("PEARSET_LOG must be a level (error, warn, info, debug, trace) or a filter like pearset=debug");
    };
    let filter = filter
        // A migration that finds its table in place is no news.
        .with_target("sqlx::postgres::notice", LevelFilter::WARN)
        // A line of any level has the id of its request.
        .with_target(REQUEST, LevelFilter::ERROR)
        .with_target(OTLP, LevelFilter::OFF);
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(WAITING_LINES)
        .thread_name("log")
        .finish(Gathering(BufWriter::with_capacity(WRITTEN_AT_ONCE, io::stderr())));
    let _ = DROPPED.set(writer.error_counter());
    *WRITER.lock().unwrap_or_else(PoisonError::into_inner) = Some(guard);
    match spans {
        // One filter for everything costs less than one for each reader.
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

/// Rests after it has written, so that the lines that come meanwhile leave together: a thread that waits for each has
/// to be woken for each, which costs a request more than its line.
struct Gathering<W>(W);

impl<W: Write> Write for Gathering<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    /// What the writing thread does when no line waits.
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()?;
        thread::sleep(GATHERED_FOR);
        Ok(())
    }
}

/// Writes events as lines.
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
    part.contains('=') || part.trim().parse::<LevelFilter>().is_ok()
}
