//! Events that end a token before its expiry. The verification route shows the end at the next request.

use std::time::Duration;

use pearset::testing::embed_tokens::Keyring;
use pearset::testing::programs::{self, ProgramChanges};
use pearset::testing::values::ProgramScope;
use pearset::testing::values::clock::Clock as _;
use serde_json::{Value, json};

use super::forger::{Forger, expect_invalid, mint, verify};
use crate::enrollments::fixtures::{NOT_ENROLLED, World};
use crate::support::token::claims;

const REVOKE: &str = "/tokens/embed/referrals/revoke";

fn jane() -> Value {
    json!({ "partner": { "email": "jane@example.com", "tenantId": "jane" } })
}

async fn revoke(world: &World, body: Value) -> Value {
    world.workspace.actor.post(REVOKE, body).await.expect(200)
}

#[tokio::test]
async fn a_revocation_ends_all_present_tokens() {
    let mut world = World::start().await;
    let partner = world.enrolled(json!({ "email": "jane@example.com", "tenantId": "jane" })).await;
    let other = mint(&world, json!({ "partner": { "email": "other@example.com" } })).await;
    for name in [json!({ "tenantId": "jane" }), json!({ "partnerId": partner["id"] })] {
        let tokens = [mint(&world, jane()).await, mint(&world, json!({ "tenantId": "jane" })).await];
        for token in &tokens {
            verify(&world, token).await.expect(200);
        }
        assert_eq!(revoke(&world, name.clone()).await, json!({ "partnerId": partner["id"] }));
        for token in &tokens {
            expect_invalid(verify(&world, token).await, &name.to_string());
        }
        verify(&world, &mint(&world, jane()).await).await.expect(200);
    }
    verify(&world, &other).await.expect(200);
}

#[tokio::test]
async fn a_revocation_raises_the_epoch_and_is_in_the_audit_log() {
    let mut world = World::start().await;
    let partner = world.enrolled(json!({ "email": "jane@example.com", "tenantId": "jane" })).await;
    for epoch in 1..=2 {
        revoke(&world, json!({ "tenantId": "jane", "programId": world.workspace.program_id })).await;
        assert_eq!(world.written().await, "enrollments ~1");
        assert_eq!(world.rows("enrollments").await[0]["token_epoch"], epoch);
        let mut entries = world.rows("audit_logs").await;
        assert_eq!(entries.len(), epoch);
        entries.sort_by_key(|entry| entry["details"]["tokenEpoch"].as_i64());
        let entry = &entries[epoch - 1];
        assert_eq!((&entry["action"], &entry["target"]), (&json!("tokens.revoked"), &partner["id"]));
        assert_eq!(entry["details"], json!({ "tokenEpoch": epoch }));
        assert!(entry["api_key_id"].is_string());
    }
}

#[tokio::test]
async fn a_revocation_needs_an_enrolled_partner() {
    let mut world = World::start().await;
    let second = world.program("second.example.com").await;
    let elsewhere = json!({ "email": "second@example.com", "tenantId": "second" });
    let elsewhere = second.actor.post("/partners", elsewhere).await.expect(201);
    world.enrolled(json!({ "email": "jane@example.com", "tenantId": "jane" })).await;
    let actor = &world.workspace.actor;
    for body in [json!({}), json!({ "partnerId": null, "tenantId": null }), json!({ "email": "jane@example.com" })] {
        actor.post(REVOKE, body).await.expect_error(400);
    }
    for body in [
        json!({ "tenantId": "nobody" }),
        json!({ "tenantId": "second" }),
        json!({ "partnerId": "nobody" }),
        json!({ "partnerId": elsewhere["id"] }),
        // The partnerId takes precedence over the tenantId.
        json!({ "partnerId": "nobody", "tenantId": "jane" }),
    ] {
        assert_eq!(actor.post(REVOKE, body.clone()).await.expect_error(404), NOT_ENROLLED, "{body}");
    }
    for body in [json!({ "partnerId": 1 }), json!({ "tenantId": "" }), json!({ "tenantId": "x", "programId": 1 })] {
        actor.post(REVOKE, body).await.expect_error(422);
    }
    assert_eq!(world.written().await, "");
    assert_eq!(world.rows("audit_logs").await, Vec::<Value>::new());
    revoke(&world, json!({ "tenantId": "second", "programId": second.program_id })).await;
}

/// A banned partner may be unbanned: tokens that were revoked during the ban must stay revoked.
#[tokio::test]
async fn a_revocation_needs_no_particular_status() {
    let mut world = World::start().await;
    let token = mint(&world, jane()).await;
    world.arrange("UPDATE enrollments SET status = 'banned'").await;
    revoke(&world, json!({ "tenantId": "jane" })).await;
    world.arrange("UPDATE enrollments SET status = 'approved'").await;
    expect_invalid(verify(&world, &token).await, "after the ban was lifted");
}

#[tokio::test]
async fn each_affonso_token_ends_the_earlier_tokens() {
    let world = World::start().await;
    let body = json!({
        "programId": world.workspace.program_id, "partner": { "email": "jane@example.com" }, "externalUserId": "jane",
    });
    let mut before = vec![mint(&world, jane()).await];
    for _ in 0..3 {
        let answer = world.workspace.actor.post("/embed/token", body.clone()).await.expect(201);
        let token = answer["data"]["publicToken"].as_str().unwrap().to_owned();
        verify(&world, &token).await.expect(200);
        for token in &before {
            expect_invalid(verify(&world, token).await, "an earlier token");
        }
        before.push(token);
    }
}

#[tokio::test]
async fn a_status_that_forbids_tokens_suspends_present_tokens() {
    let mut world = World::start().await;
    let token = mint(&world, jane()).await;
    for (status, works) in [
        ("approved", true),
        ("rejected", false),
        ("pending", true),
        ("declined", false),
        ("archived", true),
        ("deactivated", false),
        ("banned", false),
        ("invited", false),
        ("approved", true),
    ] {
        let end = if status == "invited" { "'2030-01-01Z'" } else { "NULL" };
        world
            .arrange(&format!(
                "UPDATE enrollments SET status = '{status}', application_id = id, invite_expires_at = {end}"
            ))
            .await;
        let answer = verify(&world, &token).await;
        if works {
            answer.expect(200);
        } else {
            expect_invalid(answer, status);
        }
    }
}

#[tokio::test]
async fn a_token_does_not_outlive_its_enrollment() {
    let mut world = World::start().await;
    let token = mint(&world, jane()).await;
    verify(&world, &token).await.expect(200);
    world.arrange("DELETE FROM links").await;
    world.arrange("DELETE FROM enrollments").await;
    expect_invalid(verify(&world, &token).await, "deleted");
    // A new enrollment does not revive the token.
    mint(&world, jane()).await;
    expect_invalid(verify(&world, &token).await, "enrolled anew");
}

#[tokio::test]
async fn a_token_expires_and_a_changed_lifetime_applies_to_later_tokens() {
    let world = World::start().await;
    let set_lifetime = async |seconds: &str| {
        let changes = ProgramChanges { token_lifetime: Some(seconds.parse().unwrap()), ..ProgramChanges::default() };
        let (conn, now) = (&mut world.app.sql().await, world.app.clock.now());
        let scope = ProgramScope { workspace_id: world.workspace.id, program_id: world.workspace.program_id };
        programs::update_program(conn, scope, &changes, now).await.unwrap();
    };
    set_lifetime("60").await;
    let short = mint(&world, jane()).await;
    set_lifetime("10800").await;
    let long = mint(&world, jane()).await;
    // The clock shows a quarter of a second past noon.
    world.app.clock.advance(Duration::from_millis(59_749));
    verify(&world, &short).await.expect(200);
    world.app.clock.advance(Duration::from_millis(1));
    expect_invalid(verify(&world, &short).await, "a minute later");
    world.app.clock.advance(Duration::from_secs(10_739));
    verify(&world, &long).await.expect(200);
    world.app.clock.advance(Duration::from_secs(1));
    expect_invalid(verify(&world, &long).await, "three hours later");
}

/// A token is valid as long as its key is published, as for any verifier with the published keys.
#[tokio::test]
async fn a_key_verifies_from_its_publication_to_its_retirement() {
    let mut world = World::start().await;
    let old = mint(&world, jane()).await;
    let claims = claims(&json!({ "publicToken": old }));
    Keyring::rotate(&world.app.state.db, world.app.clock.now()).await.unwrap();
    world.app.state.keyring.refresh(&world.app.state.db, world.app.clock.now()).await.unwrap();
    let early = Forger::of_server(&world).await.token(&claims);
    // A server whose clock is ahead already signs with the new key.
    verify(&world, &early).await.expect(200);
    verify(&world, &old).await.expect(200);

    let end = world.app.clock.now() + Duration::from_secs(30);
    world.arrange(&format!("UPDATE signing_keys SET retired_at = '{end}' WHERE retired_at IS NOT NULL")).await;
    world.app.state.keyring.refresh(&world.app.state.db, world.app.clock.now()).await.unwrap();
    world.app.clock.advance(Duration::from_millis(29_999));
    verify(&world, &old).await.expect(200);
    world.app.clock.advance(Duration::from_millis(1));
    expect_invalid(verify(&world, &old).await, "a retired key");
    verify(&world, &early).await.expect(200);
}

#[tokio::test]
async fn a_key_of_another_server_is_looked_up_at_most_once_a_second() {
    let world = World::start().await;
    let claims = claims(&json!({ "publicToken": mint(&world, jane()).await }));
    let rotate = async || {
        Keyring::rotate(&world.app.state.db, world.app.clock.now()).await.unwrap();
        Forger::of_server(&world).await.token(&claims)
    };
    let first = rotate().await;
    verify(&world, &first).await.expect(200);
    world.app.clock.advance(Duration::from_secs(1));
    let second = rotate().await;
    expect_invalid(verify(&world, &second).await, "within the second");
    tokio::time::sleep(Duration::from_millis(1010)).await;
    verify(&world, &second).await.expect(200);
    verify(&world, &first).await.expect(200);
}
