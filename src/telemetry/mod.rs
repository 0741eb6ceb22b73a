//! Telemetry for the operator: logs, metrics, spans.

mod handles;
mod logs;
pub mod metrics;
mod otlp;

pub use logs::{LogFormat, flush};
pub use metrics::Metrics;

use opentelemetry_sdk::trace::SdkTracerProvider;
use url::Url;

/// The target of the access log: `PEARSET_LOG=info,pearset::access=off` switches it off.
pub const ACCESS: &str = "pearset::access";
/// The target of the span around a request, which gives each log line the id of the request.
pub const REQUEST: &str = "pearset::request";
/// The target of the spans that go to the collector only.
pub const OTLP: &str = "pearset::otlp";

/// The settings of logs and spans.
#[derive(Debug)]
pub struct Settings {
    /// The level or filter of log lines.
    pub log: String,
    /// The format of log lines.
    pub log_format: LogFormat,
    /// The OpenTelemetry collector that receives spans.
    pub otlp_endpoint: Option<Url>,
}

/// Running telemetry. Dropping the value writes the remaining log lines and spans.
#[must_use]
pub struct Running(Option<SdkTracerProvider>);

/// Starts logging, and sends spans if the settings name a collector.
///
/// # Errors
/// When a setting cannot be used.
pub fn start(settings: &Settings) -> anyhow::Result<Running> {
    let provider = settings.otlp_endpoint.as_ref().map(otlp::provider).transpose()?;
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
