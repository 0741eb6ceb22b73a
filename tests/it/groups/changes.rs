//! Requests that change groups and partners, and the entries of the audit log.

use axum::body::Body;
use http::Method;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::enrollments::fixtures::World;
use crate::support::actor::{Actor, Answer};

pub(super) async fn patch(actor: &Actor, path: &str, body: Value) -> Answer {
    let request = actor.request(Method::PATCH, path).header(CONTENT_TYPE, "application/json");
    actor.send(request.body(body.to_string().into()).unwrap()).await
}

pub(super) async fn delete(actor: &Actor, path: &str) -> Answer {
    actor.send(actor.request(Method::DELETE, path).body(Body::empty()).unwrap()).await
}

/// Creates a group whose name is this slug.
pub(super) async fn group(world: &World, slug: &str) -> Value {
    world.workspace.actor.post("/groups", json!({"name": slug})).await.expect(201)
}

/// Enrolls a partner in a group.
pub(super) async fn enroll(world: &World, name: &str, group: &str) -> Value {
    world.partner(json!({"email": format!("{name}@example.com"), "tenantId": name, "groupId": group})).await.expect(201)
}

/// Returns the entries of the audit log, oldest first: action, target, details.
pub(super) async fn audit_log(world: &World) -> Vec<(Value, Value, Value)> {
    let rows = world.rows("audit_logs").await;
    rows.into_iter().map(|row| (row["action"].clone(), row["target"].clone(), row["details"].clone())).collect()
}
