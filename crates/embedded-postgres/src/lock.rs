//! The lock that lets one process at a time run a cluster. The kernel frees it however that ends.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::layout::Layout;
use super::owner::Owner;
use super::private;

const NAME: &str = "lock";
/// Long enough for an `attach` that looks at the lock to let go of it again.
const PATIENCE: Duration = Duration::from_secs(1);
const TURN: &str = "turn";
/// Long enough for another to make a cluster, or to do what a command does.
const TURN_PATIENCE: Duration = Duration::from_mins(1);

impl Layout {
    /// Takes the lock for as long as the returned file is open.
    pub(super) fn lock(&self) -> Result<File> {
        let path = self.root().join(NAME);
        hold(&path, self.owner(), PATIENCE, |holder| {
            format!(
                "another pearset server (pid {holder}) uses {}: stop it, or set another PEARSET_DATA_DIR",
                self.root().display()
            )
        })
    }

    /// Waits for those who came before, and holds off others for as long as the returned file is open.
    pub(super) fn turn(&self) -> Result<File> {
        let path = self.root().join(TURN);
        hold(&path, self.owner(), TURN_PATIENCE, |holder| {
            format!("another pearset process (pid {holder}) is busy with {}: try again later", self.root().display())
        })
    }

    /// Whether another process holds the lock. It is let go of at once, and shared, so that two
    /// who look do not take each other for a server.
    pub(super) fn is_locked(&self) -> Result<bool> {
        let path = self.root().join(NAME);
        let context = || format!("cannot look at the lock {}", path.display());
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

/// Locks a file and writes our pid into it. `refusal` says why not, with the pid of who holds it.
fn hold(path: &Path, owner: Option<&Owner>, patience: Duration, refusal: impl FnOnce(&str) -> String) -> Result<File> {
    let context = || format!("cannot lock {}", path.display());
    let mut file = private::open(path, owner).with_context(context)?;
    let begin = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if begin.elapsed() < patience => {
                thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                bail!(refusal(holder.trim()));
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(context),
        }
    }
    file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).with_context(context)?;
    Ok(file)
}
