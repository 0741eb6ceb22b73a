//! The embedded PostgreSQL, and the server that runs it.

mod ends;
mod operators_database;
mod starts;

use std::fs;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use serde_json::json;

use crate::support::binary::{Home, Server};

/// The default folder of the data.
const CLUSTER: &str = ".pearset/pg/data";

/// Returns the PostgreSQL that runs in a folder, by its lock file.
fn postgres_of(home: &Home) -> Pid {
    let file = fs::read_to_string(home.path().join(CLUSTER).join("postmaster.pid")).unwrap();
    Pid::from_raw(file.lines().next().unwrap().parse().unwrap())
}

fn is_running(pid: Pid) -> bool {
    // A zombie, whose parent has not waited for it yet, is no longer running.
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    kill(pid, None) != Err(Errno::ESRCH) && !state.contains(") Z ")
}

/// Returns the id of the partner with this e-mail, and enrolls the partner if necessary.
#[track_caller]
fn enroll(server: &Server, key: &str, email: &str) -> String {
    let partner = server.post("/partners", key, &json!({ "email": email })).expect(201);
    partner["id"].as_str().unwrap().to_owned()
}
