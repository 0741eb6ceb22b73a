//! Clients that keep their pace whatever the server does, for `benches/overload/run`. The standard library alone, so
//! that `rustc -O` builds it in a moment.
//!
//! Arguments: ADDRESS KEY LABEL CLIENTS SECONDS INTERVAL: each client sends a creating call every INTERVAL microseconds
//! (0: as soon as it has its answer). A call that is late because of the one before it is left out, not made up for.
//! Prints for each status: how many there were, and their p50, p99 and maximum in microseconds. 0 stands for a
//! connection that broke.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use std::{env, thread};

struct Client {
    address: String,
    key: String,
    stream: Option<TcpStream>,
}

impl Client {
    /// The status of a call that creates this partner.
    fn call(&mut self, name: &str) -> std::io::Result<u16> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(&self.address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(Duration::from_secs(10)))?;
            self.stream = Some(stream);
        }
        let Some(stream) = &mut self.stream else { return Err(std::io::ErrorKind::NotConnected.into()) };
        let body = format!(r#"{{"tenantId":"{name}","partner":{{"email":"{name}@example.com"}}}}"#);
        let request = format!(
            "POST /tokens/embed/referrals HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.key,
            body.len()
        );
        stream.write_all(request.as_bytes())?;
        let (mut answer, mut bytes) = (Vec::new(), [0; 4096]);
        loop {
            let count = stream.read(&mut bytes)?;
            if count == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            answer.extend_from_slice(&bytes[..count]);
            let text = String::from_utf8_lossy(&answer);
            let Some((head, rest)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if rest.len() < length.and_then(|length| length.parse().ok()).unwrap_or(0) {
                continue;
            }
            let status = head.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0);
            // What was refused before its body was read closes the connection.
            if head.contains("connection: close") {
                self.stream = None;
            }
            return Ok(status);
        }
    }
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, key, label, clients, seconds, interval] = arguments.try_into().expect("six arguments");
    let clients: u32 = clients.parse().expect("how many clients");
    let run = Duration::from_secs_f64(seconds.parse().expect("seconds"));
    let interval = Duration::from_micros(interval.parse().expect("microseconds"));
    let begin = Instant::now() + Duration::from_millis(50);
    let threads: Vec<_> = (0..clients)
        .map(|number| {
            let mut client = Client { address: address.clone(), key: key.clone(), stream: None };
            let label = label.clone();
            let work = move || {
                let mut times: Vec<(u16, u32)> = Vec::new();
                // Spread evenly over the interval.
                let mut due = begin + interval * number / clients;
                for call in 0.. {
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                    let sent = Instant::now();
                    if sent >= begin + run {
                        break;
                    }
                    let status = client.call(&format!("{label}-{number}-{call}")).unwrap_or_else(|_| {
                        client.stream = None;
                        0
                    });
                    times.push((status, u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX)));
                    due += interval;
                    while !interval.is_zero() && due < Instant::now() {
                        due += interval;
                    }
                }
                times
            };
            thread::Builder::new().stack_size(128 * 1024).spawn(work).expect("a thread")
        })
        .collect();
    let mut by_status: BTreeMap<u16, Vec<u32>> = BTreeMap::new();
    for thread in threads {
        for (status, time) in thread.join().expect("a client") {
            by_status.entry(status).or_default().push(time);
        }
    }
    for (status, mut times) in by_status {
        times.sort_unstable();
        let at = |part: usize| times[(times.len() * part / 100).min(times.len() - 1)];
        println!("{status} {} {} {} {}", times.len(), at(50), at(99), times[times.len() - 1]);
    }
}
