//! PostgreSQL is there and does nothing: SIGSTOP, as a machine that swaps or is moved.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Site;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_frozen_is_503_until_it_goes_on() {
    let site = Site::on_own_cluster("frozen").await;
    site.enroll_before().await;
    let frozen = Frozen::new(site.cluster.postmaster());
    site.expect_away().await;
    drop(frozen);
    site.expect_back(0).await;
}

/// Processes that do nothing until the value is dropped.
struct Frozen(Vec<Pid>);

impl Frozen {
    /// A process and its children.
    fn new(parent: Pid) -> Self {
        let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap();
        let children = children.split_whitespace().map(|child| Pid::from_raw(child.parse().unwrap()));
        let frozen = Self([parent].into_iter().chain(children).collect());
        frozen.signal(Signal::SIGSTOP);
        frozen
    }

    fn signal(&self, signal: Signal) {
        for process in &self.0 {
            // A child may have ended.
            let _ = kill(*process, signal);
        }
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.signal(Signal::SIGCONT);
    }
}
