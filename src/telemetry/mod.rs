//! What an operator sees of the server: logs, metrics, spans.

mod handles;
mod logs;
pub mod metrics;
mod otlp;

pub use logs::{dropped_lines, flush};
pub use metrics::Metrics;

use opentelemetry_sdk::trace::SdkTracerProvider;

use crate::config::Settings;

/// The target of the access log: `PEARSET_LOG=info,pearset::access=off` switches it off.
pub const ACCESS: &str = "pearset::access";
/// The target of the span around a request, which gives each line its request id.
pub const REQUEST: &str = "pearset::request";
/// The target of the spans that go to a collector, and nowhere else.
pub const OTLP: &str = "pearset::otlp";

/// Logs for as long as it lives; what is left of lines and spans is written when it goes.
#[must_use]
pub struct Running(Option<SdkTracerProvider>);

/// Starts logging, and sending spans if a collector is named.
///
/// # Errors
/// When a setting cannot be used.
pub fn start(settings: &Settings) -> anyhow::Result<Running> {
    let provider = settings.otlp_endpoint()?.map(otlp::provider).transpose()?;
    logs::start(settings, provider.as_ref())?;
    Ok(Running(provider))
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(provider) = &self.0 {
            otlp::finish(provider);
        }
        flush();
    }
}
