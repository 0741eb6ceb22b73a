//! A running PostgreSQL: its process, whether it is ready, and its end.

use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::pid_file::PidFile;
use super::probe::{Answer, Patience};

/// A fast shutdown writes a checkpoint, which takes a while on a slow disk.
const FAST_SHUTDOWN: Duration = Duration::from_secs(30);
/// After 5 s PostgreSQL kills those of its processes that do not follow.
const IMMEDIATE_SHUTDOWN: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);

/// A child process, and the thread that counts as its parent: the kernel sends the parent-death
/// signal when that thread ends, and the caller's could be a test's or a runtime's.
#[derive(Debug)]
struct Process {
    child: Child,
    /// When this is dropped, that thread ends.
    _parent: Sender<()>,
}

impl Process {
    fn spawn(mut command: Command) -> Result<Self> {
        let (keep_parent, dropped) = mpsc::channel();
        let (report, spawned) = mpsc::channel();
        thread::Builder::new().name("postgres-parent".to_owned()).spawn(move || {
            let _ = report.send(command.spawn());
            // It holds the log open.
            drop(command);
            let _ = dropped.recv();
        })?;
        let child = spawned.recv().context("the thread that starts PostgreSQL ended")??;
        Ok(Self { child, _parent: keep_parent })
    }
}

/// A running server, our child or an adopted orphan.
#[derive(Debug)]
pub(super) struct Server {
    pid: Pid,
    data: PathBuf,
    /// `None` for an orphan.
    process: Option<Process>,
    ended: bool,
}

impl Server {
    pub(super) fn spawn(command: Command, data: PathBuf) -> Result<Self> {
        let process = Process::spawn(command)?;
        let pid = Pid::from_raw(process.child.id().cast_signed());
        Ok(Self { pid, data, process: Some(process), ended: false })
    }

    pub(super) fn adopted(pid: Pid, data: PathBuf) -> Self {
        Self { pid, data, process: None, ended: false }
    }

    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// The exit status when it ended instead.
    pub(super) fn wait_until_ready(&mut self) -> Result<Option<ExitStatus>> {
        let mut patience = Patience::new();
        loop {
            if let Some(process) = &mut self.process
                && let Some(status) = process.child.try_wait()?
            {
                self.ended = true;
                return Ok(Some(status));
            }
            // The file may still be that of a server that was killed.
            let file = PidFile::read(&self.data)?.filter(|file| file.pid == self.pid);
            match file.map_or(Answer::Silent, |file| file.ask()) {
                Answer::Ready => return Ok(None),
                Answer::Refused(reason) => bail!("the embedded PostgreSQL refuses: {reason}"),
                Answer::Silent if patience.is_over() => {
                    bail!("the embedded PostgreSQL does not answer")
                }
                answer => thread::sleep(patience.pause_after(&answer)),
            }
        }
    }

    /// Returns when the server has ended, or will not end by any signal.
    pub(super) fn stop(&mut self) {
        for (signal, patience) in [(Signal::SIGINT, FAST_SHUTDOWN), (Signal::SIGQUIT, IMMEDIATE_SHUTDOWN)] {
            if self.has_ended() {
                return;
            }
            // It can only fail when the server has just ended.
            let _ = kill(self.pid, signal);
            let begin = Instant::now();
            while begin.elapsed() < patience {
                if self.has_ended() {
                    return;
                }
                thread::sleep(POLL);
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
