//! The start of the PostgreSQL programs: `initdb` once, then `postgres`.

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

use crate::binaries::Binaries;
use crate::layout::Layout;
use crate::log::Log;
use crate::memory;
use crate::server::Server;
use crate::{SUPERUSER, Settings};

/// The prefix of the folder in which `initdb` works. The process id follows. A complete cluster is renamed to `data`.
const UNFINISHED_DATA: &str = "data.init";
/// The time for sessions of a killed server to end before the start of a new server fails.
const SESSION_EXIT_TIMEOUT: Duration = Duration::from_secs(10);
/// The message of PostgreSQL when sessions of a killed server still run.
const STILL_IN_USE: &str = "pre-existing shared memory block";

/// Settings of every server. The server has no port. The log contains no values of statements, because a value could be
/// a person's address.
const BASE_SETTINGS: [&str; 7] = [
    "listen_addresses=",
    "port=5432",
    "unix_socket_permissions=0700",
    "log_timezone=UTC",
    "log_error_verbosity=terse",
    "log_min_error_statement=panic",
    "log_parameter_max_length_on_error=0",
];
/// Settings for clusters that are removed after a test run.
const NOT_DURABLE: [&str; 4] = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off"];

/// Runs the PostgreSQL programs on one layout.
pub(crate) struct Launcher<'a> {
    pub(crate) binaries: &'a Binaries,
    pub(crate) layout: &'a Layout,
    pub(crate) settings: &'a Settings,
}

impl Launcher<'_> {
    /// Creates the cluster in a temporary folder and renames the folder, so that `data` is always a complete cluster.
    pub(crate) fn init_cluster(&self) -> Result<()> {
        self.remove_unfinished()?;
        let root = self.layout.root();
        let unfinished = root.join(format!("{UNFINISHED_DATA}.{}", std::process::id()));
        tracing::info!(folder = %root.display(), "creating a new PostgreSQL cluster");

        let mut command = self.command("initdb");
        set_parent_death_signal(&mut command, Signal::SIGKILL);
        command.arg("-D").arg(&unfinished).args(["-U", SUPERUSER, "-E", "UTF8", "--locale=C"]);
        command.args(["--auth-local=trust", "--auth-host=reject", "--data-checksums", "--no-instructions"]);
        if !self.settings.durable {
            command.arg("--no-sync");
        }
        let output = command.output().with_context(|| format!("cannot run {}", self.program("initdb").display()))?;
        if !output.status.success() {
            bail!("initdb failed ({}):\n{}", output.status, String::from_utf8_lossy(&output.stderr).trim_end());
        }

        let data = self.layout.data();
        fs::rename(&unfinished, &data).with_context(|| {
            format!("cannot move the new cluster to {}: move away any file or folder with that name", data.display())
        })?;
        if self.settings.durable {
            File::open(root).and_then(|folder| folder.sync_all()).context("cannot sync the new cluster's folder")?;
        }
        Ok(())
    }

    fn remove_unfinished(&self) -> Result<()> {
        for entry in fs::read_dir(self.layout.root())? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED_DATA) {
                let path = entry.path();
                fs::remove_dir_all(&path).with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
        Ok(())
    }

    /// Starts the server and waits until it accepts connections.
    pub(crate) fn launch(&self, socket_dir: &Path) -> Result<Server> {
        let started_at = Instant::now();
        loop {
            let log = Log::open(self.layout)?;
            let mut server = self.spawn(socket_dir, &log)?;
            let Some(status) = server.wait_until_ready()? else {
                return Ok(server);
            };
            let tail = log.tail();
            if !tail.contains(STILL_IN_USE) || started_at.elapsed() > SESSION_EXIT_TIMEOUT {
                let major = self.binaries.major;
                bail!("PostgreSQL {major} ended at start ({status}); the end of {}:\n{tail}", log.path.display());
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    fn spawn(&self, socket_dir: &Path, log: &Log) -> Result<Server> {
        let mut command = self.command("postgres");
        // SIGINT requests a fast shutdown. On Linux a killed parent therefore leaves no PostgreSQL behind.
        set_parent_death_signal(&mut command, Signal::SIGINT);
        command.arg("-D").arg(self.layout.data());
        command.arg("-c").arg(socket_setting(socket_dir));
        command.arg("-c").arg(format!("max_connections={}", self.settings.max_connections));
        let relaxed: &[&str] = if self.settings.durable { &[] } else { &NOT_DURABLE };
        if let Some(size) = memory::shared_buffers().filter(|_| self.settings.durable) {
            command.arg("-c").arg(format!("shared_buffers={size}MB"));
        }
        for setting in BASE_SETTINGS.iter().chain(relaxed) {
            command.args(["-c", setting]);
        }
        command.stdout(log.file.try_clone()?).stderr(log.file.try_clone()?);
        Server::spawn(command, self.layout.data())
            .with_context(|| format!("cannot run {}", self.program("postgres").display()))
    }

    fn program(&self, name: &str) -> PathBuf {
        self.binaries.dir.join(name)
    }

    /// Returns a command with a clean environment, in a separate process group. The environment of this process contains
    /// secrets, and `PG…` variables would change the behavior of the program. Ctrl-C must reach only this process.
    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.program(name));
        command.env_clear().env("LC_ALL", "C").env("TZ", "UTC").current_dir("/").stdin(Stdio::null()).process_group(0);
        for kept in ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
            if let Some(value) = env::var_os(kept) {
                command.env(kept, value);
            }
        }
        if let Some(owner) = self.layout.owner() {
            // The standard library also drops the supplementary groups of root.
            command.gid(owner.gid).uid(owner.uid);
        }
        command
    }
}

/// Returns the setting for the socket folder. The setting is a list, so the path is quoted and quotes in the path are
/// doubled.
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

/// Makes the kernel send `signal` to the program when the thread that spawns the command ends.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "the parent-death signal can only be set between fork and exec")]
fn set_parent_death_signal(command: &mut Command, signal: Signal) {
    let parent = nix::unistd::Pid::this();
    let set_signal = move || {
        nix::sys::prctl::set_pdeathsig(signal)?;
        // The kernel sends no signal for a parent that ended before this call.
        if nix::unistd::getppid() == parent { Ok(()) } else { Err(nix::errno::Errno::ESRCH.into()) }
    };
    // SAFETY: after the fork of a process with threads, only async-signal-safe functions may be called. The closure
    // makes two system calls, allocates nothing and takes no lock.
    unsafe { command.pre_exec(set_signal) };
}

#[cfg(not(target_os = "linux"))]
fn set_parent_death_signal(_: &mut Command, _: Signal) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn socket_folder_is_quoted_as_a_single_list_item() {
        assert_eq!(socket_setting(Path::new("/a, b/s")), "unix_socket_directories=\"/a, b/s\"");
        assert_eq!(socket_setting(Path::new("/a\"b")), "unix_socket_directories=\"/a\"\"b\"");
    }
}
