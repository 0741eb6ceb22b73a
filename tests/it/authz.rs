//! Authorization: for each operation that needs a key, the keys that must pass and the keys that must not.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use axum::body::Body;
use http::HeaderValue;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use pearset::testing::domains::{self, LinkAddress};
use pearset::testing::values::ProgramScope;
use pearset::testing::values::clock::Clock;
use pearset::testing::values::id::{ApiKeyId, ProgramId};
use pearset::testing::workspaces::{self, ApiKey, NewApiKey, Plan, Scope, Scopes};
use serde_json::{Value, json};
use sqlx::Executor;

use crate::contract::requests::{GoodRequest, World, take_database_away};
use crate::support::actor::{Actor, Answer};
use crate::support::app::{TestApp, Workspace};
use crate::support::openapi;

/// The requirements of an operation on a key and its workspace.
struct Row {
    operation: &'static str,
    /// The scopes. One of these scopes is enough.
    scopes: &'static [&'static str],
    /// The lowest plan.
    plan: Plan,
}

const ROWS: &[Row] = &[
    Row { operation: "createReferralsEmbedToken", scopes: &["tokens.write", "apis.all"], plan: Plan::Advanced },
    Row { operation: "revokeReferralsEmbedTokens", scopes: &["tokens.write", "apis.all"], plan: Plan::Advanced },
    Row { operation: "verifyReferralsEmbedToken", scopes: &["tokens.write", "apis.all"], plan: Plan::Advanced },
    Row { operation: "createEmbedToken", scopes: &["tokens.write", "apis.all"], plan: Plan::Advanced },
    Row { operation: "createPartner", scopes: &["partners.write", "apis.all"], plan: Plan::Advanced },
    Row { operation: "bulkCreatePartners", scopes: &["partners.write", "apis.all"], plan: Plan::Advanced },
    Row {
        operation: "listPartners",
        scopes: &["partners.read", "partners.write", "apis.read", "apis.all"],
        plan: Plan::Advanced,
    },
    Row {
        operation: "countPartners",
        scopes: &["partners.read", "partners.write", "apis.read", "apis.all"],
        plan: Plan::Advanced,
    },
    Row {
        operation: "retrievePartner",
        scopes: &["partners.read", "partners.write", "apis.read", "apis.all"],
        plan: Plan::Advanced,
    },
    Row { operation: "updatePartner", scopes: &["partners.write", "apis.all"], plan: Plan::Advanced },
    Row { operation: "banPartner", scopes: &["partners.write", "apis.all"], plan: Plan::Advanced },
    Row { operation: "unbanPartner", scopes: &["partners.write", "apis.all"], plan: Plan::Advanced },
    Row { operation: "deactivatePartner", scopes: &["partners.write", "apis.all"], plan: Plan::Advanced },
    Row { operation: "reactivatePartner", scopes: &["partners.write", "apis.all"], plan: Plan::Advanced },
    Row { operation: "invitePartner", scopes: &["partners.write", "apis.all"], plan: Plan::Advanced },
    Row { operation: "deletePartnerInvite", scopes: &["partners.write", "apis.all"], plan: Plan::Advanced },
    Row { operation: "approvePartnerApplication", scopes: &["partners.write", "apis.all"], plan: Plan::Advanced },
    Row { operation: "rejectPartnerApplication", scopes: &["partners.write", "apis.all"], plan: Plan::Advanced },
    Row { operation: "approveProgramApplication", scopes: &["partners.write", "apis.all"], plan: Plan::Advanced },
    Row { operation: "rejectProgramApplication", scopes: &["partners.write", "apis.all"], plan: Plan::Advanced },
    Row {
        operation: "listProgramApplications",
        scopes: &["partners.read", "partners.write", "apis.read", "apis.all"],
        plan: Plan::Advanced,
    },
    Row {
        operation: "listPartnerApplications",
        scopes: &["partners.read", "partners.write", "apis.read", "apis.all"],
        plan: Plan::Advanced,
    },
    Row {
        operation: "listAuditLogs",
        scopes: &["partners.read", "partners.write", "apis.read", "apis.all"],
        plan: Plan::Advanced,
    },
    Row {
        operation: "listGroups",
        scopes: &["groups.read", "groups.write", "apis.read", "apis.all"],
        plan: Plan::Free,
    },
    Row { operation: "createGroup", scopes: &["groups.write", "apis.all"], plan: Plan::Free },
    Row {
        operation: "retrieveGroup",
        scopes: &["groups.read", "groups.write", "apis.read", "apis.all"],
        plan: Plan::Free,
    },
    Row { operation: "updateGroup", scopes: &["groups.write", "apis.all"], plan: Plan::Free },
    Row { operation: "deleteGroup", scopes: &["groups.write", "apis.all"], plan: Plan::Free },
    Row {
        operation: "retrievePartnerLinks",
        scopes: &["links.read", "links.write", "apis.read", "apis.all"],
        plan: Plan::Advanced,
    },
    Row { operation: "createPartnerLink", scopes: &["links.write", "apis.all"], plan: Plan::Advanced },
    Row { operation: "upsertPartnerLink", scopes: &["links.write", "apis.all"], plan: Plan::Advanced },
    Row { operation: "getLinkInfo", scopes: &["links.read", "links.write", "apis.read", "apis.all"], plan: Plan::Free },
    Row { operation: "getLink", scopes: &["links.read", "links.write", "apis.read", "apis.all"], plan: Plan::Free },
    Row { operation: "getTags", scopes: &["links.read", "links.write", "apis.read", "apis.all"], plan: Plan::Free },
    Row { operation: "updateLink", scopes: &["links.write", "apis.all"], plan: Plan::Free },
    Row { operation: "deleteLink", scopes: &["links.write", "apis.all"], plan: Plan::Free },
    Row { operation: "createTag", scopes: &["links.write", "apis.all"], plan: Plan::Free },
    Row { operation: "updateTag", scopes: &["links.write", "apis.all"], plan: Plan::Free },
    Row { operation: "deleteTag", scopes: &["links.write", "apis.all"], plan: Plan::Free },
    Row { operation: "createPartnerReferralLink", scopes: &["links.write", "apis.all"], plan: Plan::Free },
    Row { operation: "updatePartnerReferralLink", scopes: &["links.write", "apis.all"], plan: Plan::Free },
    Row { operation: "deletePartnerReferralLink", scopes: &["links.write", "apis.all"], plan: Plan::Free },
    Row {
        operation: "listPartnerReferralLinks",
        scopes: &["links.read", "links.write", "apis.read", "apis.all"],
        plan: Plan::Advanced,
    },
    Row {
        operation: "searchPartnerReferralLinks",
        scopes: &["links.read", "links.write", "apis.read", "apis.all"],
        plan: Plan::Free,
    },
    Row {
        operation: "retrievePartnerReferralLink",
        scopes: &["links.read", "links.write", "apis.read", "apis.all"],
        plan: Plan::Free,
    },
    Row {
        operation: "listPartnerReferralLinkDomains",
        scopes: &["links.read", "links.write", "apis.read", "apis.all"],
        plan: Plan::Free,
    },
];

const SCOPES: [&str; 12] = [
    "partners.read",
    "partners.write",
    "links.read",
    "links.write",
    "tokens.write",
    "conversions.write",
    "groups.read",
    "groups.write",
    "webhooks.read",
    "webhooks.write",
    "apis.read",
    "apis.all",
];

const PLANS: [Plan; 5] = [Plan::Free, Plan::Pro, Plan::Business, Plan::Advanced, Plan::Enterprise];

/// The time that a revoked key may still work.
pub(crate) const REVOKED_WITHIN: Duration = Duration::from_secs(1);

/// Returns each row with a request that succeeds.
fn rows(world: &World) -> Vec<(&'static Row, GoodRequest)> {
    let secured = world.requests().into_iter().filter(|request| request.operation.security);
    secured
        .map(|request| {
            let name = &request.operation.operation_id;
            let row = ROWS.iter().find(|row| row.operation == name);
            (row.unwrap_or_else(|| panic!("{name} has no row in ROWS")), request)
        })
        .collect()
}

/// Creates a key that differs from the workspace's first key by this change.
pub(crate) async fn key(
    app: &TestApp,
    workspace: &Workspace,
    change: impl FnOnce(&mut NewApiKey),
) -> (ApiKeyId, Actor) {
    let now = app.clock.now();
    let key = ApiKey::generate(&app.state.ids);
    let mut new = NewApiKey {
        id: app.state.ids.next(now),
        workspace_id: workspace.id,
        program_id: None,
        name: "test".to_owned(),
        scopes: Scopes::default(),
        expires_at: None,
    };
    change(&mut new);
    workspaces::insert_api_key(&mut app.sql().await, &new, key.hash(), now).await.unwrap();
    (new.id, app.stranger().with_authorization(&format!("Bearer {}", key.expose())))
}

fn scopes(list: &[&str]) -> Scopes {
    Scopes::from(list.iter().map(|scope| scope.parse().unwrap()).collect::<Vec<Scope>>())
}

/// Returns a well-formed key with the right checksum that belongs to nobody.
fn unknown_key(app: &TestApp) -> Actor {
    app.stranger().with_authorization(&format!("Bearer {}", ApiKey::generate(&app.state.ids).expose()))
}

/// Returns the workspace's key with another last character.
fn mistyped(actor: &Actor) -> Actor {
    let (rest, last) = actor.authorization().split_at(actor.authorization().len() - 1);
    actor.with_authorization(&format!("{rest}{}", if last == "0" { "1" } else { "0" }))
}

#[test]
fn every_operation_that_needs_a_key_has_a_row() {
    let secured: BTreeSet<String> = openapi::operations()
        .into_iter()
        .filter(|operation| operation.security)
        .map(|operation| operation.operation_id)
        .collect();
    let rows: BTreeSet<String> = ROWS.iter().map(|row| row.operation.to_owned()).collect();
    assert_eq!(rows, secured);
}

#[tokio::test]
async fn request_without_a_valid_key_gets_a_401() {
    let world = World::start().await;
    let good = world.workspace.actor.authorization().to_owned();
    let key = good.strip_prefix("Bearer ").unwrap();
    let headers = [
        String::new(),
        " ".to_owned(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        key.to_owned(),
        format!("Bearer{key}"),
        format!("Basic {key}"),
        format!("Token {key}"),
        format!("Bearer Bearer {key}"),
        format!("Bearer {key} {key}"),
        format!("Bearer {key},"),
        format!("Bearer \"{key}\""),
        format!("Bearer {}", key.to_lowercase()),
        format!("Bearer {}", &key[..key.len() - 1]),
        format!("Bearer {key}0"),
        format!("Bearer {}", key.replace("pst_", "dub_")),
        format!("Bearer {}", "a".repeat(8_000)),
    ];
    for (row, request) in rows(&world) {
        let name = row.operation;
        assert_eq!(request.send(&world.app.stranger()).await.status, 401, "{name} without a header");
        for header in &headers {
            let answer = request.send(&world.app.stranger().with_authorization(header)).await;
            assert_eq!(answer.status, 401, "{name} with {header:?}");
        }
        let not_text = HeaderValue::from_bytes(b"Bearer pst_\xff\xfe").unwrap();
        let answer = raw(&world.app.stranger(), &request, &not_text).await;
        assert_eq!(answer.status, 401, "{name} with a header that is not text");
        assert_eq!(request.send(&mistyped(&world.workspace.actor)).await.status, 401, "{name} with a mistyped key");
        // The name of the scheme is case-insensitive.
        for scheme in ["bearer", "BEARER"] {
            let answer = request.send(&world.app.stranger().with_authorization(&format!("{scheme} {key}"))).await;
            assert_ne!(answer.status, 401, "{name} with {scheme}");
        }
    }
}

async fn raw(actor: &Actor, request: &GoodRequest, authorization: &HeaderValue) -> Answer {
    let head = actor.request(request.operation.method.clone(), &request.path);
    actor.send(head.header(AUTHORIZATION, authorization).body(Body::empty()).unwrap()).await
}

/// The exact reason would only help an attacker.
#[tokio::test]
async fn unknown_revoked_and_expired_keys_get_the_same_answer() {
    let world = World::start().await;
    let (app, workspace) = (&world.app, &world.workspace);
    let expires_at = app.clock.now() + Duration::from_mins(1);
    for (row, request) in rows(&world) {
        let (revoked, revoked_key) = key(app, workspace, |_| {}).await;
        assert!(workspaces::revoke_api_key(&mut app.sql().await, revoked, app.clock.now()).await.unwrap());
        let (_, expired_key) = key(app, workspace, |new| new.expires_at = Some(app.clock.now())).await;
        let unknown = request.send(&unknown_key(app)).await.expect(401);
        assert_eq!(request.send(&revoked_key).await.expect(401), unknown, "{}", row.operation);
        assert_eq!(request.send(&expired_key).await.expect(401), unknown, "{}", row.operation);
    }

    // A key expires on time, even if the key was used just before.
    let mut keys = Vec::new();
    for (row, request) in rows(&world) {
        let (_, expiring) = key(app, workspace, |new| new.expires_at = Some(expires_at)).await;
        keys.push((row, request, expiring));
    }
    app.clock.advance(Duration::from_millis(59_999));
    for (row, request, expiring) in &keys {
        assert_eq!(request.send(expiring).await.status, request.success(), "{} before the end", row.operation);
    }
    app.clock.advance(Duration::from_millis(1));
    for (row, request, expiring) in &keys {
        assert_eq!(request.send(expiring).await.status, 401, "{} at the end", row.operation);
    }
}

#[tokio::test]
async fn revoked_key_is_rejected_within_a_second() {
    let world = World::start().await;
    let mut waiting = Vec::new();
    for (row, request) in rows(&world) {
        let (id, actor) = key(&world.app, &world.workspace, |_| {}).await;
        // The grant of the key is in the cache now.
        assert_eq!(request.send(&actor).await.status, request.success(), "{}", row.operation);
        let now = world.app.clock.now();
        assert!(workspaces::revoke_api_key(&mut world.app.sql().await, id, now).await.unwrap());
        waiting.push((row, request, actor, Instant::now()));
    }
    while !waiting.is_empty() {
        let mut still_work = Vec::new();
        for (row, request, actor, revoked_at) in waiting {
            let sent_after = revoked_at.elapsed();
            if request.send(&actor).await.status == 401 {
                continue;
            }
            assert!(sent_after <= REVOKED_WITHIN, "{} works {sent_after:?} after the revocation", row.operation);
            still_work.push((row, request, actor, revoked_at));
        }
        waiting = still_work;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn only_keys_with_a_covering_scope_pass() {
    let world = World::start().await;
    let none =
        key(&world.app, &world.workspace, |new| new.scopes = scopes(&["conversions.write", "webhooks.read"])).await.1;
    for scope in SCOPES {
        let (_, actor) = key(&world.app, &world.workspace, |new| new.scopes = scopes(&[scope])).await;
        // New requests for each scope: a link key can be taken once.
        for (row, request) in rows(&world) {
            let expected = if row.scopes.contains(&scope) { request.success() } else { 403 };
            let answer = request.send(&actor).await;
            assert_eq!(answer.status, expected, "{} with {scope}: {}", row.operation, answer.body);
        }
    }
    for (row, request) in rows(&world) {
        let message = request.send(&none).await.expect_error(403);
        assert!(message.contains(row.scopes[0]), "{}: the message does not name the scope: {message}", row.operation);
    }
    // One covering scope of several is enough.
    let several = ["webhooks.read", "tokens.write", "partners.write", "links.write", "groups.write"];
    let (_, actor) = key(&world.app, &world.workspace, |new| new.scopes = scopes(&several)).await;
    for (row, request) in rows(&world) {
        assert_eq!(request.send(&actor).await.status, request.success(), "{}", row.operation);
    }
}

#[tokio::test]
async fn only_the_needed_plan_and_higher_plans_pass() {
    let world = World::start().await;
    for plan in PLANS {
        let change = format!("UPDATE workspaces SET plan = '{plan}'");
        world.app.sql().await.execute(sqlx::AssertSqlSafe(change)).await.unwrap();
        // Each plan has a new key, because the grant of a key is cached for a second.
        let (_, actor) = key(&world.app, &world.workspace, |_| {}).await;
        for (row, request) in rows(&world) {
            let expected = if plan >= row.plan { request.success() } else { 403 };
            let answer = request.send(&actor).await;
            assert_eq!(answer.status, expected, "{} on {plan}: {}", row.operation, answer.body);
        }
    }
}

/// An answer to a caller without rights must not depend on the body or on an id.
#[tokio::test]
async fn key_is_checked_before_rights_and_rights_before_the_request() {
    let world = World::start().await;
    let (_, weak) = key(&world.app, &world.workspace, |new| new.scopes = scopes(&["webhooks.read"])).await;
    let bodies = [
        ("application/json", "{"),
        ("application/json", "{}"),
        ("application/json", "[]"),
        ("text/plain", "x"),
        ("application/json", &"[".repeat(2 * 1024 * 1024)),
    ];
    for (row, request) in rows(&world) {
        let path = format!("{}?limit=0&page=x", request.operation.path.replace("{id}", "nothing"));
        for (content_type, body) in bodies {
            for (actor, status) in [
                (world.app.stranger(), 401),
                (mistyped(&weak), 401),
                (unknown_key(&world.app), 401),
                (weak.clone(), 403),
            ] {
                let head = actor.request(request.operation.method.clone(), &path).header(CONTENT_TYPE, content_type);
                let answer = actor.send(head.body(body.to_owned().into()).unwrap()).await;
                assert_eq!(answer.status, status, "{} with {content_type}", row.operation);
            }
        }
    }
    // The same holds if two rights are missing: a weak key of a workspace on a low plan.
    world.app.sql().await.execute("UPDATE workspaces SET plan = 'free'").await.unwrap();
    let (_, weak) = key(&world.app, &world.workspace, |new| new.scopes = scopes(&["webhooks.read"])).await;
    for (row, request) in rows(&world) {
        assert_eq!(request.send(&weak).await.status, 403, "{}", row.operation);
    }
}

#[tokio::test]
async fn key_with_a_wrong_checksum_costs_no_query() {
    let world = World::start().await;
    take_database_away(&world.app).await;
    for (row, request) in rows(&world) {
        assert_eq!(request.send(&mistyped(&world.workspace.actor)).await.status, 401, "{}", row.operation);
        // A well-formed key is looked up, which shows that the database is unavailable.
        assert_eq!(request.send(&unknown_key(&world.app)).await.status, 503, "{}", row.operation);
    }
}

/// Checks that an item finds objects of its own program only, and returns the requests that are rejected as a whole.
async fn bulk_of_another_program(
    request: GoodRequest,
    key: &Actor,
    own: &Value,
    (program, group): (ProgramId, &str),
) -> Vec<GoodRequest> {
    let enrolled = request.like(json!([{"email": "both@example.com"}])).send(key).await.expect(200);
    assert_eq!(&enrolled[0]["partner"], own);
    let foreign = json!([{"email": "new@example.com", "groupId": group}]);
    assert_eq!(request.like(foreign).send(key).await.expect(200)[0]["status"], 404);
    vec![request.with_path(&format!("/partners/bulk?programId={program}"))]
}

/// Creates another program of the workspace.
async fn second_program(app: &TestApp, workspace: &Workspace) -> ProgramId {
    let address = LinkAddress::served("go.second.example.com".parse().unwrap());
    app.create_program(workspace.id, address).await.id
}

/// A key that is limited to one program neither sees nor changes another program of its workspace.
#[tokio::test]
#[allow(clippy::too_many_lines, reason = "one arm for each operation")]
async fn key_of_one_program_acts_on_that_program_only() {
    let world = World::start().await;
    let (app, workspace) = (&world.app, &world.workspace);
    let second = second_program(app, workspace).await;
    let (_, first_key) = key(app, workspace, |new| new.program_id = Some(workspace.program_id)).await;
    let (_, second_key) = key(app, workspace, |new| new.program_id = Some(second)).await;
    let first_domain = domains::find_domain(
        &mut app.sql().await,
        ProgramScope { workspace_id: workspace.id, program_id: workspace.program_id },
        None,
    )
    .await
    .unwrap()
    .unwrap();
    let (program, first_group, first_domain) =
        (second.to_string(), workspace.group_id.to_string(), first_domain.id.to_string());

    for (row, request) in rows(&world) {
        // A key of the default program sees what a key without a program sees.
        assert_eq!(request.send(&first_key).await.status, request.success(), "{}", row.operation);
    }
    let stays = json!({"email": "stays@example.com", "tenantId": "stays"});
    let stays = first_key.post("/partners", stays).await.expect(201)["id"].clone();
    let both = json!({"email": "both@example.com", "tenantId": "both"});
    let in_first = first_key.post("/partners", both.clone()).await.expect(201);
    let in_second = second_key.post("/partners", both).await.expect(201);
    // One partner has two enrollments: a tenantId is unique in a program only.
    assert_eq!(in_first["id"], in_second["id"]);
    assert_eq!(in_first["tenantId"], in_second["tenantId"]);

    for (row, request) in rows(&world) {
        let rejected: Vec<GoodRequest> = match row.operation {
            "createReferralsEmbedToken" => [
                json!({"tenantId": "stays"}),
                json!({"partnerId": stays}),
                json!({"partner": {"email": "new@example.com", "groupId": first_group}}),
            ]
            .map(|body| request.like(body))
            .into(),
            "revokeReferralsEmbedTokens" => {
                [json!({"tenantId": "stays"}), json!({"partnerId": stays})].map(|body| request.like(body)).into()
            }
            "verifyReferralsEmbedToken" => {
                // Not a 404: a token that this key cannot use is invalid for this key.
                assert_eq!(request.send(&second_key).await.status, 401);
                continue;
            }
            "createEmbedToken" => {
                let first = json!({"programId": workspace.program_id, "partner": {"email": "stays@example.com"}});
                let body = json!({
                    "programId": second, "partner": {"email": "new@example.com"}, "groupId": first_group,
                });
                assert_eq!(second_key.post(&request.path, body).await.status, 404, "a group of the first program");
                vec![request.like(first)]
            }
            "createPartner" => {
                assert_eq!(in_second["programId"], program);
                assert_eq!(in_second["links"][0]["domain"], "go.second.example.com");
                assert_eq!(in_second["links"][0]["url"], "https://second.example.com/");
                vec![request.like(json!({"email": "new@example.com", "groupId": first_group}))]
            }
            "bulkCreatePartners" => {
                bulk_of_another_program(request, &second_key, &in_second, (workspace.program_id, &first_group)).await
            }
            "listPartners" => {
                assert_eq!(request.send(&second_key).await.expect(200), json!([in_second]));
                continue;
            }
            "countPartners" => {
                assert_eq!(request.send(&second_key).await.expect(200), 1);
                continue;
            }
            "retrievePartner" => {
                let path = |id: &Value| format!("/partners/{}", id.as_str().unwrap());
                assert_eq!(second_key.get(&path(&in_second["id"])).await.expect(200), in_second);
                vec![request.with_path(&path(&stays))]
            }
            "updatePartner" => {
                let path = |id: &Value| format!("/partners/{}", id.as_str().unwrap());
                let moved = request.like(json!({"groupId": first_group}));
                let theirs = moved.with_path(&path(&in_second["id"]));
                vec![theirs, request.with_path(&path(&stays))]
            }
            "banPartner" => {
                let by_tenant = json!({"tenantId": "stays", "reason": "fraud"});
                vec![request.like(json!({"partnerId": stays, "reason": "fraud"})), request.like(by_tenant)]
            }
            "unbanPartner" | "deactivatePartner" | "reactivatePartner" => {
                vec![request.like(json!({"partnerId": stays})), request.like(json!({"tenantId": "stays"}))]
            }
            "invitePartner" => {
                vec![request.like(json!({"email": "new@example.com", "groupId": first_group}))]
            }
            "deletePartnerInvite" => {
                let path = format!("/partners/invites/{}", stays.as_str().unwrap());
                vec![request.with_path(&path)]
            }
            "approvePartnerApplication"
            | "rejectPartnerApplication"
            | "approveProgramApplication"
            | "rejectProgramApplication" => {
                vec![request.like(json!({"partnerId": stays}))]
            }
            // These lists are about the program of the key, not about the whole workspace.
            "listPartnerApplications" | "listProgramApplications" | "listAuditLogs" => {
                assert_eq!(request.send(&second_key).await.expect(200), json!([]));
                continue;
            }
            "listGroups" => {
                let groups = request.send(&second_key).await.expect(200);
                assert!(groups.as_array().unwrap().iter().all(|group| group["programId"] == program), "{groups}");
                continue;
            }
            "createGroup" => {
                vec![request.like(json!({"name": "Other", "programId": workspace.program_id.to_string()}))]
            }
            "retrieveGroup" | "updateGroup" | "deleteGroup" => {
                vec![request.with_path(&format!("/groups/{first_group}"))]
            }
            "retrievePartnerLinks" => {
                vec![request.with_path("/partners/links?tenantId=stays")]
            }
            "createPartnerLink" => {
                [json!({"tenantId": "stays"}), json!({"partnerId": stays})].map(|body| request.like(body)).into()
            }
            "upsertPartnerLink" => {
                vec![request.like(json!({"tenantId": "stays", "url": "https://example.com/"}))]
            }
            "getLinkInfo" => {
                let by_key = request.at("/links/info?domain=acme.localhost&key=stays");
                vec![request.at("/links/info?externalId=59"), by_key, request]
            }
            "getLink" | "updateLink" | "deleteLink" => vec![request],
            // Tags belong to the workspace, whatever the programs of their links.
            "getTags" | "createTag" | "updateTag" | "deleteTag" => continue,
            "createPartnerReferralLink" => [
                json!({"key": "x", "partner": {"id": stays}}),
                json!({"key": "x", "partner": {"id": "stays"}}),
                json!({"key": "x", "partner": {"key": "stays"}}),
                json!({"key": "x", "partner": {"email": "stays@example.com"}}),
                json!({"key": "x", "partner": {"id": "both"}, "domain_id": first_domain, "is_additional": false}),
            ]
            .map(|body| request.like(body))
            .into(),
            "listPartnerReferralLinkDomains" => {
                let domains = request.send(&second_key).await.expect(200);
                assert_eq!(domains["data"].as_array().unwrap().len(), 1);
                assert_eq!(domains["data"][0]["domain"], "go.second.example.com");
                continue;
            }
            "listPartnerReferralLinks" => ["stays", stays.as_str().unwrap()]
                .map(|partner| request.at(&format!("/partners/{partner}/referral_links")))
                .into(),
            "retrievePartnerReferralLink" | "updatePartnerReferralLink" | "deletePartnerReferralLink" => {
                ["stays", &world.known.link].map(|link| request.at(&format!("/partner_referral_links/{link}"))).into()
            }
            "searchPartnerReferralLinks" => ["key=stays", "id=stays", &format!("id={}", world.known.link)]
                .map(|query| request.at(&format!("/partner_referral_links:search?{query}")))
                .into(),
            other => panic!("{other} is new: add the objects of another program that a key must not reach"),
        };
        for request in rejected {
            let name = format!("{} {} {:?}", row.operation, request.path, request.body);
            assert_eq!(request.send(&second_key).await.status, 404, "{name}");
            assert_ne!(request.send(&first_key).await.status, 404, "with a key of the other program: {name}");
        }
    }
}
