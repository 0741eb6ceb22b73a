//! The default links of new enrollments, and their keys.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::fixtures::{ENROLLED, NOTHING, World};

fn keys(partner: &Value) -> Vec<String> {
    let links = partner["links"].as_array().unwrap();
    links.iter().map(|link| link["key"].as_str().unwrap().to_owned()).collect()
}

/// Returns whether a key is `base`, a hyphen and `length` random lower-case characters.
fn is_suffixed(key: &str, base: &str, length: usize) -> bool {
    key.strip_prefix(base).and_then(|rest| rest.strip_prefix('-')).is_some_and(|suffix| {
        suffix.len() == length && suffix.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    })
}

#[tokio::test]
async fn keys_are_derived_from_username_name_or_email() {
    let mut world = World::start().await;
    for (index, (partner, key)) in [
        (json!({ "email": "jane.doe+x@example.com", "name": "Jane", "username": "JaneD" }), "JaneD"),
        (json!({ "email": "jane@example.com", "name": "Jane Doe" }), "jane-doe"),
        (json!({ "email": "jane@example.com", "name": "Müller & Söhne" }), "mueller-and-soehne"),
        (json!({ "email": "jane@example.com", "name": "José Ñandú", "username": null }), "jose-nandu"),
        (json!({ "email": "Jane.Doe+news@example.com" }), "jane-doe-news"),
        (json!({ "email": "jane_d@example.com", "name": null }), "jane-d"),
        (json!({ "email": "jane@example.com", "name": "" }), "jane"),
        (json!({ "email": "jane@example.com", "username": "Jörg_1.a" }), "Jörg_1.a"),
        (json!({ "email": "jane@example.com", "username": "team/jane" }), "team/jane"),
        // A name becomes words, and words are not reserved keys.
        (json!({ "email": "jane@example.com", "name": "robots.txt" }), "robots-txt"),
        (json!({ "email": "jane@example.com", "linkProps": { "prefix": "/c/" } }), "c/jane"),
        (json!({ "email": "jane@example.com", "username": "JaneD", "linkProps": { "prefix": "c" } }), "c/JaneD"),
        (json!({ "email": "jane@example.com", "linkProps": { "prefix": "/a/B/" } }), "a/B/jane"),
        (json!({ "email": "jane@example.com", "linkProps": { "prefix": "/" } }), "jane"),
        (json!({ "email": "jane@example.com", "linkProps": { "prefix": "" } }), "jane"),
    ]
    .into_iter()
    .enumerate()
    {
        world.enter(&format!("case-{index}")).await;
        let made = world.partner(partner.clone()).await.expect(201);
        assert_eq!(keys(&made), [key], "{partner}");
        assert_eq!(made["username"], partner["username"]);
    }
}

#[tokio::test]
async fn a_name_without_letters_gives_a_random_key() {
    let world = World::start().await;
    let partner = world.partner(json!({ "email": "jane@example.com", "name": "!!!" })).await.expect(201);
    let key = &keys(&partner)[0];
    assert!(key.len() == 7 && key.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{key}");
}

#[tokio::test]
async fn a_taken_key_gets_a_random_suffix() {
    let mut world = World::start().await;
    world.enrolled(json!({ "email": "first@example.com", "username": "JANE" })).await;
    for (index, (partner, base)) in [
        (json!({ "username": "jane" }), "jane"),
        (json!({ "username": "Jane" }), "Jane"),
        (json!({ "name": "Jane" }), "jane"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut partner = partner;
        partner["email"] = json!(format!("partner-{index}@example.com"));
        let made = world.partner(partner.clone()).await.expect(201);
        assert!(is_suffixed(&keys(&made)[0], base, 4), "{partner}: {made}");
        // The given username is not changed.
        assert_eq!(made["username"], partner["username"]);
        assert_eq!(world.written().await, ENROLLED);
        assert_eq!(world.partner(partner).await.expect(201), made);
        assert_eq!(world.written().await, NOTHING);
    }
    // With another prefix, the key is not taken.
    let elsewhere = json!({ "email": "c@example.com", "username": "jane", "linkProps": { "prefix": "/c/" } });
    assert_eq!(keys(&world.partner(elsewhere).await.expect(201)), ["c/jane"]);
}

#[tokio::test]
async fn each_of_several_default_links_gets_a_suffix() {
    let mut world = World::start().await;
    for url in ["https://example.com/b", "https://example.com/c"] {
        world.app.add_default_link(&world.workspace, url).await;
    }
    for (email, props, base) in
        [("a@example.com", json!({}), "jane"), ("b@example.com", json!({ "prefix": "/c/" }), "c/jane")]
    {
        let partner = json!({ "email": email, "username": "jane", "linkProps": props });
        let made = world.partner(partner.clone()).await.expect(201);
        assert_eq!(world.written().await, "enrollments +1, links +3, outbox +1, partners +1");
        let keys = keys(&made);
        assert!(keys.iter().all(|key| is_suffixed(key, base, 4)), "{keys:?}");
        assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), 3);
        let urls: BTreeSet<_> = made["links"].as_array().unwrap().iter().map(|link| link["url"].as_str()).collect();
        assert_eq!(urls.len(), 3);
        assert_eq!(world.partner(partner).await.expect(201), made);
        assert_eq!(world.written().await, NOTHING);
    }
}

#[tokio::test]
async fn a_group_without_default_links_gives_none() {
    let mut world = World::start().await;
    world.group("bare", &[]).await;
    let body = json!({ "email": "jane@example.com", "groupId": "bare" });
    let partner = world.partner(body.clone()).await.expect(201);
    assert_eq!(partner["links"], json!([]));
    assert_eq!(world.written().await, "enrollments +1, outbox +1, partners +1");
    assert_eq!(world.partner(body).await.expect(201), partner);
    assert_eq!(world.written().await, NOTHING);
}

#[tokio::test]
async fn a_short_link_can_be_followed_as_it_is() {
    let world = World::start().await;
    let partner = world.partner(json!({ "email": "jane@example.com", "username": "Jörg" })).await.expect(201);
    assert_eq!(partner["links"][0]["key"], "Jörg");
    assert_eq!(partner["links"][0]["shortLink"], "http://acme.localhost:8080/J%C3%B6rg");
}

#[tokio::test]
async fn keys_that_differ_only_in_unicode_form_or_case_are_one_key() {
    let mut world = World::start().await;
    // Composed, decomposed, and in upper case: one key.
    for (index, username) in ["j\u{f6}rg", "jo\u{308}rg", "JÖRG"].into_iter().enumerate() {
        let body = json!({ "email": format!("partner-{index}@example.com"), "username": username });
        world.partner(body).await.expect(201);
        assert_eq!(world.written().await, ENROLLED);
    }
    let folded: BTreeSet<_> = world.rows("links").await.iter().map(|link| link["key_folded"].to_string()).collect();
    assert_eq!(folded.len(), 3);
    assert!(folded.iter().filter(|key| key.starts_with("\"jörg-")).count() == 2, "{folded:?}");
}
