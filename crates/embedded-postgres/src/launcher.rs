//! Runs the programs of PostgreSQL: `initdb` once, then `postgres`.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

use super::binaries::Binaries;
use super::layout::Layout;
use super::log::Log;
use super::memory;
use super::server::Server;
use super::{SUPERUSER, Settings};

/// The name of the folder in which `initdb` works, with a pid; a cluster is renamed once whole.
const HALF_MADE: &str = "data.init";
/// How long sessions may outlive a server that was killed, when a new one starts.
const LINGERING_SESSIONS: Duration = Duration::from_secs(10);
const STILL_IN_USE: &str = "pre-existing shared memory block";

/// How each server runs. No port; and no value of a statement gets into the log, because it could
/// be somebody's address.
const ALWAYS: [&str; 7] = [
    "listen_addresses=",
    "port=5432",
    "unix_socket_permissions=0700",
    "log_timezone=UTC",
    "log_error_verbosity=terse",
    "log_min_error_statement=panic",
    "log_parameter_max_length_on_error=0",
];
/// For clusters that end with a test run.
const NOT_DURABLE: [&str; 4] = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off"];

/// All that it takes to run the programs of PostgreSQL on one layout.
pub(super) struct Launcher<'a> {
    pub(super) binaries: &'a Binaries,
    pub(super) layout: &'a Layout,
    pub(super) settings: &'a Settings,
}

impl Launcher<'_> {
    /// Makes the cluster under another name first, so that there is never half of one.
    pub(super) fn init_cluster(&self) -> Result<()> {
        self.remove_half_made()?;
        let root = self.layout.root();
        let half_made = root.join(format!("{HALF_MADE}.{}", std::process::id()));
        tracing::info!(folder = %root.display(), "making a new PostgreSQL cluster");

        let mut command = self.command("initdb");
        end_with_parent(&mut command, Signal::SIGKILL);
        command.arg("-D").arg(&half_made).args(["-U", SUPERUSER, "-E", "UTF8", "--locale=C"]);
        command.args(["--auth-local=trust", "--auth-host=reject", "--data-checksums", "--no-instructions"]);
        if !self.settings.durable {
            command.arg("--no-sync");
        }
        let output = command.output().with_context(|| format!("cannot run {}", self.program("initdb").display()))?;
        if !output.status.success() {
            bail!("initdb failed ({}):\n{}", output.status, String::from_utf8_lossy(&output.stderr).trim_end());
        }

        let data = self.layout.data();
        fs::rename(&half_made, &data)
            .with_context(|| format!("cannot put the new cluster in {}: is something else there?", data.display()))?;
        if self.settings.durable {
            File::open(root).and_then(|folder| folder.sync_all()).context("cannot sync the new cluster's folder")?;
        }
        Ok(())
    }

    fn remove_half_made(&self) -> Result<()> {
        for entry in fs::read_dir(self.layout.root())? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(HALF_MADE) {
                let path = entry.path();
                fs::remove_dir_all(&path).with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
        Ok(())
    }

    /// Starts the server and waits until it accepts connections.
    pub(super) fn launch(&self, socket_dir: &Path) -> Result<Server> {
        let begin = Instant::now();
        loop {
            let log = Log::open(self.layout)?;
            let mut server = self.spawn(socket_dir, &log)?;
            let Some(status) = server.wait_until_ready()? else {
                return Ok(server);
            };
            let tail = log.tail();
            if !tail.contains(STILL_IN_USE) || begin.elapsed() > LINGERING_SESSIONS {
                let major = self.binaries.major;
                bail!("PostgreSQL {major} ended at start ({status}); the end of {}:\n{tail}", log.path.display());
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    fn spawn(&self, socket_dir: &Path, log: &Log) -> Result<Server> {
        let mut command = self.command("postgres");
        // A fast shutdown when we are killed: on Linux nothing is left behind.
        end_with_parent(&mut command, Signal::SIGINT);
        command.arg("-D").arg(self.layout.data());
        command.arg("-c").arg(socket_setting(socket_dir));
        command.arg("-c").arg(format!("max_connections={}", self.settings.max_connections));
        let relaxed: &[&str] = if self.settings.durable { &[] } else { &NOT_DURABLE };
        if let Some(size) = memory::shared_buffers().filter(|_| self.settings.durable) {
            command.arg("-c").arg(format!("shared_buffers={size}MB"));
        }
        for setting in ALWAYS.iter().chain(relaxed) {
            command.args(["-c", setting]);
        }
        command.stdout(log.file.try_clone()?).stderr(log.file.try_clone()?);
        Server::spawn(command, self.layout.data())
            .with_context(|| format!("cannot run {}", self.program("postgres").display()))
    }

    fn program(&self, name: &str) -> PathBuf {
        self.binaries.dir.join(name)
    }

    /// A program with a clean environment (ours holds secrets, and `PG…` variables would change
    /// what it does), in a process group of its own: Ctrl-C must reach only us.
    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.program(name));
        command.env_clear().env("LC_ALL", "C").env("TZ", "UTC").current_dir("/").stdin(Stdio::null()).process_group(0);
        for kept in ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
            if let Some(value) = env::var_os(kept) {
                command.env(kept, value);
            }
        }
        if let Some(owner) = self.layout.owner() {
            // Root's other groups are dropped too, by the standard library.
            command.gid(owner.gid).uid(owner.uid);
        }
        command
    }
}

/// The setting is a list: a path with a comma in it needs quotes, and its own quotes doubled.
fn socket_setting(dir: &Path) -> OsString {
    let mut setting = b"unix_socket_directories=\"".to_vec();
    for byte in dir.as_os_str().as_bytes() {
        setting.push(*byte);
        if *byte == b'"' {
            setting.push(b'"');
        }
    }
    setting.push(b'"');
    OsString::from_vec(setting)
}

/// Lets the kernel send the signal when the thread that spawns the command ends.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "the parent-death signal can only be set between fork and exec")]
fn end_with_parent(command: &mut Command, signal: Signal) {
    let parent = nix::unistd::Pid::this();
    let set_signal = move || {
        nix::sys::prctl::set_pdeathsig(signal)?;
        // It ended before the signal was set: then nobody would ever send it.
        if nix::unistd::getppid() == parent { Ok(()) } else { Err(nix::errno::Errno::ESRCH.into()) }
    };
    // SAFETY: after the fork of a process with threads, only async-signal-safe functions may be
    // called. The closure makes two system calls, allocates nothing and takes no lock.
    unsafe { command.pre_exec(set_signal) };
}

#[cfg(not(target_os = "linux"))]
fn end_with_parent(_: &mut Command, _: Signal) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_folder_is_one_item_of_a_list() {
        assert_eq!(socket_setting(Path::new("/a, b/s")), "unix_socket_directories=\"/a, b/s\"");
        assert_eq!(socket_setting(Path::new("/a\"b")), "unix_socket_directories=\"/a\"\"b\"");
    }
}
