//! The locks of a cluster. At most one process runs the cluster, and at most one process at a time starts the cluster or
//! runs a command on the cluster. The kernel releases a lock at the end of the process, even after a crash.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::layout::Layout;
use crate::names::{APPLICATION, DATA_DIR_SETTING};
use crate::owner::Owner;
use crate::private;

/// The file name of the lock that the process with the cluster holds.
const SERVER_LOCK: &str = "lock";
/// The time to wait for the server lock. `attach` holds the lock only for a moment to check the state.
const SERVER_LOCK_TIMEOUT: Duration = Duration::from_secs(1);
/// The file name of the lock that serializes starts and commands.
const TURN_LOCK: &str = "turn";
/// The time to wait for the turn lock. Another process may be creating a cluster or running a command.
const TURN_LOCK_TIMEOUT: Duration = Duration::from_mins(1);

impl Layout {
    /// Takes the server lock. The lock is released when the returned file is closed.
    pub(crate) fn lock(&self) -> Result<File> {
        let path = self.root().join(SERVER_LOCK);
        lock_file(&path, self.owner(), SERVER_LOCK_TIMEOUT, |holder| {
            format!(
                "another {APPLICATION} server (pid {holder}) uses {}: stop that server, or set another {DATA_DIR_SETTING}",
                self.root().display()
            )
        })
    }

    /// Waits for the turn lock and takes the lock. The lock is released when the returned file is closed.
    pub(crate) fn turn(&self) -> Result<File> {
        let path = self.root().join(TURN_LOCK);
        lock_file(&path, self.owner(), TURN_LOCK_TIMEOUT, |holder| {
            format!(
                "another {APPLICATION} process (pid {holder}) is using {}: try again when that process has ended",
                self.root().display()
            )
        })
    }

    /// Returns whether another process holds the server lock. The check takes a shared lock and releases the lock
    /// immediately, so two concurrent checks do not mistake each other for a server.
    pub(crate) fn is_locked(&self) -> Result<bool> {
        let path = self.root().join(SERVER_LOCK);
        let context = || format!("cannot check the lock {}", path.display());
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error).with_context(context),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error).with_context(context),
        }
    }
}

/// Locks a file and writes the id of this process into the file. `error` returns the error text for the process id of
/// the current holder.
fn lock_file(
    path: &Path,
    owner: Option<&Owner>,
    timeout: Duration,
    error: impl FnOnce(&str) -> String,
) -> Result<File> {
    let context = || format!("cannot lock {}", path.display());
    let mut file = private::open(path, owner).with_context(context)?;
    let started_at = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if started_at.elapsed() < timeout => {
                thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                bail!(error(holder.trim()));
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(context),
        }
    }
    file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).with_context(context)?;
    Ok(file)
}
