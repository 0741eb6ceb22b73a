//! From settings to a running server, and back.

use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::Context;
use pearset_listener as server;
use url::Url;

use super::assemble::{Parts, assemble};
use super::shutdown::Signals;
use crate::cli::output;
use crate::config::{Settings, local_url};
use crate::db::{self, Db, Source};
use crate::embed_tokens::{self, Keyring};
use crate::http::rate_limit::{Limiter, SharedStore};
use crate::idempotency;
use crate::provisioning::{CreateFirstWorkspace, CreateWorkspace};
use crate::surfaces::api::build_app;
use crate::surfaces::metrics as scrape;
use crate::surfaces::state::AppState;
use crate::telemetry::Metrics;
use crate::values::clock::{Clock, SystemClock};
use crate::values::id::Ids;
use crate::work::Actor;
use crate::workspaces::{ApiKey, Plan};

/// Starts the server and returns when a signal has ended it.
///
/// # Errors
/// When a setting is wrong, the address is taken, or the database cannot be used.
pub fn serve(settings: &Settings) -> anyhow::Result<()> {
    // Every setting is looked at before anything is started.
    let key = settings.bootstrap_api_key()?;
    let redis = settings.redis()?;
    let keyring = Keyring::new(&settings.signing_key()?).with_context(|| settings.signing_key_setting())?;
    let listener = bind("PEARSET_LISTEN", settings.listen)?;
    let metrics_listener =
        settings.metrics_listen.map(|address| bind("PEARSET_METRICS_LISTEN", address)).transpose()?;
    // Port 0 asks for any port: which one it became is part of the address that clients reach.
    let settings = &Settings { listen: listener.local_addr()?, ..settings.clone() };
    let public_url = settings.public_url()?;
    let mut source = Source::for_server(settings)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        let mut signals = Signals::listen()?;
        let start = start(&source, settings, keyring, redis, key);
        let (app, first_key) = tokio::select! {
            started = start => started?,
            () = signals.next() => return Ok(()),
        };
        source.end_turn();
        let listener = tokio::net::TcpListener::from_std(listener)?;
        announce(&local_url(listener.local_addr()?), &public_url, first_key.as_ref())?;
        tokio::spawn(embed_tokens::keep_fresh(Arc::clone(&app.keyring), app.db.clone(), Arc::clone(&app.clock)));
        tokio::spawn(idempotency::sweep(app.clone()));
        tokio::spawn(scrape::upkeep(app.clone()));
        if let Some(listener) = metrics_listener {
            tokio::spawn(scrape::serve(tokio::net::TcpListener::from_std(listener)?, app.clone()));
        }
        let stop = async {
            signals.first().await;
            app.drain.begin(server::DRAIN_DEADLINE);
        };
        server::serve(listener, build_app(app.clone()), server::Limits::of_process(), stop).await;
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

/// Brings the database up to date and reads what a server needs from it. Returns the first workspace's key if it was
/// made now.
async fn start(
    source: &Source,
    settings: &Settings,
    keyring: Keyring,
    redis: Option<redis::Client>,
    key: Option<ApiKey>,
) -> anyhow::Result<(AppState, Option<ApiKey>)> {
    let options = source.prepare().await?;
    tokio::spawn(db::keep_statistics(options.clone()));
    let ids = Arc::new(Ids::system());
    let metrics = Arc::<Metrics>::default();
    let db = Db::new(options, settings.database_max_connections.into(), Arc::clone(&ids), Arc::clone(&metrics))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = redis.map(|client| SharedStore::new(client, Arc::clone(&metrics)));
    if let Some(store) = &store {
        store.connect().await;
    }
    let limiter = Limiter::new(settings.rate_limits, &clock, store);
    let public_url = settings.public_url()?;
    let app = assemble(Parts {
        db,
        clock,
        ids,
        keyring,
        limiter,
        work: settings.work(),
        metrics,
        public_url: public_url.clone(),
    });
    app.keyring.refresh(&app.db, app.clock.now()).await?;
    let first_key = bootstrap(&app, key, &public_url).await?;
    Ok((app, first_key))
}

/// Creates the first workspace where there is none; returns its key.
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

/// Tells the person who started the server where it is, and at the first start how to use it.
fn announce(local_url: &str, public_url: &Url, first_key: Option<&ApiKey>) -> anyhow::Result<()> {
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
    output::write(&text)
}
