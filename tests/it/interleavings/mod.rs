//! Two clients whose round trips to PostgreSQL are interleaved one by one: the outcome of every interleaving equals the
//! outcome of a sequential order.

mod outcome;
mod stage;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use self::outcome::Outcome;
use self::stage::{Run, Stage};
use crate::support::asked_for;

/// The round trips of a token request that creates an enrollment: find, BEGIN, terms, enrollment, links, COMMIT. A
/// request that binds a tenant id: find, BEGIN, enrollment, links, audit log, COMMIT.
const TRIPS: u32 = 6;

const TOKENS: &str = "/tokens/embed/referrals";
const PARTNERS: &str = "/partners";

/// Path and body. Each run replaces `#` by a text of its own.
type Call = (&'static str, Value);

/// The requests of two clients.
struct Scenario {
    /// The request that is answered first.
    before: Option<Call>,
    calls: [Call; 2],
    /// The number of trips of each client that are interleaved. Further trips alternate.
    trips: [u32; 2],
}

impl Scenario {
    /// Returns all orders of the trips: 924 for six trips of each client. A set bit is a trip of the second client.
    fn schedules(&self) -> Vec<u32> {
        let [first, second] = self.trips;
        (0..1 << (first + second)).filter(|bits: &u32| bits.count_ones() == second).collect()
    }
}

/// The number of orders in which an event occurred.
struct Tried {
    /// A client waited for a lock of the other.
    waited: u32,
    /// A client looked the enrollments up again.
    second_tries: u32,
}

/// Tries some of the orders; `INTERLEAVINGS=924` tries all.
async fn equals_a_sequential_order(scenario: Scenario) -> Tried {
    let stage = Stage::set_up().await;
    let mut sequential = BTreeSet::new();
    for first in [0, 1] {
        // Two equal runs prove that the outcome has nothing that differs from run to run.
        let outcomes =
            [stage.one_after_the_other(&scenario, first).await, stage.one_after_the_other(&scenario, first).await];
        assert_eq!(outcomes[0], outcomes[1]);
        sequential.extend(outcomes);
    }
    let (schedules, tried) = (scenario.schedules(), asked_for("INTERLEAVINGS", 33));
    let (mut waited, mut second_tries) = (0, 0);
    for bits in schedules.iter().step_by(schedules.len().div_ceil(tried)) {
        let schedule = (0..scenario.trips.iter().sum()).map(|trip| (bits >> trip & 1) as usize);
        let Run { outcome, waits, finds } = stage.interleaved(&scenario, schedule).await;
        assert!(
            sequential.contains(&outcome),
            "{bits:012b}: {outcome:#?}\nis not a sequential outcome: {sequential:#?}"
        );
        waited += u32::from(waits > 0);
        second_tries += u32::from(finds > 2);
    }
    stage.check_invariants().await;
    Tried { waited, second_tries }
}

/// Returns two calls for new partners.
fn new(calls: [Call; 2]) -> Scenario {
    Scenario { before: None, calls, trips: [TRIPS; 2] }
}

/// Returns two calls for a partner who is enrolled without a tenant id.
fn enrolled(calls: [Call; 2]) -> Scenario {
    Scenario { before: Some(token(&json!({ "email": "jane#@example.com" }))), calls, trips: [TRIPS; 2] }
}

impl Tried {
    /// Expects that some runs had a wait and some runs a second look-up: a run without a wait is sequential, and a run
    /// without a second look-up has no race.
    fn expect_races(&self) {
        assert!(
            self.waited > 0 && self.second_tries > 0,
            "{} runs with a wait, {} runs with a second look-up",
            self.waited,
            self.second_tries
        );
    }
}

fn token(partner: &Value) -> Call {
    (TOKENS, json!({ "partner": partner }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_email_with_one_tenant_id_has_a_sequential_outcome() {
    let partner = json!({ "email": "jane#@example.com", "tenantId": "user-#" });
    let tried = equals_a_sequential_order(new([token(&partner), token(&partner)])).await;
    tried.expect_races();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_email_with_and_without_a_tenant_id_has_a_sequential_outcome() {
    let bound = json!({ "email": "jane#@example.com", "tenantId": "user-#" });
    let tried = equals_a_sequential_order(new([token(&bound), token(&json!({ "email": "jane#@example.com" }))])).await;
    tried.expect_races();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_email_with_two_tenant_ids_has_a_sequential_outcome() {
    let [one, other] = ["one-#", "other-#"].map(|id| json!({ "email": "jane#@example.com", "tenantId": id }));
    let tried = equals_a_sequential_order(new([token(&one), token(&other)])).await;
    tried.expect_races();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_emails_with_one_tenant_id_have_a_sequential_outcome() {
    let [jane, john] = ["jane", "john"].map(|name| json!({ "email": format!("{name}#@x.com"), "tenantId": "user-#" }));
    let tried = equals_a_sequential_order(new([token(&jane), token(&john)])).await;
    tried.expect_races();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_emails_with_one_username_have_a_sequential_outcome() {
    let [jane, john] = ["jane", "john"].map(|name| json!({ "email": format!("{name}#@x.com"), "username": "doe#" }));
    let tried = equals_a_sequential_order(new([token(&jane), token(&john)])).await;
    // The second client gets another key in the same attempt.
    assert!(tried.waited > 0 && tried.second_tries == 0);
}

/// A request of the workspace rebinds the e-mail address to its tenant id; a token request does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partner_and_a_token_with_two_tenant_ids_have_a_sequential_outcome() {
    let [one, other] = ["one-#", "other-#"].map(|id| json!({ "email": "jane#@example.com", "tenantId": id }));
    let tried = equals_a_sequential_order(new([(PARTNERS, one), token(&other)])).await;
    tried.expect_races();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tenant_ids_for_one_enrollment_have_a_sequential_outcome() {
    let [one, other] = ["one-#", "other-#"].map(|id| json!({ "email": "jane#@example.com", "tenantId": id }));
    let tried = equals_a_sequential_order(enrolled([token(&one), token(&other)])).await;
    tried.expect_races();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tenant_ids_of_the_workspace_for_one_enrollment_have_a_sequential_outcome() {
    let calls = ["one-#", "other-#"].map(|id| (PARTNERS, json!({ "email": "jane#@example.com", "tenantId": id })));
    let tried = equals_a_sequential_order(enrolled(calls)).await;
    tried.expect_races();
}

/// An enrollment that is found in place is shown as found, even if another tenant id is bound before the answer is read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_call_finds_the_partner_and_one_rebinds() {
    let [found, bound] =
        ["one-#", "other-#"].map(|id| (PARTNERS, json!({ "email": "jane#@example.com", "tenantId": id })));
    let before = token(&json!({ "email": "jane#@example.com", "tenantId": "one-#" }));
    // All trips of the second client fit between any two trips of the first client.
    let scenario = Scenario { before: Some(before), calls: [found, bound], trips: [4, 9] };
    let tried = equals_a_sequential_order(scenario).await;
    assert!(tried.second_tries > 0);
}
