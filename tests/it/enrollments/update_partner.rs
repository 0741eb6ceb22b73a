//! `PATCH /partners/{id}`: absent members stay, null clears, a value replaces.

use std::sync::Arc;

use http::Method;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::fixtures::{NOT_ENROLLED, NOTHING, PARTNERS, World};
use crate::support::actor::{Actor, Answer};
use crate::support::invariants;

const CLIENTS: usize = 32;
const JANE: &str = "jane@example.com";

async fn patch(actor: &Actor, id: &str, body: Value) -> Answer {
    let request = actor.request(Method::PATCH, &format!("{PARTNERS}/{id}")).header(CONTENT_TYPE, "application/json");
    actor.send(request.body(body.to_string().into()).unwrap()).await
}

/// Creates a workspace with one partner, and returns the id of the partner.
async fn with_jane() -> (World, String) {
    let mut world = World::start().await;
    let id = enrolled(&mut world, json!({ "email": JANE })).await;
    (world, id)
}

async fn enrolled(world: &mut World, body: Value) -> String {
    id_of(&world.enrolled(body).await)
}

fn id_of(partner: &Value) -> String {
    partner["id"].as_str().unwrap().to_owned()
}

async fn retrieve(actor: &Actor, id: &str) -> Value {
    actor.get(&format!("{PARTNERS}/{id}")).await.expect(200)
}

async fn entries(world: &World) -> usize {
    world.rows("audit_logs").await.len()
}

/// The members of the profile that can be changed, each with two values.
const PROFILE: [(&str, &str, &str); 12] = [
    ("name", "Jane Doe", "J. Doe"),
    ("image", "https://example.com/jane.png", "https://example.com/doe.png"),
    ("description", "Knits", "Two lines\nof it"),
    ("country", "DE", "GB"),
    ("companyName", "Doe Ltd", "Doe & Sons"),
    ("website", "https://doe.example/", "https://jane.example/"),
    ("youtube", "jane", "https://youtube.com/@jane"),
    ("twitter", "jane_d", "jd"),
    ("linkedin", "jane-doe", "https://linkedin.com/in/jane"),
    ("instagram", "jane.doe", "jane"),
    ("tiktok", "jane", "doe"),
    ("paypalEmail", "Pay@Example.com", "cash@example.com"),
];

#[tokio::test]
async fn every_member_of_the_profile_can_be_set_replaced_and_cleared_alone() {
    let (mut world, id) = with_jane().await;
    let actor = world.workspace.actor.clone();
    let mut expected = retrieve(&actor, &id).await;
    for (member, first, second) in PROFILE {
        for value in [json!(first), json!(second)] {
            expected[member] = value.clone();
            assert_eq!(patch(&actor, &id, json!({ member: value })).await.expect(200), expected, "{member}");
            assert_eq!(world.written().await, "partners ~1", "{member}");
            assert_eq!(retrieve(&actor, &id).await, expected, "{member}");
        }
    }
    for (member, ..) in PROFILE {
        // The e-mail address is shown in place of a missing name.
        expected[member] = if member == "name" { json!(JANE) } else { Value::Null };
        assert_eq!(patch(&actor, &id, json!({ member: null })).await.expect(200), expected, "{member}");
        assert_eq!(world.written().await, "partners ~1", "{member}");
    }
    let all: serde_json::Map<_, _> =
        PROFILE.iter().map(|(name, value, _)| ((*name).to_owned(), json!(value))).collect();
    expected.as_object_mut().unwrap().extend(all.clone());
    assert_eq!(patch(&actor, &id, Value::Object(all)).await.expect(200), expected);
}

#[tokio::test]
async fn values_are_normalized_as_on_creation() {
    let (world, id) = with_jane().await;
    for (member, given, kept) in [
        ("image", "example.com/a.png", "https://example.com/a.png"),
        ("website", "Doe.example", "https://doe.example/"),
        ("twitter", "@jane", "jane"),
        ("linkedin", "linkedin.com/in/jane", "https://linkedin.com/in/jane"),
        ("tiktok", "https://www.tiktok.com/@jane", "https://www.tiktok.com/@jane"),
        ("name", "", JANE),
        ("companyName", "", ""),
    ] {
        let answer = patch(&world.workspace.actor, &id, json!({ member: given })).await.expect(200);
        assert_eq!(answer[member], kept, "{member}");
    }
}

#[tokio::test]
async fn members_that_cannot_be_changed_are_ignored() {
    let (mut world, id) = with_jane().await;
    let before = retrieve(&world.workspace.actor, &id).await;
    for body in [
        json!({ "email": "john@example.com" }),
        json!({ "email": null }),
        json!({ "id": "pn_1", "status": "banned", "username": "john", "totalClicks": 7, "links": [], "x": null }),
        json!({}),
    ] {
        assert_eq!(patch(&world.workspace.actor, &id, body.clone()).await.expect(200), before, "{body}");
        assert_eq!(world.written().await, NOTHING, "{body}");
    }
    assert_eq!(entries(&world).await, 0);
}

#[tokio::test]
async fn change_to_the_same_values_writes_nothing() {
    let mut world = World::start().await;
    let body = json!({ "email": JANE, "name": "Jane", "country": "DE", "tenantId": "t", "metadata": { "a": 1 } });
    let id = enrolled(&mut world, body).await;
    let before = retrieve(&world.workspace.actor, &id).await;
    let same = json!({
        "name": "Jane", "country": "DE", "website": null, "tenantId": "t", "metadata": { "a": 1 }, "groupId": "default",
    });
    assert_eq!(patch(&world.workspace.actor, &id, same).await.expect(200), before);
    assert_eq!(world.written().await, NOTHING);
    assert_eq!(entries(&world).await, 0);
}

#[tokio::test]
async fn invalid_value_is_rejected_and_nothing_is_written() {
    let (mut world, id) = with_jane().await;
    let long = |length: usize| json!("a".repeat(length));
    for (member, value) in [
        ("name", json!(1)),
        ("name", long(101)),
        ("name", json!("a\u{0}b")),
        ("image", json!("foo")),
        ("image", json!("")),
        ("description", long(5001)),
        ("country", json!("de")),
        ("country", json!("")),
        ("companyName", long(191)),
        ("website", json!("javascript:alert(1)")),
        ("youtube", json!("a b")),
        ("twitter", json!("")),
        ("linkedin", json!("in/jane")),
        ("instagram", long(101)),
        ("tiktok", json!(["a"])),
        ("paypalEmail", json!("jane")),
        ("groupId", json!(null)),
        ("groupId", json!(7)),
        ("tenantId", json!("")),
        ("tenantId", long(256)),
        ("metadata", json!([])),
        ("metadata", json!({ "a": {} })),
        ("programId", json!(null)),
    ] {
        // The valid members of the request are not written either.
        let mut body = json!({ "name": "Jane", "metadata": { "a": 1 } });
        body[member] = value;
        let answer = patch(&world.workspace.actor, &id, body.clone()).await.expect(422);
        let path = answer["error"]["errors"][0]["path"].as_str().unwrap();
        assert!(path.starts_with(member), "{body}: {answer}");
        assert_eq!(world.written().await, NOTHING, "{body}");
    }
}

#[tokio::test]
async fn metadata_is_replaced_as_a_whole() {
    let mut world = World::start().await;
    let id = enrolled(&mut world, json!({ "email": JANE, "metadata": { "a": 1, "b": "x" } })).await;
    for (body, kept) in [
        (json!({ "name": "Jane" }), json!({ "a": 1, "b": "x" })),
        (json!({ "metadata": { "b": true } }), json!({ "b": true })),
        (json!({ "metadata": null }), json!({})),
        (json!({ "metadata": { "c": 2.5 } }), json!({ "c": 2.5 })),
        (json!({ "metadata": {} }), json!({})),
    ] {
        let answer = patch(&world.workspace.actor, &id, body.clone()).await.expect(200);
        assert_eq!(answer["metadata"], kept, "{body}");
    }
}

#[tokio::test]
async fn tenant_id_is_bound_replaced_and_removed_also_on_the_links() {
    let (mut world, id) = with_jane().await;
    let actor = world.workspace.actor.clone();
    actor.post("/partner_referral_links", json!({ "key": "x", "partner": { "email": JANE } })).await.expect(201);
    world.written().await;
    for tenant_id in [json!("user_1"), json!("user_2"), Value::Null, json!(" bytes as they are ")] {
        let answer = patch(&actor, &id, json!({ "tenantId": tenant_id })).await.expect(200);
        assert_eq!(answer["tenantId"], tenant_id);
        assert_eq!(world.written().await, "enrollments ~1, links ~2", "{tenant_id}");
        invariants::check(&world.app).await;
    }
    let tokens = json!({ "tenantId": "user_2" });
    world.token(tokens).await.expect(404);
}

#[tokio::test]
async fn tenant_id_of_another_partner_is_a_conflict() {
    let (mut world, id) = with_jane().await;
    let john = enrolled(&mut world, json!({ "email": "john@example.com", "tenantId": "t" })).await;
    let actor = world.workspace.actor.clone();
    let taken = patch(&actor, &id, json!({ "tenantId": "t", "name": "Jane" })).await;
    assert_eq!(taken.expect_error(409), "The tenantId belongs to another partner of this program.");
    assert_eq!(world.written().await, NOTHING);
    assert_eq!(entries(&world).await, 0);
    // The tenant id is free in another program, and in this program after the other partner has lost the tenant id.
    let second = world.program("go.second.example.com").await;
    second.actor.post(PARTNERS, json!({ "email": JANE })).await.expect(201);
    assert_eq!(patch(&second.actor, &id, json!({ "tenantId": "t" })).await.expect(200)["tenantId"], "t");
    patch(&actor, &john, json!({ "tenantId": null })).await.expect(200);
    assert_eq!(patch(&actor, &id, json!({ "tenantId": "t" })).await.expect(200)["tenantId"], "t");
    invariants::check(&world.app).await;
}

#[tokio::test]
async fn move_to_another_group_adds_its_default_links_once() {
    let mut world = World::start().await;
    let vip = world.group("vip", &["https://example.com/vip", "https://example.com/extra"]).await.to_string();
    let id = enrolled(&mut world, json!({ "email": JANE, "tenantId": "t" })).await;
    let actor = world.workspace.actor.clone();
    let moved = patch(&actor, &id, json!({ "groupId": "vip" })).await.expect(200);
    assert_eq!(moved["groupId"], vip);
    let urls: Vec<_> = moved["links"].as_array().unwrap().iter().map(|link| link["url"].as_str().unwrap()).collect();
    assert_eq!(urls, ["https://example.com/", "https://example.com/vip", "https://example.com/extra"]);
    assert_eq!(world.written().await, "enrollments ~1, links +2");
    // The partner moves back, forth, and to the same group.
    let group_id = world.workspace.group_id;
    for (group, links) in [(group_id.to_string(), "enrollments ~1"), (vip, "enrollments ~1"), ("vip".to_owned(), "")] {
        patch(&actor, &id, json!({ "groupId": group })).await.expect(200);
        assert_eq!(world.written().await, links, "{group}");
        invariants::check(&world.app).await;
    }
    // A tenant id of the same request is also on the new links.
    let john = enrolled(&mut world, json!({ "email": "john@example.com", "tenantId": "t2" })).await;
    patch(&actor, &john, json!({ "groupId": "vip", "tenantId": "t3" })).await.expect(200);
    assert_eq!(world.written().await, "enrollments ~1, links +2, links ~1");
    invariants::check(&world.app).await;
}

#[tokio::test]
async fn invited_partner_gets_the_links_of_another_group() {
    let mut world = World::start().await;
    world.group("vip", &["https://example.com/vip"]).await;
    let actor = world.workspace.actor.clone();
    let id = id_of(&actor.post("/partners/invites", json!({ "email": JANE })).await.expect(201));
    world.written().await;
    let moved = patch(&actor, &id, json!({ "groupId": "vip" })).await.expect(200);
    assert_eq!(world.written().await, "enrollments ~1, links +1");
    let urls: Vec<_> = moved["links"].as_array().unwrap().iter().map(|link| link["url"].as_str().unwrap()).collect();
    assert_eq!(urls, ["https://example.com/", "https://example.com/vip"]);
    assert_eq!(moved["status"], "invited");
    invariants::check(&world.app).await;
}

#[tokio::test]
async fn unknown_group_is_not_found() {
    let (mut world, id) = with_jane().await;
    world.group("gone", &[]).await;
    world.arrange("UPDATE groups SET deleted_at = now() WHERE slug = 'gone'").await;
    let second = world.program("go.second.example.com").await;
    let other = world.app.workspace("other").await;
    world.written().await;
    for group in [
        "nothing",
        "",
        "gone",
        "grp_01kc7daecne8pte1t5e8rhb1zj",
        &second.group_id.to_string(),
        &other.group_id.to_string(),
    ] {
        let answer = patch(&world.workspace.actor, &id, json!({ "groupId": group, "name": "Jane" })).await;
        assert_eq!(answer.expect_error(404), "The group was not found.", "{group}");
        assert_eq!(world.written().await, NOTHING, "{group}");
    }
}

#[tokio::test]
async fn partner_without_enrollment_is_not_found() {
    let (mut world, id) = with_jane().await;
    let second = world.program("go.second.example.com").await;
    let other = world.app.workspace("other").await;
    world.written().await;
    for (actor, id) in [
        (&world.workspace.actor, "pn_01kkntq2cnf1prr1w49pfyaa1w"),
        (&world.workspace.actor, "nothing"),
        (&second.actor, &id),
        (&other.actor, &id),
    ] {
        for body in [json!({ "name": "John" }), json!({ "tenantId": "t" }), json!({})] {
            assert_eq!(patch(actor, id, body).await.expect_error(404), NOT_ENROLLED, "{id}");
        }
    }
    assert_eq!(world.written().await, NOTHING);
}

/// A partner is one person in a workspace, with one profile in every program. Members of the enrollment differ by
/// program, and another workspace has a partner of its own.
#[tokio::test]
async fn profile_changes_in_every_program_of_the_workspace() {
    let (world, id) = with_jane().await;
    let second = world.program("go.second.example.com").await;
    let other = world.app.workspace("other").await;
    second.actor.post(PARTNERS, json!({ "email": JANE })).await.expect(201);
    let elsewhere = other.actor.post(PARTNERS, json!({ "email": JANE })).await.expect(201);
    let body = json!({ "name": "Jane Doe", "companyName": "Doe", "tenantId": "t", "metadata": { "a": 1 } });
    patch(&second.actor, &id, body).await.expect(200);
    let in_first = retrieve(&world.workspace.actor, &id).await;
    assert_eq!((&in_first["name"], &in_first["companyName"]), (&json!("Jane Doe"), &json!("Doe")));
    assert_eq!((&in_first["tenantId"], &in_first["metadata"]), (&Value::Null, &json!({})));
    assert_eq!(retrieve(&other.actor, &id_of(&elsewhere)).await, elsewhere);
    // The request of a key without a program limit names the program.
    let body = json!({ "programId": second.program_id, "metadata": { "b": 2 } });
    assert_eq!(patch(&world.workspace.actor, &id, body).await.expect(200)["metadata"], json!({ "b": 2 }));
    assert_eq!(retrieve(&world.workspace.actor, &id).await["metadata"], json!({}));
}

#[tokio::test]
async fn audit_log_names_the_changed_members_without_values() {
    let (mut world, id) = with_jane().await;
    world.group("vip", &[]).await;
    let body = json!({
        "metadata": { "secret": "s3cret" }, "tenantId": "s3cret", "groupId": "vip", "paypalEmail": "s3cret@example.com",
        "companyName": "s3cret", "name": "s3cret", "country": null, "email": "s3cret@example.com",
    });
    patch(&world.workspace.actor, &id, body).await.expect(200);
    assert_eq!(world.written().await, "enrollments ~1, links ~1, partners ~1", "there is no event");
    let entries = world.rows("audit_logs").await;
    assert_eq!(entries.len(), 1);
    let entry = &entries[0];
    assert_eq!((&entry["action"], &entry["target"]), (&json!("partner.updated"), &json!(id)));
    let changed = json!({ "changed": ["name", "companyName", "paypalEmail", "groupId", "tenantId", "metadata"] });
    assert_eq!(entry["details"], changed);
    assert!(entry["api_key_id"].is_string(), "{entry}");
    assert!(!entry.to_string().contains("s3cret"), "{entry}");
}

/// Sends all requests at the same moment, and returns the answers in the order of the requests.
async fn race(world: &World, calls: Vec<(String, Value)>) -> Vec<Answer> {
    let start = Arc::new(Barrier::new(calls.len()));
    let mut clients = JoinSet::new();
    for (position, (id, body)) in calls.into_iter().enumerate() {
        let (actor, start) = (world.workspace.actor.clone(), Arc::clone(&start));
        clients.spawn(async move {
            start.wait().await;
            (position, patch(&actor, &id, body).await)
        });
    }
    let mut answers = clients.join_all().await;
    answers.sort_by_key(|(position, _)| *position);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

async fn expect_no_deadlock(world: &World) {
    // A session reports its counters when the session ends.
    invariants::end_sessions(&world.app).await;
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(invariants::count(&mut world.app.sql().await, deadlocks).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_concurrent_requests_gets_the_tenant_id() {
    let mut world = World::start().await;
    let mut ids = Vec::new();
    for index in 0..CLIENTS {
        ids.push(enrolled(&mut world, json!({ "email": format!("p{index}@example.com") })).await);
    }
    for round in 0..4 {
        let wanted = format!("t{round}");
        let calls = ids.iter().map(|id| (id.clone(), json!({ "tenantId": wanted, "name": wanted })));
        let answers = race(&world, calls.collect()).await;
        let of = |status| answers.iter().filter(|answer| answer.status == status).count();
        assert_eq!((of(200), of(409)), (1, CLIENTS - 1), "{round}");
        let tenants = format!("SELECT count(*) FROM enrollments WHERE tenant_id = '{wanted}'");
        assert_eq!(invariants::count(&mut world.app.sql().await, &tenants).await, 1);
        // The rejected requests have changed nothing else.
        let named = format!("SELECT count(*) FROM partners WHERE name = '{wanted}'");
        assert_eq!(invariants::count(&mut world.app.sql().await, &named).await, 1);
        assert_eq!(entries(&world).await, round + 1);
        invariants::check(&world.app).await;
    }
    expect_no_deadlock(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_changes_of_different_members_all_take_effect() {
    let (mut world, id) = with_jane().await;
    world.group("vip", &["https://example.com/vip", "https://example.com/extra"]).await;
    let mut bodies: Vec<Value> = PROFILE.iter().map(|(member, value, _)| json!({ (*member): value })).collect();
    bodies.extend([json!({ "groupId": "vip" }), json!({ "tenantId": "t" }), json!({ "metadata": { "a": 1 } })]);
    let calls = bodies.iter().map(|body| (id.clone(), body.clone())).collect();
    for answer in race(&world, calls).await {
        answer.expect(200);
    }
    let partner = retrieve(&world.workspace.actor, &id).await;
    for (member, value, _) in PROFILE {
        assert_eq!(partner[member], value, "{member}");
    }
    assert_eq!((&partner["tenantId"], &partner["metadata"]), (&json!("t"), &json!({ "a": 1 })));
    assert_eq!(partner["links"].as_array().unwrap().len(), 3);
    assert_eq!(entries(&world).await, bodies.len());
    invariants::check(&world.app).await;
    expect_no_deadlock(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_moves_to_one_group_add_its_links_once() {
    let (mut world, id) = with_jane().await;
    world.group("vip", &["https://example.com/vip", "https://example.com/extra"]).await;
    // Half of the requests move the partner to the group, the other half back.
    let groups = ["vip", "default"].map(|group| (id.clone(), json!({ "groupId": group })));
    for answer in race(&world, groups.into_iter().cycle().take(CLIENTS).collect()).await {
        answer.expect(200);
    }
    patch(&world.workspace.actor, &id, json!({ "groupId": "vip" })).await.expect(200);
    assert_eq!(retrieve(&world.workspace.actor, &id).await["links"].as_array().unwrap().len(), 3);
    invariants::check(&world.app).await;
    expect_no_deadlock(&world).await;
}
