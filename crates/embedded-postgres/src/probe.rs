//! Does the server accept connections? Asked in the PostgreSQL protocol, without a client library.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use super::SUPERUSER;

/// How long an adopted server must go on answering before it counts as one that stays.
pub(super) const SETTLING_TIME: Duration = Duration::from_millis(300);
/// How long a server may be silent. One that says that it starts or stops may take longer:
/// crash recovery of a large database does.
const LONGEST_SILENCE: Duration = Duration::from_mins(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);
/// When somebody who watches would like to know what we wait for.
const UNEXPLAINED: Duration = Duration::from_secs(5);
const REPLY_TIMEOUT: Duration = Duration::from_secs(2);
/// Error fields fit in it many times; a longer answer does not come from PostgreSQL.
const LONGEST_REPLY: usize = 8 * 1024;

/// The state of a server as seen from outside.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Ready,
    /// It lives, and is starting, stopping or full.
    Busy,
    Silent,
    /// It will never let us in; the reason in its words.
    Refused(String),
}

/// Opens a session as the superuser and closes it at once.
pub(super) fn ask(socket: &Path) -> Answer {
    match exchange(socket) {
        Ok((kind, body)) => interpret(kind, &body),
        Err(_) => Answer::Silent,
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
    // The length counts itself.
    let length = (u32::from_be_bytes(length) as usize).saturating_sub(4);
    let mut body = vec![0; length.min(LONGEST_REPLY)];
    stream.read_exact(&mut body)?;
    // Terminate, so that the session's end is no error in the log. It may be over already.
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

fn interpret(kind: u8, body: &[u8]) -> Answer {
    match kind {
        b'R' if body == [0; 4] => Answer::Ready,
        b'R' => Answer::Refused("it wants a password".to_owned()),
        b'E' => match error_field(body, b'C').as_deref() {
            // admin_shutdown, crash_shutdown, cannot_connect_now, too_many_connections
            Some("57P01" | "57P02" | "57P03" | "53300") => Answer::Busy,
            _ => Answer::Refused(error_field(body, b'M').unwrap_or_else(|| "without a reason".to_owned())),
        },
        _ => Answer::Silent,
    }
}

/// One field of an `ErrorResponse`: a letter, its text, a zero byte, and so on.
fn error_field(body: &[u8], letter: u8) -> Option<String> {
    let field = body.split(|byte| *byte == 0).find(|field| field.first() == Some(&letter))?;
    Some(String::from_utf8_lossy(&field[1..]).into_owned())
}

/// How long to go on waiting for a server, and how long to sleep between two questions.
pub(super) struct Patience {
    since: Instant,
    silent_since: Instant,
    pause: Duration,
    explained: bool,
}

impl Patience {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { since: now, silent_since: now, pause: Duration::from_millis(10), explained: false }
    }

    pub(super) fn is_over(&self) -> bool {
        self.silent_since.elapsed() > LONGEST_SILENCE
    }

    pub(super) fn pause_after(&mut self, answer: &Answer) -> Duration {
        if *answer != Answer::Silent {
            self.silent_since = Instant::now();
        }
        if !self.explained && self.since.elapsed() > UNEXPLAINED {
            self.explained = true;
            tracing::info!(?answer, "waiting for the embedded PostgreSQL");
        }
        let pause = self.pause;
        self.pause = (pause * 5 / 4).min(LONGEST_PAUSE);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_startup_message_states_its_own_length() {
        let message = startup_message();
        assert_eq!(message[..4], u32::try_from(message.len()).unwrap().to_be_bytes());
        assert!(message.ends_with(b"user\0postgres\0database\0postgres\0\0"));
    }

    #[test]
    fn replies_are_told_apart() {
        let error = |code: &str| format!("SFATAL\0VFATAL\0C{code}\0Mrole \"postgres\" does not exist\0\0").into_bytes();
        let cases = [
            (b'R', vec![0, 0, 0, 0], Answer::Ready),
            (b'R', vec![0, 0, 0, 10], Answer::Refused("it wants a password".to_owned())),
            (b'E', error("57P03"), Answer::Busy),
            (b'E', error("57P01"), Answer::Busy),
            (b'E', error("53300"), Answer::Busy),
            (b'E', error("28000"), Answer::Refused("role \"postgres\" does not exist".to_owned())),
            (b'E', Vec::new(), Answer::Refused("without a reason".to_owned())),
            (b'H', Vec::new(), Answer::Silent),
        ];
        for (kind, body, expected) in cases {
            assert_eq!(interpret(kind, &body), expected);
        }
    }

    #[test]
    fn a_socket_that_is_not_there_is_silent() {
        assert_eq!(ask(Path::new("/nonexistent/.s.PGSQL.5432")), Answer::Silent);
    }

    #[test]
    fn pauses_grow_to_a_limit() {
        let mut patience = Patience::new();
        let pauses: Vec<Duration> = (0..40).map(|_| patience.pause_after(&Answer::Silent)).collect();
        assert!(pauses.is_sorted());
        assert_eq!(pauses.last(), Some(&LONGEST_PAUSE));
        assert!(!patience.is_over());
    }
}
