//! Every documented status of an operation is produced by a request.

use std::collections::{BTreeMap, BTreeSet};

use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use pearset::testing::workspaces::Scope;
use serde_json::json;
use sqlx::Executor;

use super::documents::assert_explained;
use super::requests::{GoodRequest, KNOWN, World, break_schema, take_database_away};
use crate::idempotency::hold_key;
use crate::support::actor::{Actor, Answer};
use crate::support::openapi;

/// The code that the client libraries accept for each status.
const CODES: [(u16, &str); 12] = [
    (400, "bad_request"),
    (401, "unauthorized"),
    (403, "forbidden"),
    (404, "not_found"),
    (409, "conflict"),
    (410, "invite_expired"),
    (413, "payload_too_large"),
    (415, "unsupported_media_type"),
    (422, "unprocessable_entity"),
    (429, "rate_limit_exceeded"),
    (500, "internal_server_error"),
    (503, "service_unavailable"),
];

/// The codes of Affonso's dialect.
const AFFONSO_CODES: [(u16, &str); 11] = [
    (400, "VALIDATION_ERROR"),
    (401, "UNAUTHORIZED"),
    (403, "FORBIDDEN"),
    (404, "NOT_FOUND"),
    (409, "DUPLICATE_ERROR"),
    (410, "FORBIDDEN"),
    (413, "VALIDATION_ERROR"),
    (415, "VALIDATION_ERROR"),
    (429, "RATE_LIMIT_EXCEEDED"),
    (500, "INTERNAL_ERROR"),
    (503, "INTERNAL_ERROR"),
];

/// Larger than any body that the server reads.
const TOO_LARGE: usize = 1024 * 1024 + 1;
/// Larger than any list of partners that the server reads.
const TOO_LARGE_BULK: usize = 8 * 1024 * 1024 + 1;

/// More requests than the set-up of a world makes, and few enough to use up.
const LIMITS: &str = "enterprise=20";

#[tokio::test]
async fn every_documented_status_is_produced() {
    for (status, indexes) in shared_worlds() {
        let world = if status == 429 { World::limited(LIMITS).await } else { World::start().await };
        let requests = world.requests();
        for index in indexes {
            assert_produced(&world, requests[index].clone(), status).await;
        }
    }
}

/// Returns the statuses, each with the operations that document the status and can produce it in one world. Rejected
/// requests leave the world unchanged, successful requests can be repeated, and a database that is unavailable or
/// broken affects every operation.
fn shared_worlds() -> Vec<(u16, Vec<usize>)> {
    let mut worlds = BTreeMap::<_, Vec<usize>>::new();
    for (index, operation) in openapi::operations().iter().enumerate() {
        for status in &operation.statuses {
            // A list of partners fails as a whole only when the look-up of the API key fails.
            let alone = operation.operation_id == "bulkCreatePartners" && *status >= 500;
            worlds.entry((*status, alone)).or_default().push(index);
        }
    }
    let statuses: BTreeSet<u16> = worlds.keys().map(|(status, _)| *status).collect();
    assert!(CODES.iter().all(|(status, _)| statuses.contains(status)), "no operation documents some of the codes");
    worlds.into_iter().map(|((status, _), indexes)| (status, indexes)).collect()
}

async fn assert_produced(world: &World, request: GoodRequest, status: u16) {
    let (name, path) = (request.operation.operation_id.clone(), request.path.clone());
    let Some(answer) = produce(world, request, status).await else {
        panic!("{name} documents {status}: add a way to produce it, or take it out of openapi.yaml");
    };
    assert_eq!(answer.status, status, "{name} was to answer {status}: {}", answer.body);
    if status >= 400 {
        let affonso = openapi::dialect(&path) == openapi::Dialect::Affonso;
        let codes = if affonso { &AFFONSO_CODES[..] } else { &CODES[..] };
        let (_, code) = codes.iter().find(|(known, _)| *known == status).unwrap();
        assert_eq!(answer.body["error"]["code"], *code, "{name}, {status}");
        if !affonso {
            assert_explained(&world.app, &answer).await;
        }
    }
    assert_eq!(answer.headers.contains_key(WWW_AUTHENTICATE), status == 401, "{name}, {status}");
    assert_eq!(answer.headers.contains_key(RETRY_AFTER), [429, 503].contains(&status), "{name}, {status}");
    if status == 500 {
        let body = answer.body.to_string();
        assert!(!body.contains("enrollments") && !body.contains("domains"), "{name} tells details: {body}");
    }
}

/// Returns a request for a link or a tag that is answered with this status.
fn bad_link_request(world: &World, good: &GoodRequest, status: u16) -> Option<GoodRequest> {
    Some(match (good.operation.operation_id.as_str(), status) {
        ("retrievePartnerLinks", 400) => good.at("/partners/links"),
        ("getLinkInfo", 400) => good.at("/links/info?domain=acme.localhost"),
        ("retrievePartnerLinks", 404) => good.at("/partners/links?tenantId=nobody"),
        ("createPartnerLink" | "upsertPartnerLink", 404) => {
            good.like(json!({"tenantId": "nobody", "url": "https://example.com/"}))
        }
        ("createPartnerLink", 409) => good.like(json!({"tenantId": KNOWN, "key": "SPARE-1"})),
        ("upsertPartnerLink", 409) => {
            good.like(json!({"tenantId": KNOWN, "url": "https://example.com/new", "key": "SPARE-1"}))
        }
        ("createPartnerLink", 422) => good.like(json!({"tenantId": KNOWN, "url": "mailto:a@b.c"})),
        ("upsertPartnerLink", 422) => good.like(json!({"tenantId": KNOWN})),
        ("getLinkInfo", 404) => good.at("/links/info?linkId=ext_nothing"),
        ("getLink" | "updateLink" | "deleteLink", 404) => good.at("/links/ext_nothing"),
        ("updateLink", 409) => good.like(json!({"key": "SPARE-1"})),
        ("deleteLink", 409) => good.at(&format!("/links/{}", world.known.link)),
        ("updateLink", 422) => good.like(json!({"url": null})),
        ("retrievePartnerLinks" | "getLinkInfo" | "getLink" | "deleteLink", 422) => {
            let path = format!("{}?tenantId={KNOWN}&programId=%00", good.path.split('?').next().unwrap_or_default());
            good.at(&path)
        }
        ("getTags", 422) => good.at("/tags?sortBy=color"),
        ("updateTag" | "deleteTag", 404) => good.at("/tags/tag_nothing"),
        ("createTag" | "updateTag", 409) => good.like(json!({"name": "SPARE-1"})),
        ("createTag" | "updateTag", 422) => good.like(json!({"color": "black"})),
        _ => return None,
    })
}

/// Returns the answer to a repetition of a request that is still running.
async fn repeat_running(world: &World, good: &GoodRequest) -> Answer {
    let sql = &mut world.app.sql().await;
    sql.execute("BEGIN").await.unwrap();
    let key = good.operation.operation_id.parse().unwrap();
    hold_key(sql, world.workspace.id, &key).await;
    good.send_once(&world.workspace.actor, &key).await
}

/// Makes an operation answer with this status. Returns `None` when no way to produce the status is known.
#[allow(clippy::too_many_lines, reason = "one arm for each operation and status")]
async fn produce(world: &World, good: GoodRequest, status: u16) -> Option<Answer> {
    let actor = &world.workspace.actor;
    if let Some(bad) = bad_link_request(world, &good, status) {
        return Some(bad.send(actor).await);
    }
    let operation = good.operation.operation_id.clone();
    let bad = match (operation.as_str(), status) {
        (_, 200 | 201) => good,
        (_, 429) => {
            while actor.get("/tags").await.status != 429 {}
            good
        }
        // The partner is approved.
        ("deletePartnerInvite", 400) => {
            let path = format!("/partners/invites/{}", world.known.partner);
            good.with_path(&path)
        }
        (_, 400) => return Some(send_text(actor, &good, "application/json", "{\"email\":").await),
        (_, 401) => return Some(good.send(&world.app.stranger()).await),
        // Every operation with a body conflicts with its own running request.
        (
            "verifyReferralsEmbedToken"
            | "revokeReferralsEmbedTokens"
            | "banPartner"
            | "unbanPartner"
            | "deactivatePartner"
            | "reactivatePartner"
            | "approvePartnerApplication"
            | "rejectPartnerApplication"
            | "approveProgramApplication"
            | "rejectProgramApplication"
            | "bulkCreatePartners",
            409,
        ) => return Some(repeat_running(world, &good).await),
        (_, 403) => {
            let weak = world.app.actor_with(&world.workspace, &[Scope::WebhooksRead]).await;
            return Some(good.send(&weak).await);
        }
        ("bulkCreatePartners", 413) => {
            return Some(send_text(actor, &good, "application/json", &" ".repeat(TOO_LARGE_BULK)).await);
        }
        (_, 413) => return Some(send_text(actor, &good, "application/json", &" ".repeat(TOO_LARGE)).await),
        (_, 415) => return Some(send_text(actor, &good, "text/plain", "{}").await),
        // Failures of an item are reported with the item: only the look-up of the API key can fail the request.
        ("bulkCreatePartners", 500 | 503) => {
            let caller = world.app.actor_with(&world.workspace, &[Scope::PartnersWrite]).await;
            if status == 500 {
                world.app.sql().await.execute("ALTER TABLE api_keys RENAME TO hidden_keys").await.unwrap();
            } else {
                take_database_away(&world.app).await;
            }
            return Some(good.send(&caller).await);
        }
        (_, 500) => {
            break_schema(&world.app).await;
            good
        }
        (_, 503) => {
            take_database_away(&world.app).await;
            good
        }
        ("createReferralsEmbedToken" | "revokeReferralsEmbedTokens", 404) => good.like(json!({"tenantId": "nobody"})),
        ("createReferralsEmbedToken", 409) => {
            good.like(json!({"tenantId": "another", "partner": {"email": "known@example.com"}}))
        }
        ("revokeReferralsEmbedTokens", 422) => good.like(json!({"tenantId": 1})),
        ("createEmbedToken", 404) => {
            good.like(json!({"programId": "prog_nothing", "partner": {"email": "known@example.com"}}))
        }
        ("createEmbedToken", 409) => {
            actor.post("/partners", json!({"email": "other@example.com", "tenantId": "other"})).await.expect(201);
            good.like(json!({
                "programId": world.known.program, "partner": {"email": "known@example.com"}, "externalUserId": "other",
            }))
        }
        ("createReferralsEmbedToken" | "createEmbedToken", 410) => {
            let lapsed = "UPDATE enrollments SET status = 'invited', invite_expires_at = '2026-02-01T00:00:00Z' \
                          WHERE tenant_id = 'known'";
            assert_eq!(world.app.sql().await.execute(lapsed).await.unwrap().rows_affected(), 1);
            good
        }
        ("bulkCreatePartners", 404) => good.with_path("/partners/bulk?programId=prog_x"),
        ("bulkCreatePartners", 422) => good.like(json!([])),
        ("createPartner" | "invitePartner", 404) => {
            good.like(json!({"email": "new@example.com", "groupId": "nothing"}))
        }
        ("createPartner" | "invitePartner", 409) => {
            actor.post("/partners", json!({"email": "other@example.com", "tenantId": "other"})).await.expect(201);
            good.like(json!({"email": "known@example.com", "tenantId": "other"}))
        }
        ("updatePartner", 409) => {
            actor.post("/partners", json!({"email": "other@example.com", "tenantId": "other"})).await.expect(201);
            good.like(json!({"tenantId": "other"}))
        }
        ("updatePartner", 422) => good.like(json!({"groupId": null})),
        ("listPartners", 422) => good.with_path("/partners?sortBy=name"),
        ("countPartners", 422) => good.with_path("/partners/count?status=x"),
        ("listPartners" | "countPartners", 404) => {
            let path = format!("{}?programId=nothing", good.path);
            good.with_path(&path)
        }
        ("retrievePartner", 422) => good.with_path("/partners/pn_01kkntq2cnf1prr1w49pfyaa1w?programId=%00"),
        ("retrievePartner" | "updatePartner", 404) => good.with_path("/partners/pn_01kkntq2cnf1prr1w49pfyaa1w"),
        (
            "banPartner"
            | "unbanPartner"
            | "deactivatePartner"
            | "reactivatePartner"
            | "approvePartnerApplication"
            | "rejectPartnerApplication"
            | "approveProgramApplication"
            | "rejectProgramApplication",
            404,
        ) => good.like(json!({"partnerId": "pn_01kkntq2cnf1prr1w49pfyaa1w", "reason": "fraud"})),
        (
            "banPartner"
            | "unbanPartner"
            | "deactivatePartner"
            | "reactivatePartner"
            | "approvePartnerApplication"
            | "rejectPartnerApplication"
            | "approveProgramApplication"
            | "rejectProgramApplication",
            422,
        ) => good.like(json!({"partnerId": 1, "reason": "fraud"})),
        ("deletePartnerInvite", 404) => good.with_path("/partners/invites/pn_01kkntq2cnf1prr1w49pfyaa1w"),
        ("deletePartnerInvite", 422) => good.with_path("/partners/invites/x?programId=%00"),
        ("listPartnerApplications" | "listProgramApplications" | "listAuditLogs", 404) => {
            let path = format!("{}?programId=prog_01kkntq2cnf1prr1w49pfyaa1w", good.path);
            good.with_path(&path)
        }
        ("listPartnerApplications" | "listProgramApplications" | "listAuditLogs", 422) => {
            let path = format!("{}?pageSize=0", good.path);
            good.with_path(&path)
        }
        ("listGroups", 404) => good.with_path("/groups?programId=prog_01kkntq2cnf1prr1w49pfyaa1w"),
        ("listGroups", 422) => good.with_path("/groups?page=0"),
        ("createGroup", 404) => good.like(json!({"name": "New", "programId": "prog_01kkntq2cnf1prr1w49pfyaa1w"})),
        ("createGroup", 409) => good.like(json!({"name": "Default"})),
        ("updateGroup", 409) => good.like(json!({"isDefault": false})),
        ("updateGroup", 422) => good.like(json!({"name": ""})),
        ("retrieveGroup", 422) => good.with_path("/groups/default?programId=%00"),
        ("deleteGroup", 409) => good.with_path("/groups/default"),
        ("deleteGroup", 422) => good.with_path("/groups/spare?moveTo=spare"),
        ("retrieveGroup" | "updateGroup" | "deleteGroup", 404) => good.with_path("/groups/nothing"),
        ("createPartnerReferralLink", 404) => good.like(json!({"key": "a", "partner": {"id": "nobody"}})),
        ("createPartnerReferralLink", 409) => good.like(json!({"key": "SPARE-1", "partner": {"id": KNOWN}})),
        ("retrievePartnerReferralLink" | "updatePartnerReferralLink" | "deletePartnerReferralLink", 404) => {
            good.with_path("/partner_referral_links/nothing")
        }
        ("retrievePartnerReferralLink" | "deletePartnerReferralLink", 422) => {
            good.with_path("/partner_referral_links/nothing?program_id=%00")
        }
        ("updatePartnerReferralLink", 409) => good.like(json!({"key": "SPARE-1"})),
        ("updatePartnerReferralLink", 422) => good.like(json!({"key": ""})),
        ("deletePartnerReferralLink", 409) => good.with_path(&format!("/partner_referral_links/{}", world.known.link)),
        ("listPartnerReferralLinkDomains", 404) => good.with_path("/partner_referral_links:domains?program_id=x"),
        ("listPartnerReferralLinks", 404) => good.with_path("/partners/nobody/referral_links"),
        ("listPartnerReferralLinks", 422) => good.with_path("/partners/nobody/referral_links?page=0"),
        ("searchPartnerReferralLinks", 404) => good.with_path("/partner_referral_links:search?key=nothing"),
        ("searchPartnerReferralLinks", 422) => good.with_path("/partner_referral_links:search"),
        ("listPartnerReferralLinkDomains", 422) => good.with_path("/partner_referral_links:domains?limit=0"),
        (
            "createReferralsEmbedToken"
            | "verifyReferralsEmbedToken"
            | "createPartner"
            | "invitePartner"
            | "createPartnerReferralLink"
            | "createGroup",
            422,
        ) => good.like(json!({})),
        _ => return None,
    };
    Some(bad.send(actor).await)
}

async fn send_text(actor: &Actor, good: &GoodRequest, content_type: &str, body: &str) -> Answer {
    let request = actor.request(good.operation.method.clone(), &good.path).header(CONTENT_TYPE, content_type);
    actor.send(request.body(body.to_owned().into()).unwrap()).await
}
