//! All settings, from flags and environment variables, validated once at start. Other folders do not know this file:
//! each folder has a small struct with its settings, which is built here.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, bail};
use clap::Args;
use sqlx::postgres::PgConnectOptions;
use url::Url;

use crate::db;
use crate::embed_tokens::SigningKeySource;
use crate::http::overload;
use crate::telemetry::{self, LogFormat};
use crate::workspaces::{ApiKey, RateLimits};

/// The settings as given. The name of each value is the name of its environment variable, so that an error about a value
/// names the variable.
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// Address to listen on
    #[arg(
        long,
        global = true,
        env = "PEARSET_LISTEN",
        value_name = "PEARSET_LISTEN",
        default_value = "127.0.0.1:8080"
    )]
    pub listen: SocketAddr,

    /// Address that serves GET /metrics [default: none]
    #[arg(long, global = true, env = "PEARSET_METRICS_LISTEN", value_name = "PEARSET_METRICS_LISTEN")]
    pub metrics_listen: Option<SocketAddr>,

    /// OpenTelemetry collector that takes spans over HTTP, most often on port 4318 [default: none]
    #[arg(long, global = true, env = "PEARSET_OTLP_ENDPOINT", value_name = "PEARSET_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<Url>,

    /// Folder of the embedded database
    #[arg(long, global = true, env = "PEARSET_DATA_DIR", value_name = "PEARSET_DATA_DIR", default_value = ".pearset")]
    pub data_dir: PathBuf,

    /// PostgreSQL 15 or newer to use in place of the embedded one [postgres://…]
    // No parser: clap would show a wrong value, and with it the password.
    #[arg(long, global = true, env = "DATABASE_URL", value_name = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<Secret>,

    /// Address that clients reach the server at [default: the address of --listen]
    #[arg(long, global = true, env = "PEARSET_PUBLIC_URL", value_name = "PEARSET_PUBLIC_URL")]
    pub public_url: Option<Url>,

    /// API key of the first workspace, in place of a random one
    #[arg(
        long,
        global = true,
        env = "PEARSET_BOOTSTRAP_API_KEY",
        value_name = "PEARSET_BOOTSTRAP_API_KEY",
        hide_env_values = true
    )]
    pub bootstrap_api_key: Option<Secret>,

    /// Maximum number of database sessions
    #[arg(
        long,
        global = true,
        env = "PEARSET_DATABASE_MAX_CONNECTIONS",
        value_name = "PEARSET_DATABASE_MAX_CONNECTIONS",
        default_value_t = 16,
        value_parser = clap::value_parser!(u16).range(1..=1000)
    )]
    pub database_max_connections: u16,

    /// Requests per minute by plan, or off [default: free=60,pro=600,business=1200,advanced=3000,enterprise=3000]
    #[arg(
        long,
        global = true,
        env = "PEARSET_RATE_LIMITS",
        value_name = "PEARSET_RATE_LIMITS",
        default_value = "",
        hide_default_value = true
    )]
    pub rate_limits: RateLimits,

    /// Redis in which several servers count requests for the rate limits together [redis://…]
    #[arg(long, global = true, env = "PEARSET_REDIS_URL", value_name = "PEARSET_REDIS_URL", hide_env_values = true)]
    pub redis_url: Option<Secret>,

    /// Maximum number of requests in progress [default: the number of database sessions]
    #[arg(
        long,
        global = true,
        env = "PEARSET_MAX_REQUESTS",
        value_name = "PEARSET_MAX_REQUESTS",
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    pub max_requests: Option<u16>,

    /// Maximum number of waiting requests; further requests are rejected [default: four for each request in progress]
    #[arg(long, global = true, env = "PEARSET_MAX_WAITING_REQUESTS", value_name = "PEARSET_MAX_WAITING_REQUESTS")]
    pub max_waiting_requests: Option<u16>,

    /// PEM of the P-256 key (PKCS#8) that signs embed tokens [default: a key in the database]
    #[arg(
        long,
        global = true,
        env = "PEARSET_SIGNING_KEY",
        value_name = "PEARSET_SIGNING_KEY",
        hide_env_values = true
    )]
    pub signing_key: Option<Secret>,

    /// File with the PEM of the signing key
    #[arg(
        long,
        global = true,
        env = "PEARSET_SIGNING_KEY_FILE",
        value_name = "PEARSET_SIGNING_KEY_FILE",
        conflicts_with = "signing_key"
    )]
    pub signing_key_file: Option<PathBuf>,

    /// Log level (error, warn, info, debug, trace) or a filter such as pearset=debug
    #[arg(long, global = true, env = "PEARSET_LOG", value_name = "PEARSET_LOG", default_value = "info")]
    pub log: String,

    /// Format of log lines
    #[arg(long, global = true, env = "PEARSET_LOG_FORMAT", value_name = "PEARSET_LOG_FORMAT", default_value = "auto")]
    pub log_format: LogFormat,
}

/// A setting that must not be shown. `Debug` hides the value.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Returns the URL of a listening server for a client on the same machine.
#[must_use]
pub fn local_url(listen: SocketAddr) -> String {
    format!("http://{}", reachable(listen))
}

/// Returns the address at which a client on the same machine reaches a listener: the loopback address for a listener on
/// all addresses.
#[must_use]
pub fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// Returns whether a URL has neither user info nor query nor fragment.
fn is_bare(url: &Url) -> bool {
    let plain = url.username().is_empty() && url.password().is_none();
    plain && url.query().is_none() && url.fragment().is_none()
}

impl Settings {
    /// Returns the address that clients reach the server at.
    ///
    /// # Errors
    /// When the address is not an http(s) URL without user info, query and fragment.
    pub fn public_url(&self) -> anyhow::Result<Url> {
        let Some(url) = &self.public_url else {
            return Ok(Url::parse(&local_url(self.listen))?);
        };
        if !matches!(url.scheme(), "http" | "https") || !is_bare(url) {
            bail!("PEARSET_PUBLIC_URL must be an http(s) URL without user info, query and fragment");
        }
        Ok(url.clone())
    }

    /// Returns the settings of logs and spans.
    ///
    /// # Errors
    /// When the address of the collector is not an http URL without user info, query and fragment.
    pub fn telemetry(&self) -> anyhow::Result<telemetry::Settings> {
        let (log, log_format) = (self.log.clone(), self.log_format);
        let otlp_endpoint = self.otlp_endpoint.clone();
        if otlp_endpoint.as_ref().is_some_and(|url| url.scheme() != "http" || !is_bare(url)) {
            bail!(
                "PEARSET_OTLP_ENDPOINT must be an http URL without user info, query and fragment: that of a collector \
                 beside the server, which can pass spans on over TLS"
            );
        }
        Ok(telemetry::Settings { log, log_format, otlp_endpoint })
    }

    /// Returns the settings of the database.
    ///
    /// # Errors
    /// When `DATABASE_URL` is not a URL of PostgreSQL. The error does not show the URL, which may hold a password.
    pub fn database(&self) -> anyhow::Result<db::Settings> {
        Ok(db::Settings {
            database: self.database_options()?,
            data_dir: self.data_dir.clone(),
            max_connections: self.database_max_connections,
        })
    }

    fn database_options(&self) -> anyhow::Result<Option<PgConnectOptions>> {
        let Some(url) = self.database_url.as_ref().map(Secret::expose).filter(|url| !url.is_empty()) else {
            return Ok(None);
        };
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            bail!("DATABASE_URL must begin with postgres:// or postgresql://");
        }
        PgConnectOptions::from_str(url)
            .map(Some)
            .map_err(|_| anyhow::anyhow!("DATABASE_URL is not a valid PostgreSQL URL"))
    }

    /// Returns the number of requests in progress at the same time, and the length of the queue.
    #[must_use]
    pub fn admission(&self) -> overload::Limits {
        let in_progress = usize::from(self.max_requests.unwrap_or(self.database_max_connections));
        let waiting = self.max_waiting_requests.map_or(4 * in_progress, usize::from);
        overload::Limits { in_progress, waiting, queue_timeout: overload::Limits::QUEUE_TIMEOUT }
    }

    /// Returns the Redis in which several servers count requests for the rate limits together.
    ///
    /// # Errors
    /// When the URL is not a URL of Redis. The error does not show the URL, which may hold a password.
    pub fn redis(&self) -> anyhow::Result<Option<redis::Client>> {
        let url = self.redis_url.as_ref().map(Secret::expose).filter(|url| !url.is_empty());
        url.map(redis::Client::open)
            .transpose()
            .map_err(|_| anyhow::anyhow!("PEARSET_REDIS_URL must be redis://[user:password@]host[:port][/number]"))
    }

    /// Returns the API key of the first workspace, if the operator chose the key.
    ///
    /// # Errors
    /// When the text is not a well-formed key.
    pub fn bootstrap_api_key(&self) -> anyhow::Result<Option<ApiKey>> {
        let text = self.bootstrap_api_key.as_ref().map(Secret::expose).filter(|text| !text.is_empty());
        text.map(str::parse::<ApiKey>).transpose().map_err(|error| {
            anyhow::anyhow!("PEARSET_BOOTSTRAP_API_KEY is {error}; `pearset key generate` prints a valid key")
        })
    }

    /// Returns the source of the signing key.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn signing_key(&self) -> anyhow::Result<SigningKeySource> {
        if let Some(path) = self.signing_key_file.as_ref().filter(|path| !path.as_os_str().is_empty()) {
            let pem = std::fs::read_to_string(path)
                .with_context(|| format!("PEARSET_SIGNING_KEY_FILE: cannot read {}", path.display()))?;
            return Ok(SigningKeySource::Pem(pem));
        }
        let pem = self.signing_key.as_ref().map(|pem| pem.expose().to_owned()).filter(|pem| !pem.is_empty());
        Ok(pem.map_or(SigningKeySource::Database, SigningKeySource::Pem))
    }

    /// Returns the name of the setting that the signing key came from, for an error about the key.
    #[must_use]
    pub fn signing_key_setting(&self) -> &'static str {
        let file = self.signing_key_file.as_ref().is_some_and(|path| !path.as_os_str().is_empty());
        if file { "PEARSET_SIGNING_KEY_FILE" } else { "PEARSET_SIGNING_KEY" }
    }
}
