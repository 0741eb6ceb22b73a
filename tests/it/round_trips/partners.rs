//! The round trips of lists: the same number for a hundred partners as for one.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::noted::NotedTrips;
use crate::support::app::TestApp;
use crate::support::cluster::SHARED;
use crate::support::live::LiveServer;

const FIND_KEY: &str = "workspaces::find_grant";
/// The first statement of a reading transaction.
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL plan_cache_mode = force_custom_plan \
                        as tenant";
const LIST: &str = "enrollments::list_enrolled_partners";
const LINKS: &str = "links::list_links_of_partners";
const COUNT: &str = "enrollments::count_enrollments";
const GROUP: &str = "groups::find_group_id";
const BEGIN: &str = "BEGIN as tenant";
const SHOWN: [&str; 4] =
    ["BEGIN READ ONLY as tenant", "enrollments::find_enrolled_partner", "links::list_partner_links", "COMMIT"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_and_changes_make_no_unnecessary_round_trip() {
    let mut app = TestApp::start().await;
    let noted = NotedTrips::of(&mut app, &SHARED).await;
    let server = LiveServer::start(&app).await;
    let workspace = app.workspace("acme").await;
    let ask = async |method: Method, path: &str, body: &Value| {
        let authorization = Some(workspace.actor.authorization());
        let (status, _, answer) = server.send(method, authorization, path, body.to_string()).await;
        assert!([StatusCode::OK, StatusCode::CREATED].contains(&status), "{path}: {answer}");
        answer
    };
    let mut ids = Vec::new();
    for index in 0..30 {
        let body = json!({ "email": format!("p{index}@example.com") });
        ids.push(ask(Method::POST, "/partners", &body).await["id"].as_str().unwrap().to_owned());
    }
    let partner = format!("/partners/{}", ids[0]);
    let locks = ["enrollments::lock_enrollment", "partners::lock_profile"];
    let changed = [BEGIN, locks[0], locks[1], "partners::update_profile", "audit_logs::insert_entry", "COMMIT"];
    let get = |path: &'static str| (Method::GET, path.to_owned(), json!(null));
    let change = |body: Value| (Method::PATCH, partner.clone(), body);
    for ((method, path, body), expected) in [
        (get("/partners"), vec![SNAPSHOT, LIST, LINKS, "COMMIT"]),
        (get("/partners?pageSize=1&sortBy=createdAt"), vec![SNAPSHOT, LIST, LINKS, "COMMIT"]),
        (get("/partners?groupId=default&search=p"), vec![SNAPSHOT, GROUP, LIST, LINKS, "COMMIT"]),
        (get("/partners?groupId=nothing"), vec![SNAPSHOT, GROUP, "COMMIT"]),
        (get("/partners/count"), vec![SNAPSHOT, COUNT, "COMMIT"]),
        (change(json!({})), SHOWN.to_vec()),
        (change(json!({ "country": null })), [&[BEGIN, locks[0], locks[1], "COMMIT"][..], &SHOWN].concat()),
        (change(json!({ "name": "first" })), [&changed[..], &SHOWN].concat()),
    ] {
        // The first call prepares the statements. A change must differ from the change of the call before.
        let other: Value = serde_json::from_str(&body.to_string().replace("first", "second")).unwrap();
        ask(method.clone(), &path, &other).await;
        noted.take();
        ask(method, &path, &body).await;
        let mut trips = noted.take();
        trips.retain(|trip| trip != FIND_KEY);
        assert_eq!(trips, expected, "{path} {body}");
    }
}
