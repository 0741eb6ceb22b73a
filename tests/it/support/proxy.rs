//! A proxy between an application and PostgreSQL that reports every round trip before sending it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

use super::app::TestApp;
use super::cluster::TestCluster;

const STARTUP: u32 = 196_608;

/// An observer of round trips.
pub(crate) trait Watcher: Send + Sync + 'static {
    /// Observes a round trip, which is sent when the returned future completes. `name` is the name in the comment at
    /// the beginning of the statement, else the text of the statement; preparing a statement has the prefix `prepare `.
    fn trip(&self, name: String) -> impl Future<Output = ()> + Send;
}

/// A proxy to an application's database.
pub(crate) struct Proxy {
    options: PgConnectOptions,
    folder: PathBuf,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy with this name before the application's database.
    pub(crate) fn before<W: Watcher>(
        app: &TestApp,
        cluster: &'static TestCluster,
        name: &str,
        watcher: Arc<W>,
    ) -> Self {
        let folder = cluster.socket_dir().with_file_name(format!("{name}-{}", app.database_name()));
        std::fs::create_dir_all(&folder).unwrap();
        let listener = UnixListener::bind(folder.join(".s.PGSQL.5432")).unwrap();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(cluster.socket_dir().join(".s.PGSQL.5432")).await.unwrap();
                tokio::spawn(relay(client, server, Arc::clone(&watcher)));
            }
        });
        let options =
            PgConnectOptions::new_without_pgpass().socket(&folder).username("pearset").database(app.database_name());
        Self { options, folder, accepting }
    }

    /// Returns the connection options that go through the proxy.
    pub(crate) fn options(&self) -> PgConnectOptions {
        self.options.clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

async fn relay<W: Watcher>(client: UnixStream, server: UnixStream, watcher: Arc<W>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::spawn(async move { copy(&mut from_server, &mut to_client).await });
    let mut session = Session::default();
    // Messages are held back until the round trip is complete, because PostgreSQL executes messages before it has read
    // the Sync that ends the round trip.
    let mut unsent = Vec::new();
    while let Some((kind, bytes)) = read_message(&mut from_client, session.started).await {
        unsent.extend_from_slice(&bytes);
        match session.note(kind, &bytes) {
            Some(trip) => watcher.trip(trip).await,
            None if session.pending.is_some() => continue,
            None => {}
        }
        if to_server.write_all(&unsent).await.is_err() {
            return;
        }
        unsent.clear();
    }
}

/// Reads a whole message and its type. Messages before the start of the session have no type.
async fn read_message(stream: &mut (impl AsyncRead + Unpin), started: bool) -> Option<(u8, Vec<u8>)> {
    let mut bytes = vec![0; if started { 5 } else { 4 }];
    stream.read_exact(&mut bytes).await.ok()?;
    let kind = if started { bytes[0] } else { 0 };
    let length = bytes[bytes.len() - 4..].try_into().map(u32::from_be_bytes).unwrap() as usize;
    let head = bytes.len();
    bytes.resize(head + length - 4, 0);
    stream.read_exact(&mut bytes[head..]).await.ok()?;
    Some((kind, bytes))
}

#[derive(Default)]
struct Session {
    started: bool,
    /// The names of the prepared statements by their ids.
    statements: HashMap<Vec<u8>, String>,
    /// The name of the round trip that the next Sync ends.
    pending: Option<String>,
}

impl Session {
    /// Reads a message and returns the name of the completed round trip.
    fn note(&mut self, kind: u8, bytes: &[u8]) -> Option<String> {
        if !self.started {
            self.started = bytes[4..8] == STARTUP.to_be_bytes();
            return None;
        }
        let mut texts = bytes[5..].split(|byte| *byte == 0);
        match kind {
            b'Q' => return Some(name(texts.next().unwrap())),
            b'P' => {
                let (id, sql) = (texts.next().unwrap(), texts.next().unwrap());
                self.pending = Some(format!("prepare {}", name(sql)));
                self.statements.insert(id.to_vec(), name(sql));
            }
            // The portal comes first and has an empty name.
            b'B' => self.pending = Some(self.statements[texts.nth(1).unwrap()].clone()),
            b'S' => return Some(self.pending.take().unwrap_or_else(|| "sync".to_owned())),
            _ => {}
        }
        None
    }
}

fn name(sql: &[u8]) -> String {
    let sql = String::from_utf8_lossy(sql);
    let comment = sql.trim_start().strip_prefix("/* ").and_then(|rest| rest.split_once(" */"));
    let begins = sql.split_once("; SET LOCAL pearset.workspace_id = ").map(|(begin, _)| format!("{begin} as tenant"));
    comment.map_or_else(|| begins.unwrap_or_else(|| sql.to_string()), |(name, _)| name.to_owned())
}
