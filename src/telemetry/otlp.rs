//! Spans for the OpenTelemetry collector that the operator names.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use futures_core::future::BoxFuture;
use opentelemetry::KeyValue;
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::{self, Runtime};
use url::Url;

/// The time limit for sending spans to the collector.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);
/// The time limit for sending the last spans at shutdown.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);
/// Pause between two log lines about a collector that receives no spans.
const WARN_PAUSE: Duration = Duration::from_mins(1);

/// Returns a provider whose spans go to the collector in batches, sent by a thread of its own. Spans that the thread
/// cannot keep up with are lost.
pub(super) fn provider(endpoint: &Url) -> anyhow::Result<SdkTracerProvider> {
    let mut endpoint = endpoint.clone();
    // Never an error: an http URL has a path.
    if let Ok(mut path) = endpoint.path_segments_mut() {
        path.pop_if_empty().extend(["v1", "traces"]);
    }
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Collector::new()?)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint)
        .with_timeout(SEND_TIMEOUT)
        .build()
        .context("PEARSET_OTLP_ENDPOINT")?;
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_service_name("pearset").with_attribute(version).build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

/// Sends the spans that have not been sent.
pub(super) fn finish(provider: &SdkTracerProvider) {
    // Spans that are still left are lost; a log line has warned of the loss.
    let _ = provider.shutdown_with_timeout(FLUSH_TIMEOUT);
}

/// The client of the collector. The client has a runtime of its own, which the sending thread blocks on: the server's
/// runtime does not run yet when tracing starts, and no longer when the last spans are sent.
struct Collector {
    client: HyperClient,
    runtime: Runtime,
    warned: Mutex<Option<Instant>>,
}

impl Collector {
    fn new() -> anyhow::Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { client: HyperClient::with_default_connector(SEND_TIMEOUT, None), runtime, warned: Mutex::default() })
    }

    fn warn(&self, problem: &dyn fmt::Display) {
        if self.is_warning_due() {
            tracing::warn!(%problem, "the collector of PEARSET_OTLP_ENDPOINT does not accept spans");
        }
    }

    fn is_warning_due(&self) -> bool {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        let due = warned.is_none_or(|last| last.elapsed() >= WARN_PAUSE);
        if due {
            *warned = Some(Instant::now());
        }
        due
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collector")
    }
}

impl HttpClient for Collector {
    fn send_bytes<'a, 'b>(
        &'a self,
        request: Request<Bytes>,
    ) -> BoxFuture<'b, std::result::Result<Response<Bytes>, HttpError>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async move {
            let answer = self.runtime.block_on(self.client.send_bytes(request));
            match &answer {
                Ok(answer) if answer.status().is_success() => {}
                Ok(answer) => self.warn(&answer.status()),
                Err(error) => self.warn(error),
            }
            answer
        })
    }
}
