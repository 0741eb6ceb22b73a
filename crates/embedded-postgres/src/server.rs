//! A running PostgreSQL server: the process, the readiness check and the shutdown.

use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::pid_file::PidFile;
use crate::probe::{Backoff, ServerState};

/// The time for a fast shutdown. PostgreSQL writes a checkpoint, which is slow on a slow disk.
const FAST_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);
/// The time for an immediate shutdown. PostgreSQL kills remaining child processes after 5 seconds.
const IMMEDIATE_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A child process and its parent thread. The kernel sends the parent-death signal when the parent thread ends, and the
/// calling thread can be a short-lived thread of a test or a runtime.
#[derive(Debug)]
struct Process {
    child: Child,
    /// Ends the parent thread when dropped.
    _parent: Sender<()>,
}

impl Process {
    fn spawn(mut command: Command) -> Result<Self> {
        let (keep_parent, dropped) = mpsc::channel();
        let (report, spawned) = mpsc::channel();
        thread::Builder::new().name("postgres-parent".to_owned()).spawn(move || {
            let _ = report.send(command.spawn());
            // The command holds the log file open.
            drop(command);
            let _ = dropped.recv();
        })?;
        let child = spawned.recv().context("the thread that starts PostgreSQL has ended")??;
        Ok(Self { child, _parent: keep_parent })
    }
}

/// A running server: a child process or an adopted orphan.
#[derive(Debug)]
pub(crate) struct Server {
    pid: Pid,
    data: PathBuf,
    /// `None` for an orphan.
    process: Option<Process>,
    ended: bool,
}

impl Server {
    pub(crate) fn spawn(command: Command, data: PathBuf) -> Result<Self> {
        let process = Process::spawn(command)?;
        let pid = Pid::from_raw(process.child.id().cast_signed());
        Ok(Self { pid, data, process: Some(process), ended: false })
    }

    pub(crate) fn adopted(pid: Pid, data: PathBuf) -> Self {
        Self { pid, data, process: None, ended: false }
    }

    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// Waits until the server accepts connections. Returns the exit status if the server ends instead.
    pub(crate) fn wait_until_ready(&mut self) -> Result<Option<ExitStatus>> {
        let mut backoff = Backoff::new();
        loop {
            if let Some(process) = &mut self.process
                && let Some(status) = process.child.try_wait()?
            {
                self.ended = true;
                return Ok(Some(status));
            }
            // The file can be the file of a killed server.
            let file = PidFile::read(&self.data)?.filter(|file| file.pid == self.pid);
            match file.map_or(ServerState::Silent, |file| file.server_state()) {
                ServerState::Ready => return Ok(None),
                ServerState::Refused(reason) => bail!("the embedded PostgreSQL refuses connections: {reason}"),
                ServerState::Silent if backoff.has_timed_out() => {
                    bail!("the embedded PostgreSQL does not answer: see postgres.log next to {}", self.data.display())
                }
                state => thread::sleep(backoff.pause_after(&state)),
            }
        }
    }

    /// Stops the server with a fast shutdown, then with an immediate shutdown. Returns when the server has ended or ignores
    /// both signals.
    pub(crate) fn stop(&mut self) {
        for (signal, timeout) in
            [(Signal::SIGINT, FAST_SHUTDOWN_TIMEOUT), (Signal::SIGQUIT, IMMEDIATE_SHUTDOWN_TIMEOUT)]
        {
            if self.has_ended() {
                return;
            }
            // The call fails only when the server has just ended.
            let _ = kill(self.pid, signal);
            let signalled_at = Instant::now();
            while signalled_at.elapsed() < timeout {
                if self.has_ended() {
                    return;
                }
                thread::sleep(POLL_INTERVAL);
            }
            tracing::warn!(pid = %self.pid, %signal, "the embedded PostgreSQL does not stop");
        }
    }

    fn has_ended(&mut self) -> bool {
        self.ended = self.ended
            || match &mut self.process {
                Some(process) => process.child.try_wait().is_ok_and(|status| status.is_some()),
                None => !PidFile::read(&self.data)
                    .is_ok_and(|file| file.is_some_and(|file| file.pid == self.pid && file.is_running_on(&self.data))),
            };
        self.ended
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
