//! The round trips of each kind of call. The lists are exact: an additional statement is a deliberate decision.

use pearset::testing::domains::LinkAddress;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::noted::NotedTrips;
use crate::support::app::{TestApp, Workspace};
use crate::support::cluster::SHARED;
use crate::support::live::LiveServer;

const TOKENS: &str = "/tokens/embed/referrals";
const PARTNERS: &str = "/partners";

const FIND_KEY: &str = "workspaces::find_grant";
const FIND: &str = "enrollments::find_candidates";
const BEGIN: &str = "BEGIN as tenant";
const BEGIN_READING: &str = "BEGIN READ ONLY as tenant";

struct Counted {
    noted: NotedTrips,
    server: LiveServer,
    workspace: Workspace,
    app: TestApp,
}

impl Counted {
    async fn start() -> Self {
        let mut app = TestApp::start().await;
        let noted = NotedTrips::of(&mut app, &SHARED).await;
        let server = LiveServer::start(&app).await;
        let workspace = app.workspace("acme").await;
        noted.take();
        Self { noted, server, workspace, app }
    }

    /// Creates a second program of the workspace.
    async fn second_program(&self) -> String {
        let address = LinkAddress::served("go.second.example.com".parse().unwrap());
        self.app.create_program(self.workspace.id, address).await.id.to_string()
    }

    /// Returns the round trips of a call, without the look-up of an API key that is not cached at the moment.
    async fn trips(&self, path: &str, body: &Value) -> Vec<String> {
        let mut trips = self.all_trips(path, body).await;
        trips.retain(|trip| trip != FIND_KEY);
        trips
    }

    async fn all_trips(&self, path: &str, body: &Value) -> Vec<String> {
        let (status, answer) = self.server.post(self.workspace.actor.authorization(), path, body).await;
        assert!(status.is_success(), "{answer}");
        self.noted.take()
    }
}

fn partner(name: &str) -> Value {
    json!({ "email": format!("{name}@example.com"), "tenantId": name })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_call_makes_no_unnecessary_round_trip() {
    let counted = Counted::start().await;
    let created = [FIND, BEGIN, "groups::find_enrollment_terms", "enrollments::insert_enrollment", "COMMIT"];
    let load = ["enrollments::find_enrolled_partner", "links::list_partner_links"];
    // The answer is read before the last trip of the transaction.
    let and_loaded = |trips: &[&'static str]| {
        let (commit, trips) = trips.split_last().unwrap();
        [trips, &load, &[commit]].concat()
    };
    // Looked up again after the answer was read, because nothing is locked.
    let repeated = [&[FIND, BEGIN][..], &load, &[FIND, "COMMIT"]].concat();
    let bound = [
        FIND,
        BEGIN,
        "enrollments::update_tenant_id",
        "links::update_tenant_id_of_partner_links",
        "audit_logs::insert_entry",
        "COMMIT",
    ];
    let token = |partner: Value| (TOKENS, json!({ "partner": partner }));
    let rows: [(&str, (&str, Value), Vec<&str>); 9] = [
        ("a token that creates", token(partner("new")), created.to_vec()),
        ("a repeated token, row 2", token(partner("jane")), vec![FIND]),
        ("a repeated token by tenant id", (TOKENS, json!({ "tenantId": "jane" })), vec![FIND]),
        ("a repeated token, row 3", token(json!({ "email": "john@example.com", "tenantId": "jane" })), vec![FIND]),
        ("a repeated token, row 8", token(json!({ "email": "jane@example.com" })), vec![FIND]),
        ("a token that binds, row 4", token(partner("unbound")), bound.to_vec()),
        ("a partner that is created", (PARTNERS, partner("other")), and_loaded(&created)),
        ("a repeated partner", (PARTNERS, partner("jane")), repeated),
        (
            "a partner that is bound, row 5",
            (PARTNERS, json!({ "email": "jane@example.com", "tenantId": "j2" })),
            and_loaded(&bound),
        ),
    ];
    // These calls prepare every statement.
    for name in ["jane", "john"] {
        counted.trips(PARTNERS, &partner(name)).await;
    }
    for body in [json!({ "email": "unbound@example.com" }), json!({ "email": "unbound2@example.com" })] {
        counted.trips(PARTNERS, &body).await;
    }
    counted.trips(PARTNERS, &partner("unbound2")).await;
    for (what, (path, body), expected) in rows {
        assert_eq!(counted.trips(path, &body).await, expected, "{what}");
    }
}

/// A named program is cached like an API key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_token_request_with_a_program_makes_one_round_trip() {
    let counted = Counted::start().await;
    let second = counted.second_program().await;
    let body = json!({ "programId": second, "partner": partner("jane") });
    counted.trips(TOKENS, &body).await;
    counted.trips(TOKENS, &body).await;
    let mut trips = counted.trips(TOKENS, &body).await;
    // At most once a second, as for an API key.
    trips.retain(|trip| ![BEGIN_READING, "programs::is_active", "COMMIT"].contains(&trip.as_str()));
    assert_eq!(trips, [FIND]);
    let lookups = async || {
        let trips = counted.trips(TOKENS, &body).await;
        trips.iter().filter(|trip| *trip == "programs::is_active").count()
    };
    let begin = Instant::now();
    let mut asked = 0;
    for _ in 0..100 {
        asked += lookups().await;
    }
    #[expect(clippy::cast_precision_loss, reason = "at most a hundred")]
    let most = asked as f64 <= 1.0 + begin.elapsed().as_secs_f64();
    assert!(most, "{asked} look-ups in {:?}", begin.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_looked_up_once_a_second() {
    let counted = Counted::start().await;
    let body = json!({ "partner": partner("jane") });
    counted.all_trips(TOKENS, &body).await;
    let begin = Instant::now();
    let mut lookups = 0;
    for _ in 0..100 {
        let trips = counted.all_trips(TOKENS, &body).await;
        lookups += trips.iter().filter(|trip| *trip == FIND_KEY).count();
    }
    let seconds = begin.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "at most a hundred")]
    let most = lookups as f64 <= 1.0 + seconds;
    assert!(most, "{lookups} look-ups in {seconds} s");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_other_token_routes_make_no_unnecessary_round_trip() {
    let counted = Counted::start().await;
    let body = json!({ "partner": partner("watched") });
    let (_, minted) = counted.server.post(counted.workspace.actor.authorization(), TOKENS, &body).await;
    let affonso = json!({
        "programId": counted.workspace.program_id, "partner": { "email": "jane@example.com" }, "externalUserId": "jane",
    });
    let rows = [
        (
            "/embed/token",
            affonso,
            vec![
                FIND,
                BEGIN,
                "enrollments::revoke_tokens",
                "audit_logs::insert_entry",
                "embed_tokens::find_places",
                "COMMIT",
            ],
        ),
        (
            "/tokens/embed/referrals/verify",
            json!({ "token": minted["publicToken"] }),
            vec!["embed_tokens::find_subject"],
        ),
        (
            "/tokens/embed/referrals/revoke",
            json!({ "tenantId": "jane" }),
            vec![BEGIN, "enrollments::revoke_partner_tokens", "audit_logs::insert_entry", "COMMIT"],
        ),
    ];
    // These calls prepare every statement and create the partner.
    for (path, body, _) in rows.iter().cycle().take(2 * rows.len()) {
        counted.trips(path, body).await;
    }
    for (path, body, expected) in rows {
        assert_eq!(counted.trips(path, &body).await, expected, "{path}");
    }
}
