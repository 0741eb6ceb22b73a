//! Concurrent changes and deletions of links.

use http::Method;
use serde_json::{Value, json};

use super::{CLIENTS, Call, Outcome, Race, count, rounds};
use crate::support::invariants;

const LINKS: &str = "/partner_referral_links";

/// Creates partners and returns the e-mail address and the link id of each.
async fn partners(race: &Race) -> Vec<(String, String)> {
    let emails: Vec<String> = (0..CLIENTS).map(|client| format!("jane{client}@example.com")).collect();
    let outcomes = race.run(emails.iter().map(|email| race.partner(json!({ "email": email }))).collect()).await;
    let id = |outcome: &Outcome| outcome.expect(201)["links"][0]["id"].as_str().unwrap().to_owned();
    emails.into_iter().zip(outcomes.iter().map(id)).collect()
}

fn create(race: &Race, key: &str, email: &str) -> Call {
    race.call(LINKS, json!({ "key": key, "partner": { "email": email } }))
}

fn change(race: &Race, name: &str, body: Value) -> Call {
    Call { method: Method::PUT, ..race.call(format!("{LINKS}/{name}"), body) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_links_gets_the_key() {
    let race = Race::prepare().await;
    let partners = partners(&race).await;
    for round in 1..=rounds() {
        // Two spellings of one key.
        let keys = [format!("Key-{round}"), format!("key-{round}")];
        let calls = partners.iter().enumerate();
        let calls = calls.map(|(client, (_, link))| change(&race, link, json!({ "key": keys[client % 2] })));
        let outcomes = race.run(calls.collect()).await;
        assert_eq!((count(&outcomes, 200), count(&outcomes, 409)), (1, CLIENTS - 1));
        assert_eq!(entries(&race).await, round, "one entry per change");
        race.expect_totals(CLIENTS, CLIENTS, CLIENTS, CLIENTS).await;
    }
    race.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_belongs_to_one_link_whether_created_or_renamed() {
    let race = Race::prepare().await;
    let partners = partners(&race).await;
    for round in 1..=rounds() {
        let key = format!("key-{round}");
        let calls = partners.iter().enumerate().map(|(client, (email, link))| match client % 2 {
            0 => create(&race, &key, email),
            _ => change(&race, link, json!({ "key": key })),
        });
        let outcomes = race.run(calls.collect()).await;
        assert_eq!(count(&outcomes, 200) + count(&outcomes, 201), 1, "{outcomes:?}");
        assert_eq!(count(&outcomes, 409), CLIENTS - 1);
    }
    race.end().await;
}

/// The second client asks for a key that is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_renamed_once() {
    let race = Race::prepare().await;
    race.run(vec![race.partner(json!({ "email": "jane@example.com" }))]).await[0].expect(201);
    for round in 1..=rounds() {
        race.run(vec![create(&race, "old", "jane@example.com")]).await[0].expect(201);
        let calls = (0..CLIENTS).map(|client| change(&race, "old", json!({ "key": format!("new-{round}-{client}") })));
        let outcomes = race.run(calls.collect()).await;
        assert_eq!((count(&outcomes, 200), count(&outcomes, 404)), (1, CLIENTS - 1));
    }
    assert_eq!(entries(&race).await, rounds());
    race.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_deleted_once() {
    let race = Race::prepare().await;
    race.run(vec![race.partner(json!({ "email": "jane@example.com" }))]).await[0].expect(201);
    for round in 1..=rounds() {
        race.run(vec![create(&race, "old", "jane@example.com")]).await[0].expect(201);
        let delete = Call { method: Method::DELETE, ..race.call(format!("{LINKS}/old"), Value::Null) };
        let outcomes = race.run_same(delete).await;
        assert_eq!((count(&outcomes, 200), count(&outcomes, 404)), (1, CLIENTS - 1));
        assert_eq!(entries(&race).await, round);
        race.expect_totals(1, 1, 1, 1).await;
    }
    race.end().await;
}

/// Returns the number of audit log entries.
async fn entries(race: &Race) -> usize {
    let entries = invariants::count(&mut race.app.sql().await, "SELECT count(*) FROM audit_logs").await;
    usize::try_from(entries).unwrap()
}
