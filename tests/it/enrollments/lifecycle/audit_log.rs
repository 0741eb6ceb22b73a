//! `GET /audit-logs`.

use std::time::Duration;

use pearset::testing::values::clock::Clock as _;
use pearset::testing::workspaces::{ApiKey, NewApiKey, Scopes, insert_api_key};
use serde_json::{Value, json};

use super::{JANE, jane_with_status, set_status};
use crate::enrollments::fixtures::World;
use crate::support::actor::Actor;

/// Returns a caller with a key of this name, and the id of the key.
async fn named_key(world: &World, name: &str) -> (String, Actor) {
    let now = world.app.clock.now();
    let key = ApiKey::generate(&world.app.state.ids);
    let new = NewApiKey {
        id: world.app.state.ids.next(now),
        workspace_id: world.workspace.id,
        program_id: None,
        name: name.to_owned(),
        scopes: Scopes::default(),
        expires_at: None,
    };
    insert_api_key(&mut world.app.sql().await, &new, key.hash(), now).await.unwrap();
    (new.id.to_string(), Actor::new(world.app.router.clone(), Some(key)))
}

async fn actions(world: &World, query: &str) -> Vec<String> {
    let logs = world.workspace.actor.get(&format!("/audit-logs{query}")).await.expect(200);
    logs.as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn entry_names_the_key_of_the_request() {
    let mut world = World::start().await;
    let jane = jane_with_status(&mut world, "approved").await;
    let (key, actor) = named_key(&world, "Support desk").await;
    actor.post("/partners/ban", json!({ "tenantId": "jane", "reason": "spam" })).await.expect(200);
    let logs = world.workspace.actor.get("/audit-logs").await.expect(200);
    let expected = json!([{
        "id": logs[0]["id"],
        "action": "partner.banned",
        "target": jane["id"],
        "actor": { "type": "apiKey", "id": key, "name": "Support desk" },
        "details": { "from": "approved", "to": "banned", "reason": "spam" },
        "programId": jane["programId"],
        "createdAt": "2026-03-01T12:00:00.250Z",
    }]);
    assert_eq!(logs, expected);
}

#[tokio::test]
async fn entry_without_a_key_is_by_the_system() {
    let mut world = World::start().await;
    jane_with_status(&mut world, "approved").await;
    world.workspace.actor.post("/partners/deactivate", json!({ "tenantId": "jane" })).await.expect(200);
    world.arrange("UPDATE audit_logs SET api_key_id = NULL").await;
    let logs = world.workspace.actor.get("/audit-logs").await.expect(200);
    assert_eq!(logs[0]["actor"], json!({ "type": "system" }));
}

#[tokio::test]
async fn entries_are_listed_newest_first_with_pages_and_filters() {
    let mut world = World::start().await;
    let jane = jane_with_status(&mut world, "approved").await;
    let john = world.enrolled(json!({ "email": "john@example.com", "tenantId": "john" })).await;
    let actor = world.workspace.actor.clone();
    for (action, tenant_id) in [("deactivate", "jane"), ("reactivate", "jane"), ("ban", "john"), ("ban", "jane")] {
        world.app.clock.advance(Duration::from_millis(1));
        actor
            .post(&format!("/partners/{action}"), json!({ "tenantId": tenant_id, "reason": "spam" }))
            .await
            .expect(200);
    }
    let (jane, john) = (jane["id"].as_str().unwrap(), john["id"].as_str().unwrap());
    let all = ["partner.banned", "partner.banned", "partner.reactivated", "partner.deactivated"];
    for (query, expected) in [
        (String::new(), &all[..]),
        ("?pageSize=3".to_owned(), &all[..3]),
        ("?pageSize=3&page=2".to_owned(), &all[3..]),
        ("?page=2".to_owned(), &[]),
        ("?action=partner.banned".to_owned(), &all[..2]),
        ("?action=partner.updated".to_owned(), &[]),
        (format!("?partnerId={jane}"), &all[1..]),
        (format!("?target={jane}"), &all[1..]),
        (format!("?target={john}"), &all[..1]),
        (format!("?target={john}&action=partner.deactivated"), &[]),
        (format!("?target={john}&partnerId={jane}"), &[]),
        (format!("?target={jane}&partnerId={jane}"), &all[1..]),
        ("?partnerId=nobody".to_owned(), &[]),
    ] {
        assert_eq!(actions(&world, &query).await, expected, "{query}");
    }
    for query in ["?action=partner.eaten", "?action=", "?target=", "?page=0", "?pageSize=101"] {
        actor.get(&format!("/audit-logs{query}")).await.expect_error(422);
    }
}

#[tokio::test]
async fn rejected_request_has_no_entry() {
    let mut world = World::start().await;
    jane_with_status(&mut world, "approved").await;
    let actor = world.workspace.actor.clone();
    actor.post("/partners/unban", json!({ "tenantId": "jane" })).await.expect(400);
    actor.post("/partners/ban", json!({ "tenantId": "nobody", "reason": "spam" })).await.expect(404);
    actor.post("/partners/ban", json!({ "tenantId": "jane" })).await.expect(422);
    assert_eq!(world.rows("audit_logs").await, [Value::Null; 0]);
    set_status(&mut world, "banned").await;
    actor.post("/partners/unban", json!({ "tenantId": "jane" })).await.expect(200);
    assert_eq!(world.rows("audit_logs").await.len(), 1);
}

/// Returns action and details of each entry, in the order of the actions: entries of one request have the same time.
async fn entries(world: &World) -> Vec<(String, Value)> {
    let logs = world.workspace.actor.get("/audit-logs").await.expect(200);
    let mut logs = logs.as_array().unwrap().clone();
    logs.sort_by_key(|entry| entry["action"].as_str().unwrap().to_owned());
    let entry = |entry: &Value| {
        assert_eq!(entry["actor"]["name"], "First key", "{entry}");
        (entry["action"].as_str().unwrap().to_owned(), entry["details"].clone())
    };
    logs.iter().map(entry).collect()
}

/// A new partner is reported by an event; the changes of an existing partner are reported by the audit log.
#[tokio::test]
async fn request_that_finds_a_partner_logs_its_changes() {
    let mut world = World::start().await;
    let actor = world.workspace.actor.clone();
    let program = world.workspace.program_id;
    let affonso = |more: Value| {
        let mut body = json!({ "programId": program, "partner": { "email": JANE } });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ("/embed/token", body)
    };
    let partner = |tenant_id: &str| json!({ "email": JANE, "tenantId": tenant_id });
    let token = |tenant_id: &str| ("/tokens/embed/referrals", json!({ "partner": partner(tenant_id) }));
    let updated = |changed: Value| ("partner.updated", json!({ "changed": changed }));
    let revoked = |epoch: i32| ("tokens.revoked", json!({ "tokenEpoch": epoch }));
    let accepted = ("partner.accepted", json!({ "from": "invited", "to": "approved" }));
    let invite = "UPDATE enrollments SET status = 'invited', invite_expires_at = '2030-01-01'";
    for (arrange, (path, body), expected) in [
        ("", ("/partners", json!({ "email": JANE })), vec![]),
        ("", token("one"), vec![updated(json!(["tenantId"]))]),
        ("", token("one"), vec![]),
        ("", ("/partners", partner("two")), vec![updated(json!(["tenantId"]))]),
        ("", ("/partners", partner("two")), vec![]),
        ("", affonso(json!({})), vec![revoked(1)]),
        ("", affonso(json!({ "externalUserId": "three" })), vec![updated(json!(["tenantId"])), revoked(2)]),
        ("", affonso(json!({ "metadata": { "a": 1 } })), vec![updated(json!(["metadata"])), revoked(3)]),
        ("", affonso(json!({ "metadata": { "a": 1 } })), vec![revoked(4)]),
        (
            "",
            affonso(json!({ "externalUserId": "four", "metadata": {} })),
            vec![updated(json!(["tenantId", "metadata"])), revoked(5)],
        ),
        (invite, token("four"), vec![accepted.clone()]),
        (invite, affonso(json!({})), vec![accepted, revoked(6)]),
        ("UPDATE enrollments SET tenant_id = NULL", affonso(json!({ "externalUserId": "five" })), {
            vec![updated(json!(["tenantId"])), revoked(7)]
        }),
    ] {
        world.arrange("DELETE FROM audit_logs").await;
        if !arrange.is_empty() {
            world.arrange(arrange).await;
        }
        actor.post(path, body.clone()).await.expect(201);
        let expected: Vec<_> = expected.into_iter().map(|(action, details)| (action.to_owned(), details)).collect();
        assert_eq!(entries(&world).await, expected, "{path} {body}");
    }
}
