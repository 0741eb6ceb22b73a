//! The `pearset` binary as users run it: a process with settings, output, signals and an exit code.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::Value;

use super::{canaries, openapi};

/// A time limit that nothing reaches, also on a busy machine.
const PATIENCE: Duration = Duration::from_mins(5);

/// A working directory of the program, removed when the test ends.
pub(crate) struct Home {
    path: PathBuf,
    database_url: Option<String>,
}

impl Home {
    /// Creates an empty folder. A server that starts in the folder runs its private PostgreSQL.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        // A later run removes folders with this prefix if the current run is killed.
        let name = format!("pearset-test-{}-home-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        // If the tests run as root, another user runs PostgreSQL.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Self { path, database_url: None }
    }

    /// Creates a folder whose programs use this database.
    pub(crate) fn with_database(url: &str) -> Self {
        let mut home = Self::new();
        home.database_url = Some(url.to_owned());
        home
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns a command that runs the program without any setting but the database.
    pub(crate) fn pearset(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pearset"));
        for (name, _) in env::vars() {
            // The location of PostgreSQL depends on the machine and is kept.
            if name == "DATABASE_URL" || name.starts_with("PEARSET_") && !name.starts_with("PEARSET_PG_") {
                command.env_remove(name);
            }
        }
        if let Some(url) = &self.database_url {
            command.env("DATABASE_URL", url);
        }
        command.current_dir(&self.path);
        command
    }

    /// Runs a command line to its end. The line is split at blanks, so no argument can contain one.
    pub(crate) fn run(&self, line: &str) -> Finished {
        Process::spawn(self.pearset().args(line.split_whitespace())).finish()
    }

    /// Runs a command with `--json` and returns the value that the command prints on one line.
    #[track_caller]
    pub(crate) fn json(&self, line: &str) -> Value {
        let printed = self.run(&format!("{line} --json")).succeeded();
        assert!(printed.ends_with('\n') && printed.lines().count() == 1, "{line}: {printed}");
        serde_json::from_str(&printed).unwrap()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let begin = Instant::now();
        // The PostgreSQL of a killed server still writes files until PostgreSQL has ended.
        while fs::remove_dir_all(&self.path).is_err() && begin.elapsed() < Duration::from_secs(10) {
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A running program in its own process group, like a program that a shell starts. The program ends with the test.
pub(crate) struct Process {
    child: Child,
    out: Lines,
    err: Lines,
}

impl Process {
    pub(crate) fn spawn(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().unwrap();
        let out = Lines::of(child.stdout.take().unwrap(), |_| {});
        let err = Lines::of(child.stderr.take().unwrap(), canaries::check_line);
        Self { child, out, err }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to the whole process group, like Ctrl-C.
    pub(crate) fn signal(&self, signal: Signal) {
        killpg(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// Returns the next line of the program's log that contains this text.
    #[track_caller]
    pub(crate) fn logged(&self, text: &str) -> Value {
        let line = std::iter::from_fn(|| self.err.next()).find(|line| line.contains(text));
        serde_json::from_str(&line.unwrap_or_else(|| panic!("the program did not log {text}"))).unwrap()
    }

    /// Waits for the end of the program.
    pub(crate) fn finish(mut self) -> Finished {
        let (out, err) = (self.out.rest(), self.err.rest());
        let code = self.child.wait().unwrap().code();
        Finished { code, out, err }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The output of a program, line by line. A thread reads the output all the time, so that the program never blocks on
/// a full pipe.
struct Lines(Receiver<String>);

impl Lines {
    /// Reads the lines of a stream and passes each line to `look`.
    fn of(stream: impl Read + Send + 'static, look: fn(&str)) -> Self {
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            let lines = BufReader::new(stream).lines().map_while(Result::ok);
            lines.inspect(|line| look(line)).try_for_each(|line| sender.send(line))
        });
        Self(lines)
    }

    /// Returns the next line, `None` at the end.
    fn next(&self) -> Option<String> {
        match self.0.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("the program neither goes on nor ends"),
        }
    }

    fn rest(&self) -> String {
        std::iter::from_fn(|| self.next()).map(|line| line + "\n").collect()
    }
}

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    /// The exit code, `None` after a signal.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Finished {
    /// Asserts success and returns the output.
    #[track_caller]
    pub(crate) fn succeeded(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out
    }

    /// Returns the lines of the program's log.
    pub(crate) fn log(&self) -> Vec<Value> {
        self.err.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Asserts failure without output and returns the single line of the error.
    #[track_caller]
    pub(crate) fn refused(self) -> String {
        assert!(self.code.is_some_and(|code| (1..100).contains(&code)), "{self:?}");
        assert_eq!((self.out.as_str(), self.err.lines().count()), ("", 1), "{self:?}");
        self.err
    }
}

/// A server that is ready.
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts a server on a free port and waits until the server is ready.
    #[track_caller]
    pub(crate) fn start(command: &mut Command) -> Self {
        let process = Process::spawn(command.env("PEARSET_LISTEN", "127.0.0.1:0"));
        let Some(line) = process.out.next() else {
            panic!("the server did not start: {}", process.err.rest());
        };
        let address = line.strip_prefix("Pearset is ready at http://").expect("an address").parse().unwrap();
        Self { process, address }
    }

    /// Returns the further output of a first start: the API key, and a command that uses the API key.
    pub(crate) fn introduction(&self) -> (String, String) {
        let mut lines = std::iter::from_fn(|| self.process.out.next());
        let mut after = |mark: &str| {
            let found = lines.find_map(|line| line.split_once(mark).map(|(_, rest)| rest.to_owned()));
            found.unwrap_or_else(|| panic!("no line with {mark}"))
        };
        (after("API key (shown once): "), after("curl "))
    }

    pub(crate) fn get(&self, path: &str, key: &str) -> Reply {
        self.send(&Method::GET, path, &[("Authorization", &format!("Bearer {key}"))], "")
    }

    pub(crate) fn post(&self, path: &str, key: &str, body: &Value) -> Reply {
        let headers = [("Authorization", &*format!("Bearer {key}")), ("Content-Type", "application/json")];
        self.send(&Method::POST, path, &headers, &body.to_string())
    }

    /// Sends a request on a new connection and compares the answer with openapi.yaml.
    pub(crate) fn send(&self, method: &Method, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        canaries::sent(body.as_bytes());
        let headers: String = headers.iter().flat_map(|(name, value)| [*name, ": ", *value, "\r\n"]).collect();
        let (address, length) = (self.address, body.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\
             Content-Length: {length}\r\n\r\n{body}"
        );
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        Reply::read(stream, method, path)
    }

    /// Sends a signal and waits for the end of the server.
    pub(crate) fn end(self, signal: Signal) -> Finished {
        self.process.signal(signal);
        self.process.finish()
    }
}

/// An answer that matches the contract.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Reply {
    /// Reads the answer from a connection that closes after the answer.
    pub(crate) fn read(mut stream: TcpStream, method: &Method, path: &str) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap().parse().unwrap();
        let headers: HeaderMap = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap()))
            .collect();
        openapi::check(method, path, status, &headers, body.as_bytes());
        canaries::check_answer(status, body.as_bytes());
        Self { status, body: serde_json::from_str(body).unwrap_or(Value::Null) }
    }

    /// Asserts the status and returns the body.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }
}
