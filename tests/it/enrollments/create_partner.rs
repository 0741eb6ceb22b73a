//! `POST /partners`: the behavior of this route beyond the enrollment rule, which `enrollments::rule` tests.

use serde_json::json;

use super::fixtures::{ENROLLED, NOTHING, PARTNERS, World};

const JANE: &str = "jane@example.com";

#[tokio::test]
async fn a_partner_enrolled_by_the_workspace_is_approved_in_every_access_mode() {
    for mode in ["public", "private", "invite"] {
        let mut world = World::start().await;
        world.arrange(&format!("UPDATE programs SET access_mode = '{mode}'")).await;
        let partner = world.partner(json!({ "email": JANE })).await.expect(201);
        assert_eq!(partner["status"], "approved", "{mode}");
        assert_eq!(world.written().await, ENROLLED, "{mode}");
        assert_eq!(world.rows("outbox").await[0]["payload"]["status"], "approved");
    }
}

#[tokio::test]
async fn an_existing_enrollment_of_any_status_is_shown_and_unchanged() {
    let mut world = World::start().await;
    world.enrolled(json!({ "email": JANE })).await;
    for status in ["pending", "approved", "rejected", "invited", "declined", "deactivated", "banned", "archived"] {
        let set = format!("status = '{status}', invite_expires_at = '2020-01-01T00:00:00Z', application_id = id");
        world.arrange(&format!("UPDATE enrollments SET {set}")).await;
        let partner = world.partner(json!({ "email": JANE })).await.expect(201);
        assert_eq!(partner["status"], status);
        assert_eq!(world.written().await, NOTHING, "{status}");
    }
}

#[tokio::test]
async fn the_first_spelling_of_an_email_is_kept() {
    let mut world = World::start().await;
    let first = world.partner(json!({ "email": "Jane.DOE@Example.com" })).await.expect(201);
    assert_eq!(first["email"], "Jane.DOE@Example.com");
    assert_eq!(world.written().await, ENROLLED);
    assert_eq!(world.partner(json!({ "email": "JANE.doe@example.COM" })).await.expect(201), first);
    assert_eq!(world.written().await, NOTHING);
}

#[tokio::test]
async fn answers_at_all_three_bases() {
    let mut world = World::start().await;
    let first = world.partner(json!({ "email": JANE })).await.expect(201);
    for base in ["/api", "/v1"] {
        let path = format!("{base}{PARTNERS}");
        assert_eq!(world.workspace.actor.post(&path, json!({ "email": JANE })).await.expect(201), first);
        let path = format!("{path}/{}", first["id"].as_str().unwrap());
        assert_eq!(world.workspace.actor.get(&path).await.expect(200), first);
    }
    assert_eq!(world.written().await, ENROLLED);
}

#[tokio::test]
async fn unknown_fields_are_ignored() {
    let mut world = World::start().await;
    let body = json!({ "email": JANE, "id": "x", "status": "banned", "linkProps": { "key": "mine", "clicks": 5 } });
    let partner = world.partner(body).await.expect(201);
    assert_eq!(world.written().await, ENROLLED);
    assert_eq!((&partner["status"], &partner["clicks"]), (&json!("approved"), &json!(0)));
    assert_eq!(partner["links"][0]["key"], "jane");
}
