//! Concurrent requests for new enrollments.

use std::collections::BTreeSet;

use pearset::testing::domains::LinkAddress;
use pearset::testing::values::clock::Clock;
use pearset::testing::workspaces::{ApiKey, NewApiKey, Scopes, insert_api_key};
use serde_json::json;
use url::Url;

use super::{CLIENTS, Call, PARTNERS, Race, TOKENS, count, only, partner, rounds};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn identical_token_requests_share_one_enrollment() {
    let race = Race::prepare().await;
    for round in 1..=rounds() {
        let call = race.token_for(&format!("jane{round}@example.com"), Some(&format!("user-{round}")));
        only(race.run_same(call).await.iter().map(super::Outcome::enrollment));
        race.expect_totals(round, round, round, round).await;
    }
    race.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn identical_partner_requests_get_equal_answers() {
    let race = Race::prepare().await;
    for round in 1..=rounds() {
        let body = json!({
            "email": format!("jane{round}@example.com"), "name": "Jane", "tenantId": format!("user-{round}"),
            "linkProps": { "externalId": format!("external-{round}") },
        });
        only(race.run_same(race.partner(body)).await.iter().map(|outcome| outcome.expect(201).to_string()));
        race.expect_totals(round, round, round, round).await;
    }
    race.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn token_and_partner_requests_for_one_identity_share_one_enrollment() {
    let race = Race::prepare().await;
    for round in 1..=rounds() {
        let body = partner(&format!("jane{round}@example.com"), Some(&format!("user-{round}")));
        let calls = [race.token(json!({ "partner": body })), race.partner(body)];
        let outcomes = race.run(calls.into_iter().cycle().take(CLIENTS).collect()).await;
        only(outcomes.iter().step_by(2).map(super::Outcome::enrollment));
        only(outcomes.iter().skip(1).step_by(2).map(|outcome| outcome.expect(201).to_string()));
        let pid = outcomes[0].claims()["pid"].clone();
        assert_eq!(pid, outcomes[1].body["id"]);
        race.expect_totals(round, round, round, round).await;
    }
    race.end().await;
}

/// Only the first request with an e-mail address or a tenant id creates an enrollment. Later requests get that
/// enrollment or a 409, on the token route by a rule that repeats its answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crossed_emails_and_tenant_ids_get_repeatable_answers_on_the_token_route() {
    let race = Race::prepare().await;
    for round in 0..rounds() {
        let calls = crossed(&race, round, &[TOKENS, TOKENS]);
        let before = race.totals().await;
        let outcomes = race.run(calls.clone()).await;
        assert_eq!(count(&outcomes, 201) + count(&outcomes, 409), CLIENTS);
        let tokens: Vec<_> = calls.into_iter().zip(&outcomes).filter(|(_, outcome)| outcome.status == 201).collect();
        let enrolled: BTreeSet<_> = tokens.iter().map(|(_, outcome)| outcome.enrollment()).collect();
        let created = before.map(|rows| rows + enrolled.len());
        race.expect_totals(created[0], created[1], created[2], created[3]).await;
        for (call, outcome) in tokens {
            let again = race.run(vec![call]).await;
            assert_eq!(again[0].enrollment(), outcome.enrollment());
        }
        assert_eq!(race.totals().await, created);
    }
    race.end().await;
}

/// `POST /partners` may move a tenant id from one enrollment to another, so that only the state is predictable.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crossed_emails_and_tenant_ids_create_one_partner_per_email_on_both_routes() {
    let race = Race::prepare().await;
    for round in 0..rounds() {
        let before = race.totals().await;
        let outcomes = race.run(crossed(&race, round, &[TOKENS, PARTNERS])).await;
        assert_eq!(count(&outcomes, 201) + count(&outcomes, 409), CLIENTS);
        let partners = race.totals().await[0];
        let made = partners - before[0];
        assert!((1..=4).contains(&made), "{made} partners for four e-mails");
        race.expect_totals(partners, partners, partners, partners).await;
    }
    race.end().await;
}

fn crossed(race: &Race, round: usize, paths: &[&'static str; 2]) -> Vec<Call> {
    let pairs = (0..16).map(|pair| (format!("e{}-{round}@example.com", pair % 4), format!("t{}-{round}", pair / 4)));
    let calls = pairs.flat_map(|(email, tenant_id)| {
        paths.map(|path| match path {
            TOKENS => race.token_for(&email, Some(&tenant_id)),
            _ => race.partner(partner(&email, Some(&tenant_id))),
        })
    });
    calls.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_with_and_without_a_tenant_id_share_one_enrollment() {
    let race = Race::prepare().await;
    for round in 1..=rounds() {
        let (email, tenant_id) = (format!("jane{round}@example.com"), format!("user-{round}"));
        let calls = [None, Some(tenant_id.as_str())].map(|tenant_id| race.token_for(&email, tenant_id));
        let outcomes = race.run(calls.into_iter().cycle().take(CLIENTS).collect()).await;
        let enrollment = only(outcomes.iter().map(super::Outcome::enrollment));
        race.expect_totals(round, round, round, round).await;
        let by_tenant_id = race.run(vec![race.token(json!({ "tenantId": tenant_id }))]).await;
        assert_eq!(by_tenant_id[0].enrollment(), enrollment);
    }
    race.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_username_gives_every_partner_three_links() {
    let race = Race::prepare().await;
    for url in ["https://acme.com/shop", "https://acme.com/blog"] {
        race.app.add_default_link(&race.workspace, url).await;
    }
    for round in 1..=rounds() {
        let calls = (0..CLIENTS).map(|client| {
            let email = format!("jane{client}-{round}@example.com");
            race.token(json!({ "partner": { "email": email, "username": format!("Jane{round}") } }))
        });
        let outcomes = race.run(calls.collect()).await;
        let enrolled: BTreeSet<_> = outcomes.iter().map(super::Outcome::enrollment).collect();
        assert_eq!(enrolled.len(), CLIENTS);
        let made = round * CLIENTS;
        race.expect_totals(made, made, 3 * made, made).await;
    }
    race.end().await;
}

/// With one default link, all partners want the username as the key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_username_is_the_key_of_one_partner_only() {
    let race = Race::prepare().await;
    for round in 1..=rounds() {
        let username = format!("jane{round}");
        let calls = (0..CLIENTS).map(|client| {
            race.partner(json!({ "email": format!("jane{client}-{round}@example.com"), "username": username }))
        });
        let outcomes = race.run(calls.collect()).await;
        let keys: BTreeSet<_> =
            outcomes.iter().map(|outcome| outcome.expect(201)["links"][0]["key"].to_string()).collect();
        assert_eq!(keys.len(), CLIENTS);
        assert!(keys.contains(&format!("\"{username}\"")), "{keys:?}");
        let made = round * CLIENTS;
        race.expect_totals(made, made, made, made).await;
    }
    race.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_email_in_two_programs_is_one_partner_with_two_enrollments() {
    let race = Race::prepare().await;
    let authorizations = [race.workspace.actor.authorization().to_owned(), second_program(&race).await];
    for round in 1..=rounds() {
        let email = format!("jane{round}@example.com");
        let calls = (0..CLIENTS).map(|client| Call {
            authorization: authorizations[client % 2].clone(),
            ..race.token_for(&email, Some(&email))
        });
        let outcomes = race.run(calls.collect()).await;
        let first = only(outcomes.iter().step_by(2).map(super::Outcome::enrollment));
        let second = only(outcomes.iter().skip(1).step_by(2).map(super::Outcome::enrollment));
        assert_ne!(first, second);
        only(outcomes.iter().map(|outcome| outcome.claims()["pid"].to_string()));
        race.expect_totals(round, 2 * round, 2 * round, 2 * round).await;
    }
    race.end().await;
}

/// Creates another program and returns the `Authorization` of a key that is limited to that program.
pub(super) async fn second_program(race: &Race) -> String {
    let (ids, now, workspace_id) = (&race.app.state.ids, race.app.clock.now(), race.workspace.id);
    let url = Url::parse("http://127.0.0.1:8080").unwrap();
    let program = race.app.create_program(workspace_id, LinkAddress::local("second", &url)).await;
    let conn = &mut race.app.sql().await;
    let key = ApiKey::generate(ids);
    let new = NewApiKey {
        id: ids.next(now),
        workspace_id,
        program_id: Some(program.id),
        name: "second".to_owned(),
        scopes: Scopes::default(),
        expires_at: None,
    };
    insert_api_key(conn, &new, key.hash(), now).await.unwrap();
    format!("Bearer {}", key.expose())
}
