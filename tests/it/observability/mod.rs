//! Telemetry: metrics, logs and spans.

mod access_log;
mod leaks;
mod metrics;
mod otlp;

use std::io::{Read, Write};
use std::net::TcpStream;

/// Sends a GET over a connection of its own, for paths that are not part of the contract.
fn get(address: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    (answer[9..12].parse().unwrap(), answer)
}
