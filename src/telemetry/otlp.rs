//! Spans for an OpenTelemetry collector, where the operator names one.

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

/// How long the collector may take for spans.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the last spans are waited for at the end.
const FLUSH: Duration = Duration::from_secs(2);
/// How often a collector that takes none is worth a line.
const WARN_AGAIN_AFTER: Duration = Duration::from_mins(1);

/// Sends spans to the collector, by a thread of its own and some at a time. Those that it cannot keep up with are
/// lost.
pub(super) fn provider(endpoint: &Url) -> anyhow::Result<SdkTracerProvider> {
    let mut endpoint = endpoint.clone();
    // An http URL has a path.
    if let Ok(mut path) = endpoint.path_segments_mut() {
        path.pop_if_empty().extend(["v1", "traces"]);
    }
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Collector::new()?)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint)
        .with_timeout(PATIENCE)
        .build()
        .context("PEARSET_OTLP_ENDPOINT")?;
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_service_name("pearset").with_attribute(version).build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

/// Sends what has not been sent.
pub(super) fn finish(provider: &SdkTracerProvider) {
    // What is left then is lost, and was warned of.
    let _ = provider.shutdown_with_timeout(FLUSH);
}

/// The way to the collector. The thread that sends spans waits for it: it has a runtime of its own, because the
/// server's does not run yet when tracing starts, and no longer when the last spans are sent.
struct Collector {
    client: HyperClient,
    runtime: Runtime,
    warned: Mutex<Option<Instant>>,
}

impl Collector {
    fn new() -> anyhow::Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { client: HyperClient::with_default_connector(PATIENCE, None), runtime, warned: Mutex::default() })
    }

    fn warn(&self, problem: &dyn fmt::Display) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_none_or(|last| last.elapsed() >= WARN_AGAIN_AFTER) {
            *warned = Some(Instant::now());
            tracing::warn!(%problem, "the collector of PEARSET_OTLP_ENDPOINT does not take spans");
        }
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
