//! PostgreSQL is there and does nothing: SIGSTOP, as a machine that swaps or is moved.

use super::Site;
use crate::frozen::Frozen;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_frozen_is_503_until_it_goes_on() {
    let site = Site::on_own_cluster("frozen").await;
    site.enroll_before().await;
    let frozen = Frozen::new(site.cluster.postmaster()).unwrap();
    site.expect_away().await;
    drop(frozen);
    site.expect_back(0).await;
}
