//! A change, its event and its entry of the audit log are written together or not at all.

use axum::body::Body;
use http::Method;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::{JANE, jane_with_status, set_status};
use crate::enrollments::fixtures::{NOTHING, World};

const TRANSITIONS: [(&str, &str); 6] = [
    ("ban", "approved"),
    ("unban", "banned"),
    ("deactivate", "approved"),
    ("reactivate", "deactivated"),
    ("applications/approve", "pending"),
    ("applications/reject", "pending"),
];

/// Makes every insert into a table fail, immediately or at COMMIT.
async fn break_inserts(world: &mut World, table: &str, timing: &str) {
    world.arrange("DROP FUNCTION IF EXISTS fail CASCADE").await;
    world
        .arrange(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'broken by the test'; END $$",
        )
        .await;
    world
        .arrange(&format!(
            "CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON {table} {timing} FOR EACH ROW EXECUTE FUNCTION fail()"
        ))
        .await;
}

#[tokio::test]
async fn failed_transition_writes_nothing() {
    let mut world = World::start().await;
    let jane = jane_with_status(&mut world, "approved").await;
    for (table, timing) in [("outbox", ""), ("audit_logs", ""), ("audit_logs", "DEFERRABLE INITIALLY DEFERRED")] {
        break_inserts(&mut world, table, timing).await;
        for (transition, present) in TRANSITIONS {
            set_status(&mut world, present).await;
            let body = json!({ "partnerId": jane["id"], "reason": "fraud" });
            world.workspace.actor.post(&format!("/partners/{transition}"), body).await.expect(500);
            assert_eq!(world.written().await, NOTHING, "{transition}, {table} {timing}");
            assert_eq!(world.rows("audit_logs").await, [Value::Null; 0], "{transition}, {table} {timing}");
        }
    }
    world.arrange("DROP FUNCTION fail CASCADE").await;
    for (transition, present) in TRANSITIONS {
        set_status(&mut world, present).await;
        let body = json!({ "partnerId": jane["id"], "reason": "fraud" });
        world.workspace.actor.post(&format!("/partners/{transition}"), body).await.expect(200);
    }
    assert_eq!(world.rows("audit_logs").await.len(), TRANSITIONS.len());
}

/// The other changes in the audit log: the request, and the status of Jane before the request. `PARTNER` and `LINK`
/// stand for the ids of Jane and of Jane's link.
fn changes() -> [(Method, &'static str, Value, &'static str); 11] {
    [
        (Method::PATCH, "/partners/PARTNER", json!({ "tenantId": "jane-2", "name": "Another" }), "approved"),
        (Method::POST, "/partners/invites", json!({ "email": "new@example.com" }), "approved"),
        (Method::POST, "/partners/invites", json!({ "email": JANE }), "invited"),
        (Method::POST, "/partners/invites", json!({ "email": JANE }), "declined"),
        (Method::POST, "/tokens/embed/referrals/revoke", json!({ "tenantId": "jane-2" }), "approved"),
        (Method::POST, "/groups", json!({ "name": "New" }), "approved"),
        (Method::PATCH, "/groups/default", json!({ "defaultLinks": [{ "url": "https://example.com/2" }] }), "approved"),
        (Method::DELETE, "/groups/spare", Value::Null, "approved"),
        (Method::PATCH, "/links/LINK", json!({ "comments": "Another" }), "approved"),
        (Method::DELETE, "/links/LINK", Value::Null, "approved"),
        (Method::DELETE, "/partners/invites/PARTNER", Value::Null, "invited"),
    ]
}

#[tokio::test]
async fn change_without_an_audit_log_entry_is_rolled_back() {
    let mut world = World::start().await;
    let jane = jane_with_status(&mut world, "approved").await;
    world.group("spare", &[]).await;
    let path = |path: &str| {
        let (partner, link) = (jane["id"].as_str().unwrap(), jane["links"][0]["id"].as_str().unwrap());
        path.replace("PARTNER", partner).replace("LINK", link)
    };
    let send = async |world: &World, method: &Method, path: String, body: &Value| {
        let actor = &world.workspace.actor;
        let request = actor.request(method.clone(), &path);
        let request = match body {
            Value::Null => request.body(Body::empty()),
            body => request.header(CONTENT_TYPE, "application/json").body(Body::from(body.to_string())),
        };
        actor.send(request.unwrap()).await
    };
    for (number, (method, template, body, status)) in changes().into_iter().enumerate() {
        let what = format!("{method} {template}");
        set_status(&mut world, status).await;
        for timing in ["", "DEFERRABLE INITIALLY DEFERRED"] {
            break_inserts(&mut world, "audit_logs", timing).await;
            let groups = world.rows("groups").await;
            send(&world, &method, path(template), &body).await.expect(500);
            assert_eq!(world.written().await, NOTHING, "{what} {timing}");
            assert_eq!(world.rows("groups").await, groups, "{what} {timing}");
            assert_eq!(world.rows("audit_logs").await.len(), number, "{what} {timing}");
        }
        world.arrange("DROP FUNCTION fail CASCADE").await;
        let answer = send(&world, &method, path(template), &body).await;
        assert!(answer.status.is_success(), "{what}: {}", answer.body);
        assert_eq!(world.rows("audit_logs").await.len(), number + 1, "{what}");
    }
}
