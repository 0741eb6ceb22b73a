//! The statuses of an enrollment and the transitions between them.

mod applications;
mod atomic;
mod audit_log;
mod invitations;
mod machine;
mod requests;

use serde_json::{Value, json};

use super::fixtures::World;

const JANE: &str = "jane@example.com";

/// Enrolls Jane with the tenant id `jane`, and gives the enrollment this status.
async fn jane_with_status(world: &mut World, status: &str) -> Value {
    let jane = world.enrolled(json!({ "email": JANE, "tenantId": "jane" })).await;
    set_status(world, status).await;
    jane
}

/// Gives every enrollment a status, with the data of that status and without the data of other statuses.
async fn set_status(world: &mut World, status: &str) {
    let set = match status {
        "banned" => "banned_at = '2026-01-01T00:00:00Z', banned_reason = 'spam', invite_expires_at = NULL",
        "invited" => "invite_expires_at = '2026-12-31T00:00:00Z', banned_at = NULL, banned_reason = NULL",
        _ => "banned_at = NULL, banned_reason = NULL, invite_expires_at = NULL",
    };
    world
        .arrange(&format!("UPDATE enrollments SET status = '{status}', application_id = id, banned_from = NULL, {set}"))
        .await;
}
