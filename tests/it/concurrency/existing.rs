//! Concurrent requests that complete existing enrollments.

#![expect(clippy::disallowed_methods, reason = "states that no route creates are created by SQL")]

use serde_json::json;

use super::{CLIENTS, Race, only, rounds};
use crate::support::invariants;

/// Enrolls a partner and deletes the default links of the enrollment.
async fn enroll_without_links(race: &Race, email: &str) {
    race.run(vec![race.token_for(email, None)]).await[0].expect(201);
    let delete = "DELETE FROM links WHERE partner_id = (SELECT id FROM partners WHERE email = $1)";
    sqlx::query(delete).bind(email).execute(&mut race.app.sql().await).await.unwrap();
}

async fn with_three_default_links() -> Race {
    let race = Race::prepare().await;
    for url in ["https://acme.com/shop", "https://acme.com/blog"] {
        race.app.add_default_link(&race.workspace, url).await;
    }
    race
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_default_links_are_created_once() {
    let race = with_three_default_links().await;
    for round in 1..=rounds() {
        let email = format!("jane{round}@example.com");
        enroll_without_links(&race, &email).await;
        only(race.run_same(race.token_for(&email, None)).await.iter().map(super::Outcome::enrollment));
        race.expect_totals(round, round, 3 * round, round).await;
    }
    race.end().await;
}

/// Half of the clients bind a tenant id, half only need the links. Whichever client creates the links, the links end up
/// with the tenant id.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_created_while_a_tenant_id_is_bound_have_the_tenant_id() {
    let race = with_three_default_links().await;
    for round in 1..=rounds() {
        let email = format!("jane{round}@example.com");
        enroll_without_links(&race, &email).await;
        let calls = [None, Some(email.as_str())].map(|tenant_id| race.token_for(&email, tenant_id));
        let outcomes = race.run(calls.into_iter().cycle().take(CLIENTS).collect()).await;
        only(outcomes.iter().map(super::Outcome::enrollment));
        race.expect_totals(round, round, 3 * round, round).await;
    }
    race.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_is_accepted_once() {
    let race = Race::prepare().await;
    for round in 1..=rounds() {
        let email = format!("jane{round}@example.com");
        let tenant_id = format!("user-{round}");
        race.run(vec![race.token_for(&email, Some(&tenant_id))]).await[0].expect(201);
        // An open invitation, without links and event.
        let conn = &mut race.app.sql().await;
        let invite = "UPDATE enrollments SET status = 'invited', invite_expires_at = created_at + interval '1 day'
                      WHERE tenant_id = $1";
        sqlx::query(invite).bind(&tenant_id).execute(&mut *conn).await.unwrap();
        sqlx::query("DELETE FROM links WHERE tenant_id = $1").bind(&tenant_id).execute(&mut *conn).await.unwrap();
        sqlx::query("DELETE FROM outbox WHERE payload->>'tenantId' = $1").bind(&tenant_id).execute(conn).await.unwrap();

        let outcomes = race.run_same(race.token(json!({ "tenantId": tenant_id }))).await;
        only(outcomes.iter().map(super::Outcome::enrollment));
        race.expect_totals(round, round, round, round).await;
        let conn = &mut race.app.sql().await;
        let open = "SELECT count(*) FROM enrollments WHERE status <> 'approved' OR invite_expires_at IS NOT NULL";
        assert_eq!(invariants::count(conn, open).await, 0);
    }
    race.end().await;
}
