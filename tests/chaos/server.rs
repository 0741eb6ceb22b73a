//! The server as a process.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The time limit for a shutdown. A drain takes at most ten seconds.
const MAX_SHUTDOWN: Duration = Duration::from_secs(15);

/// The parameters with which every server is started.
#[derive(Debug, Clone)]
pub(crate) struct Recipe {
    pub(crate) binary: PathBuf,
    pub(crate) folder: PathBuf,
    pub(crate) database_url: String,
    pub(crate) listen: SocketAddr,
}

/// A running server, killed when the value is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
}

impl Server {
    /// Starts a server and waits until the server is ready. Returns the API key at the first start.
    pub(crate) fn start(recipe: &Recipe) -> Result<(Self, Option<String>)> {
        let log = recipe.log();
        let file = File::options().create(true).append(true).open(&log)?;
        let mut command = Command::new(&recipe.binary);
        for (name, _) in env::vars().filter(|(name, _)| name.starts_with("PEARSET_")) {
            command.env_remove(name);
        }
        command
            .current_dir(&recipe.folder)
            .env("DATABASE_URL", &recipe.database_url)
            .env("PEARSET_LISTEN", recipe.listen.to_string())
            // Requests that the rate limit rejects would show nothing about faults.
            .env("PEARSET_RATE_LIMITS", "off")
            // Ctrl-C must reach this process only, which then ends the server.
            .process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file);
        let child = command.spawn().with_context(|| format!("cannot run {}", recipe.binary.display()))?;
        let mut server = Self { child };
        let key = server.read_key().with_context(|| {
            let said = fs::read_to_string(&log).unwrap_or_default();
            format!("the server did not start: {}", said.lines().last().unwrap_or_default())
        })?;
        Ok((server, key))
    }

    fn read_key(&mut self) -> Result<Option<String>> {
        let mut lines = BufReader::new(self.child.stdout.take().context("the server's output")?);
        let ready = line(&mut lines)?;
        if !ready.starts_with("Pearset is ready") {
            bail!("the server printed {ready:?}");
        }
        // The server writes its introduction at once, so that the buffer contains the rest.
        let introduction = String::from_utf8_lossy(lines.buffer());
        let key = introduction.lines().find_map(|line| line.split_once("API key (shown once): "));
        Ok(key.map(|(_, key)| key.to_owned()))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        // The call can only fail for a process that has just ended.
        let _ = kill(Pid::from_raw(self.child.id().cast_signed()), signal);
    }

    /// Returns whether the server ended without a signal.
    pub(crate) fn is_gone(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    /// Waits for the end of the server after a signal. Returns the exit code, `None` after SIGKILL.
    pub(crate) fn end(mut self) -> Result<Option<i32>> {
        let begin = Instant::now();
        while begin.elapsed() < MAX_SHUTDOWN {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.code());
            }
            thread::sleep(Duration::from_millis(2));
        }
        bail!("the server does not end")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Recipe {
    pub(crate) fn log(&self) -> PathBuf {
        Path::new(&self.folder).join("server.log")
    }
}

fn line(lines: &mut BufReader<ChildStdout>) -> Result<String> {
    let mut text = String::new();
    lines.read_line(&mut text)?;
    Ok(text)
}
