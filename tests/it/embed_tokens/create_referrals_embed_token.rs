//! `POST /tokens/embed/referrals`: the partner that a request means. `enrollments::rule` tests the rows of the
//! enrollment rule that this route shares with `POST /partners`.

use serde_json::{Value, json};

use crate::enrollments::fixtures::{ENROLLED, NOT_ENROLLED, NOTHING, PARTNERS, TOKENS, World, partner_body};
use crate::support::token::claims;

const JANE: &str = "jane@example.com";
const OTHER: &str = "other@example.com";

/// Jane and another partner, with the tenant ids `jane` and `other`.
async fn world() -> (World, Value) {
    let mut world = World::start().await;
    let jane = world.enrolled(partner_body(Some(JANE), Some("jane"))).await;
    world.enrolled(partner_body(Some(OTHER), Some("other"))).await;
    (world, jane)
}

#[tokio::test]
async fn an_enrolled_partner_id_takes_precedence() {
    let (mut world, jane) = world().await;
    let id = &jane["id"];
    for body in [
        json!({ "partnerId": id }),
        json!({ "partnerId": id, "tenantId": "other" }),
        json!({ "partnerId": id, "tenantId": "unknown" }),
        json!({ "partnerId": id, "partner": { "email": OTHER } }),
        json!({ "partnerId": id, "tenantId": "other", "partner": { "email": OTHER } }),
        json!({ "partnerId": id, "partner": { "email": "new@example.com" } }),
    ] {
        let answer = world.token(body.clone()).await.expect(201);
        assert_eq!(claims(&answer)["pid"], *id, "{body}");
        assert_eq!(world.written().await, NOTHING, "{body}");
    }
}

#[tokio::test]
async fn an_unenrolled_partner_id_is_ignored_next_to_a_partner() {
    let (mut world, _) = world().await;
    let stranger = world.app.workspace("stranger").await;
    let foreign = stranger.actor.post(PARTNERS, json!({ "email": JANE })).await.expect(201);
    let second = world.program("second.example.com").await;
    let elsewhere = second.actor.post(PARTNERS, json!({ "email": "second@example.com" })).await.expect(201);
    world.written().await;
    let ids = [
        json!("pn_01h455vb4pex5vsknk084sn02q"),
        foreign["id"].clone(),
        elsewhere["id"].clone(),
        json!("link_01h455vb4pex5vsknk084sn02q"),
        json!("PN_01H455VB4PEX5VSKNK084SN02Q"),
        json!("jane"),
        json!(""),
        json!("x".repeat(10_000)),
    ];
    for (index, id) in ids.iter().enumerate() {
        // Without `partner`: 404, whatever the tenantId.
        for body in [json!({ "partnerId": id }), json!({ "partnerId": id, "tenantId": "jane" })] {
            assert_eq!(world.token(body.clone()).await.expect_error(404), NOT_ENROLLED, "{body}");
            assert_eq!(world.written().await, NOTHING, "{body}");
        }
        // With `partner`: as if the partnerId were absent.
        let known = world.token(json!({ "partnerId": id, "partner": { "email": JANE } })).await.expect(201);
        assert_eq!(world.email_of_token(&known).await, JANE);
        let body = json!({ "partnerId": id, "tenantId": "other", "partner": { "email": JANE } });
        let by_tenant = world.token(body).await.expect(201);
        assert_eq!(world.email_of_token(&by_tenant).await, OTHER);
        assert_eq!(world.written().await, NOTHING, "{id}");
        let email = format!("new-{index}@example.com");
        let new = world.token(json!({ "partnerId": id, "partner": { "email": email } })).await.expect(201);
        assert_eq!(world.email_of_token(&new).await, email);
        assert_eq!(world.written().await, ENROLLED, "{id}");
    }
}

#[tokio::test]
async fn the_outermost_of_several_tenant_ids_counts() {
    let mut world = World::start().await;
    for (index, (outer, partner, link, expected)) in [
        (Some("a"), Some("b"), json!("c"), json!("a")),
        (None, Some("b"), json!("c"), json!("b")),
        (None, None, json!("c"), json!("c")),
        (Some("a"), None, json!("c"), json!("a")),
        (None, None, json!(null), json!(null)),
    ]
    .into_iter()
    .enumerate()
    {
        world.enter(&format!("case-{index}")).await;
        let mut body = partner_body(None, outer);
        body["partner"] = partner_body(Some(JANE), partner);
        body["partner"]["linkProps"] = json!({ "tenantId": link });
        world.token(body).await.expect(201);
        let partner = world.partner(json!({ "email": JANE })).await.expect(201);
        assert_eq!(partner["tenantId"], expected, "{outer:?}, {partner:?}, {link}");
        // Only the tenant id that counts finds the enrollment.
        if let Some(tenant_id) = expected.as_str() {
            world.token(json!({ "tenantId": tenant_id })).await.expect(201);
            for ignored in ["a", "b", "c"].into_iter().filter(|id| *id != tenant_id) {
                assert_eq!(world.token(json!({ "tenantId": ignored })).await.expect_error(404), NOT_ENROLLED);
            }
        }
    }
}

#[tokio::test]
async fn the_repeat_call_writes_nothing_and_names_the_same_enrollment() {
    let mut world = World::start().await;
    let body =
        json!({ "tenantId": "t", "partner": { "email": JANE, "name": "Jane", "linkProps": { "password": "x" } } });
    let first = claims(&world.token(body.clone()).await.expect(201));
    assert_eq!(world.written().await, ENROLLED);
    let again = claims(&world.token(body).await.expect(201));
    assert_eq!(world.written().await, NOTHING);
    assert_ne!(again["jti"], first["jti"]);
    let mut same = again;
    same["jti"] = first["jti"].clone();
    assert_eq!(same, first);
}

#[tokio::test]
async fn answers_at_all_three_bases() {
    let mut world = World::start().await;
    let mut subjects = Vec::new();
    for base in ["", "/api", "/v1"] {
        let answer =
            world.workspace.actor.post(&format!("{base}{TOKENS}"), json!({ "partner": { "email": JANE } })).await;
        subjects.push(claims(&answer.expect(201))["sub"].clone());
    }
    subjects.dedup();
    assert_eq!(subjects.len(), 1);
    assert_eq!(world.written().await, ENROLLED);
}
