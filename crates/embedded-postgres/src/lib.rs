//! The private PostgreSQL cluster: the default database, run as a child of this process.
//!
//! It listens on a Unix socket only, in a folder that nobody else can enter: no port, no password.
//! Everything here blocks and needs no async runtime.

mod binaries;
mod launcher;
mod layout;
mod lock;
mod log;
mod memory;
mod owner;
mod pid_file;
mod private;
mod probe;
mod server;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result, bail};

use self::launcher::Launcher;
use self::layout::Layout;
use self::pid_file::PidFile;
use self::probe::{Answer, Patience};
use self::server::Server;

/// The superuser of the cluster, and the owner of its databases until another role is made.
pub const SUPERUSER: &str = "postgres";

/// What a cluster is made from.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The data directory of the server, for example `.pearset`; the cluster lives in its `pg`.
    /// It is made when it is missing.
    pub data_dir: PathBuf,
    /// `true` for every cluster whose data matters. `false` trades all safety for speed.
    pub durable: bool,
    /// `max_connections` of the PostgreSQL server, in sessions.
    pub max_connections: u16,
}

/// A running cluster, and the lock that keeps a second server away from it.
///
/// Dropping it stops PostgreSQL; so does the end of this process, however it comes. Where the
/// kernel has no parent-death signal (macOS), a killed process leaves an orphan, which the next
/// start adopts.
#[derive(Debug)]
pub struct Cluster {
    socket_dir: PathBuf,
    server: Server,
    // Declared last: fields are dropped in order, and the lock must outlive the server.
    _lock: File,
}

impl Cluster {
    /// Starts the cluster, makes it first where there is none, or adopts one that a killed
    /// process left behind. Returns when it accepts connections.
    ///
    /// PostgreSQL gets its parent-death signal when the *thread* that spawned it ends, so it is
    /// spawned by a thread of its own, which lives as long as the returned value. Any thread can
    /// call this; it blocks for as long as `initdb` or crash recovery takes.
    ///
    /// # Errors
    ///
    /// Another server uses the data directory, there are no PostgreSQL binaries for it, the folder
    /// cannot be used, or PostgreSQL ends at start; the last error has the end of its log.
    pub fn start(settings: &Settings) -> Result<Self> {
        let layout = Layout::prepare(&settings.data_dir)?;
        layout.explain_place(&settings.data_dir);
        let lock = layout.lock()?;
        if let Some((server, socket_dir)) = adopt(&layout)? {
            tracing::info!(pid = %server.pid(), "adopted the PostgreSQL that a killed server left behind");
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

    /// The folder of the Unix socket; the port in its name is 5432.
    #[must_use]
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// Stops PostgreSQL: a fast shutdown, then, when that takes too long, an immediate one.
    /// Returns when it has ended.
    pub fn stop(mut self) {
        self.server.stop();
    }
}

/// Waits until no other process starts the cluster or runs a command on it, and holds off such for as long as the
/// value lives: a cluster that a command has started ends with it, under the feet of whoever else uses it.
///
/// # Errors
///
/// The folder cannot be used, or another process holds on to its turn.
pub fn turn(settings: &Settings) -> Result<File> {
    Layout::prepare(&settings.data_dir)?.turn()
}

/// The socket folder of the cluster that another process runs on this data directory, as soon as
/// it accepts connections; `None` when no process does. Never makes a file.
///
/// # Errors
///
/// The folder cannot be read by this user, or the process that holds it brings no cluster up.
pub fn attach(settings: &Settings) -> Result<Option<PathBuf>> {
    let Some(layout) = Layout::locate(&settings.data_dir)? else {
        return Ok(None);
    };
    let data = layout.data();
    let mut patience = Patience::new();
    while layout.is_locked()? {
        let found = PidFile::read(&data)?;
        let answer = found.as_ref().map_or(Answer::Silent, PidFile::ask);
        match (answer, found.and_then(|file| file.socket_dir)) {
            (Answer::Ready, Some(socket_dir)) => return Ok(Some(socket_dir)),
            (Answer::Refused(reason), _) => bail!("the embedded PostgreSQL refuses: {reason}"),
            (Answer::Silent, _) if patience.is_over() => {
                bail!("another pearset process uses {} but no database answers", layout.root().display())
            }
            (answer, _) => thread::sleep(patience.pause_after(&answer)),
        }
    }
    Ok(None)
}

/// Takes over a PostgreSQL that runs on our data folder although we hold the lock. One that is
/// about to end is waited for instead; `None` when there is none (any more).
fn adopt(layout: &Layout) -> Result<Option<(Server, PathBuf)>> {
    let data = layout.data();
    let mut patience = Patience::new();
    let mut seen_ready = false;
    loop {
        let Some(file) = PidFile::read(&data)?.filter(|file| file.is_running_on(&data)) else {
            pid_file::remove_stale(&data).context("cannot remove a stale postmaster.pid")?;
            return Ok(None);
        };
        match (file.ask(), file.socket_dir) {
            // A killed parent frees the lock a moment before the death signal arrives: only who
            // still answers a little later stays.
            (Answer::Ready, Some(_)) if !seen_ready => {
                seen_ready = true;
                thread::sleep(probe::SETTLING_TIME);
            }
            (Answer::Ready, Some(socket_dir)) => {
                return Ok(Some((Server::adopted(file.pid, data), socket_dir)));
            }
            (Answer::Refused(reason), _) => bail!(
                "PostgreSQL with pid {} runs on {} and refuses: {reason}; stop it first",
                file.pid,
                data.display()
            ),
            (Answer::Silent, _) if patience.is_over() => {
                bail!("PostgreSQL with pid {} runs on {} but does not answer; stop it first", file.pid, data.display())
            }
            (answer, _) => {
                seen_ready = false;
                thread::sleep(patience.pause_after(&answer));
            }
        }
    }
}
