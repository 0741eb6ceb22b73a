//! PostgreSQL is frozen by SIGSTOP, like on a machine that swaps or is migrated.

use super::Site;
use crate::frozen::Frozen;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_postgres_is_503_until_it_goes_on() {
    let site = Site::on_own_cluster("frozen").await;
    site.enroll_before().await;
    let frozen = Frozen::new(site.cluster.postmaster()).unwrap();
    site.expect_away().await;
    drop(frozen);
    site.expect_back(0).await;
}
