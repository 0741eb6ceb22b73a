//! Concurrent requests for links of one partner.

use http::Method;
use serde_json::{Value, json};

use super::{CLIENTS, Call, Race, count, only, rounds};

const EMAIL: &str = "jane@example.com";
const TENANT: &str = "jane";

/// Prepares a race for links of Jane. Jane has one default link.
async fn prepare() -> Race {
    let race = Race::prepare().await;
    race.run(vec![race.token_for(EMAIL, Some(TENANT))]).await[0].expect(201);
    race
}

fn upsert(race: &Race, url: &str, comments: &str) -> Call {
    let body = json!({ "tenantId": TENANT, "url": url, "comments": comments });
    Call { method: Method::PUT, ..race.call("/partners/links/upsert", body) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_client_gets_the_last_free_link_on_any_route() {
    let race = prepare().await;
    for round in 1..=rounds() {
        let most = i32::try_from(1 + round).unwrap();
        race.arrange(&format!("UPDATE groups SET max_partner_links = {most}")).await;
        let calls = (0..CLIENTS).map(|client| {
            let name = format!("{round}-{client}");
            match client % 3 {
                0 => race.call("/partners/links", json!({ "tenantId": TENANT, "key": name })),
                1 => upsert(&race, &format!("https://example.com/{name}"), "new"),
                _ => race.call("/partner_referral_links", json!({ "key": name, "partner": { "id": TENANT } })),
            }
        });
        let outcomes = race.run(calls.collect()).await;
        assert_eq!(count(&outcomes, 201) + count(&outcomes, 200), 1);
        assert_eq!(count(&outcomes, 409), CLIENTS - 1);
        race.expect_totals(1, 1, 1 + round, 1).await;
    }
    race.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upserts_of_one_url_share_one_link() {
    let race = prepare().await;
    for round in 1..=rounds() {
        let url = format!("https://example.com/{round}");
        let calls = (0..CLIENTS).map(|client| upsert(&race, &url, &client.to_string()));
        let outcomes = race.run(calls.collect()).await;
        only(outcomes.iter().map(|outcome| outcome.expect(200)["id"].to_string()));
        // Each answer shows the values of its own request.
        for (client, outcome) in outcomes.iter().enumerate() {
            assert_eq!(outcome.body["comments"], client.to_string());
        }
        race.expect_totals(1, 1, 1 + round, 1).await;
    }
    race.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_several_changes_gets_a_name() {
    let race = prepare().await;
    let calls = (0..CLIENTS)
        .map(|client| race.call("/partners/links", json!({ "tenantId": TENANT, "key": format!("k{client}") })));
    let links = race.run(calls.collect()).await;
    for round in 1..=rounds() {
        let calls = links.iter().map(|link| {
            let path = format!("/links/{}", link.body["id"].as_str().unwrap());
            let body = json!({ "key": format!("wanted-{round}"), "externalId": format!("wanted-{round}") });
            Call { method: Method::PATCH, ..race.call(path, body) }
        });
        let outcomes = race.run(calls.collect()).await;
        assert_eq!((count(&outcomes, 200), count(&outcomes, 409)), (1, CLIENTS - 1));
        race.expect_totals(1, 1, 1 + CLIENTS, 1).await;
    }
    race.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_deleted_once() {
    let race = prepare().await;
    for round in 1..=rounds() {
        let made = race.run(vec![race.call("/partners/links", json!({ "tenantId": TENANT }))]).await;
        let path = format!("/links/{}", made[0].expect(201)["id"].as_str().unwrap());
        let calls = (0..CLIENTS).map(|client| match client % 2 {
            0 => Call { method: Method::DELETE, ..race.call(path.clone(), Value::Null) },
            _ => Call { method: Method::PATCH, ..race.call(path.clone(), json!({ "comments": client.to_string() })) },
        });
        let outcomes = race.run(calls.collect()).await;
        let deleted = outcomes.iter().step_by(2).filter(|outcome| outcome.status == 200).count();
        assert_eq!(deleted, 1, "round {round}");
        race.expect_totals(1, 1, 1, 1).await;
    }
    race.end().await;
}
