//! Requests for a transition.

use serde_json::{Value, json};

use super::jane_with_status;
use crate::enrollments::fixtures::{NOT_ENROLLED, NOTHING, World};

const TRANSITIONS: [&str; 4] = ["ban", "unban", "deactivate", "reactivate"];

async fn expect_rejected(world: &mut World, path: &str, body: Value, status: u16) -> String {
    let message = world.workspace.actor.post(path, body).await.expect_error(status);
    assert_eq!(world.written().await, NOTHING, "{path}");
    message
}

#[tokio::test]
async fn request_without_a_partner_gets_a_400() {
    let mut world = World::start().await;
    jane_with_status(&mut world, "approved").await;
    for transition in TRANSITIONS {
        let path = format!("/partners/{transition}");
        for body in [json!({ "reason": "fraud" }), json!({ "partnerId": null, "tenantId": null, "reason": "fraud" })] {
            let message = expect_rejected(&mut world, &path, body, 400).await;
            assert_eq!(message, "You must provide either partnerId or tenantId.");
        }
    }
}

#[tokio::test]
async fn request_for_an_unknown_partner_gets_the_one_404() {
    let mut world = World::start().await;
    jane_with_status(&mut world, "approved").await;
    for transition in TRANSITIONS {
        let path = format!("/partners/{transition}");
        for named in [
            json!({ "partnerId": "pn_01h455vb4pex5vsknk084sn02q" }),
            json!({ "partnerId": "jane" }),
            json!({ "partnerId": "" }),
            json!({ "tenantId": "JANE" }),
            // The id takes precedence, even if the id is wrong.
            json!({ "partnerId": "pn_01h455vb4pex5vsknk084sn02q", "tenantId": "jane" }),
        ] {
            let mut body = named.clone();
            body["reason"] = json!("fraud");
            assert_eq!(expect_rejected(&mut world, &path, body, 404).await, NOT_ENROLLED, "{transition} {named}");
        }
    }
}

#[tokio::test]
async fn partner_id_takes_precedence_over_tenant_id() {
    let mut world = World::start().await;
    let jane = jane_with_status(&mut world, "approved").await;
    let body = json!({ "partnerId": jane["id"], "tenantId": "nobody" });
    let answer = world.workspace.actor.post("/partners/deactivate", body).await.expect(200);
    assert_eq!(answer, json!({ "partnerId": jane["id"] }));
}

#[tokio::test]
async fn ban_needs_one_of_the_reasons() {
    let mut world = World::start().await;
    jane_with_status(&mut world, "approved").await;
    for (reason, problem) in [
        (None, "invalid_type: reason: Required"),
        (Some(json!(null)), "invalid_type: reason: Expected a string"),
        (Some(json!(1)), "invalid_type: reason: Expected a string"),
        (Some(json!("")), "invalid_value: reason: Must be one of tos_violation, "),
        (Some(json!("FRAUD")), "invalid_value: reason: Must be one of tos_violation, "),
        (Some(json!("dislike")), "invalid_value: reason: Must be one of tos_violation, "),
    ] {
        let mut body = json!({ "tenantId": "jane" });
        if let Some(reason) = reason {
            body["reason"] = reason;
        }
        let message = expect_rejected(&mut world, "/partners/ban", body, 422).await;
        assert!(message.starts_with(problem), "{message}");
    }
}
