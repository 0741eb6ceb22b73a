//! The program itself: help, version, OpenAPI document, health check and log.

use std::io::Read;
use std::process::Stdio;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::binary::{Home, Process, Server};
use crate::support::cluster::{SHARED, TEMPLATE};

#[test]
fn help_lists_every_command_and_setting_without_secrets() {
    let home = Home::new();
    let mut command = home.pearset();
    for setting in ["DATABASE_URL", "PEARSET_BOOTSTRAP_API_KEY", "PEARSET_SIGNING_KEY"] {
        command.env(setting, "hunter2");
    }
    let help = Process::spawn(command.arg("--help")).finish().succeeded();
    for word in [
        "serve",
        "migrate",
        "workspace",
        "key",
        "program",
        "domain",
        "signing-key",
        "openapi",
        "healthcheck",
        "--listen",
        "--data-dir",
        "--database-url",
        "--public-url",
        "--bootstrap-api-key",
        "--database-max-connections",
        "--signing-key",
        "--signing-key-file",
        "--log",
        "--log-format",
    ] {
        assert!(help.split_whitespace().any(|found| found == word), "{word}");
    }
    for default in ["127.0.0.1:8080", ".pearset"] {
        assert!(help.contains(&format!("[default: {default}]")), "{default}");
    }
    assert!(!help.contains("hunter2"), "{help}");
}

#[test]
fn version_is_the_version_of_the_package() {
    assert_eq!(Home::new().run("--version").succeeded(), format!("pearset {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn openapi_prints_the_document_unchanged() {
    assert!(Home::new().run("openapi").succeeded() == include_str!("../../../openapi.yaml"));
}

#[test]
fn reader_that_stops_early_is_not_an_error() {
    let home = Home::new();
    let mut child = home.pearset().arg("openapi").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // `head` reads like this. The document is longer than the buffer of a pipe.
    child.stdout.take().unwrap().read_exact(&mut [0]).unwrap();
    let mut message = String::new();
    child.stderr.take().unwrap().read_to_string(&mut message).unwrap();
    assert_eq!((child.wait().unwrap().code(), message.as_str()), (Some(0), ""));
}

#[test]
fn generated_key_is_well_formed() {
    let home = Home::new();
    let printed = home.run("key generate").succeeded();
    printed.trim_end().parse::<pearset::testing::workspaces::ApiKey>().unwrap();
    assert_ne!(printed, home.run("key generate").succeeded());
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "the command needs no database");
}

#[tokio::test]
async fn migrate_can_run_again() {
    let database = SHARED.lend("template1").await;
    let home = Home::with_database(&database.url);
    for _ in 0..2 {
        home.run("migrate").succeeded();
    }
    assert_eq!(home.json("workspace list"), json!([]), "migrate creates no workspace");
}

#[tokio::test]
async fn healthcheck_fails_unless_a_server_is_ready() {
    let database = SHARED.lend(TEMPLATE).await;
    let home = Home::with_database(&database.url);
    let server = Server::start(&mut home.pearset());
    let check = format!("healthcheck --listen {}", server.address);
    assert_eq!(home.run(&check).succeeded(), "ready\n");

    database.take_away().await;
    let refusal = home.run(&check).refused();
    assert!(refusal.contains("not ready: 503"), "{refusal}");

    server.end(Signal::SIGTERM).succeeded();
    let refusal = home.run(&check).refused();
    assert!(refusal.contains("cannot connect to 127.0.0.1"), "{refusal}");
}

#[tokio::test]
async fn log_without_a_terminal_is_json_without_secrets() {
    let database = SHARED.lend(TEMPLATE).await;
    let home = Home::with_database(&database.url);
    let server = Server::start(home.pearset().env("PEARSET_LOG", "trace"));
    let (key, _) = server.introduction();
    let person = json!({ "email": "canary@example.com", "name": "Canary Bird", "tenantId": "canary-7" });
    server.post("/partners", &key, &person).expect(201);
    let token = server.post("/tokens/embed/referrals", &key, &json!({ "partner": person })).expect(201);
    server.post("/partners", &key, &json!({ "email": "canary@" })).expect(422);
    server.get("/partners/pn_x", "pst_canary").expect(401);
    let log = server.end(Signal::SIGTERM).err;

    assert!(log.lines().count() > 3, "{log}");
    for line in log.lines() {
        let entry: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
        assert!(entry["timestamp"].is_string() && entry["level"].is_string(), "{line}");
    }
    let (log, token) = (log.to_lowercase(), token["publicToken"].as_str().unwrap().to_lowercase());
    for secret in ["canary", &key.to_lowercase(), token.rsplit('.').next().unwrap()] {
        assert!(!log.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn log_can_be_human_readable_or_off() {
    let database = SHARED.lend(TEMPLATE).await;
    let home = Home::with_database(&database.url);
    let human = Server::start(home.pearset().env("PEARSET_LOG_FORMAT", "human")).end(Signal::SIGTERM).err;
    assert!(human.contains(" INFO ") && !human.contains('{') && !human.contains('\u{1b}'), "{human}");
    let off = Server::start(home.pearset().args(["--log", "off"])).end(Signal::SIGTERM).err;
    assert_eq!(off, "");
}
