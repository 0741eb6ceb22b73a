//! Two clients whose round trips to PostgreSQL are interleaved one by one: whatever comes between, it ends as if one
//! client had come after the other.

mod outcome;
mod stage;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use self::outcome::Outcome;
use self::stage::{Run, Stage};
use crate::support::asked_for;

/// What a call that creates sends: find, BEGIN, terms, enrollment, links, COMMIT. One that binds a tenant id: find,
/// BEGIN, enrollment, links, audit log, COMMIT.
const TRIPS: u32 = 6;

const TOKENS: &str = "/tokens/embed/referrals";
const PARTNERS: &str = "/partners";

/// Path and body. A `#` stands for what is new in each run.
type Call = (&'static str, Value);

/// What two clients send.
struct Scenario {
    /// What is answered before.
    before: Option<Call>,
    calls: [Call; 2],
}

/// All orders of six trips of one client and six of the other: 924. A set bit is a trip of the second client.
fn schedules() -> Vec<u32> {
    (0..1 << (2 * TRIPS)).filter(|bits: &u32| bits.count_ones() == TRIPS).collect()
}

/// Tries some of the orders; `INTERLEAVINGS=924` makes it all. Returns in how many of them a client had to look again
/// what there is.
async fn equals_a_sequential_order(scenario: Scenario) -> u32 {
    let stage = Stage::set_up().await;
    let mut sequential = BTreeSet::new();
    for first in [0, 1] {
        // What a run has to itself must not stand in its outcome: the second finds it equal.
        let outcomes =
            [stage.one_after_the_other(&scenario, first).await, stage.one_after_the_other(&scenario, first).await];
        assert_eq!(outcomes[0], outcomes[1]);
        sequential.extend(outcomes);
    }
    let (schedules, tried) = (schedules(), asked_for("INTERLEAVINGS", 33));
    let (mut waited, mut second_tries) = (0, 0);
    for bits in schedules.iter().step_by(schedules.len().div_ceil(tried)) {
        let schedule = (0..2 * TRIPS).map(|trip| (bits >> trip & 1) as usize);
        let Run { outcome, waits, finds } = stage.interleaved(&scenario, schedule).await;
        assert!(sequential.contains(&outcome), "{bits:012b}: {outcome:#?}\nis none of {sequential:#?}");
        waited += u32::from(waits > 0);
        second_tries += u32::from(finds > 2);
    }
    stage.check_invariants().await;
    // Or the trips were not held, and every run was a sequential one.
    assert!(waited > 0, "no run in which one client waited for the other");
    second_tries
}

/// Two calls for whom nobody knows yet.
fn new(calls: [Call; 2]) -> Scenario {
    Scenario { before: None, calls }
}

/// Two calls for who is enrolled without a tenant id.
fn enrolled(calls: [Call; 2]) -> Scenario {
    Scenario { before: Some(token(&json!({ "email": "jane#@example.com" }))), calls }
}

fn token(partner: &Value) -> Call {
    (TOKENS, json!({ "partner": partner }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_email_with_one_tenant_id() {
    let partner = json!({ "email": "jane#@example.com", "tenantId": "user-#" });
    let second_tries = equals_a_sequential_order(new([token(&partner), token(&partner)])).await;
    assert!(second_tries > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_email_with_and_without_a_tenant_id() {
    let bound = json!({ "email": "jane#@example.com", "tenantId": "user-#" });
    let second_tries =
        equals_a_sequential_order(new([token(&bound), token(&json!({ "email": "jane#@example.com" }))])).await;
    assert!(second_tries > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_email_with_two_tenant_ids() {
    let [one, other] = ["one-#", "other-#"].map(|id| json!({ "email": "jane#@example.com", "tenantId": id }));
    let second_tries = equals_a_sequential_order(new([token(&one), token(&other)])).await;
    assert!(second_tries > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_emails_with_one_tenant_id() {
    let [jane, john] = ["jane", "john"].map(|name| json!({ "email": format!("{name}#@x.com"), "tenantId": "user-#" }));
    let second_tries = equals_a_sequential_order(new([token(&jane), token(&john)])).await;
    assert!(second_tries > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_emails_with_one_username() {
    let [jane, john] = ["jane", "john"].map(|name| json!({ "email": format!("{name}#@x.com"), "username": "doe#" }));
    let second_tries = equals_a_sequential_order(new([token(&jane), token(&john)])).await;
    // Who comes second gets another key in the same try.
    assert_eq!(second_tries, 0);
}

/// The workspace's own call binds the e-mail to its tenant id whatever it was bound to; a customer's does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partner_and_a_token_with_two_tenant_ids() {
    let [one, other] = ["one-#", "other-#"].map(|id| json!({ "email": "jane#@example.com", "tenantId": id }));
    let second_tries = equals_a_sequential_order(new([(PARTNERS, one), token(&other)])).await;
    assert!(second_tries > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tenant_ids_for_one_enrollment() {
    let [one, other] = ["one-#", "other-#"].map(|id| json!({ "email": "jane#@example.com", "tenantId": id }));
    let second_tries = equals_a_sequential_order(enrolled([token(&one), token(&other)])).await;
    assert!(second_tries > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tenant_ids_of_the_workspace_for_one_enrollment() {
    let calls = ["one-#", "other-#"].map(|id| (PARTNERS, json!({ "email": "jane#@example.com", "tenantId": id })));
    let second_tries = equals_a_sequential_order(enrolled(calls)).await;
    assert!(second_tries > 0);
}
