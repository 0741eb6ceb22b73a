//! The private cluster, and the server that runs it.

mod ends;
mod operators_database;
mod starts;

use std::fs;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use serde_json::json;

use crate::support::binary::{Home, Server};

/// Where the data is unless a setting says otherwise.
const CLUSTER: &str = ".pearset/pg/data";

/// The PostgreSQL that runs in a folder, by its own word.
fn postgres_of(home: &Home) -> Pid {
    let file = fs::read_to_string(home.path().join(CLUSTER).join("postmaster.pid")).unwrap();
    Pid::from_raw(file.lines().next().unwrap().parse().unwrap())
}

fn is_running(pid: Pid) -> bool {
    // One that has ended and whose new parent has not noticed yet is no longer running.
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    kill(pid, None) != Err(Errno::ESRCH) && !state.contains(") Z ")
}

/// The partner of whoever has this e-mail, enrolled if need be.
#[track_caller]
fn enroll(server: &Server, key: &str, email: &str) -> String {
    let partner = server.post("/partners", key, &json!({ "email": email })).expect(201);
    partner["id"].as_str().unwrap().to_owned()
}
