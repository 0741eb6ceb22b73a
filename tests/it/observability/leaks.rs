//! The suite ends when a log contains personal data or a secret. Each test here logs such data in a run of its own.

use std::env;
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use sqlx::Executor;

use crate::support::app::TestApp;
use crate::support::canaries::{ENDED, find, sent, watch};
use crate::support::cluster::SHARED;

const KEY: &str = "pst_VyXWDh2BQLUtJmPqESkG3wzeGyuahR2w18xq";
const TOKEN: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";

#[test]
fn secrets_and_personal_data_are_found_and_nothing_else_is() {
    sent(json!({ "partner": { "name": "Zaphod Beeblebrox", "country": "Betelgeuse", "companyName": "enrollments" }, "n": [{ "tenantId": "user_4711" }] }).to_string().as_bytes());
    for text in [
        KEY,
        &format!(r#"{{"authorization":"Bearer {KEY}"}}"#),
        TOKEN,
        "mail to jane.doe+x@mail.example.com.",
        "GET /partners?email=jane%40example.com",
        "cause=Some(Key (email)=(j@example.de) already exists)",
        "hello Zaphod Beeblebrox!",
        "GET /partners/user_4711",
    ] {
        assert!(find(text).is_some(), "{text}");
    }
    for text in [
        "",
        "pst_VyXWDh2BQLUtJmPq",
        "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9",
        "postgres://pearset@localhost/pearset",
        "request{request_id=req_01m7y3q6q9e86sf465hmb3q9t9}: status=201 workspace=ws_01m7y3m5m3eqsvdzvvjb2ax9jz",
        "Betelgeuse",
        "SELECT FROM enrollments",
    ] {
        assert_eq!(find(text), None, "{text}");
    }
}

/// Runs one of the tests below in a process of its own.
#[track_caller]
fn assert_ends_the_run(name: &str) {
    let test = format!("observability::leaks::{name}");
    let run = Command::new(env::current_exe().unwrap()).args(["--ignored", "--exact", &test]).output().unwrap();
    let stderr = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(ENDED), "{stderr}{}", String::from_utf8_lossy(&run.stdout));
    assert!(stderr.contains("which no log may contain"), "{stderr}");
}

#[test]
fn a_secret_in_a_line_ends_the_run() {
    for name in [
        "a_line_of_a_task_has_a_token",
        "a_span_has_a_key",
        "a_trace_line_has_personal_data_of_a_request",
        "postgres_logs_an_email",
    ] {
        assert_ends_the_run(name);
    }
}

#[tokio::test]
#[ignore = "ends the run on purpose"]
async fn a_line_of_a_task_has_a_token() {
    watch();
    let _ = tokio::spawn(async { tracing::info!(target: "pearset::x", token = TOKEN, "minted") }).await;
}

#[test]
#[ignore = "ends the run on purpose"]
fn a_span_has_a_key() {
    watch();
    tracing::info_span!(target: "pearset::x", "call", key = KEY).in_scope(|| tracing::warn!("something else"));
}

#[tokio::test]
#[ignore = "ends the run on purpose"]
async fn a_trace_line_has_personal_data_of_a_request() {
    let app = TestApp::start().await;
    let body = json!({ "email": "jane@example.com", "name": "Zaphod Beeblebrox" });
    app.workspace("acme").await.actor.post("/partners", body).await.expect(201);
    tracing::trace!(target: "pearset::x", "found Zaphod Beeblebrox");
}

#[tokio::test]
#[ignore = "ends the run on purpose"]
async fn postgres_logs_an_email() {
    let app = TestApp::start().await;
    let raise = "DO $$ BEGIN RAISE LOG 'jane@example.com'; END $$";
    SHARED.admin_of(app.database_name()).await.execute(raise).await.unwrap();
    tokio::time::sleep(Duration::from_secs(30)).await;
}
