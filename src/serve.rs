//! From settings to a running server, and back.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::Context;
use sqlx::postgres::PgConnectOptions;
use url::Url;

use crate::clock::SystemClock;
use crate::config::{HttpConfig, Settings};
use crate::db::{Db, Source};
use crate::embed_tokens::{self, Keyring};
use crate::http::extract::GrantCache;
use crate::http::{build_app, server};
use crate::id::Ids;
use crate::programs::service::{NewWorkspace, create_workspace};
use crate::shutdown::Signals;
use crate::state::{AppState, Services};
use crate::workspaces::{self, ApiKey, Plan};

/// Starts the server and returns when a signal has ended it.
///
/// # Errors
/// When a setting is wrong, the address is taken, or the database cannot be used.
pub fn serve(settings: &Settings) -> anyhow::Result<()> {
    // Every setting is looked at before anything is started.
    let key = settings.bootstrap_api_key()?;
    let keyring = Keyring::new(&settings.signing_key()?).with_context(|| settings.signing_key_setting())?;
    let listener = TcpListener::bind(settings.listen)
        .with_context(|| format!("PEARSET_LISTEN: cannot listen on {}", settings.listen))?;
    listener.set_nonblocking(true)?;
    // Port 0 asks for any port: which one it became is part of the address that clients reach.
    let settings = &Settings { listen: listener.local_addr()?, ..settings.clone() };
    let config = settings.http()?;
    let public_url = settings.public_url()?;
    let mut source = Source::for_server(settings)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        // From here on a signal ends the server in an orderly way, whatever it is doing.
        let signals = Signals::listen()?;
        let options = source.prepare().await?;
        let app = state(options, settings, keyring, config)?;
        app.keyring.refresh(&app.db, app.clock.now()).await?;
        let first_key = bootstrap(&app, key, &public_url).await?;
        source.end_turn();
        let listener = tokio::net::TcpListener::from_std(listener)?;
        announce(listener.local_addr()?, first_key.as_ref());
        tokio::spawn(embed_tokens::keep_fresh(app.clone()));
        server::serve(listener, build_app(app), signals.first()).await;
        anyhow::Ok(())
    });
    drop(runtime);
    source.stop();
    outcome
}

fn state(
    options: PgConnectOptions,
    settings: &Settings,
    keyring: Keyring,
    config: HttpConfig,
) -> anyhow::Result<AppState> {
    let ids = Arc::new(Ids::system());
    let db = Db::new(options, settings.database_max_connections.into(), Arc::clone(&ids))?;
    let clock = Arc::new(SystemClock);
    Ok(Services { db, clock, ids, keyring, grants: GrantCache::default(), config }.into())
}

/// Makes the first workspace where there is none; returns its key.
async fn bootstrap(app: &AppState, key: Option<ApiKey>, public_url: &Url) -> anyhow::Result<Option<ApiKey>> {
    let key = key.unwrap_or_else(|| ApiKey::generate(&app.ids));
    let new = Arc::new(NewWorkspace {
        name: "Default".to_owned(),
        slug: "default".parse().map_err(anyhow::Error::msg)?,
        plan: Plan::Enterprise,
        key: key.clone(),
        public_url: public_url.clone(),
    });
    let (ids, now) = (Arc::clone(&app.ids), app.clock.now());
    let made = app
        .db
        .run("bootstrap", move |conn, _| {
            let (ids, new) = (Arc::clone(&ids), Arc::clone(&new));
            Box::pin(async move {
                workspaces::lock_workspaces(conn).await?;
                if workspaces::exists_any(conn).await? {
                    return Ok(false);
                }
                create_workspace(conn, &ids, now, &new).await?;
                Ok(true)
            })
        })
        .await?;
    Ok(made.then_some(key))
}

/// Tells the person who started the server where it is, and at the first start how to use it.
fn announce(address: SocketAddr, first_key: Option<&ApiKey>) {
    let address = format!("http://{address}");
    println!("Pearset is ready at {address}");
    if let Some(key) = first_key {
        let key = key.expose();
        println!("  API key (shown once): {key}");
        println!("  Try it:");
        println!(
            "    curl -sS -X POST {address}/tokens/embed/referrals -H 'Authorization: Bearer {key}' \
             -H 'Content-Type: application/json' -d '{{\"partner\":{{\"email\":\"jane@example.com\"}}}}'"
        );
    }
}
