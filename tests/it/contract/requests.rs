//! A successful request for each operation of openapi.yaml, and the ways to make requests fail.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use axum::body::Body;
use http::header::CONTENT_TYPE;
use pearset::testing::idempotency::IdempotencyKey;
use pearset::testing::values::id::{PartnerId, TagId};
use pearset::testing::workspaces::Plan;
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};
use uuid::Uuid;

use crate::support::actor::{Actor, Answer};
use crate::support::app::{TestApp, Workspace};
use crate::support::cluster::SHARED;
use crate::support::openapi::{self, Operation};

/// The tenant id of the partner that exists at the start.
pub(crate) const KNOWN: &str = "known";

/// An application with one workspace, where one partner is enrolled.
pub(crate) struct World {
    pub(crate) app: TestApp,
    pub(crate) workspace: Workspace,
    pub(crate) known: Known,
}

/// The ids of the objects that exist at the start.
pub(crate) struct Known {
    pub(crate) program: String,
    /// A token of a partner whose tokens no good request revokes.
    pub(crate) token: String,
    pub(crate) partner: String,
    pub(crate) link: String,
    pub(crate) tag: String,
    pub(crate) group: String,
    /// Tags for requests that delete a tag. The link `ext_<index>` is the spare link of the same index.
    pub(crate) spare_tags: Vec<String>,
    spares_used: AtomicUsize,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::of(TestApp::start().await).await
    }

    /// Starts a world with these rate limits, in the form of the setting.
    pub(crate) async fn limited(rate_limits: &str) -> Self {
        Self::of(TestApp::limited(rate_limits).await).await
    }

    async fn of(app: TestApp) -> Self {
        let workspace = app.workspace_on("acme", Plan::Enterprise).await;
        let mut known = enroll_known(&workspace.actor).await;
        known.spare_tags = make_spares(&app).await;
        Self { app, workspace, known }
    }

    /// Returns a successful request for every operation of the contract.
    pub(crate) fn requests(&self) -> Vec<GoodRequest> {
        let requests = openapi::operations().into_iter();
        requests.map(|operation| GoodRequest::new(operation, &self.known, &self.app.superuser())).collect()
    }
}

/// Creates links and tags for requests that delete one.
#[expect(clippy::disallowed_methods, reason = "requests would take too long to create so many")]
async fn make_spares(app: &TestApp) -> Vec<String> {
    const SPARES: i32 = 60;
    let conn = &mut app.sql().await;
    let links = "INSERT INTO links (workspace_id, id, program_id, partner_id, domain_id, key, key_folded, external_id,
                                    url, created_at, updated_at)
                 SELECT workspace_id, gen_random_uuid(), program_id, partner_id, domain_id, 'spare-' || n, 'spare-' || n,
                        n - 1, url, created_at, updated_at
                 FROM links, generate_series(1, $1) n WHERE key = 'known'";
    sqlx::query(links).bind(SPARES).execute(&mut *conn).await.unwrap();
    let tags = "INSERT INTO tags SELECT id, gen_random_uuid(), 'spare-' || n, 'spare-' || n, 'red', now()
                FROM workspaces, generate_series(1, $1) n RETURNING id";
    let tags: Vec<TagId> = sqlx::query_scalar(tags).bind(SPARES).fetch_all(conn).await.unwrap();
    tags.iter().map(ToString::to_string).collect()
}

/// Enrolls the partner that the good requests name.
pub(crate) async fn enroll_known(actor: &Actor) -> Known {
    let partner = actor.post("/partners", json!({"email": "known@example.com", "tenantId": KNOWN})).await.expect(201);
    let id = |value: &Value| value.as_str().unwrap().to_owned();
    let program = id(&partner["programId"]);
    let token = json!({"partner": {"email": "watched@example.com"}});
    let token = id(&actor.post("/tokens/embed/referrals", token).await.expect(201)["publicToken"]);
    let tag = actor.post("/tags", json!({"name": "known"})).await.expect(201);
    Known {
        program,
        token,
        partner: id(&partner["id"]),
        link: id(&partner["links"][0]["id"]),
        tag: id(&tag["id"]),
        group: id(&partner["groupId"]),
        spare_tags: Vec::new(),
        spares_used: AtomicUsize::new(0),
    }
}

/// A request that its operation answers with success, however often the request is sent.
#[derive(Clone)]
pub(crate) struct GoodRequest {
    pub(crate) operation: Operation,
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
    /// The statement that restores the objects that the request uses up.
    arrangement: Option<String>,
    database: PgConnectOptions,
}

impl GoodRequest {
    fn new(operation: Operation, known: &Known, database: &PgConnectOptions) -> Self {
        static KEYS: AtomicU32 = AtomicU32::new(0);
        let changing = PartnerId::from(CHANGING).to_string();
        let body = match operation.operation_id.as_str() {
            "createReferralsEmbedToken" | "revokeReferralsEmbedTokens" | "createPartnerLink" => {
                Some(json!({"tenantId": KNOWN}))
            }
            "createEmbedToken" => Some(json!({
                "programId": known.program, "partner": {"email": "known@example.com"}, "externalUserId": KNOWN,
            })),
            "verifyReferralsEmbedToken" => Some(json!({"token": known.token})),
            "createPartner" => Some(json!({"email": "known@example.com"})),
            "bulkCreatePartners" => Some(json!([{"email": "known@example.com"}])),
            "banPartner" => Some(json!({"partnerId": changing, "reason": "fraud"})),
            "invitePartner" => Some(json!({"email": "invited@example.com"})),
            "unbanPartner"
            | "deactivatePartner"
            | "reactivatePartner"
            | "approvePartnerApplication"
            | "rejectPartnerApplication"
            | "approveProgramApplication"
            | "rejectProgramApplication" => Some(json!({"partnerId": changing})),
            "createGroup" => Some(json!({"name": format!("Group {}", KEYS.fetch_add(1, Ordering::Relaxed))})),
            "updateGroup" => Some(json!({"name": "Renamed"})),
            "createPartnerReferralLink" => {
                let key = format!("key-{}", KEYS.fetch_add(1, Ordering::Relaxed));
                Some(json!({"key": key, "partner": {"id": KNOWN}}))
            }
            "updatePartnerReferralLink" => Some(json!({"direct_tracking": true})),
            "updatePartner" => Some(json!({"name": "Known"})),
            "upsertPartnerLink" => Some(json!({"tenantId": KNOWN, "url": "https://example.com/upserted"})),
            "updateLink" => Some(json!({"comments": "changed"})),
            "createTag" => Some(json!({"name": format!("tag-{}", KEYS.fetch_add(1, Ordering::Relaxed))})),
            "updateTag" => Some(json!({"color": "purple"})),
            "listPartners"
            | "countPartners"
            | "retrievePartner"
            | "listGroups"
            | "retrieveGroup"
            | "deleteGroup"
            | "deletePartnerReferralLink"
            | "listPartnerReferralLinks"
            | "searchPartnerReferralLinks"
            | "retrievePartnerReferralLink"
            | "deletePartnerInvite"
            | "listPartnerApplications"
            | "listProgramApplications"
            | "listAuditLogs"
            | "retrievePartnerLinks"
            | "getLinkInfo"
            | "getLink"
            | "deleteLink"
            | "getTags"
            | "deleteTag"
            | "listPartnerReferralLinkDomains"
            | "getHealth"
            | "getReadiness"
            | "getJwks"
            | "getOpenapiYaml"
            | "getOpenapiJson"
            | "getDocs" => None,
            other => panic!("{other} is new in openapi.yaml: add a request that it answers with success"),
        };
        let spare = || known.spares_used.fetch_add(1, Ordering::Relaxed);
        let spare_link;
        let id = match operation.path.split('/').nth(1) {
            _ if operation.operation_id == "deleteLink" => {
                spare_link = format!("ext_{}", spare());
                &spare_link
            }
            _ if operation.operation_id == "deleteTag" => &known.spare_tags[spare()],
            Some("links" | "partner_referral_links") => &known.link,
            Some("tags") => &known.tag,
            Some("groups") => &known.group,
            _ => &known.partner,
        };
        let id = if operation.operation_id == "deletePartnerInvite" { &changing } else { id };
        let query = match operation.operation_id.as_str() {
            "retrievePartnerLinks" => format!("?tenantId={KNOWN}"),
            "searchPartnerReferralLinks" => format!("?id={}", known.link),
            "getLinkInfo" => format!("?linkId={}", known.link),
            _ => String::new(),
        };
        let mut path = operation.path.replace("{id}", id) + &query;
        if operation.operation_id == "deleteGroup" {
            "/groups/spare".clone_into(&mut path);
        }
        if operation.operation_id == "deletePartnerReferralLink" {
            "/partner_referral_links/spare".clone_into(&mut path);
        }
        let arrangement = arrangement(&operation.operation_id);
        Self { operation, path, body, arrangement, database: database.clone() }
    }

    /// Returns the status of the successful answer.
    pub(crate) fn success(&self) -> u16 {
        self.operation.statuses.iter().copied().find(|status| (200..300).contains(status)).unwrap()
    }

    pub(crate) async fn send(&self, actor: &Actor) -> Answer {
        self.arrange().await;
        self.send_as(actor, actor.request(self.operation.method.clone(), &self.path)).await
    }

    /// Sends the request with an `Idempotency-Key`, without the arrangement.
    pub(crate) async fn send_once(&self, actor: &Actor, key: &IdempotencyKey) -> Answer {
        let request = actor.request(self.operation.method.clone(), &self.path);
        self.send_as(actor, request.header(IdempotencyKey::HEADER, key.as_str())).await
    }

    async fn send_as(&self, actor: &Actor, request: http::request::Builder) -> Answer {
        let request = match &self.body {
            Some(body) => request.header(CONTENT_TYPE, "application/json").body(Body::from(body.to_string())),
            None => request.body(Body::empty()),
        };
        actor.send(request.unwrap()).await
    }

    /// Restores the objects that the request uses up. Does nothing while the database is unavailable or broken on
    /// purpose, because no request needs the objects then.
    pub(crate) async fn arrange(&self) {
        if let Some(arrangement) = &self.arrangement
            && let Ok(mut sql) = self.database.connect().await
        {
            let _ = sql.execute(AssertSqlSafe(arrangement.clone())).await;
        }
    }

    /// Returns a request for the same operation with this body.
    pub(crate) fn like(&self, body: Value) -> Self {
        Self { body: Some(body), ..self.clone() }
    }

    /// Returns a request for the same operation at this path.
    pub(crate) fn with_path(self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    /// Returns a copy of the request at another path.
    pub(crate) fn at(&self, path: &str) -> Self {
        self.clone().with_path(path)
    }
}

/// Returns the statement that restores the objects that a request uses up.
fn arrangement(operation_id: &str) -> Option<String> {
    match operation_id {
        "banPartner" | "deactivatePartner" => Some(set_status("approved")),
        "unbanPartner" => Some(set_status("banned")),
        "deletePartnerInvite" => Some(set_status("invited")),
        "reactivatePartner" => Some(set_status("deactivated")),
        "approvePartnerApplication"
        | "rejectPartnerApplication"
        | "approveProgramApplication"
        | "rejectProgramApplication" => Some(set_status("pending")),
        "deleteGroup" => Some(A_SPARE_GROUP.to_owned()),
        "deletePartnerReferralLink" => Some(A_SPARE_LINK.to_owned()),
        _ => None,
    }
}

/// The partner of requests that change a status, which succeed once.
const CHANGING: Uuid = Uuid::from_u128(0x01900000_0000_7000_8000_000000000001);

/// Inserts a group that can be deleted, in every program.
const A_SPARE_GROUP: &str = "INSERT INTO groups (workspace_id, id, program_id, slug, name, created_at, updated_at)
                             SELECT workspace_id, gen_random_uuid(), id, 'spare', 'Spare', now(), now() FROM programs
                             ON CONFLICT DO NOTHING";

/// Inserts a link that can be deleted, of the partner that exists at the start.
const A_SPARE_LINK: &str = "
    INSERT INTO links (workspace_id, id, program_id, partner_id, domain_id, tenant_id, key, key_folded, url,
                       created_at, updated_at)
    SELECT workspace_id, gen_random_uuid(), program_id, partner_id, domain_id, tenant_id, 'spare', 'spare', url,
           created_at, updated_at
    FROM links WHERE key = 'known' ON CONFLICT DO NOTHING";

/// Returns the statement that gives the changing partner this status in the workspace's default program.
fn set_status(status: &str) -> String {
    format!(
        "INSERT INTO partners (workspace_id, id, email, email_normalized, created_at)
         SELECT id, '{CHANGING}', 'changing@example.com', 'changing@example.com', now()
         FROM workspaces WHERE slug = 'acme'
         ON CONFLICT DO NOTHING;
         INSERT INTO enrollments (workspace_id, id, program_id, partner_id, group_id, status, application_id,
                                  invite_expires_at, created_at)
         SELECT w.id, '{CHANGING}', p.id, '{CHANGING}', p.default_group_id, '{status}', '{CHANGING}', '2030-01-01', now()
         FROM workspaces w JOIN programs p ON p.workspace_id = w.id AND p.id = w.default_program_id
         WHERE w.slug = 'acme'
         ON CONFLICT (workspace_id, program_id, partner_id)
         DO UPDATE SET status = EXCLUDED.status, invite_expires_at = EXCLUDED.invite_expires_at"
    )
}

/// Makes the application's database refuse connections, and ends its sessions.
pub(crate) async fn take_database_away(app: &TestApp) {
    let name = app.database_name();
    let mut admin = SHARED.admin().await;
    let close = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false");
    admin.execute(AssertSqlSafe(close)).await.unwrap();
    // Waits for the end of each session: a session that is still alive would answer a request.
    let end = format!("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}'");
    admin.execute(AssertSqlSafe(end)).await.unwrap();
}

/// Makes the statements of every operation fail, except the look-up of the API key. Can be repeated.
pub(crate) async fn break_schema(app: &TestApp) {
    let renamed = "ALTER TABLE IF EXISTS enrollments RENAME TO hidden_enrollments; \
                   ALTER TABLE IF EXISTS domains RENAME TO hidden_domains; \
                   ALTER TABLE IF EXISTS audit_logs RENAME TO hidden_audit_logs; \
                   ALTER TABLE IF EXISTS tags RENAME TO hidden_tags";
    app.sql().await.execute(renamed).await.unwrap();
}
