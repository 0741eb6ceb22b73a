//! The first start in an empty folder, and later starts.

use std::fs;
use std::thread;
use std::time::Instant;

use http::Method;
use nix::sys::signal::Signal;
use serde_json::json;

use super::{CLUSTER, enroll};
use crate::support::binary::{Home, Process, Reply, Server};
use crate::support::token::claims;

/// Sends the request of a `curl` command to this server, whose address may differ from the address in the command.
fn run_curl(command: &str, server: &Server) -> Reply {
    // Every second piece is between quotes.
    let pieces = command.split('\'').enumerate();
    let words: Vec<&str> = pieces
        .flat_map(|(index, piece)| if index % 2 == 1 { vec![piece] } else { piece.split_whitespace().collect() })
        .collect();
    let (mut method, mut path, mut headers, mut body) = (Method::GET, "", Vec::new(), "");
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        match word {
            "-sS" => {}
            "-X" => method = words.next().unwrap().parse().unwrap(),
            "-H" => headers.push(words.next().unwrap().split_once(": ").unwrap()),
            "-d" => body = words.next().unwrap(),
            url => path = url.strip_prefix("http://").and_then(|url| Some(&url[url.find('/')?..])).expect("one URL"),
        }
    }
    server.send(&method, path, &headers, body)
}

#[test]
fn the_first_start_prints_a_key_and_the_next_start_finds_its_data() {
    let home = Home::new();
    let first = Server::start(&mut home.pearset());
    let (key, curl) = first.introduction();
    assert!(curl.contains(&format!("http://{}/", first.address)) && curl.contains(&key), "{curl}");
    let token = claims(&run_curl(&curl, &first).expect(201));
    let partner = first.post("/partners", &key, &json!({ "email": "jane@example.com" })).expect(201);
    assert_eq!(token["pid"], partner["id"]);

    // The addresses in answers have the port that the server got.
    assert_eq!(token["iss"], format!("http://{}", first.address));
    let short_link = partner["links"][0]["shortLink"].as_str().unwrap();
    assert!(short_link.starts_with(&format!("http://default.localhost:{}/", first.address.port())), "{short_link}");
    assert_eq!(first.end(Signal::SIGINT).succeeded(), "", "everything was printed at the start");

    let begin = Instant::now();
    let second = Server::start(&mut home.pearset());
    println!("start on an existing cluster: {:?}", begin.elapsed());
    assert_eq!(claims(&run_curl(&curl, &second).expect(201))["pid"], partner["id"]);

    let refusal = Process::spawn(home.pearset().args(["--listen", "127.0.0.1:0"])).finish().refused();
    let holder = format!("another pearset server (pid {})", second.process.id());
    assert!(refusal.contains(&holder) && refusal.contains("PEARSET_DATA_DIR"), "{refusal}");
    assert_eq!(enroll(&second, &key, "jane@example.com"), partner["id"], "the first server goes on");
    assert_eq!(second.end(Signal::SIGINT).succeeded(), "", "no key is printed again");
}

#[test]
fn commands_during_the_first_start_wait_for_it() {
    let home = Home::new();
    let mut command = home.pearset();
    let server = thread::scope(|scope| {
        let starting = scope.spawn(|| Server::start(&mut command));
        let commands: Vec<_> = (0..6).map(|_| scope.spawn(|| home.json("workspace list"))).collect();
        for command in commands {
            let found = command.join().unwrap();
            assert!(found.as_array().is_some_and(|all| all.len() <= 1), "{found}");
        }
        starting.join().unwrap()
    });
    server.introduction();
    assert_eq!(home.json("workspace list").as_array().unwrap().len(), 1);
    server.end(Signal::SIGINT).succeeded();
}

#[test]
fn missing_postgresql_programs_are_reported_in_one_line() {
    let home = Home::new();
    let nothing = home.path().join("nothing");
    fs::create_dir(&nothing).unwrap();
    let mut command = home.pearset();
    command.args(["--listen", "127.0.0.1:0"]).env("PEARSET_PG_BIN", &nothing);
    let refusal = Process::spawn(&mut command).finish().refused();
    assert!(refusal.contains(&format!("PEARSET_PG_BIN={}", nothing.display())), "{refusal}");
    assert!(!home.path().join(CLUSTER).exists());
}
