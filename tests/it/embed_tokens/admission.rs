//! Admission to tokens: decided by the status of the enrollment, the access mode of the program, and the group.

use std::time::Duration;

use pearset::testing::values::clock::Clock as _;
use serde_json::{Value, json};

use crate::enrollments::fixtures::{ENROLLED, NOTHING, World};

const JANE: &str = "jane@example.com";

fn jane() -> Value {
    json!({ "tenantId": "t", "partner": { "email": JANE } })
}

/// Enrolls Jane with the tenant id `t` and sets her status. An invitation expires this many milliseconds after now.
async fn jane_with(world: &mut World, status: &str, expires_after: i32) {
    world.enrolled(json!({ "email": JANE, "tenantId": "t" })).await;
    let now = world.app.clock.now();
    let invite = if status == "invited" {
        format!("timestamptz '{now}' + interval '{expires_after} ms'")
    } else {
        "NULL".to_owned()
    };
    let set = format!("status = '{status}', invite_expires_at = {invite}, application_id = gen_random_uuid()");
    world.arrange(&format!("UPDATE enrollments SET {set}")).await;
}

async fn set_access_mode(world: &mut World, mode: &str) {
    world.arrange(&format!("UPDATE programs SET access_mode = '{mode}'")).await;
}

#[tokio::test]
async fn the_status_of_an_enrollment_decides_about_tokens() {
    const ACCEPTED: &str = "enrollments ~1, outbox +1";
    for (status, expires_after, answer, error, writes) in [
        ("approved", 0, 201, "", NOTHING),
        ("archived", 0, 201, "", NOTHING),
        ("pending", 0, 201, "", NOTHING),
        ("invited", 1, 201, "", ACCEPTED),
        ("invited", -1, 410, "invite_expired", NOTHING),
        ("rejected", 0, 403, "forbidden", NOTHING),
        ("declined", 0, 403, "forbidden", NOTHING),
        ("banned", 0, 403, "forbidden", NOTHING),
        ("deactivated", 0, 403, "forbidden", NOTHING),
    ] {
        // The access mode applies to new enrollments only.
        for mode in ["public", "invite"] {
            let mut world = World::start().await;
            jane_with(&mut world, status, expires_after).await;
            set_access_mode(&mut world, mode).await;
            let body = world.token(jane()).await.expect(answer);
            assert_eq!(body["error"]["code"].as_str().unwrap_or_default(), error, "{status}");
            assert_eq!(world.written().await, writes, "{status}");
            let after = if writes == ACCEPTED { "approved" } else { status };
            assert_eq!(world.rows("enrollments").await[0]["status"], after);
            world.token(jane()).await.expect(answer);
            assert_eq!(world.written().await, NOTHING, "{status}");
        }
    }
}

#[tokio::test]
async fn an_accepted_invitation_is_published_as_an_event() {
    let mut world = World::start().await;
    jane_with(&mut world, "invited", 60_000).await;
    // An invitation publishes no `partner.enrolled` event.
    world.arrange("DELETE FROM outbox").await;
    world.token(json!({ "tenantId": "t" })).await.expect(201);
    let events = world.rows("outbox").await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["event"], "partner.enrolled");
    assert_eq!(events[0]["payload"]["status"], "approved");
    assert_eq!(events[0]["payload"]["tenantId"], "t");
    assert_eq!(world.rows("enrollments").await[0]["invite_expires_at"], Value::Null);
}

#[tokio::test]
async fn an_invitation_expires_by_the_clock() {
    let mut world = World::start().await;
    jane_with(&mut world, "invited", 60_000).await;
    world.app.clock.advance(Duration::from_millis(60_001));
    world.token(jane()).await.expect(410);
    assert_eq!(world.written().await, NOTHING);
}

#[tokio::test]
async fn a_partner_invited_by_email_gets_the_tenant_id_and_is_approved() {
    let mut world = World::start().await;
    jane_with(&mut world, "invited", 60_000).await;
    world.arrange("UPDATE enrollments SET tenant_id = NULL").await;
    world.arrange("UPDATE links SET tenant_id = NULL").await;
    set_access_mode(&mut world, "invite").await;
    world.token(jane()).await.expect(201);
    assert_eq!(world.written().await, "enrollments ~1, links ~1, outbox +1");
    let enrollment = &world.rows("enrollments").await[0];
    assert_eq!((&enrollment["status"], &enrollment["tenant_id"]), (&json!("approved"), &json!("t")));
}

#[tokio::test]
async fn a_status_that_forbids_tokens_forbids_binding_a_tenant_id() {
    for (status, answer) in [("banned", 403), ("invited", 410)] {
        let mut world = World::start().await;
        jane_with(&mut world, status, -1).await;
        world.arrange("UPDATE enrollments SET tenant_id = NULL").await;
        world.token(jane()).await.expect(answer);
        assert_eq!(world.written().await, NOTHING);
    }
}

#[tokio::test]
async fn the_access_mode_decides_about_new_partners() {
    for (mode, status) in [("public", Some("approved")), ("private", Some("pending")), ("invite", None)] {
        let mut world = World::start().await;
        set_access_mode(&mut world, mode).await;
        let Some(status) = status else {
            world.token(jane()).await.expect_error(403);
            assert_eq!(world.written().await, NOTHING);
            continue;
        };
        world.token(jane()).await.expect(201);
        assert_eq!(world.written().await, ENROLLED, "{mode}");
        assert_eq!(world.rows("enrollments").await[0]["status"], status);
        assert_eq!(world.rows("outbox").await[0]["payload"]["status"], status);
        world.token(jane()).await.expect(201);
        assert_eq!(world.written().await, NOTHING, "{mode}");
    }
}

#[tokio::test]
async fn a_partner_of_another_program_needs_an_invitation_to_this_one() {
    let mut world = World::start().await;
    let second = world.program("second.example.com").await;
    second.actor.post("/partners", json!({ "email": JANE })).await.expect(201);
    set_access_mode(&mut world, "invite").await;
    world.token(jane()).await.expect_error(403);
    assert_eq!(world.written().await, NOTHING);
}

#[tokio::test]
async fn a_group_is_found_by_id_or_slug() {
    let mut world = World::start().await;
    let vip = world.group("vip", &["https://example.com/a", "https://example.com/b"]).await.to_string();
    let default = world.workspace.group_id.to_string();
    for (index, (group, expected, links)) in
        [(None, &default, 1), (Some("default"), &default, 1), (Some("vip"), &vip, 2), (Some(vip.as_str()), &vip, 2)]
            .into_iter()
            .enumerate()
    {
        let email = format!("partner-{index}@example.com");
        let mut partner = json!({ "email": email });
        if let Some(group) = group {
            partner["groupId"] = json!(group);
        }
        world.token(json!({ "partner": partner })).await.expect(201);
        let partner = world.partner(json!({ "email": email })).await.expect(201);
        assert_eq!(partner["groupId"], *expected, "{group:?}");
        assert_eq!(partner["links"].as_array().unwrap().len(), links, "{group:?}");
    }
}

#[tokio::test]
async fn an_unknown_group_is_a_404_before_anything_is_written() {
    let mut world = World::start().await;
    let second = world.program("second.example.com").await;
    let foreign = world.app.workspace("stranger").await;
    world.written().await;
    for group in [
        json!("grp_01h455vb4pex5vsknk084sn02q"),
        json!("gold"),
        json!("DEFAULT"),
        json!("grp_"),
        json!(""),
        json!("x".repeat(300)),
        json!(second.group_id),
        json!(foreign.group_id),
    ] {
        let partner = json!({ "email": JANE, "groupId": group });
        world.token(json!({ "tenantId": "t", "partner": partner })).await.expect_error(404);
        world.partner(partner).await.expect_error(404);
        assert_eq!(world.written().await, NOTHING, "{group}");
    }
}
