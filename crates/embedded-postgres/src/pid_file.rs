//! The file `postmaster.pid`, in which a PostgreSQL server publishes its process id, socket and status.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use crate::layout::SOCKET_NAME;
use crate::probe::{self, ServerState};

const NAME: &str = "postmaster.pid";

/// The content of the file. The file of a killed server remains, and another process can get the same process id.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PidFile {
    pub(crate) pid: Pid,
    data: PathBuf,
    /// `None` until the server listens.
    pub(crate) socket_dir: Option<PathBuf>,
    status: Option<String>,
}

impl PidFile {
    /// Reads the file. Returns `None` when the file is missing or not yet complete.
    pub(crate) fn read(data: &Path) -> Result<Option<Self>> {
        let path = data.join(NAME);
        match fs::read(&path) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
        let path = |number: usize| {
            let line = *lines.get(number - 1)?;
            (!line.is_empty()).then(|| PathBuf::from(OsStr::from_bytes(line)))
        };
        let word = |number: usize| Some(str::from_utf8(lines.get(number - 1)?).ok()?.trim());
        // A single-user PostgreSQL writes the process id as a negative number. kill(2) interprets zero as the process
        // group of the caller.
        let pid = word(1)?.parse::<i32>().ok()?.checked_abs().filter(|pid| *pid > 0)?;
        Some(Self { pid: Pid::from_raw(pid), data: path(2)?, socket_dir: path(5), status: word(8).map(str::to_owned) })
    }

    /// Returns whether the process id belongs to a PostgreSQL server on `data`. A later process can have the same id, and
    /// a copied folder contains the id of the server on the original folder.
    pub(crate) fn is_running_on(&self, data: &Path) -> bool {
        if kill(self.pid, None) == Err(Errno::ESRCH) {
            return false;
        }
        if Path::new("/proc/self/comm").exists() { self.is_running_in_proc(data) } else { self.is_running_in_ps(data) }
    }

    fn is_running_in_proc(&self, data: &Path) -> bool {
        let proc = PathBuf::from(format!("/proc/{}", self.pid));
        let named = fs::read_to_string(proc.join("comm")).is_ok_and(|name| is_postgres(&name));
        // The working directory of a server is the data folder. A zombie has no working directory.
        named
            && match fs::metadata(proc.join("cwd")) {
                Ok(cwd) => fs::metadata(data).is_ok_and(|data| (data.dev(), data.ino()) == (cwd.dev(), cwd.ino())),
                // Without CAP_SYS_PTRACE, root in a container cannot read `cwd` but can read the arguments.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => fs::read(proc.join("cmdline"))
                    .is_ok_and(|line| line.split(|byte| *byte == 0).any(|word| word == data.as_os_str().as_bytes())),
                Err(_) => false,
            }
    }

    fn is_running_in_ps(&self, data: &Path) -> bool {
        let name = Command::new("ps").args(["-o", "comm=", "-p", &self.pid.to_string()]).output();
        self.data == data && name.is_ok_and(|output| is_postgres(&String::from_utf8_lossy(&output.stdout)))
    }

    /// Returns the state of the server. The server is probed only when the file says "ready", because each rejected
    /// connection adds a line to the log.
    pub(crate) fn server_state(&self) -> ServerState {
        match (self.status.as_deref(), &self.socket_dir) {
            (Some("starting" | "stopping"), _) => ServerState::Busy,
            (Some("ready"), Some(dir)) => probe::server_state(&dir.join(SOCKET_NAME)),
            _ => ServerState::Silent,
        }
    }
}

fn is_postgres(command: &str) -> bool {
    let name = Path::new(command.trim()).file_name().and_then(OsStr::to_str);
    matches!(name, Some("postgres" | "postmaster"))
}

/// Removes a stale file that would prevent a start: a file without a process id, or with the id of another process. A
/// file with the id of an ended process stays, because PostgreSQL uses the file to find sessions of the killed server.
pub(crate) fn remove_stale(data: &Path) -> Result<()> {
    let has_ended_process = PidFile::read(data)?.is_some_and(|file| kill(file.pid, None) == Err(Errno::ESRCH));
    if has_ended_process {
        return Ok(());
    }
    match fs::remove_file(data.join(NAME)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: &[u8] = b"4711\n/srv/pg/data\n1763672460\n5432\n/srv/pg/socket\n\n 12345678 4\nready   \n";

    #[test]
    fn file_of_a_ready_server_is_parsed() {
        let file = PidFile::parse(READY).expect("the file is complete");
        let expected = PidFile {
            pid: Pid::from_raw(4711),
            data: "/srv/pg/data".into(),
            socket_dir: Some("/srv/pg/socket".into()),
            status: Some("ready".to_owned()),
        };
        assert_eq!(file, expected);
    }

    #[test]
    fn starting_server_has_no_socket() {
        let file = PidFile::parse(b"4711\n/srv/pg/data\n1763672460\n5432\n\n").expect("the file has a pid");
        assert_eq!((file.socket_dir.as_deref(), file.server_state()), (None, ServerState::Silent));
    }

    #[test]
    fn stopping_server_is_busy() {
        let text = String::from_utf8_lossy(READY).replace("ready", "stopping");
        assert_eq!(PidFile::parse(text.as_bytes()).map(|file| file.server_state()), Some(ServerState::Busy));
    }

    #[test]
    fn negative_pid_of_a_single_user_server_is_parsed() {
        let file = PidFile::parse(b"-4711\n/srv/pg/data\n").expect("the file has a pid");
        assert_eq!(file.pid, Pid::from_raw(4711));
    }

    #[test]
    fn invalid_files_are_rejected() {
        for text in ["", "\n", "0\n/data\n", "pid\n/data\n", "4711\n", "99999999999\n/data\n", "-2147483648\n/data\n"] {
            assert_eq!(PidFile::parse(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn pid_of_another_program_is_not_a_running_server() {
        let file = PidFile { pid: Pid::this(), ..PidFile::parse(READY).expect("the file is complete") };
        assert!(!file.is_running_on(Path::new("/srv/pg/data")));
    }

    #[test]
    fn postgres_is_recognized_by_the_program_name() {
        assert!(is_postgres("postgres\n") && is_postgres("/opt/homebrew/bin/postgres\n") && is_postgres("postmaster"));
        assert!(!is_postgres("postgres_exporter\n") && !is_postgres(""));
    }
}
