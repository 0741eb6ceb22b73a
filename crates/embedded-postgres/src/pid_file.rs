//! `postmaster.pid`: who runs on a data folder, where it listens and what it is doing.

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

use super::layout::SOCKET_NAME;
use super::probe::{self, Answer};

const NAME: &str = "postmaster.pid";

/// What the file says. It outlives a server that was killed, and its pid may be another's by then.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PidFile {
    pub(super) pid: Pid,
    data: PathBuf,
    /// Unset until the server listens.
    pub(super) socket_dir: Option<PathBuf>,
    status: Option<String>,
}

impl PidFile {
    /// `None` when there is no such file or it is not (yet) complete.
    pub(super) fn read(data: &Path) -> Result<Option<Self>> {
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
        // A single-user PostgreSQL writes its pid as a negative number. Zero would mean "our own
        // process group" to kill(2).
        let pid = word(1)?.parse::<i32>().ok()?.checked_abs().filter(|pid| *pid > 0)?;
        Some(Self { pid: Pid::from_raw(pid), data: path(2)?, socket_dir: path(5), status: word(8).map(str::to_owned) })
    }

    /// Whether the pid is that of a PostgreSQL which runs on `data`, and not of a process that
    /// got the same number later, or of the original of a copied folder.
    pub(super) fn is_running_on(&self, data: &Path) -> bool {
        if kill(self.pid, None) == Err(Errno::ESRCH) {
            return false;
        }
        if Path::new("/proc/self/comm").exists() { self.is_running_by_proc(data) } else { self.is_running_by_ps(data) }
    }

    fn is_running_by_proc(&self, data: &Path) -> bool {
        let proc = PathBuf::from(format!("/proc/{}", self.pid));
        let named = fs::read_to_string(proc.join("comm")).is_ok_and(|name| is_postgres(&name));
        // A server's working directory is its data folder; a zombie has none.
        named
            && match fs::metadata(proc.join("cwd")) {
                Ok(cwd) => fs::metadata(data).is_ok_and(|data| (data.dev(), data.ino()) == (cwd.dev(), cwd.ino())),
                // Root in a container may not look (no CAP_SYS_PTRACE), but may read arguments.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => fs::read(proc.join("cmdline"))
                    .is_ok_and(|line| line.split(|byte| *byte == 0).any(|word| word == data.as_os_str().as_bytes())),
                Err(_) => false,
            }
    }

    fn is_running_by_ps(&self, data: &Path) -> bool {
        let name = Command::new("ps").args(["-o", "comm=", "-p", &self.pid.to_string()]).output();
        self.data == data && name.is_ok_and(|output| is_postgres(&String::from_utf8_lossy(&output.stdout)))
    }

    /// Whether the server accepts connections. It is asked only when it says so itself, because
    /// each connection that it turns away is a line in its log.
    pub(super) fn ask(&self) -> Answer {
        match (self.status.as_deref(), &self.socket_dir) {
            (Some("starting" | "stopping"), _) => Answer::Busy,
            (Some("ready"), Some(dir)) => probe::ask(&dir.join(SOCKET_NAME)),
            _ => Answer::Silent,
        }
    }
}

fn is_postgres(command: &str) -> bool {
    let name = Path::new(command.trim()).file_name().and_then(OsStr::to_str);
    matches!(name, Some("postgres" | "postmaster"))
}

/// Removes a file that would make PostgreSQL refuse to start although nothing runs on the folder:
/// one without a pid, or with that of another process. Where the pid is dead, PostgreSQL itself
/// deals with the file, and uses it to look for sessions that outlived their server.
pub(super) fn remove_stale(data: &Path) -> Result<()> {
    let left_to_postgres = PidFile::read(data)?.is_some_and(|file| kill(file.pid, None) == Err(Errno::ESRCH));
    if left_to_postgres {
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
    fn the_file_of_a_ready_server_is_read_whole() {
        let file = PidFile::parse(READY).expect("it is complete");
        let expected = PidFile {
            pid: Pid::from_raw(4711),
            data: "/srv/pg/data".into(),
            socket_dir: Some("/srv/pg/socket".into()),
            status: Some("ready".to_owned()),
        };
        assert_eq!(file, expected);
    }

    #[test]
    fn a_starting_server_has_no_socket_yet() {
        let file = PidFile::parse(b"4711\n/srv/pg/data\n1763672460\n5432\n\n").expect("it has a pid");
        assert_eq!((file.socket_dir.as_deref(), file.ask()), (None, Answer::Silent));
    }

    #[test]
    fn one_that_stops_is_busy() {
        let text = String::from_utf8_lossy(READY).replace("ready", "stopping");
        assert_eq!(PidFile::parse(text.as_bytes()).map(|file| file.ask()), Some(Answer::Busy));
    }

    #[test]
    fn a_single_user_server_has_a_negative_pid() {
        let file = PidFile::parse(b"-4711\n/srv/pg/data\n").expect("it has a pid");
        assert_eq!(file.pid, Pid::from_raw(4711));
    }

    #[test]
    fn rubbish_is_no_pid_file() {
        for text in ["", "\n", "0\n/data\n", "pid\n/data\n", "4711\n", "99999999999\n/data\n", "-2147483648\n/data\n"] {
            assert_eq!(PidFile::parse(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn a_pid_of_something_else_is_no_server() {
        let file = PidFile { pid: Pid::this(), ..PidFile::parse(READY).expect("it is complete") };
        assert!(!file.is_running_on(Path::new("/srv/pg/data")));
    }

    #[test]
    fn postgres_is_known_by_its_name() {
        assert!(is_postgres("postgres\n") && is_postgres("/opt/homebrew/bin/postgres\n") && is_postgres("postmaster"));
        assert!(!is_postgres("postgres_exporter\n") && !is_postgres(""));
    }
}
