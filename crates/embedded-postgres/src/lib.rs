//! A private PostgreSQL cluster that runs as a child of this process.
//!
//! The cluster listens only on a Unix socket in a folder that no other user can enter: no port, no password. All
//! functions block and need no async runtime.
//!
//! [`Cluster::start`] creates and starts the cluster of a server. [`attach`] finds the running cluster of another
//! process. [`turn`] serializes the starts and the commands of several processes. The programs of PostgreSQL must be
//! installed on the machine. Two environment variables choose the programs and the user who runs them: `PEARSET_PG_BIN`
//! and `PEARSET_PG_USER`.

mod binaries;
mod launcher;
mod layout;
mod lock;
mod log;
mod memory;
mod names;
mod owner;
mod pid_file;
mod private;
mod probe;
mod server;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result, bail};

use crate::launcher::Launcher;
use crate::layout::Layout;
use crate::names::APPLICATION;
use crate::pid_file::PidFile;
use crate::probe::{Backoff, ServerState};
use crate::server::Server;

/// The superuser of the cluster, and the owner of all databases until another role is created.
pub const SUPERUSER: &str = "postgres";

/// The settings of a cluster.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The data directory of the application, for example `.pearset`. The cluster is in the subfolder `pg`. Missing
    /// folders are created.
    pub data_dir: PathBuf,
    /// True if committed data must survive a crash. `false` is faster and meant for tests only.
    pub durable: bool,
    /// The maximum number of sessions (`max_connections` of PostgreSQL).
    pub max_connections: u16,
}

/// A running cluster, and the lock that excludes a second server.
///
/// PostgreSQL stops when the value is dropped or when this process ends, even after a crash. On kernels without a
/// parent-death signal (macOS), a killed process leaves an orphan, and the next start adopts the orphan.
#[derive(Debug)]
pub struct Cluster {
    socket_dir: PathBuf,
    server: Server,
    // Fields are dropped in the order of declaration, and the lock must outlive the server.
    _lock: File,
}

impl Cluster {
    /// Starts the cluster and returns when the cluster accepts connections. A missing cluster is created first, and the
    /// orphan of a killed process is adopted.
    ///
    /// The kernel sends the parent-death signal when the spawning *thread* ends, so PostgreSQL is spawned by a dedicated
    /// thread with the lifetime of the returned value. Any thread can call this function. The call blocks while `initdb`
    /// or crash recovery runs.
    ///
    /// # Errors
    ///
    /// Returns an error when another server uses the data directory, no PostgreSQL programs fit the cluster, the folder
    /// cannot be used, or PostgreSQL ends during the start. The last error quotes the end of the PostgreSQL log.
    pub fn start(settings: &Settings) -> Result<Self> {
        let layout = Layout::prepare(&settings.data_dir)?;
        layout.warn_if_relocated(&settings.data_dir);
        let lock = layout.lock()?;
        if let Some((server, socket_dir)) = adopt(&layout)? {
            tracing::info!(pid = %server.pid(), "adopted the PostgreSQL of a killed server");
            return Ok(Self { socket_dir, server, _lock: lock });
        }

        let socket_dir = layout.prepare_socket_dir()?;
        let made_by = layout.major_version()?;
        let binaries = binaries::find(made_by, &layout.data(), layout.owner())?;
        tracing::info!(
            major = binaries.major,
            binaries = %binaries.dir.display(),
            folder = %layout.root().display(),
            "starting the embedded PostgreSQL",
        );
        let launcher = Launcher { binaries: &binaries, layout: &layout, settings };
        if made_by.is_none() {
            launcher.init_cluster()?;
        }
        let server = launcher.launch(&socket_dir)?;
        Ok(Self { socket_dir, server, _lock: lock })
    }

    /// Returns the folder of the Unix socket. The port in the name of the socket is 5432.
    #[must_use]
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// Stops PostgreSQL with a fast shutdown, or with an immediate shutdown when the fast shutdown takes too long. Returns
    /// when PostgreSQL has ended.
    pub fn stop(mut self) {
        self.server.stop();
    }
}

/// Waits until no other process starts the cluster or runs a command on the cluster. The returned file excludes other
/// processes until the file is dropped. A cluster that a command has started ends together with the command, so two
/// commands must not use the cluster at the same time.
///
/// # Errors
///
/// Returns an error when the folder cannot be used, or when another process keeps the turn for more than a minute.
pub fn turn(settings: &Settings) -> Result<File> {
    Layout::prepare(&settings.data_dir)?.turn()
}

/// Returns the socket folder of the cluster that another process runs on this data directory. Waits until the cluster
/// accepts connections. Returns `None` when no process runs the cluster. Creates no file.
///
/// # Errors
///
/// Returns an error when this user cannot read the folder, or when the cluster of the other process does not answer.
pub fn attach(settings: &Settings) -> Result<Option<PathBuf>> {
    let Some(layout) = Layout::locate(&settings.data_dir)? else {
        return Ok(None);
    };
    let data = layout.data();
    let mut backoff = Backoff::new();
    while layout.is_locked()? {
        let found = PidFile::read(&data)?;
        let state = found.as_ref().map_or(ServerState::Silent, PidFile::server_state);
        match (state, found.and_then(|file| file.socket_dir)) {
            (ServerState::Ready, Some(socket_dir)) => return Ok(Some(socket_dir)),
            (ServerState::Refused(reason), _) => bail!("the embedded PostgreSQL refuses connections: {reason}"),
            (ServerState::Silent, _) if backoff.has_timed_out() => {
                bail!(
                    "another {APPLICATION} process uses {}, but its PostgreSQL does not answer: stop that process",
                    layout.root().display()
                )
            }
            (state, _) => thread::sleep(backoff.pause_after(&state)),
        }
    }
    Ok(None)
}

/// Adopts a PostgreSQL server that still runs on the data folder although this process holds the lock. Waits for a
/// server that is about to end. Returns `None` when no server runs.
fn adopt(layout: &Layout) -> Result<Option<(Server, PathBuf)>> {
    let data = layout.data();
    let mut backoff = Backoff::new();
    let mut seen_ready = false;
    loop {
        let Some(file) = PidFile::read(&data)?.filter(|file| file.is_running_on(&data)) else {
            pid_file::remove_stale(&data).context("cannot remove a stale postmaster.pid")?;
            return Ok(None);
        };
        match (file.server_state(), file.socket_dir) {
            // The kernel releases the lock of a killed parent shortly before the parent-death signal arrives. A server
            // that still answers after `SETTLING_TIME` has received no signal.
            (ServerState::Ready, Some(_)) if !seen_ready => {
                seen_ready = true;
                thread::sleep(probe::SETTLING_TIME);
            }
            (ServerState::Ready, Some(socket_dir)) => {
                return Ok(Some((Server::adopted(file.pid, data), socket_dir)));
            }
            (ServerState::Refused(reason), _) => bail!(
                "PostgreSQL with pid {} runs on {} and refuses connections: {reason}; stop that PostgreSQL",
                file.pid,
                data.display()
            ),
            (ServerState::Silent, _) if backoff.has_timed_out() => {
                bail!(
                    "PostgreSQL with pid {} runs on {} but does not answer; stop that PostgreSQL",
                    file.pid,
                    data.display()
                )
            }
            (state, _) => {
                seen_ready = false;
                thread::sleep(backoff.pause_after(&state));
            }
        }
    }
}
