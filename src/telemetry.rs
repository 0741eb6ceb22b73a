//! Logging.

use std::io::{self, IsTerminal};

use anyhow::bail;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::config::{LogFormat, Settings};

/// Starts logging to standard error.
///
/// # Errors
/// When the filter cannot be understood.
pub fn start(settings: &Settings) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.log).ok().filter(|_| settings.log.split(',').all(is_level_or_rule));
    let Some(filter) = filter else {
        bail!("PEARSET_LOG must be a level (error, warn, info, debug, trace) or a filter like pearset=debug");
    };
    // A migration that finds its table in place is no news.
    let filter = filter.add_directive("sqlx::postgres::notice=warn".parse()?);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let terminal = io::stderr().is_terminal();
    match settings.log_format {
        LogFormat::Human => builder.with_ansi(terminal).with_target(false).init(),
        LogFormat::Auto if terminal => builder.with_target(false).init(),
        LogFormat::Auto | LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}

/// A bare word is a level here. The filter would take one that is none for the name of a module, and log nothing of
/// all others.
fn is_level_or_rule(part: &str) -> bool {
    part.contains(['=', '[', ']']) || part.trim().parse::<LevelFilter>().is_ok()
}
