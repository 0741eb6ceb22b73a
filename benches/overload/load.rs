//! Clients that keep their pace whatever the server does, for `benches/overload/run`. All clients share one thread, because
//! a thread for each client would compete with the server's threads for the cores, unlike real clients of a network.
//!
//! Arguments: ADDRESS KEY LABEL CLIENTS SECONDS INTERVAL. Each client sends a creating request every INTERVAL microseconds
//! (0: as soon as the client has its answer). A request that is late because of the previous one is skipped, not sent
//! later. Prints for each status the number of answers, and their p50, p99 and maximum in microseconds. The status 0
//! stands for a broken connection.

use std::collections::BTreeMap;
use std::env;
use std::io::{Error, ErrorKind, Result};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

struct Client {
    address: String,
    key: String,
    stream: Option<TcpStream>,
}

async fn connect(address: &str) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl Client {
    /// Sends a request that creates this partner and returns the status of the answer.
    async fn call(&mut self, name: &str) -> Result<u16> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(&self.address).await?,
        };
        let body = format!(r#"{{"tenantId":"{name}","partner":{{"email":"{name}@example.com"}}}}"#);
        let request = format!(
            "POST /tokens/embed/referrals HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.key,
            body.len()
        );
        stream.write_all(request.as_bytes()).await?;
        let (mut answer, mut bytes) = (Vec::new(), [0; 4096]);
        loop {
            let count = stream.read(&mut bytes).await?;
            if count == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            answer.extend_from_slice(&bytes[..count]);
            let text = String::from_utf8_lossy(&answer);
            let Some((head, rest)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if rest.len() < length.and_then(|length| length.parse().ok()).unwrap_or(0) {
                continue;
            }
            let status = head.get(9..12).and_then(|status| status.parse().ok());
            if !head.contains("connection: close") {
                self.stream = Some(stream);
            }
            return status.ok_or_else(|| Error::from(ErrorKind::InvalidData));
        }
    }

    /// Sends requests until `end` and returns the status and the microseconds of each.
    async fn run(mut self, label: String, first: Instant, interval: Duration, end: Instant) -> Vec<(u16, u32)> {
        let (mut times, mut due) = (Vec::new(), first);
        for call in 0.. {
            sleep_until(due).await;
            let sent = Instant::now();
            if sent >= end {
                break;
            }
            let answered = timeout(Duration::from_secs(10), self.call(&format!("{label}-{call}"))).await;
            let status = answered.ok().and_then(Result::ok).unwrap_or(0);
            times.push((status, u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX)));
            due += interval;
            while !interval.is_zero() && due < Instant::now() {
                due += interval;
            }
        }
        times
    }
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, key, label, clients, seconds, interval] = arguments.try_into().expect("six arguments");
    let clients: u32 = clients.parse().expect("how many clients");
    let run = Duration::from_secs_f64(seconds.parse().expect("seconds"));
    let interval = Duration::from_micros(interval.parse().expect("microseconds"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let by_status = runtime.block_on(async {
        let begin = Instant::now() + Duration::from_millis(50);
        let clients: Vec<_> = (0..clients)
            .map(|number| {
                let client = Client { address: address.clone(), key: key.clone(), stream: None };
                // Spread evenly over the interval.
                let first = begin + interval * number / clients;
                tokio::spawn(client.run(format!("{label}-{number}"), first, interval, begin + run))
            })
            .collect();
        let mut by_status: BTreeMap<u16, Vec<u32>> = BTreeMap::new();
        for client in clients {
            for (status, time) in client.await.expect("a client") {
                by_status.entry(status).or_default().push(time);
            }
        }
        by_status
    });
    for (status, mut times) in by_status {
        times.sort_unstable();
        let at = |part: usize| times[(times.len() * part / 100).min(times.len() - 1)];
        println!("{status} {} {} {} {}", times.len(), at(50), at(99), times[times.len() - 1]);
    }
}
