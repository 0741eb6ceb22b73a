//! Forged tokens of any kind, signed with the server's own key or with another key.
#![expect(clippy::disallowed_methods, reason = "a signing key is read where no query of the application reads it")]

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::enrollments::fixtures::World;
use crate::support::actor::Answer;

pub(super) const VERIFY: &str = "/tokens/embed/referrals/verify";
const INVALID: &str = "Invalid embed token.";

/// Encodes bytes as base64url without padding.
pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn decode(part: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(part).unwrap()
}

/// A signing key, and the header of the tokens signed with it.
pub(super) struct Forger {
    pair: EcdsaKeyPair,
    pub(super) header: Value,
}

impl Forger {
    /// Returns a forger with the newest key of the server.
    pub(super) async fn of_server(world: &World) -> Self {
        let key = "SELECT kid, private_key FROM signing_keys ORDER BY active_from DESC, kid LIMIT 1";
        let (kid, der): (String, Vec<u8>) = sqlx::query_as(key).fetch_one(&mut world.app.sql().await).await.unwrap();
        Self::new(&kid, EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).unwrap())
    }

    /// Returns a forger with an unknown key under a known key id.
    pub(super) fn stranger(kid: &str) -> Self {
        Self::new(kid, EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    fn new(kid: &str, pair: EcdsaKeyPair) -> Self {
        Self { pair, header: json!({ "alg": "ES256", "kid": kid, "typ": "pearset-embed+jwt" }) }
    }

    /// Returns the public key as an uncompressed point.
    pub(super) fn public_key(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// Signs a token with these claims.
    pub(super) fn token(&self, claims: &Value) -> String {
        self.sign(&self.header.to_string(), &claims.to_string())
    }

    /// Signs a token with these claims after changing one claim; null removes the claim.
    pub(super) fn with_claim(&self, claims: &Value, name: &str, value: Value) -> String {
        self.token(&changed(claims, name, value))
    }

    /// Signs a token with these claims after changing one member of the header; null removes the member.
    pub(super) fn with_header(&self, claims: &Value, name: &str, value: Value) -> String {
        self.sign(&changed(&self.header, name, value).to_string(), &claims.to_string())
    }

    /// Signs a token of any two texts.
    pub(super) fn sign(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", encode(signature))
    }
}

fn changed(object: &Value, name: &str, value: Value) -> Value {
    let mut object = object.clone();
    if value.is_null() {
        object.as_object_mut().unwrap().remove(name);
    } else {
        object[name] = value;
    }
    object
}

/// Verifies a token with the key of the workspace.
pub(super) async fn verify(world: &World, token: &str) -> Answer {
    world.workspace.actor.post(VERIFY, json!({ "token": token })).await
}

/// Mints a token.
pub(super) async fn mint(world: &World, body: Value) -> String {
    let answer = world.token(body).await.expect(201);
    answer["publicToken"].as_str().unwrap().to_owned()
}

#[track_caller]
pub(super) fn expect_invalid(answer: Answer, what: &str) {
    assert_eq!(answer.status, 401, "{what}: {}", answer.body);
    assert_eq!(answer.expect_error(401), INVALID, "{what}");
}
