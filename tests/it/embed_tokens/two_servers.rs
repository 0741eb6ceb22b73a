//! Revocations by one server take effect on other servers: for a token at the next request, for a key within a second.

use std::time::{Duration, Instant};

use pearset::testing::values::clock::Clock as _;
use pearset::testing::workspaces;
use serde_json::json;
use tokio::time::sleep;

use super::forger::{expect_invalid, mint};
use crate::authz::{REVOKED_WITHIN, key};
use crate::enrollments::fixtures::World;

const VERIFY: &str = "/tokens/embed/referrals/verify";

#[tokio::test]
async fn a_token_that_one_server_ends_is_invalid_at_the_other_server_at_once() {
    let mut world = World::start().await;
    let other = world.workspace.actor.at(&world.app.another_server().await);
    let ends = [
        ("/tokens/embed/referrals/revoke", json!({})),
        ("/partners/deactivate", json!({})),
        ("/partners/ban", json!({ "reason": "fraud" })),
    ];
    for (turn, (path, mut body)) in ends.into_iter().enumerate() {
        let tenant_id = format!("user-{turn}");
        world.enrolled(json!({ "email": format!("{tenant_id}@example.com"), "tenantId": tenant_id })).await;
        let token = json!({ "token": mint(&world, json!({ "tenantId": tenant_id })).await });
        other.post(VERIFY, token.clone()).await.expect(200);
        body["tenantId"] = json!(tenant_id);
        world.workspace.actor.post(path, body).await.expect(200);
        expect_invalid(other.post(VERIFY, token).await, path);
    }
}

#[tokio::test]
async fn a_revoked_key_is_invalid_at_every_server_within_a_second() {
    let world = World::start().await;
    let (id, one) = key(&world.app, &world.workspace, |_| {}).await;
    let servers = [one.clone(), one.at(&world.app.another_server().await)];
    // Both servers cache the key.
    for server in &servers {
        server.get("/tags").await.expect(200);
    }
    let (now, revoked_at) = (world.app.clock.now(), Instant::now());
    assert!(workspaces::revoke_api_key(&mut world.app.sql().await, id, now).await.unwrap());
    for server in &servers {
        loop {
            let asked_after = revoked_at.elapsed();
            if server.get("/tags").await.status == 401 {
                break;
            }
            assert!(asked_after <= REVOKED_WITHIN, "the key works {asked_after:?} after the revocation");
            sleep(Duration::from_millis(20)).await;
        }
    }
}
