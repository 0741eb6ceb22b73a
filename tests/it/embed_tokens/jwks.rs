//! `GET /.well-known/jwks.json`.

#![expect(clippy::disallowed_methods, reason = "the test changes rows that no query of the application changes")]

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pearset::testing::embed_tokens::Keyring;
use pearset::testing::values::clock::Clock as _;
use serde_json::{Value, json};

use crate::support::app::{TestApp, Workspace};
use crate::support::token::header;

async fn keys(app: &TestApp) -> Vec<Value> {
    app.stranger().get("/.well-known/jwks.json").await.expect(200)["keys"].as_array().unwrap().clone()
}

/// Returns the id of the active key.
async fn signing_key(workspace: &Workspace) -> Value {
    let body = json!({ "partner": { "email": "jane@example.com" } });
    let answer = workspace.actor.post("/tokens/embed/referrals", body).await.expect(201);
    header(&answer)["kid"].clone()
}

#[tokio::test]
async fn shows_only_the_public_half_of_the_key() {
    let app = TestApp::start().await;
    let keys = keys(&app).await;
    assert_eq!(keys.len(), 1);
    let (key, mut public) = (&keys[0], keys[0].clone());
    for member in ["kid", "x", "y"] {
        public.as_object_mut().unwrap().remove(member);
    }
    assert_eq!(public, json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig" }));
    // RFC 7638.
    let members = format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, key["x"], key["y"]);
    assert_eq!(key["kid"], URL_SAFE_NO_PAD.encode(digest(&SHA256, members.as_bytes())));
}

#[tokio::test]
async fn a_key_is_published_before_its_first_signature_until_its_last_token_expires() {
    let app = TestApp::start().await;
    let workspace = app.workspace("acme").await;
    let old = signing_key(&workspace).await;
    let new = json!(Keyring::rotate(&app.state.db, app.clock.now()).await.unwrap());
    app.state.keyring.refresh(&app.state.db, app.clock.now()).await.unwrap();
    let published = async || keys(&app).await.iter().map(|key| key["kid"].clone()).collect::<Vec<_>>();

    assert_eq!(published().await, [old.clone(), new.clone()]);
    assert_eq!(signing_key(&workspace).await, old);
    app.clock.advance(Duration::from_mins(2));
    assert_eq!(signing_key(&workspace).await, new);
    // The longest token lifetime.
    app.clock.advance(Duration::from_hours(3));
    assert_eq!(published().await, [old, new.clone()]);
    app.clock.advance(Duration::from_mins(1));
    assert_eq!(published().await, [new]);
}

/// The clock of the server that generated the key may be ahead of the clock of this server.
#[tokio::test]
async fn a_server_whose_clock_is_behind_signs() {
    let app = TestApp::start().await;
    let acme = app.workspace("acme").await;
    sqlx::query("UPDATE signing_keys SET active_from = active_from + interval '1 hour'")
        .execute(&mut app.sql().await)
        .await
        .unwrap();
    app.state.keyring.refresh(&app.state.db, app.clock.now()).await.unwrap();
    assert_eq!(signing_key(&acme).await, keys(&app).await[0]["kid"]);
}
