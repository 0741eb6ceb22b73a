//! An id of another workspace is an id that does not exist, in every parameter of every operation that takes an id.
#![expect(clippy::disallowed_methods, reason = "reads ids that no answer shows")]

use std::collections::BTreeSet;

use pearset::testing::values::id::{ApplicationId, DomainId, GroupId, LinkId, PartnerId, ProgramId, TagId};
use serde_json::{Map, Value, json};

use super::two_tenants::{TwoTenants, shared_partner};
use crate::support::openapi;
use crate::support::parallel::each_at_once;

/// The outcome of a request with an id of another workspace.
#[derive(Clone, Copy, PartialEq)]
enum Outcome {
    /// The outcome of an id that does not exist: 404, and nothing is written.
    Missing,
    /// The outcome of a tag that does not exist: 422 with its path, and nothing is written.
    Refused,
    /// The name is free in the caller's workspace, and the request takes the name there.
    Own,
    /// The filter matches nothing.
    Empty,
}
use Outcome::{Empty, Missing, Own, Refused};

#[derive(Clone)]
struct Row {
    operation: &'static str,
    parameter: &'static str,
    theirs: String,
    /// A value of the same form that nobody has.
    nobodys: String,
    outcome: Outcome,
    /// Returns the body, or the path for an id in the path, or a list of both.
    request: fn(&str) -> Value,
}

/// A placeholder for the program of the caller's workspace.
const OWN_PROGRAM: &str = "$program";
/// A placeholder for the id of the shared partner in the caller's workspace.
const OWN_PARTNER: &str = "$partner";
/// The path of that partner.
const OWN_PATH: &str = "/partners/$partner";

/// The operation whose requests are lists of the requests of another operation.
const BULK: &str = "bulkCreatePartners";

/// A partner that the requests may create.
const NEW: &str = "new@example.com";

async fn rows(tenants: &TwoTenants) -> Vec<Row> {
    let mut rows = single_rows(tenants).await;
    // An item of a list behaves as the single request.
    let items = rows.iter().filter(|row| row.operation == "createPartner");
    let items: Vec<Row> = items.map(|row| Row { operation: BULK, ..row.clone() }).collect();
    rows.extend(items);
    rows
}

#[allow(clippy::too_many_lines, reason = "one table")]
async fn single_rows(tenants: &TwoTenants) -> Vec<Row> {
    let mut sql = tenants.app.sql().await;
    let group = "SELECT id FROM groups WHERE workspace_id = $1 AND slug = 'default'";
    let group: GroupId = sqlx::query_scalar(group).bind(tenants.b.id).fetch_one(&mut sql).await.unwrap();
    let domain = "SELECT id FROM domains WHERE workspace_id = $1";
    let domain: DomainId = sqlx::query_scalar(domain).bind(tenants.b.id).fetch_one(&mut sql).await.unwrap();
    let tag = "SELECT id FROM tags WHERE workspace_id = $1";
    let tag: TagId = sqlx::query_scalar(tag).bind(tenants.b.id).fetch_one(&mut sql).await.unwrap();
    let application = "SELECT application_id FROM enrollments WHERE workspace_id = $1";
    let application: ApplicationId =
        sqlx::query_scalar(application).bind(tenants.b.id).fetch_one(&mut sql).await.unwrap();
    let (ids, now) = (&tenants.app.state.ids, pearset::testing::values::clock::Clock::now(&*tenants.app.clock));
    let partner = tenants.only_b["id"].as_str().unwrap().to_owned();
    let no_partner = ids.next::<PartnerId>(now).to_string();
    let (no_group, no_domain) = (ids.next::<GroupId>(now).to_string(), ids.next::<DomainId>(now).to_string());
    let (group, domain) = (group.to_string(), domain.to_string());

    let row = |operation, parameter, (theirs, nobodys): (&str, &str), outcome, request| Row {
        operation,
        parameter,
        theirs: theirs.to_owned(),
        nobodys: nobodys.to_owned(),
        outcome,
        request,
    };
    let partner = (partner.as_str(), no_partner.as_str());
    let group = (group.as_str(), no_group.as_str());
    let domain = (domain.as_str(), no_domain.as_str());
    let program = (tenants.b.program_id.to_string(), ids.next::<ProgramId>(now).to_string());
    let program = (program.0.as_str(), program.1.as_str());
    let (tag, no_tag) = (tag.to_string(), ids.next::<TagId>(now).to_string());
    let tag = (tag.as_str(), no_tag.as_str());
    let a_link = (tenants.only_b["links"][0]["id"].as_str().unwrap(), ids.next::<LinkId>(now).to_string());
    let a_link = (a_link.0, a_link.1.as_str());
    let (application, no_application) = (application.to_string(), ids.next::<ApplicationId>(now).to_string());
    let application = (application.as_str(), no_application.as_str());
    let name = ("only-b", "only-nobody");
    let email = ("only-b@example.com", "only-nobody@example.com");

    let token = "createReferralsEmbedToken";
    let revoke = "revokeReferralsEmbedTokens";
    let trusted = "createEmbedToken";
    let create = "createPartner";
    let link = "createPartnerReferralLink";
    let domains = "listPartnerReferralLinkDomains";
    let links = "listPartnerReferralLinks";
    let search = "searchPartnerReferralLinks";
    let retrieve = "retrievePartnerReferralLink";
    let update = "updatePartnerReferralLink";
    let delete = "deletePartnerReferralLink";
    let applications = "listPartnerApplications";
    let program_applications = "listProgramApplications";
    let logs = "listAuditLogs";
    let (partner_links, new_link, upsert) = ("retrievePartnerLinks", "createPartnerLink", "upsertPartnerLink");
    let their_link = (tenants.only_b["links"][0]["id"].as_str().unwrap(), ids.next::<LinkId>(now).to_string());
    let their_link = (their_link.0, their_link.1.as_str());
    let mut rows = vec![
        row(token, "partnerId", partner, Missing, |id| json!({"partnerId": id})),
        row(token, "partnerId", partner, Missing, |id| json!({"partnerId": id, "tenantId": "shared"})),
        row(token, "partnerId", partner, Own, |id| json!({"partnerId": id, "partner": {"email": NEW}})),
        row(token, "tenantId", name, Missing, |id| json!({"tenantId": id})),
        row(token, "partner.tenantId", name, Own, |id| json!({"partner": {"email": NEW, "tenantId": id}})),
        row(token, "partner.groupId", group, Missing, |id| json!({"partner": {"email": NEW, "groupId": id}})),
        row(token, "partner.groupId", name, Missing, |id| json!({"partner": {"email": NEW, "groupId": id}})),
        row(
            token,
            "partner.linkProps.externalId",
            name,
            Own,
            |id| json!({"partner": {"email": NEW, "linkProps": {"externalId": id}}}),
        ),
        row(
            token,
            "partner.linkProps.tenantId",
            name,
            Own,
            |id| json!({"partner": {"email": NEW, "linkProps": {"tenantId": id}}}),
        ),
        row(
            token,
            "partner.linkProps.tagIds",
            tag,
            Refused,
            |id| json!({"partner": {"email": NEW, "linkProps": {"tagIds": [id]}}}),
        ),
        row(revoke, "partnerId", partner, Missing, |id| json!({"partnerId": id})),
        row(revoke, "partnerId", partner, Missing, |id| json!({"partnerId": id, "tenantId": "shared"})),
        row(revoke, "tenantId", name, Missing, |id| json!({"tenantId": id})),
        row(revoke, "programId", program, Missing, |id| json!({"programId": id, "tenantId": "shared"})),
        row(trusted, "programId", program, Missing, |id| json!({"programId": id, "partner": {"email": NEW}})),
        row(
            trusted,
            "groupId",
            group,
            Missing,
            |id| json!({"programId": OWN_PROGRAM, "partner": {"email": NEW}, "groupId": id}),
        ),
        row(
            trusted,
            "groupId",
            name,
            Missing,
            |id| json!({"programId": OWN_PROGRAM, "partner": {"email": NEW}, "groupId": id}),
        ),
        row(
            trusted,
            "externalUserId",
            name,
            Own,
            |id| json!({"programId": OWN_PROGRAM, "partner": {"email": NEW}, "externalUserId": id}),
        ),
        row(create, "tenantId", name, Own, |id| json!({"email": NEW, "tenantId": id})),
        row(create, "groupId", group, Missing, |id| json!({"email": NEW, "groupId": id})),
        row(create, "groupId", name, Missing, |id| json!({"email": NEW, "groupId": id})),
        row(create, "linkProps.externalId", name, Own, |id| json!({"email": NEW, "linkProps": {"externalId": id}})),
        row(create, "linkProps.tenantId", name, Own, |id| json!({"email": NEW, "linkProps": {"tenantId": id}})),
        row(create, "linkProps.tagIds", tag, Refused, |id| json!({"email": NEW, "linkProps": {"tagIds": id}})),
        row(token, "programId", program, Missing, |id| json!({"programId": id, "partner": {"email": NEW}})),
        row(
            BULK,
            "programId",
            program,
            Missing,
            |id| json!([format!("/partners/bulk?programId={id}"), [{"email": NEW}]]),
        ),
        row(create, "programId", program, Missing, |id| json!({"programId": id, "email": NEW})),
        row("listPartners", "programId", program, Missing, |id| json!(format!("/partners?programId={id}"))),
        row("listPartners", "groupId", group, Empty, |id| json!(format!("/partners?groupId={id}"))),
        row("listPartners", "groupId", name, Empty, |id| json!(format!("/partners?groupId={id}"))),
        row("listPartners", "tenantId", name, Empty, |id| json!(format!("/partners?tenantId={id}"))),
        row("listPartners", "email", email, Empty, |email| json!(format!("/partners?email={email}"))),
        row("listPartners", "search", partner, Empty, |id| json!(format!("/partners?search={id}"))),
        row("listPartners", "search", email, Empty, |email| json!(format!("/partners?search={email}"))),
        row("listPartners", "search", name, Empty, |word| json!(format!("/partners?search={word}"))),
        row("countPartners", "programId", program, Missing, |id| json!(format!("/partners/count?programId={id}"))),
        row("countPartners", "groupId", group, Empty, |id| json!(format!("/partners/count?groupId={id}"))),
        row("countPartners", "groupId", name, Empty, |id| json!(format!("/partners/count?groupId={id}"))),
        row("countPartners", "tenantId", name, Empty, |id| json!(format!("/partners/count?tenantId={id}"))),
        row("countPartners", "search", partner, Empty, |id| json!(format!("/partners/count?search={id}"))),
        row("countPartners", "search", name, Empty, |word| json!(format!("/partners/count?search={word}"))),
        row("updatePartner", "id", partner, Missing, |id| json!([format!("/partners/{id}"), {"name": "x"}])),
        row("updatePartner", "groupId", group, Missing, |id| json!([OWN_PATH, {"groupId": id}])),
        row("updatePartner", "groupId", name, Missing, |id| json!([OWN_PATH, {"groupId": id}])),
        row("updatePartner", "tenantId", name, Own, |id| json!([OWN_PATH, {"tenantId": id}])),
        row("updatePartner", "programId", program, Missing, |id| json!([OWN_PATH, {"programId": id}])),
        row("retrievePartner", "programId", program, Missing, |id| json!(format!("/partners/x?programId={id}"))),
        row("retrievePartner", "id", partner, Missing, |id| json!(format!("/partners/{id}"))),
        row("listGroups", "programId", program, Missing, |id| json!(format!("/groups?programId={id}"))),
        row("createGroup", "programId", program, Missing, |id| json!({"name": "New", "programId": id})),
        row("retrieveGroup", "programId", program, Missing, |id| json!(format!("/groups/default?programId={id}"))),
        row("retrieveGroup", "id", group, Missing, |id| json!(format!("/groups/{id}"))),
        row("retrieveGroup", "id", name, Missing, |id| json!(format!("/groups/{id}"))),
        row("updateGroup", "programId", program, Missing, |id| json!(["/groups/default", {"programId": id}])),
        row("updateGroup", "id", group, Missing, |id| json!([format!("/groups/{id}"), {"name": "New"}])),
        row("updateGroup", "id", name, Missing, |id| json!([format!("/groups/{id}"), {"name": "New"}])),
        row("deleteGroup", "programId", program, Missing, |id| json!(format!("/groups/spare?programId={id}"))),
        row("deleteGroup", "moveTo", group, Missing, |id| json!(format!("/groups/spare?moveTo={id}"))),
        row("deleteGroup", "moveTo", name, Missing, |id| json!(format!("/groups/spare?moveTo={id}"))),
        row("deleteGroup", "id", group, Missing, |id| json!(format!("/groups/{id}"))),
        row("deleteGroup", "id", name, Missing, |id| json!(format!("/groups/{id}"))),
        row(partner_links, "partnerId", partner, Missing, |id| json!(format!("/partners/links?partnerId={id}"))),
        row(partner_links, "tenantId", name, Missing, |id| json!(format!("/partners/links?tenantId={id}"))),
        row(partner_links, "programId", program, Missing, |id| {
            json!(format!("/partners/links?tenantId=shared&programId={id}"))
        }),
        row(new_link, "partnerId", partner, Missing, |id| json!({"partnerId": id})),
        row(new_link, "tenantId", name, Missing, |id| json!({"tenantId": id})),
        row(new_link, "key", name, Own, |key| json!({"tenantId": "shared", "key": key})),
        row(
            new_link,
            "linkProps.externalId",
            name,
            Own,
            |id| json!({"tenantId": "shared", "linkProps": {"externalId": id}}),
        ),
        row(
            new_link,
            "linkProps.tenantId",
            name,
            Own,
            |id| json!({"tenantId": "shared", "linkProps": {"tenantId": id}}),
        ),
        row(
            new_link,
            "linkProps.tagIds",
            tag,
            Refused,
            |id| json!({"tenantId": "shared", "linkProps": {"tagIds": [id]}}),
        ),
        row(new_link, "programId", program, Missing, |id| json!({"tenantId": "shared", "programId": id})),
        row(upsert, "partnerId", partner, Missing, |id| json!({"partnerId": id, "url": "https://example.com/"})),
        row(upsert, "tenantId", name, Missing, |id| json!({"tenantId": id, "url": "https://example.com/"})),
        row(upsert, "key", name, Own, |key| json!({"tenantId": "shared", "url": "https://example.com/", "key": key})),
        row(
            upsert,
            "linkProps.externalId",
            name,
            Own,
            |id| json!({"tenantId": "shared", "url": "https://example.com/", "linkProps": {"externalId": id}}),
        ),
        row(
            upsert,
            "linkProps.tenantId",
            name,
            Own,
            |id| json!({"tenantId": "shared", "url": "https://example.com/x", "linkProps": {"tenantId": id}}),
        ),
        row(
            upsert,
            "linkProps.tagIds",
            tag,
            Refused,
            |id| json!({"tenantId": "shared", "url": "https://example.com/x", "linkProps": {"tagIds": id}}),
        ),
        row(
            upsert,
            "programId",
            program,
            Missing,
            |id| json!({"tenantId": "shared", "url": "https://example.com/", "programId": id}),
        ),
        row("getLinkInfo", "linkId", their_link, Missing, |id| json!(format!("/links/info?linkId={id}"))),
        row("getLinkInfo", "linkId", name, Missing, |id| json!(format!("/links/info?linkId=ext_{id}"))),
        row("getLinkInfo", "externalId", name, Missing, |id| json!(format!("/links/info?externalId={id}"))),
        row("getLinkInfo", "key", name, Missing, |key| {
            json!(format!("/links/info?domain=canary-bee.localhost&key={key}"))
        }),
        row("getLinkInfo", "key", name, Missing, |key| json!(format!("/links/info?domain=acme.localhost&key={key}"))),
        row("getLinkInfo", "programId", program, Missing, |id| {
            json!(format!("/links/info?linkId=ext_shared&programId={id}"))
        }),
        row("getLink", "id", their_link, Missing, |id| json!(format!("/links/{id}"))),
        row("getLink", "id", name, Missing, |id| json!(format!("/links/ext_{id}"))),
        row("getLink", "programId", program, Missing, |id| json!(format!("/links/ext_shared?programId={id}"))),
        row("updateLink", "id", their_link, Missing, |id| json!([format!("/links/{id}"), {"key": "k"}])),
        row("updateLink", "id", name, Missing, |id| json!([format!("/links/ext_{id}"), {"key": "k"}])),
        row("updateLink", "key", name, Own, |key| json!(["/links/ext_shared", {"key": key}])),
        row("updateLink", "externalId", name, Own, |id| json!(["/links/ext_shared", {"externalId": id}])),
        row("updateLink", "tagIds", tag, Refused, |id| json!(["/links/ext_shared", {"tagIds": id}])),
        row(
            "updateLink",
            "programId",
            program,
            Missing,
            |id| json!(["/links/ext_shared", {"key": "k", "programId": id}]),
        ),
        row("deleteLink", "id", their_link, Missing, |id| json!(format!("/links/{id}"))),
        row("deleteLink", "id", name, Missing, |id| json!(format!("/links/ext_{id}"))),
        row("deleteLink", "programId", program, Missing, |id| json!(format!("/links/ext_shared?programId={id}"))),
        row("updateTag", "id", tag, Missing, |id| json!([format!("/tags/{id}"), {"color": "red"}])),
        row("deleteTag", "id", tag, Missing, |id| json!(format!("/tags/{id}"))),
        row(link, "key", name, Own, |key| json!({"key": key, "partner": {"id": "shared"}})),
        row(
            link,
            "domain_id",
            domain,
            Missing,
            |id| json!({"key": "k", "domain_id": id, "is_additional": false, "partner": {"id": "shared"}}),
        ),
        row(link, "partner.id", partner, Missing, |id| json!({"key": "k", "partner": {"id": id}})),
        row(link, "partner.id", name, Missing, |id| json!({"key": "k", "partner": {"id": id}})),
        row(link, "partner.key", name, Missing, |key| json!({"key": "k", "partner": {"key": key}})),
        row(link, "partner.email", email, Missing, |email| json!({"key": "k", "partner": {"email": email}})),
        row(
            link,
            "program_id",
            program,
            Missing,
            |id| json!({"program_id": id, "key": "k", "partner": {"id": "shared"}}),
        ),
        row(domains, "program_id", program, Missing, |id| {
            json!(format!("/partner_referral_links:domains?program_id={id}"))
        }),
        row(links, "id", partner, Missing, |id| json!(format!("/partners/{id}/referral_links"))),
        row(links, "id", name, Missing, |id| json!(format!("/partners/{id}/referral_links"))),
        row(links, "program_id", program, Missing, |id| {
            json!(format!("/partners/shared/referral_links?program_id={id}"))
        }),
        row(search, "id", a_link, Missing, |id| json!(format!("/partner_referral_links:search?id={id}"))),
        row(search, "id", name, Missing, |key| json!(format!("/partner_referral_links:search?id={key}"))),
        row(search, "key", name, Missing, |key| json!(format!("/partner_referral_links:search?key={key}"))),
        row(search, "program_id", program, Missing, |id| {
            json!(format!("/partner_referral_links:search?key=shared&program_id={id}"))
        }),
        row(
            update,
            "id",
            a_link,
            Missing,
            |id| json!([format!("/partner_referral_links/{id}"), {"direct_tracking": true}]),
        ),
        row(
            update,
            "id",
            name,
            Missing,
            |key| json!([format!("/partner_referral_links/{key}"), {"direct_tracking": true}]),
        ),
        row(update, "key", name, Own, |key| json!(["/partner_referral_links/shared", {"key": key}])),
        row(
            update,
            "domain_id",
            domain,
            Missing,
            |id| json!(["/partner_referral_links/shared", {"domain_id": id, "is_additional": false}]),
        ),
        row(update, "program_id", program, Missing, |id| json!(["/partner_referral_links/shared", {"program_id": id}])),
        row(delete, "id", a_link, Missing, |id| json!(format!("/partner_referral_links/{id}"))),
        row(delete, "id", name, Missing, |key| json!(format!("/partner_referral_links/{key}"))),
        row(delete, "program_id", program, Missing, |id| {
            json!(format!("/partner_referral_links/shared?program_id={id}"))
        }),
        row(retrieve, "id", a_link, Missing, |id| json!(format!("/partner_referral_links/{id}"))),
        row(retrieve, "id", name, Missing, |key| json!(format!("/partner_referral_links/{key}"))),
        row(retrieve, "program_id", program, Missing, |id| {
            json!(format!("/partner_referral_links/shared?program_id={id}"))
        }),
        row("invitePartner", "groupId", group, Missing, |id| json!({"email": NEW, "groupId": id})),
        row("invitePartner", "groupId", name, Missing, |id| json!({"email": NEW, "groupId": id})),
        row("invitePartner", "tenantId", name, Own, |id| json!({"email": NEW, "tenantId": id})),
        row("invitePartner", "programId", program, Missing, |id| json!({"programId": id, "email": NEW})),
        row("deletePartnerInvite", "id", partner, Missing, |id| json!(format!("/partners/invites/{id}"))),
        row("deletePartnerInvite", "programId", program, Missing, |id| {
            json!(format!("/partners/invites/{OWN_PARTNER}?programId={id}"))
        }),
        row(applications, "groupId", group, Empty, |id| json!(format!("/partners/applications?groupId={id}"))),
        row(applications, "groupId", name, Empty, |id| json!(format!("/partners/applications?groupId={id}"))),
        row(applications, "search", partner, Empty, |id| json!(format!("/partners/applications?search={id}"))),
        row(applications, "programId", program, Missing, |id| json!(format!("/partners/applications?programId={id}"))),
        row(program_applications, "groupId", group, Empty, |id| json!(format!("/program-applications?groupId={id}"))),
        row(program_applications, "search", partner, Empty, |id| json!(format!("/program-applications?search={id}"))),
        row(program_applications, "programId", program, Missing, |id| {
            json!(format!("/program-applications?programId={id}"))
        }),
        row(logs, "partnerId", partner, Empty, |id| json!(format!("/audit-logs?partnerId={id}"))),
        row(logs, "programId", program, Missing, |id| json!(format!("/audit-logs?programId={id}"))),
    ];
    for approve in ["approvePartnerApplication", "approveProgramApplication"] {
        rows.extend([
            row(approve, "partnerId", partner, Missing, |id| json!({"partnerId": id})),
            row(
                approve,
                "applicationId",
                application,
                Missing,
                |id| json!({"partnerId": OWN_PARTNER, "applicationId": id}),
            ),
            row(approve, "groupId", group, Missing, |id| json!({"partnerId": OWN_PARTNER, "groupId": id})),
            row(approve, "groupId", name, Missing, |id| json!({"partnerId": OWN_PARTNER, "groupId": id})),
            row(approve, "programId", program, Missing, |id| json!({"programId": id, "partnerId": OWN_PARTNER})),
        ]);
    }
    for reject in ["rejectPartnerApplication", "rejectProgramApplication"] {
        rows.extend([
            row(reject, "partnerId", partner, Missing, |id| json!({"partnerId": id})),
            row(reject, "programId", program, Missing, |id| json!({"programId": id, "partnerId": OWN_PARTNER})),
        ]);
    }
    for step in ["banPartner", "unbanPartner", "deactivatePartner", "reactivatePartner"] {
        rows.extend([
            row(step, "partnerId", partner, Missing, |id| json!({"partnerId": id, "reason": "fraud"})),
            row(step, "tenantId", name, Missing, |id| json!({"tenantId": id, "reason": "fraud"})),
            row(
                step,
                "programId",
                program,
                Missing,
                |id| json!({"programId": id, "tenantId": "shared", "reason": "fraud"}),
            ),
        ]);
    }
    rows
}

#[tokio::test]
async fn id_of_another_workspace_is_an_id_that_does_not_exist() {
    let tenants = TwoTenants::start().await;
    let rows = rows(&tenants).await;
    assert_all_parameters_have_rows(&tenants, &rows).await;
    arrange_own_rows(&tenants).await;
    for row in rows.iter().filter(|row| row.outcome != Own) {
        assert_kept_apart(&tenants, row).await;
    }
}

/// Each request has different data, so that no request finds the rows of another request.
#[tokio::test]
async fn name_of_another_workspace_can_be_used_in_ones_own() {
    let tenants = TwoTenants::start().await;
    let all = rows(&tenants).await;
    let own: Vec<usize> = (0..all.len()).filter(|index| all[*index].outcome == Own).collect();
    each_at_once(&own, async |index| {
        let tenants = TwoTenants::start().await;
        arrange_own_rows(&tenants).await;
        let row = rows(&tenants).await.swap_remove(*index);
        assert_kept_apart(&tenants, &row).await;
    })
    .await;
}

async fn arrange_own_rows(tenants: &TwoTenants) {
    tenants.post("/partners", shared_partner()).await.expect(201);
    tenants.post("/groups", json!({"name": "Spare"})).await.expect(201);
}

async fn assert_kept_apart(tenants: &TwoTenants, row: &Row) {
    let (a, b) = (tenants.rows(&tenants.a).await, tenants.rows(&tenants.b).await);
    let theirs = send(tenants, row, &row.theirs).await;
    let name = format!("{} with {}: {}", row.operation, (row.request)(&row.theirs), theirs.1);
    assert_eq!(tenants.rows(&tenants.b).await, b, "{name}: the other workspace has changed");
    match row.outcome {
        Own => return assert!([200, 201].contains(&theirs.0), "{name}"),
        Missing => assert_eq!(theirs.0, 404, "{name}"),
        Refused => assert_eq!(theirs.0, 422, "{name}"),
        Empty => assert!(theirs == (200, json!([])) || theirs == (200, json!(0)), "{name}"),
    }
    assert_eq!(theirs, send(tenants, row, &row.nobodys).await, "{name}: an id that does not exist");
    assert_eq!(tenants.rows(&tenants.a).await, a, "{name}: something was written");
}

async fn send(tenants: &TwoTenants, row: &Row, id: &str) -> (u16, Value) {
    let operation = openapi::operations().into_iter().find(|it| it.operation_id == row.operation).unwrap();
    let own_partner = tenants.post("/partners", shared_partner()).await.expect(201)["id"].clone();
    let request = (row.request)(id).to_string();
    let request = request.replace(OWN_PROGRAM, &tenants.a.program_id.to_string());
    let request = request.replace(OWN_PARTNER, own_partner.as_str().unwrap());
    let answer = match serde_json::from_str(&request).unwrap() {
        Value::String(path) => tenants.ask(operation.method, &path, None).await,
        Value::Array(both) => tenants.ask(operation.method, both[0].as_str().unwrap(), Some(&both[1])).await,
        item if row.operation == BULK => {
            let items = tenants.ask(operation.method, &operation.path, Some(&json!([item]))).await.expect(200);
            return (items[0]["status"].as_u64().unwrap().try_into().unwrap(), items[0].clone());
        }
        body => tenants.ask(operation.method, &operation.path, Some(&body)).await,
    };
    (answer.status.as_u16(), answer.body)
}

/// Checks that every parameter of openapi.yaml that names something has a row.
async fn assert_all_parameters_have_rows(tenants: &TwoTenants, rows: &[Row]) {
    let contract = tenants.app.stranger().get("/openapi.json").await.expect(200);
    let mut documented = Vec::new();
    for operation in openapi::operations() {
        let id = &operation.operation_id;
        let described = &contract["paths"][&operation.path][operation.method.as_str().to_lowercase()];
        for parameter in described["parameters"].as_array().into_iter().flatten() {
            let parameter = resolve(&contract, parameter);
            documented.push((id.clone(), parameter["name"].as_str().unwrap().to_owned()));
        }
        let body = &described["requestBody"]["content"]["application/json"]["schema"];
        let body = if body["type"] == "array" { &body["items"] } else { body };
        collect(&contract, body, "", &mut |path| documented.push((id.clone(), path.to_owned())));
    }
    let mut documented: BTreeSet<_> = documented.into_iter().collect();
    let covered: BTreeSet<_> = rows.iter().map(|row| (row.operation.to_owned(), row.parameter.to_owned())).collect();
    assert!(covered.is_subset(&documented), "not in openapi.yaml: {:?}", covered.difference(&documented));
    documented.retain(|(_, path)| names_something(path));
    assert!(documented.is_subset(&covered), "without a row: {:?}", documented.difference(&covered));
}

fn names_something(path: &str) -> bool {
    let last = path.rsplit('.').next().unwrap();
    ["id", "key"].contains(&last) || ["Id", "_id", "Ids", "_ids"].iter().any(|end| last.ends_with(end))
}

fn resolve<'a>(contract: &'a Value, described: &'a Value) -> &'a Value {
    match described["$ref"].as_str() {
        Some(reference) => contract.pointer(reference.strip_prefix('#').unwrap()).unwrap(),
        None => described,
    }
}

/// Calls `found` with the path of every property of a request.
fn collect(contract: &Value, schema: &Value, path: &str, found: &mut impl FnMut(&str)) {
    let schema = resolve(contract, schema);
    for part in schema["allOf"].as_array().into_iter().flatten() {
        collect(contract, part, path, found);
    }
    for (name, property) in schema["properties"].as_object().unwrap_or(&Map::new()) {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        found(&path);
        collect(contract, property, &path, found);
    }
}
