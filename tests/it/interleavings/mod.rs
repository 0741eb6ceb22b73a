//! Two clients whose round trips to PostgreSQL are interleaved one by one: whatever comes between, it ends as if one
//! client had come after the other.

mod outcome;
mod stage;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use self::outcome::Outcome;
use self::stage::{Run, Stage};
use crate::support::asked_for;

/// What a call for a token sends that creates: find, BEGIN, terms, enrollment, links, COMMIT. One that binds a tenant id:
/// find, BEGIN, enrollment, links, audit log, COMMIT.
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
    /// So many trips of each come in every order; what there is more to send comes in turn.
    trips: [u32; 2],
}

impl Scenario {
    /// All orders of the trips: 924 for six of each. A set bit is a trip of the second client.
    fn schedules(&self) -> Vec<u32> {
        let [first, second] = self.trips;
        (0..1 << (first + second)).filter(|bits: &u32| bits.count_ones() == second).collect()
    }
}

/// In how many orders it happened.
struct Tried {
    /// A client waited for a lock of the other.
    waited: u32,
    /// A client looked again what there is.
    second_tries: u32,
}

/// Tries some of the orders; `INTERLEAVINGS=924` makes it all.
async fn equals_a_sequential_order(scenario: Scenario) -> Tried {
    let stage = Stage::set_up().await;
    let mut sequential = BTreeSet::new();
    for first in [0, 1] {
        // What a run has to itself must not stand in its outcome: the second finds it equal.
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
        assert!(sequential.contains(&outcome), "{bits:012b}: {outcome:#?}\nis none of {sequential:#?}");
        waited += u32::from(waits > 0);
        second_tries += u32::from(finds > 2);
    }
    stage.check_invariants().await;
    Tried { waited, second_tries }
}

/// Two calls for whom nobody knows yet.
fn new(calls: [Call; 2]) -> Scenario {
    Scenario { before: None, calls, trips: [TRIPS; 2] }
}

/// Two calls for who is enrolled without a tenant id.
fn enrolled(calls: [Call; 2]) -> Scenario {
    Scenario { before: Some(token(&json!({ "email": "jane#@example.com" }))), calls, trips: [TRIPS; 2] }
}

impl Tried {
    /// A run in which nobody waited was a sequential one, and one in which nobody looked again had no race.
    fn expect_races(&self) {
        assert!(self.waited > 0 && self.second_tries > 0, "{} waited, {} looked again", self.waited, self.second_tries);
    }
}

fn token(partner: &Value) -> Call {
    (TOKENS, json!({ "partner": partner }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_email_with_one_tenant_id() {
    let partner = json!({ "email": "jane#@example.com", "tenantId": "user-#" });
    let tried = equals_a_sequential_order(new([token(&partner), token(&partner)])).await;
    tried.expect_races();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_email_with_and_without_a_tenant_id() {
    let bound = json!({ "email": "jane#@example.com", "tenantId": "user-#" });
    let tried = equals_a_sequential_order(new([token(&bound), token(&json!({ "email": "jane#@example.com" }))])).await;
    tried.expect_races();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_email_with_two_tenant_ids() {
    let [one, other] = ["one-#", "other-#"].map(|id| json!({ "email": "jane#@example.com", "tenantId": id }));
    let tried = equals_a_sequential_order(new([token(&one), token(&other)])).await;
    tried.expect_races();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_emails_with_one_tenant_id() {
    let [jane, john] = ["jane", "john"].map(|name| json!({ "email": format!("{name}#@x.com"), "tenantId": "user-#" }));
    let tried = equals_a_sequential_order(new([token(&jane), token(&john)])).await;
    tried.expect_races();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_emails_with_one_username() {
    let [jane, john] = ["jane", "john"].map(|name| json!({ "email": format!("{name}#@x.com"), "username": "doe#" }));
    let tried = equals_a_sequential_order(new([token(&jane), token(&john)])).await;
    // Who comes second gets another key in the same try.
    assert!(tried.waited > 0 && tried.second_tries == 0);
}

/// The workspace's own call binds the e-mail to its tenant id whatever it was bound to; a customer's does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partner_and_a_token_with_two_tenant_ids() {
    let [one, other] = ["one-#", "other-#"].map(|id| json!({ "email": "jane#@example.com", "tenantId": id }));
    let tried = equals_a_sequential_order(new([(PARTNERS, one), token(&other)])).await;
    tried.expect_races();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tenant_ids_for_one_enrollment() {
    let [one, other] = ["one-#", "other-#"].map(|id| json!({ "email": "jane#@example.com", "tenantId": id }));
    let tried = equals_a_sequential_order(enrolled([token(&one), token(&other)])).await;
    tried.expect_races();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tenant_ids_of_the_workspace_for_one_enrollment() {
    let calls = ["one-#", "other-#"].map(|id| (PARTNERS, json!({ "email": "jane#@example.com", "tenantId": id })));
    let tried = equals_a_sequential_order(enrolled(calls)).await;
    tried.expect_races();
}

/// What is found in place is shown as it was found, also when it is bound to another tenant id before it is read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partner_that_is_found_and_one_that_is_bound() {
    let [found, bound] =
        ["one-#", "other-#"].map(|id| (PARTNERS, json!({ "email": "jane#@example.com", "tenantId": id })));
    let before = token(&json!({ "email": "jane#@example.com", "tenantId": "one-#" }));
    // All that the second sends comes between any two trips of the first.
    let scenario = Scenario { before: Some(before), calls: [found, bound], trips: [4, 9] };
    let tried = equals_a_sequential_order(scenario).await;
    assert!(tried.second_tries > 0);
}
