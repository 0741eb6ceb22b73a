//! A probe that tells whether a server accepts connections. The probe speaks the PostgreSQL protocol without a client
//! library.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::SUPERUSER;

/// The time for which an orphan must keep answering before the orphan is adopted.
pub(crate) const SETTLING_TIME: Duration = Duration::from_millis(300);
/// The time for which a server may be silent. A server that reports a start or a stop may take longer, for example for
/// the crash recovery of a large database.
const SILENCE_TIMEOUT: Duration = Duration::from_mins(1);
const MAX_PAUSE: Duration = Duration::from_millis(200);
/// The time after which the log explains the wait.
const LOG_DELAY: Duration = Duration::from_secs(5);
const REPLY_TIMEOUT: Duration = Duration::from_secs(2);
/// The maximum length of a reply in bytes. The error fields of PostgreSQL are many times shorter.
const MAX_REPLY_BYTES: usize = 8 * 1024;

/// The state of a server as seen by a client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ServerState {
    Ready,
    /// The server is starting, stopping or full.
    Busy,
    Silent,
    /// The server permanently rejects connections. The text is the reason in the words of the server.
    Refused(String),
}

/// Opens a session as the superuser, closes the session and returns the observed state.
pub(crate) fn server_state(socket: &Path) -> ServerState {
    match exchange(socket) {
        Ok((kind, body)) => interpret(kind, &body),
        Err(_) => ServerState::Silent,
    }
}

fn exchange(socket: &Path) -> io::Result<(u8, Vec<u8>)> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(REPLY_TIMEOUT))?;
    stream.set_write_timeout(Some(REPLY_TIMEOUT))?;
    stream.write_all(&startup_message())?;

    let mut head = [0; 5];
    stream.read_exact(&mut head)?;
    let [kind, length @ ..] = head;
    // The length includes the four bytes of the length field.
    let length = (u32::from_be_bytes(length) as usize).saturating_sub(4);
    let mut body = vec![0; length.min(MAX_REPLY_BYTES)];
    stream.read_exact(&mut body)?;
    // A Terminate message prevents an error in the log. The session may have ended before the message.
    let _ = stream.write_all(&[b'X', 0, 0, 0, 4]);
    Ok((kind, body))
}

fn startup_message() -> Vec<u8> {
    let mut body = vec![0, 3, 0, 0];
    for text in ["user", SUPERUSER, "database", "postgres"] {
        body.extend_from_slice(text.as_bytes());
        body.push(0);
    }
    body.push(0);
    let length = u32::try_from(body.len() + 4).expect("the message is shorter than 100 bytes");
    let mut message = length.to_be_bytes().to_vec();
    message.append(&mut body);
    message
}

fn interpret(kind: u8, body: &[u8]) -> ServerState {
    match kind {
        b'R' if body == [0; 4] => ServerState::Ready,
        b'R' => ServerState::Refused("the server requires a password".to_owned()),
        b'E' => match error_field(body, b'C').as_deref() {
            // admin_shutdown, crash_shutdown, cannot_connect_now, too_many_connections
            Some("57P01" | "57P02" | "57P03" | "53300") => ServerState::Busy,
            _ => {
                ServerState::Refused(error_field(body, b'M').unwrap_or_else(|| "the server gives no reason".to_owned()))
            }
        },
        _ => ServerState::Silent,
    }
}

/// Returns a field of an `ErrorResponse`. Each field consists of a letter, a text and a zero byte.
fn error_field(body: &[u8], letter: u8) -> Option<String> {
    let field = body.split(|byte| *byte == 0).find(|field| field.first() == Some(&letter))?;
    Some(String::from_utf8_lossy(&field[1..]).into_owned())
}

/// The schedule of repeated probes: growing pauses, and a timeout for a silent server.
pub(crate) struct Backoff {
    started_at: Instant,
    silent_since: Instant,
    pause: Duration,
    logged: bool,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self { started_at: now, silent_since: now, pause: Duration::from_millis(10), logged: false }
    }

    /// Returns whether the server has been silent for too long.
    pub(crate) fn has_timed_out(&self) -> bool {
        self.silent_since.elapsed() > SILENCE_TIMEOUT
    }

    /// Returns the pause before the next probe.
    pub(crate) fn pause_after(&mut self, state: &ServerState) -> Duration {
        if *state != ServerState::Silent {
            self.silent_since = Instant::now();
        }
        if !self.logged && self.started_at.elapsed() > LOG_DELAY {
            self.logged = true;
            tracing::info!(?state, "waiting for the embedded PostgreSQL");
        }
        let pause = self.pause;
        self.pause = (pause * 5 / 4).min(MAX_PAUSE);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn startup_message_contains_its_own_length() {
        let message = startup_message();
        assert_eq!(message[..4], u32::try_from(message.len()).unwrap().to_be_bytes());
        assert!(message.ends_with(b"user\0postgres\0database\0postgres\0\0"));
    }

    #[test]
    fn replies_are_mapped_to_states() {
        let error = |code: &str| format!("SFATAL\0VFATAL\0C{code}\0Mrole \"postgres\" does not exist\0\0").into_bytes();
        let cases = [
            (b'R', vec![0, 0, 0, 0], ServerState::Ready),
            (b'R', vec![0, 0, 0, 10], ServerState::Refused("the server requires a password".to_owned())),
            (b'E', error("57P03"), ServerState::Busy),
            (b'E', error("57P01"), ServerState::Busy),
            (b'E', error("53300"), ServerState::Busy),
            (b'E', error("28000"), ServerState::Refused("role \"postgres\" does not exist".to_owned())),
            (b'E', Vec::new(), ServerState::Refused("the server gives no reason".to_owned())),
            (b'H', Vec::new(), ServerState::Silent),
        ];
        for (kind, body, expected) in cases {
            assert_eq!(interpret(kind, &body), expected);
        }
    }

    #[test]
    fn missing_socket_is_silent() {
        assert_eq!(server_state(Path::new("/nonexistent/.s.PGSQL.5432")), ServerState::Silent);
    }

    #[test]
    fn pauses_grow_up_to_the_maximum() {
        let mut backoff = Backoff::new();
        let pauses: Vec<Duration> = (0..40).map(|_| backoff.pause_after(&ServerState::Silent)).collect();
        assert!(pauses.is_sorted());
        assert_eq!(pauses.last(), Some(&MAX_PAUSE));
        assert!(!backoff.has_timed_out());
    }
}
