//! The server as a process of its own.

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

/// A drain takes ten seconds at most.
const LONGEST_END: Duration = Duration::from_secs(15);

/// How a server is started, each time in the same way.
#[derive(Debug, Clone)]
pub(crate) struct Recipe {
    pub(crate) binary: PathBuf,
    pub(crate) folder: PathBuf,
    pub(crate) database_url: String,
    pub(crate) listen: SocketAddr,
}

/// A running server. It ends with the value.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
}

impl Server {
    /// Returns when the server is ready, at the first start with the API key.
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
            // Whoever is turned away for being too fast has nothing to say about faults.
            .env("PEARSET_RATE_LIMITS", "off")
            // Ctrl-C is for us: we end it.
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
        let mut lines = BufReader::new(self.child.stdout.take().context("its output")?);
        let ready = line(&mut lines)?;
        if !ready.starts_with("Pearset is ready") {
            bail!("it said {ready:?}");
        }
        // What it says comes in one piece.
        let introduction = String::from_utf8_lossy(lines.buffer());
        let key = introduction.lines().find_map(|line| line.split_once("API key (shown once): "));
        Ok(key.map(|(_, key)| key.to_owned()))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        // It can only fail when the process has just ended.
        let _ = kill(Pid::from_raw(self.child.id().cast_signed()), signal);
    }

    /// Whether it ended although nobody told it to.
    pub(crate) fn is_gone(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    /// Waits for its end after a signal. `None` after SIGKILL.
    pub(crate) fn end(mut self) -> Result<Option<i32>> {
        let begin = Instant::now();
        while begin.elapsed() < LONGEST_END {
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
