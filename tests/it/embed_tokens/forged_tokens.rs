//! Invalid tokens: each one is a 401 with the same message, and none is an internal error.

use std::time::Duration;

use aws_lc_rs::hmac;
use pearset::testing::values::clock::Clock as _;
use pearset::testing::values::id::{EnrollmentId, PartnerId, ProgramId};
use serde_json::{Value, json};

use super::forger::{Forger, VERIFY, decode, encode, expect_invalid, mint, verify};
use crate::enrollments::fixtures::World;
use crate::support::token::claims;

/// Returns a world with Jane, a token for Jane, the claims of the token, and the key that signed the token.
async fn world() -> (World, String, Value, Forger) {
    let world = World::start().await;
    let token = mint(&world, json!({ "partner": { "email": "jane@example.com" } })).await;
    let forger = Forger::of_server(&world).await;
    let claims = claims(&json!({ "publicToken": token }));
    (world, token, claims, forger)
}

async fn expect_all_invalid(world: &World, rows: Vec<(&str, String)>) {
    for (what, token) in rows {
        expect_invalid(verify(world, &token).await, what);
    }
}

/// The tables below start from a valid token.
#[tokio::test]
async fn the_original_of_the_forgeries_is_valid() {
    let (world, token, claims, forger) = world().await;
    assert_eq!(verify(&world, &token).await.expect(200), claims);
    assert_eq!(verify(&world, &forger.token(&claims)).await.expect(200), claims);
    let now = claims["iat"].as_i64().unwrap();
    // The clock of another server may be slightly ahead.
    for (name, value) in [("nbf", now + 5), ("exp", now + 1), ("iat", now + 60)] {
        verify(&world, &forger.with_claim(&claims, name, json!(value))).await.expect(200);
    }
}

#[tokio::test]
async fn malformed_tokens_are_invalid() {
    let (world, token, claims, forger) = world().await;
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    let spaced = |part: &str| format!("{} {}", &part[..9], &part[9..]);
    // The last character of 64 encoded bytes has four unused bits, which must be zero.
    let last = signature.chars().last().unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let next = alphabet.chars().nth(alphabet.find(last).unwrap() + 1).unwrap();
    let longest = forger.with_claim(&claims, "x", json!("x".repeat(2_000)));
    let rows = vec![
        ("nothing", String::new()),
        ("a word", "token".to_owned()),
        ("a dot", ".".to_owned()),
        ("two dots", "..".to_owned()),
        ("three letters", "a.b.c".to_owned()),
        ("no signature", format!("{header}.{payload}")),
        ("an empty signature", format!("{header}.{payload}.")),
        ("no payload", format!("{header}..{signature}")),
        ("no header", format!(".{payload}.{signature}")),
        ("two dots after the header", format!("{header}..{payload}.{signature}")),
        ("a dot at the end", format!("{token}.")),
        ("a dot at the start", format!(".{token}")),
        ("four parts", format!("{token}.{signature}")),
        ("five parts, as an encrypted token has", format!("{header}.{payload}.{signature}.{payload}.{signature}")),
        ("twice", format!("{token}{token}")),
        ("another order", format!("{payload}.{header}.{signature}")),
        ("padding", format!("{token}==")),
        ("padding in the header", format!("{header}=.{payload}.{signature}")),
        ("bits beyond the signature", format!("{}{next}", token.strip_suffix(last).unwrap())),
        ("a blank before", format!(" {token}")),
        ("a blank after", format!("{token} ")),
        ("a line end", format!("{token}\n")),
        ("a tab", format!("\t{token}")),
        ("a NUL", format!("{token}\0")),
        ("a blank in the header", format!("{}.{payload}.{signature}", spaced(header))),
        ("a blank in the payload", format!("{header}.{}.{signature}", spaced(payload))),
        ("a blank in the signature", format!("{header}.{payload}.{}", spaced(signature))),
        ("a scheme", format!("Bearer {token}")),
        ("quotes", format!("\"{token}\"")),
        ("lower case", token.to_lowercase()),
        ("upper case", token.to_uppercase()),
        ("the other base64 alphabet", format!("{header}.{payload}.{}", signature.replace(['-', '_'], "+"))),
        ("no ASCII", format!("{token}ä")),
        ("a picture", "🎟".repeat(40)),
        ("JSON", json!({ "protected": header, "payload": payload, "signature": signature }).to_string()),
        ("cut by one", token[..token.len() - 1].to_owned()),
        ("cut by four", token[..token.len() - 4].to_owned()),
        ("a short signature", format!("{header}.{payload}.{}", encode([1; 63]))),
        ("a long signature", format!("{header}.{payload}.{}", encode([1; 65]))),
        ("a signature of zeros", format!("{header}.{payload}.{}", encode([0; 64]))),
        ("longer than any token", longest),
        ("huge", "a".repeat(900_000)),
        ("many dots", ".".repeat(100_000)),
    ];
    // Without `-` and `_`, the other alphabet would give the valid token.
    let rows = rows.into_iter().filter(|(_, forged)| *forged != token).collect();
    expect_all_invalid(&world, rows).await;
}

#[tokio::test]
async fn every_truncated_token_is_invalid() {
    let (world, token, _, _) = world().await;
    for length in 0..token.len() {
        expect_invalid(verify(&world, &token[..length]).await, &format!("{length} bytes"));
    }
}

#[tokio::test]
async fn other_headers_are_invalid() {
    let (world, token, claims, forger) = world().await;
    let kid = forger.header["kid"].as_str().unwrap();
    let attacker = Forger::stranger(kid);
    let unsigned = |algorithm: &str| {
        let header = json!({ "alg": algorithm, "kid": kid, "typ": "pearset-embed+jwt" });
        format!("{}.{}.", encode(header.to_string()), encode(claims.to_string()))
    };
    let symmetric = |secret: &[u8]| {
        let header = json!({ "alg": "HS256", "kid": kid, "typ": "pearset-embed+jwt" });
        let message = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
        format!("{message}.{}", encode(tag))
    };
    let point = attacker.public_key();
    let own_key = json!({ "kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..]) });
    let published = world.app.stranger().get("/.well-known/jwks.json").await.expect(200)["keys"][0].to_string();
    let with = |name: &str, value: Value| forger.with_header(&claims, name, value);
    let twice = format!(r#"{{"alg":"none","alg":"ES256","kid":"{kid}","typ":"pearset-embed+jwt"}}"#);
    let plain = forger.header.to_string();
    let rows = vec![
        ("alg none", unsigned("none")),
        ("alg None", unsigned("None")),
        ("alg NONE", unsigned("NONE")),
        ("alg none with a signature", with("alg", json!("none"))),
        ("no alg", with("alg", Value::Null)),
        ("an empty alg", with("alg", json!(""))),
        ("alg in lower case", with("alg", json!("es256"))),
        ("another alg of the curve", with("alg", json!("ES384"))),
        ("another alg", with("alg", json!("RS256"))),
        ("alg HS256 over the signature", with("alg", json!("HS256"))),
        ("alg as a list", with("alg", json!(["ES256"]))),
        ("a MAC with the point", symmetric(forger.public_key())),
        ("a MAC with the coordinates", symmetric(&forger.public_key()[1..])),
        ("a MAC with the published key", symmetric(published.as_bytes())),
        ("a MAC with nothing", symmetric(b"")),
        ("no typ", with("typ", Value::Null)),
        ("typ JWT", with("typ", json!("JWT"))),
        ("typ in upper case", with("typ", json!("PEARSET-EMBED+JWT"))),
        ("typ as a media type", with("typ", json!("application/pearset-embed+jwt"))),
        ("no kid", with("kid", Value::Null)),
        ("an empty kid", with("kid", json!(""))),
        ("a kid that nobody knows", with("kid", json!("x".repeat(43)))),
        ("half of the kid", with("kid", json!(kid[..20]))),
        ("a kid as a number", with("kid", json!(0))),
        ("a kid as a path", with("kid", json!("../../../../dev/null"))),
        ("a kid as SQL", with("kid", json!("' OR '1'='1"))),
        ("somebody else's key", attacker.token(&claims)),
        ("a key in the header", attacker.with_header(&claims, "jwk", own_key)),
        ("a key at an address", attacker.with_header(&claims, "jku", json!("https://attacker.example/jwks.json"))),
        ("a certificate at an address", attacker.with_header(&claims, "x5u", json!("https://attacker.example/x"))),
        ("a certificate in the header", attacker.with_header(&claims, "x5c", json!(["MIIB"]))),
        ("our signature and an address", with("jku", json!("https://attacker.example/jwks.json"))),
        ("something critical", with("crit", json!(["exp"]))),
        ("a payload that is not encoded", with("b64", json!(false))),
        ("compression", with("zip", json!("DEF"))),
        ("a nested token", with("cty", json!("JWT"))),
        ("two algs", forger.sign(&twice, &claims.to_string())),
        ("a header that is no object", forger.sign("[]", &claims.to_string())),
        ("a header that is no JSON", forger.sign("header", &claims.to_string())),
        ("an empty header", forger.sign("{}", &claims.to_string())),
        ("a byte order mark", forger.sign(&format!("\u{feff}{plain}"), &claims.to_string())),
        ("two headers", forger.sign(&format!("{plain}{plain}"), &claims.to_string())),
    ];
    assert!(rows.iter().all(|(_, forged)| *forged != token));
    expect_all_invalid(&world, rows).await;
}

#[tokio::test]
async fn other_claims_are_invalid() {
    let (world, _, claims, forger) = world().await;
    let other = mint(&world, json!({ "partner": { "email": "other@example.com" } })).await;
    let other = crate::support::token::claims(&json!({ "publicToken": other }));
    let second = world.program("second.example.com").await;
    let foreign = world.app.workspace("stranger").await;
    let (ids, now) = (&world.app.state.ids, world.app.clock.now());
    let time = claims["iat"].as_i64().unwrap();
    let with = |name: &str, value: Value| forger.with_claim(&claims, name, value);
    let mut rows = vec![
        ("another issuer", with("iss", json!("https://attacker.example"))),
        ("the issuer with a slash", with("iss", json!("https://partners.example.com/"))),
        ("several issuers", with("iss", json!(["https://partners.example.com"]))),
        ("another audience", with("aud", json!("pearset:embed:admin"))),
        ("several audiences", with("aud", json!(["pearset:embed:referrals"]))),
        ("expired now", with("exp", json!(time))),
        ("expired long ago", with("exp", json!(0))),
        ("an expiry before 1970", with("exp", json!(i64::MIN))),
        ("an expiry as text", with("exp", json!((time + 60).to_string()))),
        ("an expiry with a fraction", with("exp", json!(1e18))),
        ("an expiry out of range", with("exp", json!(u64::MAX))),
        ("not yet", with("nbf", json!(time + 6))),
        ("never", with("nbf", json!(i64::MAX - 5))),
        ("a beginning as text", with("nbf", json!(time.to_string()))),
        ("the next epoch", with("ver", json!(1))),
        ("an epoch before the first", with("ver", json!(-1))),
        ("an epoch out of range", with("ver", json!(1_i64 << 40))),
        ("an epoch as text", with("ver", json!("0"))),
        ("another partner's enrollment", with("sub", other["sub"].clone())),
        ("another partner", with("pid", other["pid"].clone())),
        ("no such enrollment", with("sub", json!(ids.next::<EnrollmentId>(now)))),
        ("no such partner", with("pid", json!(ids.next::<PartnerId>(now)))),
        ("no such program", with("prg", json!(ids.next::<ProgramId>(now)))),
        ("another program", with("prg", json!(second.program_id))),
        ("a program of another workspace", with("prg", json!(foreign.program_id))),
        ("another workspace", with("wid", json!(foreign.id))),
        ("an enrollment of another kind", with("sub", claims["pid"].clone())),
        ("an enrollment in upper case", with("sub", json!(claims["sub"].as_str().unwrap().to_uppercase()))),
        ("an enrollment as a list", with("sub", json!([claims["sub"]]))),
        ("a token id without a prefix", with("jti", json!("0"))),
        ("no claims", forger.token(&json!({}))),
        ("claims as a list", forger.token(&json!([claims]))),
        ("claims that are not JSON", forger.sign(&forger.header.to_string(), "claims")),
        ("claims twice", forger.sign(&forger.header.to_string(), &format!("{claims}{claims}"))),
    ];
    for name in claims.as_object().unwrap().keys() {
        rows.push(("a missing claim", with(name, Value::Null)));
        rows.push(("a claim as an object", with(name, json!({}))));
    }
    expect_all_invalid(&world, rows).await;
}

/// Flips each bit of the header, the claims and the signature.
#[tokio::test]
async fn every_flipped_bit_makes_a_token_invalid() {
    let (world, token, _, _) = world().await;
    let parts: Vec<Vec<u8>> = token.split('.').map(decode).collect();
    let mut flips = 0;
    for (part, bytes) in parts.iter().enumerate() {
        for bit in 0..bytes.len() * 8 {
            let mut parts = parts.clone();
            parts[part][bit / 8] ^= 1 << (bit % 8);
            let forged: Vec<String> = parts.iter().map(encode).collect();
            expect_invalid(verify(&world, &forged.join(".")).await, &format!("bit {bit} of part {part}"));
            flips += 1;
        }
    }
    assert!(flips > 3_000, "only {flips}");
    verify(&world, &token).await.expect(200);
}

#[tokio::test]
async fn a_token_of_another_workspace_is_invalid() {
    let (world, token, _, _) = world().await;
    let foreign = world.app.workspace("stranger").await;
    expect_invalid(foreign.actor.post(VERIFY, json!({ "token": token })).await, "another workspace");
    // The API key decides, not the program of the request.
    let body = json!({ "token": token, "programId": foreign.program_id });
    world.workspace.actor.post(VERIFY, body).await.expect(200);
}

#[tokio::test]
async fn a_key_of_one_program_verifies_no_token_of_another_program() {
    let (mut world, token, _, _) = world().await;
    let second = world.program("second.example.com").await;
    let body = json!({ "partner": { "email": "jane@example.com" } });
    let theirs = second.actor.post(crate::enrollments::fixtures::TOKENS, body).await.expect(201);
    let theirs = json!({ "token": theirs["publicToken"] });
    expect_invalid(second.actor.post(VERIFY, json!({ "token": token })).await, "the first program's");
    second.actor.post(VERIFY, theirs.clone()).await.expect(200);
    // A key without a program verifies the tokens of both.
    world.workspace.actor.post(VERIFY, theirs.clone()).await.expect(200);
    world.arrange("UPDATE programs SET deactivated_at = now()").await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    expect_invalid(world.workspace.actor.post(VERIFY, theirs).await, "an inactive program's");
    expect_invalid(verify(&world, &token).await, "an inactive program's");
}

#[tokio::test]
async fn a_request_without_a_token_breaks_a_rule() {
    let world = World::start().await;
    for body in [json!({}), json!({ "token": null }), json!({ "token": 1 }), json!({ "token": ["x"] }), json!([])] {
        world.workspace.actor.post(VERIFY, body).await.expect(422);
    }
}
