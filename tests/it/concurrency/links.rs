//! Concurrent requests for unique link names.

use serde_json::{Value, json};

use super::{CLIENTS, Call, Race, count, rounds};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_partner_gets_an_external_id_and_the_others_leave_nothing() {
    let race = Race::prepare().await;
    for round in 1..=rounds() {
        let calls = (0..CLIENTS).map(|client| {
            let body = json!({
                "email": format!("jane{client}-{round}@example.com"),
                "linkProps": { "externalId": format!("external-{round}") },
            });
            if client % 2 == 0 { race.partner(body) } else { race.token(json!({ "partner": body })) }
        });
        let outcomes = race.run(calls.collect()).await;
        assert_eq!((count(&outcomes, 201), count(&outcomes, 409)), (1, CLIENTS - 1));
        race.expect_totals(round, round, round, round).await;
    }
    race.end().await;
}

fn named_link(race: &Race, key: &str, email: &str) -> Call {
    race.call("/partner_referral_links", json!({ "key": key, "partner": { "email": email } }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_assigned_once() {
    let race = Race::prepare().await;
    let email = "jane@example.com";
    race.run(vec![race.token_for(email, None)]).await[0].expect(201);
    for round in 1..=rounds() {
        // Two spellings of one key.
        let keys = [format!("Ref_{round}"), format!("ref_{round}")];
        let calls = (0..CLIENTS).map(|client| named_link(&race, &keys[client % 2], email));
        let outcomes = race.run(calls.collect()).await;
        assert_eq!((count(&outcomes, 201), count(&outcomes, 409)), (1, CLIENTS - 1));
        race.expect_totals(1, 1, 1 + round, 1).await;
    }
    race.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_created_while_a_tenant_id_is_bound_has_the_tenant_id() {
    let race = Race::prepare().await;
    for round in 1..=rounds() {
        let email = format!("jane{round}@example.com");
        race.run(vec![race.token_for(&email, None)]).await[0].expect(201);
        let calls = (0..CLIENTS).map(|client| match client % 2 {
            0 => race.token_for(&email, Some(&email)),
            _ => named_link(&race, &format!("ref-{round}-{client}"), &email),
        });
        let outcomes = race.run(calls.collect()).await;
        assert_eq!(count(&outcomes, 201), CLIENTS);
        race.expect_totals(round, round, round * (1 + CLIENTS / 2), round).await;
    }
    race.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_derived_key_of_a_new_partner_yields_to_a_given_key() {
    let race = Race::prepare().await;
    let owner = "owner@example.com";
    race.run(vec![race.token_for(owner, None)]).await[0].expect(201);
    for round in 1..=rounds() {
        let key = format!("jane{round}");
        let calls = (0..CLIENTS).map(|client| match client {
            0 => named_link(&race, &key, owner),
            _ => race.token(json!({
                "partner": { "email": format!("jane{client}-{round}@example.com"), "username": key },
            })),
        });
        let outcomes = race.run(calls.collect()).await;
        // The given key is created or taken; the other partners get a suffix either way.
        assert!(matches!(outcomes[0].status.as_u16(), 201 | 409), "{:?}", outcomes[0]);
        assert!(outcomes[1..].iter().all(|outcome| outcome.body["publicToken"] != Value::Null));
        let partners = 1 + round * (CLIENTS - 1);
        let [_, _, links, _] = race.totals().await;
        assert!((partners..=partners + round).contains(&links), "{links} links of {partners} partners");
        race.expect_totals(partners, partners, links, partners).await;
    }
    race.end().await;
}
