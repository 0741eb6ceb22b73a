//! The lock that lets one process at a time run a cluster. The kernel frees it however that ends.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::layout::Layout;
use super::private;

const NAME: &str = "lock";
/// Long enough for an `attach` that looks at the lock to let go of it again.
const PATIENCE: Duration = Duration::from_secs(1);

impl Layout {
    /// Takes the lock for as long as the returned file is open.
    pub(super) fn lock(&self) -> Result<File> {
        let path = self.root().join(NAME);
        let context = || format!("cannot lock {}", path.display());
        let mut file = private::open(&path, self.owner()).with_context(context)?;
        let begin = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if begin.elapsed() < PATIENCE => {
                    thread::sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => {
                    let mut holder = String::new();
                    let _ = file.read_to_string(&mut holder);
                    bail!(
                        "another pearset server (pid {}) uses {}: stop it, or set another PEARSET_DATA_DIR",
                        holder.trim(),
                        self.root().display()
                    );
                }
                Err(TryLockError::Error(error)) => return Err(error).with_context(context),
            }
        }
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).with_context(context)?;
        Ok(file)
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
