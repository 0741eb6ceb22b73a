//! The connection breaks during COMMIT: the outcome is unknown, and repeating the same request finds the outcome.

use super::network::Networked;
use super::{CLIENTS, Site, emails};
use crate::fault_proxy::Fault;
use crate::support::{invariants, token};

/// Breaks connections during COMMIT. Asserts that all clients get 503, and that `carried_out` transactions were committed.
async fn cut_during_commit(proxied: &Networked, fault: Fault, carried_out: usize) {
    let Networked { proxy, site } = proxied;
    site.enroll_before().await;
    let (cuts, there) = (proxy.cuts(), site.enrollments().await);
    proxy.set(fault);
    for answer in site.tokens(emails("cut", CLIENTS)).await {
        answer.expect_unavailable();
    }
    assert_eq!(proxy.cuts() - cuts, CLIENTS, "each connection was cut once: COMMIT is never sent twice");
    for email in emails("before", CLIENTS) {
        site.token(&email).await.expect(201);
    }
    assert_eq!(site.enrollments().await, there + carried_out);
    proxy.set(Fault::None);
    repeat_requests(site).await;
    assert_eq!(site.enrollments().await, there + CLIENTS, "each of the requests made one enrollment");
    invariants::check(&site.app).await;
}

/// Repeats the requests twice, and asserts that both answers name the same enrollment.
async fn repeat_requests(site: &Site) {
    for email in emails("cut", CLIENTS) {
        let first = token::enrollment(&site.token(&email).await.expect(201));
        let second = token::enrollment(&site.token(&email).await.expect(201));
        assert_eq!(first, second);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_never_arrived_is_carried_out_by_the_repeated_request() {
    cut_during_commit(&Networked::start().await, Fault::CutBeforeCommit, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_was_lost_is_found_by_the_repeated_request() {
    cut_during_commit(&Networked::start().await, Fault::CutAfterCommit, CLIENTS).await;
}
