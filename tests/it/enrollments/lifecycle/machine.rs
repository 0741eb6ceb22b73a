//! Every transition from every status.

use serde_json::{Value, json};

use super::{JANE, jane_with_status, set_status};
use crate::enrollments::fixtures::{NOTHING, TOKENS, World};
use crate::support::invariants;
use crate::support::token::claims;

/// The status after each transition from each status; `x` means that the transition is not possible.
const TRANSITIONS: [&str; 6] =
    ["ban", "unban", "deactivate", "reactivate", "applications/approve", "applications/reject"];
const MACHINE: [(&str, [&str; 6]); 8] = [
    ("pending", ["banned", "x", "x", "x", "approved", "rejected"]),
    ("approved", ["banned", "x", "deactivated", "x", "x", "x"]),
    ("rejected", ["banned", "x", "x", "x", "x", "x"]),
    ("invited", ["banned", "x", "x", "x", "x", "x"]),
    ("declined", ["banned", "x", "x", "x", "x", "x"]),
    ("deactivated", ["banned", "x", "x", "approved", "x", "x"]),
    // `set_status` bans without the API, so the status before the ban is unknown.
    ("banned", ["x", "approved", "x", "x", "x", "x"]),
    ("archived", ["banned", "x", "deactivated", "x", "x", "x"]),
];

/// The name of each transition in events and in the audit log, and whether the transition revokes all tokens.
const REPORTS: [(&str, bool); 6] = [
    ("partner.banned", true),
    ("partner.unbanned", false),
    ("partner.deactivated", true),
    ("partner.reactivated", false),
    ("partner.approved", false),
    ("partner.rejected", true),
];

async fn change(world: &World, transition: &str, partner: &Value) -> crate::support::actor::Answer {
    let body = json!({ "partnerId": partner["id"], "reason": "fraud" });
    world.workspace.actor.post(&format!("/partners/{transition}"), body).await
}

#[tokio::test]
async fn every_transition_from_every_status_is_written_and_reported() {
    let mut world = World::start().await;
    let jane = jane_with_status(&mut world, "approved").await;
    for (present, row) in MACHINE {
        for ((name, next), (report, revokes_tokens)) in TRANSITIONS.into_iter().zip(row).zip(REPORTS) {
            let cell = format!("{name} from {present}");
            set_status(&mut world, present).await;
            world.arrange("DELETE FROM audit_logs").await;
            world.arrange("DELETE FROM outbox").await;
            let before = world.rows("enrollments").await.remove(0);

            let answer = change(&world, name, &jane).await;
            if next == "x" {
                let message = answer.expect_error(400);
                assert!(message.contains(present), "{cell}: the message does not name the status: {message}");
                assert_eq!(world.written().await, NOTHING, "{cell}");
                assert_eq!(world.rows("audit_logs").await, [Value::Null; 0], "{cell}");
                continue;
            }
            assert_eq!(answer.expect(200), json!({ "partnerId": jane["id"] }), "{cell}");
            assert_eq!(world.written().await, "enrollments ~1, outbox +1", "{cell}");

            let after = world.rows("enrollments").await.remove(0);
            assert_eq!(after["status"], next, "{cell}");
            let raised = after["token_epoch"].as_i64().unwrap() - before["token_epoch"].as_i64().unwrap();
            assert_eq!(raised, i64::from(revokes_tokens), "{cell}: token epoch");
            let (interrupted, invitation) = match (next, present) {
                ("banned", "invited") => (json!("invited"), before["invite_expires_at"].clone()),
                ("banned", _) => (json!(present), Value::Null),
                _ => (Value::Null, Value::Null),
            };
            assert_eq!(after["banned_from"], interrupted, "{cell}");
            assert_eq!(after["invite_expires_at"], invitation, "{cell}");
            let ban = if next == "banned" { json!("fraud") } else { Value::Null };
            assert_eq!(after["banned_reason"], ban, "{cell}");
            assert_eq!(after["banned_at"].is_null(), next != "banned", "{cell}");

            let event = world.rows("outbox").await.remove(0);
            assert_eq!(event["event"], report, "{cell}");
            let expected = json!({
                "enrollmentId": event["payload"]["enrollmentId"], "partnerId": jane["id"],
                "programId": jane["programId"], "groupId": jane["groupId"], "tenantId": "jane", "status": next,
            });
            assert_eq!(event["payload"], expected, "{cell}");

            let logs = world.workspace.actor.get("/audit-logs").await.expect(200);
            assert_eq!(logs.as_array().unwrap().len(), 1, "{cell}");
            let details = &logs[0]["details"];
            assert_eq!((&logs[0]["action"], &logs[0]["target"]), (&json!(report), &jane["id"]), "{cell}");
            assert_eq!((&details["from"], &details["to"]), (&json!(present), &json!(next)), "{cell}");
        }
    }
}

#[tokio::test]
async fn ban_shows_time_and_reason_until_the_unban() {
    let mut world = World::start().await;
    let jane = world.enrolled(json!({ "email": JANE, "tenantId": "jane" })).await;
    let path = format!("/partners/{}", jane["id"].as_str().unwrap());
    for reason in ["tos_violation", "inappropriate_content", "fake_traffic", "fraud", "spam", "brand_abuse"] {
        let ban = json!({ "tenantId": "jane", "reason": reason });
        world.workspace.actor.post("/partners/ban", ban).await.expect(200);
        let banned = world.workspace.actor.get(&path).await.expect(200);
        assert_eq!(banned["status"], "banned");
        assert_eq!(
            (&banned["bannedReason"], &banned["bannedAt"]),
            (&json!(reason), &json!("2026-03-01T12:00:00.250Z"))
        );
        let logs = world.workspace.actor.get("/audit-logs").await.expect(200);
        assert!(logs.as_array().unwrap().iter().any(|entry| entry["details"]["reason"] == reason), "{logs}");
        world.workspace.actor.post("/partners/unban", json!({ "tenantId": "jane" })).await.expect(200);
        assert_eq!(world.workspace.actor.get(&path).await.expect(200), jane);
    }
}

/// Otherwise a lifted ban would approve partners who wait for a review, were rejected, or have not accepted their
/// invitation.
#[tokio::test]
async fn unban_restores_the_status_before_the_ban() {
    let mut world = World::start().await;
    world.arrange("UPDATE programs SET access_mode = 'private'").await;
    let actor = world.workspace.actor.clone();
    let applications = "/partners/applications";
    for (status, token) in [
        ("pending", 201),
        ("approved", 201),
        ("rejected", 403),
        ("invited", 201),
        ("declined", 403),
        ("deactivated", 403),
        ("archived", 201),
    ] {
        let named = json!({ "tenantId": status });
        let partner = json!({ "email": format!("{status}@example.com"), "tenantId": status });
        let before = match status {
            "pending" | "rejected" => {
                world.token(json!({ "partner": partner })).await.expect(201);
                world.partner(partner.clone()).await.expect(201)
            }
            "invited" => actor.post("/partners/invites", partner.clone()).await.expect(201),
            _ => world.partner(partner.clone()).await.expect(201),
        };
        let id = json!({ "partnerId": before["id"] });
        match status {
            "rejected" => drop(actor.post(&format!("{applications}/reject"), id.clone()).await.expect(200)),
            "deactivated" => drop(actor.post("/partners/deactivate", named.clone()).await.expect(200)),
            "declined" | "archived" => {
                world
                    .arrange(&format!("UPDATE enrollments SET status = '{status}' WHERE tenant_id = '{status}'"))
                    .await;
            }
            _ => {}
        }
        let before = world.partner(partner.clone()).await.expect(201);
        assert_eq!(before["status"], status);
        actor.post("/partners/ban", json!({ "tenantId": status, "reason": "spam" })).await.expect(200);
        invariants::check(&world.app).await;
        assert_eq!(world.partner(partner.clone()).await.expect(201)["status"], "banned");
        actor.post("/partners/unban", named.clone()).await.expect(200);
        invariants::check(&world.app).await;
        assert_eq!(world.partner(partner).await.expect(201), before, "{status}");
        let logs = actor.get("/audit-logs?action=partner.unbanned").await.expect(200);
        let entry = logs.as_array().unwrap().iter().find(|entry| entry["target"] == before["id"]).unwrap();
        assert_eq!(entry["details"], json!({ "from": "banned", "to": status }));

        world.token(named).await.expect(token);
        invariants::check(&world.app).await;
    }
    // An enrollment without a status before the ban becomes approved.
    world.arrange("UPDATE enrollments SET status = 'banned', banned_from = NULL WHERE tenant_id = 'rejected'").await;
    actor.post("/partners/unban", json!({ "tenantId": "rejected" })).await.expect(200);
    let partner = world.partner(json!({ "email": "rejected@example.com" })).await.expect(201);
    assert_eq!(partner["status"], "approved");
}

#[tokio::test]
async fn invitation_expires_during_a_ban() {
    let mut world = World::start().await;
    let actor = world.workspace.actor.clone();
    let invitation = json!({ "email": JANE, "tenantId": "jane", "expiresInDays": 1 });
    actor.post("/partners/invites", invitation.clone()).await.expect(201);
    actor.post("/partners/ban", json!({ "tenantId": "jane", "reason": "spam" })).await.expect(200);
    // A banned partner cannot be invited again.
    actor.post("/partners/invites", invitation.clone()).await.expect_error(400);
    world.app.clock.advance(std::time::Duration::from_hours(25));
    actor.post("/partners/unban", json!({ "tenantId": "jane" })).await.expect(200);
    world.written().await;
    world.token(json!({ "tenantId": "jane" })).await.expect(410);
    assert_eq!(world.written().await, NOTHING);
    actor.post("/partners/invites", invitation).await.expect(201);
    world.token(json!({ "tenantId": "jane" })).await.expect(201);
}

/// A token carries the epoch in which the token was minted. Tokens of earlier epochs are revoked.
#[tokio::test]
async fn revoked_tokens_stay_revoked_after_the_reverse_transition() {
    for (transition, reverse) in [("ban", "unban"), ("deactivate", "reactivate")] {
        let mut world = World::start().await;
        let jane = jane_with_status(&mut world, "approved").await;
        let before = claims(&world.token(json!({ "tenantId": "jane" })).await.expect(201));
        change(&world, transition, &jane).await.expect(200);
        world.token(json!({ "tenantId": "jane" })).await.expect_error(403);
        change(&world, reverse, &jane).await.expect(200);
        let after = claims(&world.token(json!({ "tenantId": "jane" })).await.expect(201));
        assert_eq!(before["sub"], after["sub"]);
        assert!(before["ver"].as_i64() < after["ver"].as_i64(), "{transition}");
    }
}

#[tokio::test]
async fn transition_in_one_program_leaves_other_programs_alone() {
    let mut world = World::start().await;
    let second = world.program("second.example.com").await;
    let jane = jane_with_status(&mut world, "approved").await;
    let other = second.actor.post("/partners", json!({ "email": JANE, "tenantId": "jane" })).await.expect(201);
    assert_eq!(other["id"], jane["id"]);
    change(&world, "ban", &jane).await.expect(200);
    second.actor.post(TOKENS, json!({ "tenantId": "jane" })).await.expect(201);
    second.actor.post("/partners/unban", json!({ "tenantId": "jane" })).await.expect_error(400);
    let named = json!({ "tenantId": "jane", "programId": second.program_id, "reason": "spam" });
    world.workspace.actor.post("/partners/ban", named).await.expect(200);
    second.actor.post(TOKENS, json!({ "tenantId": "jane" })).await.expect_error(403);
}
