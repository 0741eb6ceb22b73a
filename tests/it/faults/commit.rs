//! The connection breaks during COMMIT: whether it was carried out is unknown, and the same request finds out.

use super::network::Networked;
use super::{CLIENTS, Site, emails};
use crate::fault_proxy::Fault;
use crate::support::{invariants, token};

/// Everybody is told that it is unknown, and it is as the fault says.
async fn cut(proxied: &Networked, fault: Fault, carried_out: usize) {
    let Networked { proxy, site } = proxied;
    site.enroll_before().await;
    let (cuts, there) = (proxy.cuts(), site.enrollments().await);
    proxy.set(fault);
    for answer in site.tokens(emails("cut", CLIENTS)).await {
        answer.expect_unavailable();
    }
    assert_eq!(proxy.cuts() - cuts, CLIENTS, "each was cut once: COMMIT is never sent twice");
    for email in emails("before", CLIENTS) {
        site.token(&email).await.expect(201);
    }
    assert_eq!(site.enrollments().await, there + carried_out);
    proxy.set(Fault::None);
    same_requests_again(site).await;
    assert_eq!(site.enrollments().await, there + CLIENTS, "each request of them gave one enrollment");
    invariants::check(&site.app).await;
}

/// Twice, which is one and the same enrollment.
async fn same_requests_again(site: &Site) {
    for email in emails("cut", CLIENTS) {
        let first = token::enrollment(&site.token(&email).await.expect(201));
        let second = token::enrollment(&site.token(&email).await.expect(201));
        assert_eq!(first, second);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_never_arrived_is_done_by_the_same_request() {
    cut(&Networked::start().await, Fault::CutBeforeCommit, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_was_lost_is_found_by_the_same_request() {
    cut(&Networked::start().await, Fault::CutAfterCommit, CLIENTS).await;
}
