//! The content of embed tokens.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::enrollments::fixtures::World;
use crate::support::token::{claims, header};

/// The time of the manual clock in whole seconds: noon.
const NOON: i64 = 1_772_366_400;

async fn jwks(world: &World) -> Vec<Value> {
    let answer = world.app.stranger().get("/.well-known/jwks.json").await.expect(200);
    answer["keys"].as_array().unwrap().clone()
}

/// Returns whether a published key has signed `message`.
fn verifies(key: &Value, message: &str, signature: &[u8]) -> bool {
    let coordinate = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
    // An uncompressed point.
    let point = [&[4], &coordinate("x")[..], &coordinate("y")[..]].concat();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message.as_bytes(), signature).is_ok()
}

#[tokio::test]
async fn claims_name_the_enrollment_and_nothing_else() {
    let world = World::start().await;
    let answer = world.token(json!({ "tenantId": "t", "partner": { "email": "jane@example.com" } })).await.expect(201);
    let partner = world.partner(json!({ "email": "jane@example.com" })).await.expect(201);
    let claims = claims(&answer);
    let (enrollment_id, jti) = (claims["sub"].as_str().unwrap(), claims["jti"].as_str().unwrap());
    assert!(enrollment_id.starts_with("pge_"));
    assert!(!jti.is_empty());
    assert_eq!(world.rows("outbox").await[0]["payload"]["enrollmentId"], enrollment_id);
    assert_eq!(
        claims,
        json!({
            "iss": "https://partners.example.com",
            "aud": "pearset:embed:referrals",
            "sub": enrollment_id,
            "wid": world.workspace.id,
            "prg": world.workspace.program_id,
            "pid": partner["id"],
            "iat": NOON,
            "nbf": NOON,
            "exp": NOON + 3600,
            "jti": jti,
            "ver": 0,
        })
    );
    // The answer has no other member.
    assert_eq!(answer, json!({ "publicToken": answer["publicToken"], "expires": "2026-03-01T13:00:00.000Z" }));
}

#[tokio::test]
async fn a_published_key_verifies_the_signature() {
    let world = World::start().await;
    let answer = world.token(json!({ "partner": { "email": "jane@example.com" } })).await.expect(201);
    let keys = jwks(&world).await;
    let header = header(&answer);
    assert_eq!(header, json!({ "alg": "ES256", "kid": keys[0]["kid"], "typ": "pearset-embed+jwt" }));

    let token = answer["publicToken"].as_str().unwrap();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    assert!(verifies(&keys[0], message, &signature));
    assert!(!verifies(&keys[0], &message[..message.len() - 1], &signature));
    signature[40] ^= 1;
    assert!(!verifies(&keys[0], message, &signature));
}

#[tokio::test]
async fn the_program_sets_the_lifetime_and_the_enrollment_the_epoch() {
    let mut world = World::start().await;
    world.enrolled(json!({ "email": "jane@example.com", "tenantId": "t" })).await;
    for (lifetime, epoch, expires) in [(60, 0, "2026-03-01T12:01:00.000Z"), (10_800, 7, "2026-03-01T15:00:00.000Z")] {
        world.arrange(&format!("UPDATE programs SET token_lifetime_seconds = {lifetime}")).await;
        world.arrange(&format!("UPDATE enrollments SET token_epoch = {epoch}")).await;
        let bodies = [
            json!({ "tenantId": "t" }),
            // A new enrollment gets the same lifetime, and the first epoch.
            json!({ "partner": { "email": format!("new-{lifetime}@example.com") } }),
        ];
        for (body, epoch) in bodies.into_iter().zip([epoch, 0]) {
            let answer = world.token(body).await.expect(201);
            let claims = claims(&answer);
            assert_eq!((&claims["exp"], &claims["ver"]), (&json!(NOON + lifetime), &json!(epoch)));
            assert_eq!(answer["expires"], expires);
        }
    }
}
