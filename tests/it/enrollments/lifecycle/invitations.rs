//! Invitations: created, renewed, accepted, withdrawn.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::{JANE, jane_with_status, set_status};
use crate::enrollments::fixtures::{ENROLLED, NOT_ENROLLED, NOTHING, World};
use crate::support::actor::{Actor, Answer};

const INVITES: &str = "/partners/invites";
const STATUSES: [&str; 8] =
    ["pending", "approved", "rejected", "invited", "declined", "deactivated", "banned", "archived"];
const DAY: Duration = Duration::from_hours(24);

async fn invite(world: &World, body: Value) -> Answer {
    world.workspace.actor.post(INVITES, body).await
}

async fn delete(actor: &Actor, id: &Value) -> Answer {
    let path = format!("{INVITES}/{}", id.as_str().unwrap());
    actor.send(actor.request(Method::DELETE, &path).body(axum::body::Body::empty()).unwrap()).await
}

#[tokio::test]
async fn invitation_creates_an_enrollment_with_links_event_and_log_entry() {
    let mut world = World::start().await;
    let jane = invite(&world, json!({ "email": JANE, "name": "Jane", "tenantId": "jane" })).await.expect(201);
    assert_eq!(world.written().await, ENROLLED);
    assert_eq!(
        (&jane["status"], &jane["name"], &jane["tenantId"]),
        (&json!("invited"), &json!("Jane"), &json!("jane"))
    );
    assert_eq!(jane["inviteExpiresAt"], "2026-03-15T12:00:00.250Z");
    assert_eq!(jane["links"][0]["key"], "jane");
    let row = world.rows("enrollments").await.remove(0);
    assert_eq!(row["invite_expires_at"], "2026-03-15T12:00:00.25+00:00");
    let event = world.rows("outbox").await.remove(0);
    assert_eq!(event["event"], "partner.invited");
    let expected = json!({
        "enrollmentId": event["payload"]["enrollmentId"], "partnerId": jane["id"], "programId": jane["programId"],
        "groupId": jane["groupId"], "tenantId": "jane", "status": "invited",
        "inviteExpiresAt": "2026-03-15T12:00:00.250Z",
    });
    assert_eq!(event["payload"], expected);
    let logs = world.workspace.actor.get("/audit-logs").await.expect(200);
    assert_eq!(logs.as_array().unwrap().len(), 1);
    assert_eq!((&logs[0]["action"], &logs[0]["target"]), (&json!("partner.invited"), &jane["id"]));
    let details = json!({ "from": null, "to": "invited", "expiresAt": "2026-03-15T12:00:00.250Z" });
    assert_eq!(logs[0]["details"], details);
    assert_eq!(logs[0]["actor"]["name"], "First key");
}

#[tokio::test]
async fn invitation_expires_after_its_days() {
    for (body, days) in [
        (json!({ "email": JANE }), 14),
        (json!({ "email": JANE, "expiresInDays": 1 }), 1),
        (json!({ "email": JANE, "expiresInDays": 365 }), 365),
    ] {
        let mut world = World::start().await;
        world.arrange("UPDATE programs SET access_mode = 'invite'").await;
        invite(&world, body).await.expect(201);
        world.written().await;
        world.app.clock.advance(DAY * days);
        world.token(json!({ "partner": { "email": JANE } })).await.expect(410);
        assert_eq!(world.written().await, NOTHING);
    }
    let mut world = World::start().await;
    world.arrange("UPDATE programs SET access_mode = 'invite'").await;
    invite(&world, json!({ "email": JANE })).await.expect(201);
    world.app.clock.advance(DAY * 13 + Duration::from_millis(86_399_999));
    world.token(json!({ "partner": { "email": JANE } })).await.expect(201);
    let jane = world.partner(json!({ "email": JANE })).await.expect(201);
    assert_eq!((&jane["status"], &jane["inviteExpiresAt"]), (&json!("approved"), &Value::Null));
    // The accepted invitation cannot expire any more.
    world.app.clock.advance(DAY);
    world.token(json!({ "partner": { "email": JANE } })).await.expect(201);
}

#[tokio::test]
async fn only_invited_or_declined_partners_can_be_invited_again() {
    let mut world = World::start().await;
    let jane = jane_with_status(&mut world, "approved").await;
    for status in STATUSES {
        set_status(&mut world, status).await;
        world.arrange("DELETE FROM audit_logs").await;
        world.arrange("DELETE FROM outbox").await;
        let body = json!({ "email": JANE, "name": "Another", "groupId": "nothing", "expiresInDays": 1 });
        let answer = invite(&world, body).await;
        if !["invited", "declined"].contains(&status) {
            let message = answer.expect_error(400);
            assert!(message.contains(status), "the message does not name the status: {message}");
            assert_eq!(world.written().await, NOTHING, "{status}");
            assert_eq!(world.rows("audit_logs").await, [Value::Null; 0], "{status}");
            continue;
        }
        let invited = answer.expect(201);
        assert_eq!(world.written().await, "enrollments ~1, outbox +1", "{status}");
        let unchanged = ["id", "name", "groupId", "tenantId", "links"];
        assert!(unchanged.iter().all(|member| invited[*member] == jane[*member]), "{status}: {invited}");
        assert_eq!(invited["status"], "invited");
        let row = world.rows("enrollments").await.remove(0);
        assert_eq!(row["invite_expires_at"], "2026-03-02T12:00:00.25+00:00", "{status}");
        assert_eq!(invited["inviteExpiresAt"], "2026-03-02T12:00:00.250Z", "{status}");
        let event = world.rows("outbox").await.remove(0);
        assert_eq!(event["payload"]["inviteExpiresAt"], invited["inviteExpiresAt"], "{status}");
        let log = world.rows("audit_logs").await.remove(0);
        assert_eq!((&log["details"]["from"], &log["details"]["to"]), (&json!(status), &json!("invited")), "{status}");
    }
}

#[tokio::test]
async fn expired_invitation_can_be_renewed() {
    let mut world = World::start().await;
    invite(&world, json!({ "email": JANE, "expiresInDays": 1 })).await.expect(201);
    world.app.clock.advance(DAY * 2);
    world.token(json!({ "partner": { "email": JANE } })).await.expect(410);
    invite(&world, json!({ "email": JANE, "expiresInDays": 1 })).await.expect(201);
    world.token(json!({ "partner": { "email": JANE } })).await.expect(201);
    assert_eq!(world.rows("enrollments").await.len(), 1);
    let events = world.rows("outbox").await;
    let events: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(events.iter().filter(|event| **event == "partner.invited").count(), 2, "{events:?}");
    assert_eq!(events.iter().filter(|event| **event == "partner.enrolled").count(), 1, "{events:?}");
    world.written().await;
}

#[tokio::test]
async fn invitation_finds_its_partner_by_the_enrollment_rule() {
    let mut world = World::start().await;
    // Row 4 of the rule: the tenant id is bound.
    let jane = invite(&world, json!({ "email": JANE })).await.expect(201);
    let bound = invite(&world, json!({ "email": "JANE@example.com", "tenantId": "jane" })).await.expect(201);
    assert_eq!((&bound["id"], &bound["tenantId"]), (&jane["id"], &json!("jane")));
    // Row 5: the tenant id is replaced, also on the links.
    let replaced = invite(&world, json!({ "email": JANE, "tenantId": "jane-2" })).await.expect(201);
    assert_eq!((&replaced["id"], &replaced["tenantId"]), (&jane["id"], &json!("jane-2")));
    assert_eq!(world.rows("links").await[0]["tenant_id"], "jane-2");
    // Row 3: e-mail address and tenant id belong to two partners.
    invite(&world, json!({ "email": "john@example.com", "tenantId": "john" })).await.expect(201);
    world.written().await;
    invite(&world, json!({ "email": JANE, "tenantId": "john" })).await.expect_error(409);
    assert_eq!(world.written().await, NOTHING);
    // The same if only one of the two is enrolled: nobody is invited in place of the partner with the e-mail address.
    let second = world.program("second.example.com").await;
    second.actor.post("/partners", json!({ "email": "elsewhere@example.com" })).await.expect(201);
    world.written().await;
    for email in ["new@example.com", "elsewhere@example.com"] {
        invite(&world, json!({ "email": email, "tenantId": "john" })).await.expect_error(409);
        assert_eq!(world.written().await, NOTHING, "{email}");
    }
    // Row 2: the e-mail address belongs to the partner with the tenant id.
    let same = invite(&world, json!({ "email": "john@example.com", "tenantId": "john" })).await.expect(201);
    assert_eq!(same["email"], "john@example.com");
    // A status that forbids an invitation also forbids binding a tenant id.
    world.arrange("UPDATE enrollments SET status = 'archived'").await;
    invite(&world, json!({ "email": JANE, "tenantId": "jane-3" })).await.expect_error(400);
    assert_eq!(world.written().await, NOTHING);
}

#[tokio::test]
async fn invited_partner_gets_the_named_group() {
    let mut world = World::start().await;
    let vip = world.group("vip", &["https://example.com/a", "https://example.com/b"]).await;
    let jane = invite(&world, json!({ "email": JANE, "groupId": "vip" })).await.expect(201);
    assert_eq!(jane["groupId"], json!(vip));
    assert_eq!(jane["links"].as_array().unwrap().len(), 2);
    world.written().await;
    let body = json!({ "email": "new@example.com", "groupId": "gold" });
    assert_eq!(invite(&world, body).await.expect_error(404), "The group was not found.");
    assert_eq!(world.written().await, NOTHING);
}

#[tokio::test]
async fn invalid_invitation_is_rejected_with_its_path() {
    let mut world = World::start().await;
    for (body, problem) in [
        (json!({}), "invalid_type: email: Required"),
        (json!({ "email": null }), "invalid_type: email: "),
        (json!({ "email": "jane" }), "invalid_format: email: Invalid email address"),
        (json!({ "email": JANE, "name": "x".repeat(101) }), "too_big: name: "),
        (json!({ "email": JANE, "tenantId": "" }), "too_small: tenantId: "),
        (json!({ "email": JANE, "groupId": 1 }), "invalid_type: groupId: "),
        (json!({ "email": JANE, "expiresInDays": 0 }), "too_small: expiresInDays: Must be at least 1"),
        (json!({ "email": JANE, "expiresInDays": -1 }), "too_small: expiresInDays: "),
        (json!({ "email": JANE, "expiresInDays": 366 }), "too_big: expiresInDays: Must be at most 365"),
        (json!({ "email": JANE, "expiresInDays": 1e30 }), "invalid_type: expiresInDays: "),
        (json!({ "email": JANE, "expiresInDays": 1.5 }), "invalid_type: expiresInDays: Expected an integer"),
        (json!({ "email": JANE, "expiresInDays": "14" }), "invalid_type: expiresInDays: "),
        (json!({ "email": JANE, "expiresInDays": null }), "invalid_type: expiresInDays: "),
    ] {
        let message = invite(&world, body.clone()).await.expect_error(422);
        assert!(message.starts_with(problem), "{body}: {message}");
        assert_eq!(world.written().await, NOTHING, "{body}");
    }
}

#[tokio::test]
async fn only_an_invited_enrollment_can_be_withdrawn() {
    for status in STATUSES {
        let mut world = World::start().await;
        let jane = jane_with_status(&mut world, status).await;
        let answer = delete(&world.workspace.actor, &jane["id"]).await;
        if status != "invited" {
            let message = answer.expect_error(400);
            assert!(message.contains(status), "the message does not name the status: {message}");
            assert_eq!(world.written().await, NOTHING, "{status}");
            assert_eq!(world.rows("audit_logs").await, [Value::Null; 0], "{status}");
            continue;
        }
        assert_eq!(answer.expect(200), json!({ "partnerId": jane["id"] }));
        assert_eq!(world.written().await, "enrollments -1, links -1, outbox +1, partners -1");
        let logs = world.workspace.actor.get("/audit-logs").await.expect(200);
        assert_eq!(logs.as_array().unwrap().len(), 1);
        assert_eq!((&logs[0]["action"], &logs[0]["target"]), (&json!("partner.invite_deleted"), &jane["id"]));
        let events = world.rows("outbox").await;
        let of = |name: &str| events.iter().find(|event| event["event"] == name).unwrap()["payload"].clone();
        let mut expected = of("partner.enrolled");
        expected["status"] = json!("invited");
        assert_eq!(of("partner.invite_deleted"), expected);
        assert_eq!(delete(&world.workspace.actor, &jane["id"]).await.expect_error(404), NOT_ENROLLED);
        world.token(json!({ "tenantId": "jane" })).await.expect_error(404);
    }
}

#[tokio::test]
async fn expired_invitation_can_be_withdrawn() {
    let mut world = World::start().await;
    let jane = invite(&world, json!({ "email": JANE, "expiresInDays": 1 })).await.expect(201);
    world.app.clock.advance(DAY * 2);
    world.written().await;
    delete(&world.workspace.actor, &jane["id"]).await.expect(200);
    assert_eq!(world.written().await, "enrollments -1, links -1, outbox +1, partners -1");
    let again = invite(&world, json!({ "email": JANE })).await.expect(201);
    assert_ne!(again["id"], jane["id"]);
    assert_eq!(again["links"][0]["key"], "jane");
}

#[tokio::test]
async fn partner_stays_in_other_programs() {
    let mut world = World::start().await;
    let second = world.program("second.example.com").await;
    let jane = invite(&world, json!({ "email": JANE })).await.expect(201);
    let other = second.actor.post("/partners", json!({ "email": JANE })).await.expect(201);
    assert_eq!(other["id"], jane["id"]);
    world.written().await;
    delete(&world.workspace.actor, &jane["id"]).await.expect(200);
    assert_eq!(world.written().await, "enrollments -1, links -1, outbox +1");
    let path = format!("/partners/{}", jane["id"].as_str().unwrap());
    assert_eq!(second.actor.get(&path).await.expect(200), other);
    world.workspace.actor.get(&path).await.expect_error(404);
}

#[tokio::test]
async fn withdrawal_of_an_unknown_invitation_gets_a_404() {
    let mut world = World::start().await;
    let second = world.program("second.example.com").await;
    let other = second.actor.post(INVITES, json!({ "email": JANE })).await.expect(201);
    world.written().await;
    for id in [json!("pn_01h455vb4pex5vsknk084sn02q"), json!("jane"), other["id"].clone()] {
        assert_eq!(delete(&world.workspace.actor, &id).await.expect_error(404), NOT_ENROLLED);
    }
    assert_eq!(world.written().await, NOTHING);
}
