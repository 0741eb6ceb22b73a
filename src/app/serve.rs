//! The life of a server: from settings to a running server, and through its shutdown.

use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use pearset_listener as server;
use url::Url;

use super::assemble::{Parts, assemble};
use super::shutdown::Signals;
use super::workers::{self, Supervisor};
use crate::config::{Settings, local_url};
use crate::db::{Db, Source};
use crate::embed_tokens::Keyring;
use crate::http::rate_limit::{Limiter, SharedStore};
use crate::provisioning::{CreateFirstWorkspace, CreateWorkspace};
use crate::surfaces::api::build_app;
use crate::surfaces::metrics as scrape;
use crate::surfaces::state::AppState;
use crate::telemetry::Metrics;
use crate::values::clock::{Clock, SystemClock};
use crate::values::id::Ids;
use crate::work::Actor;
use crate::workspaces::{ApiKey, Plan};

/// The time for background workers to finish their rounds after all requests are answered.
const WORKER_DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Starts the server and returns after a signal has ended it. `announce` receives the text for the person who started the
/// server as soon as the server accepts requests.
///
/// # Errors
/// When a setting is wrong, the address is taken, or the database cannot be used.
pub fn serve(settings: &Settings, announce: impl FnOnce(&str) -> anyhow::Result<()>) -> anyhow::Result<()> {
    // All settings are validated before anything is started.
    let key = settings.bootstrap_api_key()?;
    let redis = settings.redis()?;
    let keyring = Keyring::new(&settings.signing_key()?).with_context(|| settings.signing_key_setting())?;
    let listener = bind("PEARSET_LISTEN", settings.listen)?;
    let metrics_listener =
        settings.metrics_listen.map(|address| bind("PEARSET_METRICS_LISTEN", address)).transpose()?;
    // Port 0 asks for any free port: the chosen port is part of the address that clients reach.
    let settings = &Settings { listen: listener.local_addr()?, ..settings.clone() };
    let public_url = settings.public_url()?;
    let mut source = Source::for_server(&settings.database()?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        let mut signals = Signals::listen(1)?;
        let start = start(&source, settings, keyring, redis, key);
        let Started { app, supervisor, first_key } = tokio::select! {
            started = start => started?,
            () = signals.next() => return Ok(()),
        };
        source.end_turn();
        let listener = tokio::net::TcpListener::from_std(listener)?;
        announce(&introduction(&local_url(listener.local_addr()?), &public_url, first_key.as_ref()))?;
        if let Some(listener) = metrics_listener {
            tokio::spawn(scrape::serve(tokio::net::TcpListener::from_std(listener)?, app.clone()));
        }
        let stop = async {
            signals.next().await;
            tracing::info!(
                "shutting down: waiting for requests in progress (a second signal ends the process at once)"
            );
            app.drain.begin(server::DRAIN_DEADLINE);
            supervisor.stop();
        };
        server::serve(listener, build_app(app.clone()), server::Limits::of_process(), stop).await;
        supervisor.drain(WORKER_DRAIN_TIMEOUT).await;
        anyhow::Ok(())
    });
    drop(runtime);
    source.stop();
    outcome
}

fn bind(setting: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).with_context(|| format!("{setting}: cannot listen on {address}"))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// A server that is ready to accept requests.
struct Started {
    app: AppState,
    supervisor: Supervisor,
    /// The API key of the first workspace, if the workspace was created by this start.
    first_key: Option<ApiKey>,
}

/// Brings the schema of the database up to date, assembles the application and starts the background workers.
async fn start(
    source: &Source,
    settings: &Settings,
    keyring: Keyring,
    redis: Option<redis::Client>,
    key: Option<ApiKey>,
) -> anyhow::Result<Started> {
    let options = source.prepare().await?;
    let ids = Arc::new(Ids::system());
    let metrics = Arc::<Metrics>::default();
    let db =
        Db::new(options.clone(), settings.database_max_connections.into(), Arc::clone(&ids), Arc::clone(&metrics))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = redis.map(|client| SharedStore::new(client, Arc::clone(&metrics)));
    if let Some(store) = &store {
        store.connect().await;
    }
    let limiter = Limiter::new(settings.rate_limits.tiers(), &clock, store);
    let public_url = settings.public_url()?;
    let app = assemble(Parts {
        db,
        clock,
        ids,
        keyring,
        limiter,
        admission: settings.admission(),
        metrics,
        public_url: public_url.clone(),
    });
    app.keyring.refresh(&app.db, app.clock.now()).await?;
    let supervisor = Supervisor::start(workers::of_server(&app, options), &app.metrics, &app.clock, &app.ids);
    let first_key = bootstrap(&app, key, &public_url).await?;
    Ok(Started { app, supervisor, first_key })
}

/// Creates the first workspace if there is none, and returns the API key of a workspace that was created.
async fn bootstrap(app: &AppState, key: Option<ApiKey>, public_url: &Url) -> anyhow::Result<Option<ApiKey>> {
    let key = key.unwrap_or_else(|| ApiKey::generate(&app.ids));
    let first = CreateFirstWorkspace(CreateWorkspace {
        name: "Default".to_owned(),
        slug: "default".parse().map_err(anyhow::Error::msg)?,
        plan: Plan::Enterprise,
        key: key.clone(),
        public_url: public_url.clone(),
    });
    let actor = Actor::command_line(app.ids.next(app.clock.now()));
    let created = app.executor.run(actor, first).await?;
    Ok(created.then_some(key))
}

/// Returns the text for the person who started the server: its address, and at the first start a first call.
fn introduction(local_url: &str, public_url: &Url, first_key: Option<&ApiKey>) -> String {
    let mut text = format!("Pearset is ready at {local_url}\n");
    if let Some(key) = first_key {
        let (key, url) = (key.expose(), public_url.as_str().trim_end_matches('/'));
        let _ = writeln!(text, "  API key (shown once): {key}");
        let _ = writeln!(text, "  Try it:");
        let _ = writeln!(
            text,
            "    curl -sS -X POST {url}/tokens/embed/referrals -H 'Authorization: Bearer {key}' \
             -H 'Content-Type: application/json' -d '{{\"partner\":{{\"email\":\"jane@example.com\"}}}}'"
        );
    }
    text
}
