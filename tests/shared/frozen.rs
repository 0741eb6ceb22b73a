//! Frozen processes. Shared by the integration tests and the chaos tests.

use std::{fs, io};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Processes that are stopped until the value is dropped.
pub(crate) struct Frozen(Vec<Pid>);

impl Frozen {
    /// Stops a process and its children.
    pub(crate) fn new(parent: Pid) -> io::Result<Self> {
        let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"))?;
        let children = children.split_whitespace().filter_map(|child| child.parse().ok()).map(Pid::from_raw);
        let frozen = Self([parent].into_iter().chain(children).collect());
        frozen.signal(Signal::SIGSTOP);
        Ok(frozen)
    }

    fn signal(&self, signal: Signal) {
        for process in &self.0 {
            // A child may have ended.
            let _ = kill(*process, signal);
        }
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.signal(Signal::SIGCONT);
    }
}
