//! Concurrent minting and revocation of tokens.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor};

use super::{CLIENTS, Call, Outcome, Race, count, only, rounds};
use crate::support::{invariants, token};

const AFFONSO: &str = "/embed/token";
const REVOKE: &str = "/tokens/embed/referrals/revoke";
const VERIFY: &str = "/tokens/embed/referrals/verify";

fn affonso(race: &Race, round: usize) -> Call {
    let body = json!({
        "programId": race.workspace.program_id,
        "partner": { "email": format!("jane{round}@example.com") },
        "externalUserId": format!("user-{round}"),
    });
    race.call(AFFONSO, body)
}

/// Returns for each token whether the token is valid.
async fn verified(race: &Race, tokens: &[Value]) -> Vec<bool> {
    let mut works = Vec::new();
    for token in tokens {
        let body = json!({ "token": token });
        let (status, body) = race.server.post(race.workspace.actor.authorization(), VERIFY, &body).await;
        assert!([200, 401].contains(&status.as_u16()), "{body}");
        works.push(status == 200);
    }
    works
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_last_of_many_affonso_tokens_is_valid() {
    let race = Race::prepare().await;
    for round in 1..=rounds() {
        let outcomes = race.run_same(affonso(&race, round)).await;
        let answers: Vec<&Value> = outcomes.iter().map(|outcome| &outcome.expect(201)["data"]).collect();
        only(answers.iter().map(|answer| token::enrollment(answer)));
        only(answers.iter().map(|answer| answer["link"].to_string()));
        let mut epochs: Vec<i64> =
            answers.iter().map(|answer| token::claims(answer)["ver"].as_i64().unwrap()).collect();
        let tokens: Vec<Value> = answers.iter().map(|answer| answer["publicToken"].clone()).collect();
        let works = verified(&race, &tokens).await;
        let highest = epochs.iter().copied().max();
        let expected: Vec<bool> = epochs.iter().map(|epoch| Some(*epoch) == highest).collect();
        assert_eq!(works, expected);
        // Each token has its own epoch.
        epochs.sort_unstable();
        assert_eq!(epochs, (0..i64::try_from(CLIENTS).unwrap()).collect::<Vec<_>>());
        race.expect_totals(round, round, round, round).await;
    }
    race.end().await;
}

/// Half of the clients send another id: each answered request has replaced the id of an earlier request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_replace_ids_revoke_tokens_too() {
    let race = Race::prepare().await;
    for round in 1..=rounds() {
        let mut other = affonso(&race, round);
        other.body["externalUserId"] = json!(format!("other-{round}"));
        let calls = [affonso(&race, round), other].into_iter().cycle().take(8).collect();
        let outcomes = race.run(calls).await;
        let tokens: Vec<Value> = outcomes.iter().map(|it| it.expect(201)["data"]["publicToken"].clone()).collect();
        assert_eq!(verified(&race, &tokens).await.into_iter().filter(|works| *works).count(), 1);
        race.expect_totals(round, round, round, round).await;
    }
    race.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_minted_before_a_revocation_is_invalid_afterwards() {
    let race = Race::prepare().await;
    for round in 1..=rounds() {
        let email = format!("jane{round}@example.com");
        let mint = race.token_for(&email, Some(&email));
        let before = race.run(vec![mint.clone(); 4]).await;
        let mut calls = vec![mint; CLIENTS - 1];
        calls.insert(CLIENTS / 2, race.call(REVOKE, json!({ "tenantId": email })));
        let outcomes = race.run(calls).await;
        assert_eq!((count(&outcomes, 200), count(&outcomes, 201)), (1, CLIENTS - 1));
        let token = |outcome: &Outcome| outcome.expect(201)["publicToken"].clone();
        let before: Vec<Value> = before.iter().map(token).collect();
        assert_eq!(verified(&race, &before).await, [false; 4]);
        // Tokens of the race were minted before or after the revocation.
        let raced: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.status == 201).collect();
        let after: Vec<bool> = raced.iter().map(|outcome| outcome.claims()["ver"] == 1).collect();
        let raced: Vec<Value> = raced.into_iter().map(token).collect();
        assert_eq!(verified(&race, &raced).await, after);
        race.expect_totals(round, round, round, round).await;
    }
    race.end().await;
}

/// Returns the outcome of a call that waits for a row until these statements are committed.
async fn overtaken(race: &Race, statements: &[String], call: Call) -> Outcome {
    let other = &mut race.app.sql().await;
    other.execute("BEGIN").await.unwrap();
    for sql in statements {
        other.execute(AssertSqlSafe(sql.clone())).await.unwrap();
    }
    let commit = async {
        let waiting = "SELECT count(*) FROM pg_stat_activity
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let observer = &mut race.app.sql().await;
        while invariants::count(observer, waiting).await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        other.execute("COMMIT").await.unwrap();
    };
    let (mut outcomes, ()) = tokio::join!(race.run(vec![call]), commit);
    outcomes.remove(0)
}

/// Rows may change between the reads and the writes of a call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_committed_while_a_call_waits_for_the_enrollment_take_effect() {
    let race = Race::prepare().await;
    for (round, change, status) in [(1, "status = 'banned'", 403), (2, "tenant_id = 'moved'", 201)] {
        race.run(vec![affonso(&race, round)]).await[0].expect(201);
        let tables = if status == 201 { &["enrollments", "links"][..] } else { &["enrollments"] };
        let update = |table| format!("UPDATE {table} SET {change} WHERE tenant_id = 'user-{round}'");
        let statements: Vec<_> = tables.iter().map(update).collect();
        overtaken(&race, &statements, affonso(&race, round)).await.expect(status);
        race.expect_totals(round, round, round, round).await;
        let ours = format!("SELECT count(*) FROM enrollments WHERE tenant_id = 'user-{round}'");
        assert_eq!(invariants::count(&mut race.app.sql().await, &ours).await, 1, "{change}");
        let ended = format!("SELECT token_epoch::bigint FROM enrollments WHERE tenant_id = 'user-{round}'");
        let ended = invariants::count(&mut race.app.sql().await, &ended).await;
        assert_eq!(ended, i64::from(status == 201), "{change}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partner_banned_while_a_token_waits_does_not_get_the_tenant_id() {
    let race = Race::prepare().await;
    for (round, token) in [(1, affonso(&race, 1)), (2, race.token_for("jane2@example.com", Some("user-2")))] {
        race.run(vec![race.partner(json!({ "email": format!("jane{round}@example.com") }))]).await[0].expect(201);
        let ban = "UPDATE enrollments SET status = 'banned' WHERE tenant_id IS NULL".to_owned();
        overtaken(&race, &[ban], token).await.expect(403);
        let bound = "SELECT count(*) FROM enrollments WHERE tenant_id IS NOT NULL";
        assert_eq!(invariants::count(&mut race.app.sql().await, bound).await, 0);
        race.expect_totals(round, round, round, round).await;
    }
    assert_eq!(invariants::count(&mut race.app.sql().await, "SELECT count(*) FROM audit_logs").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_many_revocations_raises_the_epoch() {
    let race = Race::prepare().await;
    race.run(vec![race.token_for("jane@example.com", Some("jane"))]).await[0].expect(201);
    let outcomes = race.run_same(race.call(REVOKE, json!({ "tenantId": "jane" }))).await;
    assert_eq!(count(&outcomes, 200), CLIENTS);
    let next = race.run(vec![race.token_for("jane@example.com", Some("jane"))]).await;
    assert_eq!(next[0].claims()["ver"], CLIENTS);
    race.end().await;
}
