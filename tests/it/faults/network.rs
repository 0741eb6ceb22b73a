//! The network between the server and its database fails: connections are refused, break, or deliver nothing.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tokio::time::sleep;

use super::{CLIENTS, Site, emails};
use crate::fault_proxy::{Fault, FaultProxy};
use crate::support::app::{POOL_SIZE, TestApp};
use crate::support::cluster::SHARED;
use crate::support::parallel::each_at_once;

/// A site with a network between it and its database.
pub(super) struct Networked {
    pub(super) proxy: FaultProxy,
    pub(super) site: Site,
}

impl Networked {
    pub(super) async fn start() -> Self {
        let mut app = TestApp::start().await;
        let proxy = FaultProxy::start(SHARED.socket_dir().join(".s.PGSQL.5432")).await;
        let options = PgConnectOptions::new_without_pgpass()
            .host(&proxy.address.ip().to_string())
            .port(proxy.address.port())
            .ssl_mode(PgSslMode::Disable)
            .username(app.database().get_username())
            .database(app.database_name());
        app.reach_database_by(options, POOL_SIZE).await;
        Self { proxy, site: Site::with(app, &SHARED).await }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_fails_is_503_until_it_works_again() {
    let faults = [Fault::Refuse, Fault::Reset, Fault::BlackHole, Fault::DeafServer, Fault::DeafClient];
    // The tests mostly wait.
    each_at_once(&faults, async |fault| {
        let Networked { proxy, site } = Networked::start().await;
        site.enroll_before().await;
        proxy.set(*fault);
        site.expect_away().await;
        proxy.set(Fault::None);
        site.expect_back(0).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_network_fails_no_request() {
    let Networked { proxy, site } = Networked::start().await;
    site.enroll_before().await;
    proxy.set(Fault::Delay(Duration::from_millis(40)));
    for answer in site.tokens(emails("slow", CLIENTS)).await {
        answer.expect(201);
    }
    proxy.set(Fault::None);
    for answer in site.tokens(emails("away", CLIENTS)).await {
        answer.expect(201);
    }
    site.expect_back(CLIENTS).await;
}

/// A reset before COMMIT was sent changed nothing: the server retries the transaction.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_break_for_a_moment_fail_no_request() {
    let Networked { proxy, site } = Networked::start().await;
    site.enroll_before().await;
    for _ in 0..10 {
        proxy.set(Fault::Reset);
        sleep(Duration::from_millis(5)).await;
        proxy.set(Fault::None);
        for answer in site.tokens(emails("before", CLIENTS)).await {
            answer.expect(201);
        }
    }
    for email in emails("away", CLIENTS) {
        site.token(&email).await.expect(201);
    }
    site.expect_back(0).await;
}

/// The connections of the pool are dead without notice: a firewall forgot them, or the address moved to another machine.
/// The first request that uses a dead connection waits in vain; later requests get new connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_connections_fail_one_request() {
    let Networked { proxy, site } = Networked::start().await;
    site.enroll_before().await;
    proxy.forget_connections();
    site.token("away0@example.com").await.expect_unavailable();
    for answer in site.tokens(emails("before", CLIENTS)).await {
        answer.expect(201);
    }
    for email in emails("away", CLIENTS) {
        site.token(&email).await.expect(201);
    }
    site.expect_back(0).await;
}
