//! Concurrent status changes of one enrollment, and tokens for that enrollment.

use http::Method;
use serde_json::{Value, json};
use sqlx::Executor;

use super::{CLIENTS, Call, Outcome, Race, count, only, rounds};
use crate::support::invariants;

const INVITES: &str = "/partners/invites";

impl Race {
    fn step(&self, step: &str, partner: &Value) -> Call {
        self.call(format!("/partners/{step}"), json!({ "partnerId": partner["id"], "reason": "fraud" }))
    }

    fn invite(&self, email: &str) -> Call {
        self.call(INVITES, json!({ "email": email }))
    }

    fn delete_invitation(&self, partner: &Value) -> Call {
        let path = format!("{INVITES}/{}", partner["id"].as_str().unwrap());
        Call { method: Method::DELETE, ..self.call(&path, json!({})) }
    }

    /// Returns the answer of a single call.
    async fn only(&self, call: Call, status: u16) -> Value {
        self.run(vec![call]).await[0].expect(status).clone()
    }

    /// Returns the number of rows.
    async fn rows(&self, from: &str) -> usize {
        let rows = invariants::count(&mut self.app.sql().await, &format!("SELECT count(*) FROM {from}")).await;
        usize::try_from(rows).unwrap()
    }

    /// Expects one audit log entry per success.
    async fn expect_entries(&self, action: &str, successes: usize) {
        assert_eq!(self.rows(&format!("audit_logs WHERE action = '{action}'")).await, successes, "{action}");
    }

    /// Returns the epoch of tokens that are minted for this partner now.
    async fn epoch(&self, partner: &Value) -> i64 {
        let epoch = "SELECT token_epoch::bigint FROM enrollments e JOIN partners p USING (workspace_id)
                     WHERE p.id = e.partner_id AND p.email = ";
        invariants::count(&mut self.app.sql().await, &format!("{epoch} '{}'", partner["email"].as_str().unwrap())).await
    }

    async fn status(&self, partner: &Value) -> String {
        let path = format!("/partners/{}", partner["id"].as_str().unwrap());
        let partner = self.only(Call { method: Method::GET, ..self.call(&path, json!({})) }, 200).await;
        partner["status"].as_str().unwrap().to_owned()
    }
}

/// Sends two calls alternately from all clients. Returns the outcomes of each call.
async fn both(race: &Race, one: Call, other: Call) -> (Vec<Outcome>, Vec<Outcome>) {
    let outcomes = race.run([one, other].into_iter().cycle().take(CLIENTS).collect()).await;
    let (one, other): (Vec<_>, Vec<_>) = outcomes.into_iter().enumerate().partition(|(place, _)| place % 2 == 0);
    let outcomes = |places: Vec<(usize, Outcome)>| places.into_iter().map(|(_, outcome)| outcome).collect();
    (outcomes(one), outcomes(other))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partner_is_banned_once() {
    let race = Race::prepare().await;
    for round in 1..=rounds() {
        let jane = race.only(race.partner(json!({ "email": format!("jane{round}@example.com") })), 201).await;
        let outcomes = race.run_same(race.step("ban", &jane)).await;
        assert_eq!((count(&outcomes, 200), count(&outcomes, 400)), (1, CLIENTS - 1));
        race.expect_entries("partner.banned", round).await;
        assert_eq!(race.rows("outbox WHERE event = 'partner.banned'").await, round);
        assert_eq!(race.epoch(&jane).await, 1);
    }
    race.end().await;
}

/// Bans and unbans alternate in some sequential order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bans_and_unbans_alternate() {
    let race = Race::prepare().await;
    let (mut all_bans, mut all_unbans) = (0, 0);
    for round in 1..=rounds() {
        let jane = race.only(race.partner(json!({ "email": format!("jane{round}@example.com") })), 201).await;
        let (bans, unbans) = both(&race, race.step("ban", &jane), race.step("unban", &jane)).await;
        for outcomes in [&bans, &unbans] {
            assert_eq!(count(outcomes, 200) + count(outcomes, 400), CLIENTS / 2);
        }
        let (bans, unbans) = (count(&bans, 200), count(&unbans, 200));
        let expected = if bans == unbans { "approved" } else { "banned" };
        assert!(bans == unbans || bans == unbans + 1, "{bans} bans, {unbans} unbans");
        assert_eq!(race.status(&jane).await, expected);
        assert_eq!(race.epoch(&jane).await, i64::try_from(bans).unwrap());
        (all_bans, all_unbans) = (all_bans + bans, all_unbans + unbans);
        race.expect_entries("partner.banned", all_bans).await;
        race.expect_entries("partner.unbanned", all_unbans).await;
    }
    race.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_is_decided_once() {
    let race = Race::prepare().await;
    race.app.sql().await.execute("UPDATE programs SET access_mode = 'private'").await.unwrap();
    for round in 1..=rounds() {
        let email = format!("jane{round}@example.com");
        race.run(vec![race.token_for(&email, None)]).await[0].expect(201);
        let jane = race.only(race.partner(json!({ "email": email })), 201).await;
        assert_eq!(jane["status"], "pending");
        let (approved, rejected) =
            both(&race, race.step("applications/approve", &jane), race.step("applications/reject", &jane)).await;
        let expected = if count(&approved, 200) == 1 { "approved" } else { "rejected" };
        assert_eq!(count(&approved, 200) + count(&rejected, 200), 1);
        assert_eq!(count(&approved, 400) + count(&rejected, 400), CLIENTS - 1);
        assert_eq!(race.status(&jane).await, expected);
        assert_eq!(race.rows("audit_logs").await, round);
    }
    race.end().await;
}

/// Tokens that were minted before the ban are invalid, and no token is minted after the ban.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_token_outlives_a_ban() {
    let race = Race::prepare().await;
    for round in 1..=rounds() {
        let email = format!("jane{round}@example.com");
        let jane = race.only(race.partner(json!({ "email": email })), 201).await;
        let mut calls = vec![race.token_for(&email, None); CLIENTS - 1];
        calls.insert(CLIENTS / 2, race.step("ban", &jane));
        let mut outcomes = race.run(calls).await;
        outcomes.remove(CLIENTS / 2).expect(200);
        assert_eq!(count(&outcomes, 201) + count(&outcomes, 403), CLIENTS - 1);
        let epoch = race.epoch(&jane).await;
        for token in outcomes.iter().filter(|outcome| outcome.status == 201) {
            assert!(token.claims()["ver"].as_i64().unwrap() < epoch, "a token minted before the ban is still valid");
        }
        race.run(vec![race.token_for(&email, None)]).await[0].expect(403);
        race.run(vec![race.step("unban", &jane)]).await[0].expect(200);
        let again = race.run(vec![race.token_for(&email, None)]).await;
        assert_eq!(again[0].claims()["ver"], epoch);
    }
    race.end().await;
}

/// Token requests that bind a tenant id come before the ban and bind, or after the ban and change nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_tenant_id_is_bound_after_a_ban() {
    let race = Race::prepare().await;
    let mut all_bound = 0;
    for round in 1..=rounds() {
        let email = format!("jane{round}@example.com");
        let jane = race.only(race.partner(json!({ "email": email })), 201).await;
        let mut calls = vec![race.token_for(&email, Some(&format!("user-{round}"))); CLIENTS - 1];
        calls.insert(CLIENTS / 4, race.step("ban", &jane));
        let mut outcomes = race.run(calls).await;
        outcomes.remove(CLIENTS / 4).expect(200);
        assert_eq!(count(&outcomes, 201) + count(&outcomes, 403), CLIENTS - 1);
        let bound = race.rows(&format!("enrollments WHERE tenant_id = 'user-{round}'")).await;
        assert_eq!(bound, usize::from(count(&outcomes, 201) > 0));
        all_bound += bound;
        race.expect_entries("partner.updated", all_bound).await;
        race.expect_entries("partner.banned", round).await;
        invariants::check(&race.app).await;
    }
    race.end().await;
}

/// A partner who asks for a token while being invited is enrolled once: as invited and approved by the token, or by the
/// token alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invitations_and_tokens_for_one_identity_share_one_enrollment() {
    let race = Race::prepare().await;
    let mut successes = 0;
    for round in 1..=rounds() {
        let email = format!("jane{round}@example.com");
        let (invites, tokens) = both(&race, race.invite(&email), race.token_for(&email, None)).await;
        only(tokens.iter().map(Outcome::enrollment));
        assert_eq!(count(&invites, 201) + count(&invites, 400), CLIENTS / 2);
        successes += count(&invites, 201);
        invariants::check(&race.app).await;
        assert_eq!(race.rows("enrollments").await, round);
        assert_eq!(race.rows("enrollments WHERE status = 'approved' AND invite_expires_at IS NULL").await, round);
        assert_eq!(race.rows("outbox WHERE event = 'partner.invited'").await, successes);
        race.expect_entries("partner.invited", successes).await;
    }
    race.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_for_invited_partners_gives_tokens_to_invited_partners_only() {
    let race = Race::prepare().await;
    race.app.sql().await.execute("UPDATE programs SET access_mode = 'invite'").await.unwrap();
    for round in 1..=rounds() {
        let email = format!("jane{round}@example.com");
        let (invites, tokens) = both(&race, race.invite(&email), race.token_for(&email, None)).await;
        assert_eq!(count(&tokens, 201) + count(&tokens, 403), CLIENTS / 2);
        assert_eq!(count(&invites, 201) + count(&invites, 400), CLIENTS / 2);
        assert!(count(&invites, 201) >= 1);
        assert_eq!(race.rows("enrollments").await, round);
        // Refused token requests came before the invitation; the others have accepted the invitation.
        let accepted = count(&tokens, 201) > 0;
        let jane = race.only(race.partner(json!({ "email": email })), 201).await;
        assert_eq!(jane["status"], if accepted { "approved" } else { "invited" });
        race.run(vec![race.token_for(&email, None)]).await[0].expect(201);
        invariants::check(&race.app).await;
    }
    race.end().await;
}

/// An invitation is accepted or withdrawn, never both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawn_invitation_gives_no_token() {
    let race = Race::prepare().await;
    let mut kept = 0;
    for round in 1..=rounds() {
        let tenant_id = format!("user-{round}");
        let body = json!({ "email": format!("jane{round}@example.com"), "tenantId": tenant_id });
        let jane = race.only(race.call(INVITES, body), 201).await;
        let token = race.token(json!({ "tenantId": tenant_id }));
        let (deletions, tokens) = both(&race, race.delete_invitation(&jane), token).await;
        let accepted = count(&tokens, 201) > 0;
        if accepted {
            kept += 1;
            assert_eq!((count(&tokens, 201), count(&deletions, 400)), (CLIENTS / 2, CLIENTS / 2));
        } else {
            assert_eq!((count(&deletions, 200), count(&deletions, 404)), (1, CLIENTS / 2 - 1));
            assert_eq!(count(&tokens, 404), CLIENTS / 2);
        }
        invariants::check(&race.app).await;
        assert_eq!([race.rows("partners").await, race.rows("enrollments").await, race.rows("links").await], [kept; 3]);
        race.expect_entries("partner.invite_deleted", round - kept).await;
    }
    race.end().await;
}

/// A public program admits everybody, including a partner whose invitation is being withdrawn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_request_during_a_withdrawal_enrolls_once() {
    let race = Race::prepare().await;
    for round in 1..=rounds() {
        let email = format!("jane{round}@example.com");
        let jane = race.only(race.invite(&email), 201).await;
        let (deletions, tokens) = both(&race, race.delete_invitation(&jane), race.token_for(&email, None)).await;
        only(tokens.iter().map(Outcome::enrollment));
        assert!(deletions.iter().all(|outcome| [200, 400, 404].contains(&outcome.status.as_u16())), "{deletions:?}");
        expect_enrolled(&race, round).await;
    }
    race.end().await;
}

async fn expect_enrolled(race: &Race, enrolled: usize) {
    invariants::check(&race.app).await;
    let rows = [race.rows("partners").await, race.rows("enrollments").await, race.rows("links").await];
    assert_eq!(rows, [enrolled; 3], "partners, enrollments, links");
}

/// The last program that withdraws its invitation deletes the person.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_whose_invitations_two_programs_withdraw_is_deleted() {
    let race = Race::prepare().await;
    let second = super::enrollments::second_program(&race).await;
    for round in 1..=rounds() {
        let email = format!("jane{round}@example.com");
        let jane = race.only(race.invite(&email), 201).await;
        let here = race.delete_invitation(&jane);
        let there = Call { authorization: second.clone(), ..here.clone() };
        race.only(Call { authorization: second.clone(), ..race.invite(&email) }, 201).await;
        let (here, there) = both(&race, here, there).await;
        for deletions in [here, there] {
            assert_eq!((count(&deletions, 200), count(&deletions, 404)), (1, CLIENTS / 2 - 1));
        }
        expect_enrolled(&race, 0).await;
    }
    race.end().await;
}

/// One program withdraws its invitation while another program enrolls the person.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_enrolled_elsewhere_during_a_withdrawal_stays_or_is_created_again() {
    let race = Race::prepare().await;
    let second = super::enrollments::second_program(&race).await;
    for round in 1..=rounds() {
        let email = format!("jane{round}@example.com");
        let jane = race.only(race.invite(&email), 201).await;
        let elsewhere = Call { authorization: second.clone(), ..race.token_for(&email, None) };
        let (deletions, tokens) = both(&race, race.delete_invitation(&jane), elsewhere).await;
        only(tokens.iter().map(Outcome::enrollment));
        assert_eq!(count(&deletions, 200), 1);
        expect_enrolled(&race, round).await;
    }
    race.end().await;
}
