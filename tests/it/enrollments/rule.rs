//! The enrollment rule on both routes that create enrollments: each state of the rule's table with a `tenantId` T and an
//! e-mail address E. Requests that only one route accepts are tested with that route.

use serde_json::json;

use super::fixtures::{ENROLLED, NOT_ENROLLED, NOTHING, World, partner_body};

const EMAIL: &str = "jane@example.com";
const OTHER: &str = "other@example.com";

enum Outcome {
    /// 201 for the enrollment of the partner with this e-mail address, after these writes.
    Enrollment(&'static str, &'static str),
    /// An error with this status and nothing written.
    Refused(u16),
}
use Outcome::{Enrollment, Refused};

struct Row {
    name: &'static str,
    /// E-mail address and tenant id of the existing enrollments.
    enrolled: &'static [(&'static str, Option<&'static str>)],
    /// T and E of the call.
    call: (Option<&'static str>, Option<&'static str>),
    token: Outcome,
    partners: Outcome,
}

const BOUND: &str = "enrollments ~1, links ~1";

const ROWS: [Row; 17] = [
    Row {
        name: "2: T is enrolled, E is nobody",
        enrolled: &[(EMAIL, Some("t"))],
        call: (Some("t"), Some("new@example.com")),
        token: Enrollment(EMAIL, NOTHING),
        partners: Enrollment(EMAIL, NOTHING),
    },
    Row {
        name: "2: T and E are one enrollment",
        enrolled: &[(EMAIL, Some("t")), (OTHER, Some("o"))],
        call: (Some("t"), Some(EMAIL)),
        token: Enrollment(EMAIL, NOTHING),
        partners: Enrollment(EMAIL, NOTHING),
    },
    Row {
        name: "2: the e-mail in another case",
        enrolled: &[(EMAIL, Some("t"))],
        call: (Some("t"), Some("JANE@Example.COM")),
        token: Enrollment(EMAIL, NOTHING),
        partners: Enrollment(EMAIL, NOTHING),
    },
    Row {
        name: "3: T and E are two enrollments",
        enrolled: &[(EMAIL, Some("t")), (OTHER, Some("o"))],
        call: (Some("t"), Some(OTHER)),
        token: Enrollment(EMAIL, NOTHING),
        partners: Refused(409),
    },
    Row {
        name: "3: E has no tenantId",
        enrolled: &[(EMAIL, Some("t")), (OTHER, None)],
        call: (Some("t"), Some(OTHER)),
        token: Enrollment(EMAIL, NOTHING),
        partners: Refused(409),
    },
    Row {
        name: "4: T is new, E has none",
        enrolled: &[(EMAIL, None), (OTHER, Some("o"))],
        call: (Some("t"), Some(EMAIL)),
        token: Enrollment(EMAIL, BOUND),
        partners: Enrollment(EMAIL, BOUND),
    },
    Row {
        name: "5: T is new, E has another",
        enrolled: &[(EMAIL, Some("old"))],
        call: (Some("t"), Some(EMAIL)),
        token: Refused(409),
        partners: Enrollment(EMAIL, BOUND),
    },
    Row {
        name: "5: T in another case is another T",
        enrolled: &[(EMAIL, Some("T"))],
        call: (Some("t"), Some(EMAIL)),
        token: Refused(409),
        partners: Enrollment(EMAIL, BOUND),
    },
    Row {
        name: "5: T with a blank at its end is another T",
        enrolled: &[(EMAIL, Some("t "))],
        call: (Some("t"), Some(EMAIL)),
        token: Refused(409),
        partners: Enrollment(EMAIL, BOUND),
    },
    Row {
        name: "5: T in another form of Unicode is another T",
        enrolled: &[(EMAIL, Some("\u{e9}"))],
        call: (Some("e\u{301}"), Some(EMAIL)),
        token: Refused(409),
        partners: Enrollment(EMAIL, BOUND),
    },
    Row {
        name: "6: neither is enrolled",
        enrolled: &[(OTHER, Some("o"))],
        call: (Some("t"), Some(EMAIL)),
        token: Enrollment(EMAIL, ENROLLED),
        partners: Enrollment(EMAIL, ENROLLED),
    },
    Row {
        name: "6: T in another case is nobody's",
        enrolled: &[(OTHER, Some("T"))],
        call: (Some("t"), Some(EMAIL)),
        token: Enrollment(EMAIL, ENROLLED),
        partners: Enrollment(EMAIL, ENROLLED),
    },
    Row {
        name: "7: nobody, and no partner to enroll",
        enrolled: &[(OTHER, Some("o"))],
        call: (Some("t"), None),
        token: Refused(404),
        partners: Refused(422),
    },
    Row {
        name: "2: T alone",
        enrolled: &[(EMAIL, Some("t"))],
        call: (Some("t"), None),
        token: Enrollment(EMAIL, NOTHING),
        partners: Refused(422),
    },
    Row {
        name: "8: no T, E has one",
        enrolled: &[(EMAIL, Some("t"))],
        call: (None, Some(EMAIL)),
        token: Enrollment(EMAIL, NOTHING),
        partners: Enrollment(EMAIL, NOTHING),
    },
    Row {
        name: "8: no T, E has none",
        enrolled: &[(EMAIL, None)],
        call: (None, Some(EMAIL)),
        token: Enrollment(EMAIL, NOTHING),
        partners: Enrollment(EMAIL, NOTHING),
    },
    Row {
        name: "8: no T, E is nobody",
        enrolled: &[(OTHER, None)],
        call: (None, Some(EMAIL)),
        token: Enrollment(EMAIL, ENROLLED),
        partners: Enrollment(EMAIL, ENROLLED),
    },
];

async fn enter(world: &mut World, slug: &str, row: &Row) {
    world.enter(slug).await;
    for (email, tenant_id) in row.enrolled {
        world.enrolled(partner_body(Some(email), *tenant_id)).await;
    }
}

#[tokio::test]
async fn every_row_of_the_rule_decides_a_token_request() {
    let mut world = World::start().await;
    for (index, row) in ROWS.iter().enumerate() {
        enter(&mut world, &format!("row-{index}"), row).await;
        let (tenant_id, email) = row.call;
        let mut body = partner_body(None, tenant_id);
        if email.is_some() {
            body["partner"] = partner_body(email, None);
        }
        match row.token {
            Enrollment(owner, writes) => {
                let answer = world.token(body.clone()).await.expect(201);
                assert_eq!(world.email_of_token(&answer).await, owner, "row {}", row.name);
                assert_eq!(world.written().await, writes, "row {}", row.name);
                // After any row, the repeated call finds everything in place.
                let again = world.token(body).await.expect(201);
                assert_eq!(world.email_of_token(&again).await, owner, "row {}", row.name);
            }
            Refused(status) => {
                let message = world.token(body).await.expect_error(status);
                assert!(status != 404 || message == NOT_ENROLLED, "row {}: {message}", row.name);
            }
        }
        assert_eq!(world.written().await, NOTHING, "row {}", row.name);
    }
}

#[tokio::test]
async fn every_row_of_the_rule_decides_a_partner_request() {
    let mut world = World::start().await;
    for (index, row) in ROWS.iter().enumerate() {
        enter(&mut world, &format!("row-{index}"), row).await;
        let (tenant_id, email) = row.call;
        let body = partner_body(email, tenant_id);
        match row.partners {
            Enrollment(owner, writes) => {
                let partner = world.partner(body.clone()).await.expect(201);
                assert_eq!(partner["email"], owner, "row {}", row.name);
                assert_eq!(world.written().await, writes, "row {}", row.name);
                assert_eq!(world.partner(body).await.expect(201), partner, "row {}", row.name);
            }
            Refused(status) => {
                world.partner(body).await.expect(status);
            }
        }
        assert_eq!(world.written().await, NOTHING, "row {}", row.name);
    }
}

#[tokio::test]
async fn a_bound_or_replaced_tenant_id_is_written_to_the_links() {
    for (before, token_route) in [(None, true), (None, false), (Some("old"), false)] {
        let mut world = World::start().await;
        world.app.add_default_link(&world.workspace, "https://example.com/b").await;
        let partner = world.enrolled(partner_body(Some(EMAIL), before)).await;
        world.enrolled(partner_body(Some(OTHER), Some("o"))).await;
        // A link that was created elsewhere belongs to the partner, too.
        let link = json!({ "key": "named", "partner": { "email": EMAIL } });
        world.workspace.actor.post("/partner_referral_links", link).await.expect(201);
        world.written().await;

        if token_route {
            world.token(json!({ "tenantId": "t", "partner": { "email": EMAIL } })).await.expect(201);
        } else {
            world.partner(partner_body(Some(EMAIL), Some("t"))).await.expect(201);
        }
        assert_eq!(world.written().await, "enrollments ~1, links ~3", "from {before:?}");
        let path = format!("/partners/{}", partner["id"].as_str().unwrap());
        assert_eq!(world.workspace.actor.get(&path).await.expect(200)["tenantId"], "t");
        for link in world.rows("links").await {
            let owner = if link["key"].as_str().unwrap().starts_with("other") { "o" } else { "t" };
            assert_eq!(link["tenant_id"], owner, "{link}");
        }
        // The old tenant id is free again.
        if let Some(old) = before {
            assert_eq!(world.token(json!({ "tenantId": old })).await.expect_error(404), NOT_ENROLLED);
        }
    }
}

#[tokio::test]
async fn an_existing_enrollment_is_never_overwritten() {
    let mut world = World::start().await;
    let group = world.group("vip", &["https://example.com/vip"]).await.to_string();
    let before = world
        .enrolled(json!({
            "email": EMAIL, "tenantId": "t", "name": "Jane", "username": "jane", "country": "DE",
            "image": "https://example.com/jane.png", "description": "First",
        }))
        .await;
    let other = json!({
        "email": EMAIL.to_uppercase(), "tenantId": "t", "name": "Mallory", "username": "mallory", "country": "US",
        "image": "https://example.com/mallory.png", "description": "Second", "groupId": group,
        "linkProps": { "prefix": "/x/", "title": "Other", "password": "secret", "externalId": "other" },
    });
    assert_eq!(world.partner(other.clone()).await.expect(201), before);
    world.token(json!({ "partner": other })).await.expect(201);
    assert_eq!(world.written().await, NOTHING);

    // Binding a tenantId changes nothing else.
    let mut other = other;
    other["tenantId"] = json!("u");
    let mut expected = before;
    expected["tenantId"] = json!("u");
    assert_eq!(world.partner(other).await.expect(201), expected);
    assert_eq!(world.written().await, BOUND);
}

#[tokio::test]
async fn each_enrollment_is_published_once() {
    let mut world = World::start().await;
    world.token(json!({ "tenantId": "t", "partner": { "email": EMAIL } })).await.expect(201);
    world.partner(json!({ "email": OTHER })).await.expect(201);
    world.partner(json!({ "email": OTHER })).await.expect(201);
    let events = world.rows("outbox").await;
    let partners = [(EMAIL, json!("t")), (OTHER, json!(null))].map(async |(email, tenant_id)| {
        let partner = world.partner(json!({ "email": email })).await.expect(201);
        (partner["id"].clone(), tenant_id)
    });
    assert_eq!(events.len(), partners.len());
    for partner in partners {
        let (partner_id, tenant_id) = partner.await;
        let event = events.iter().find(|event| event["payload"]["partnerId"] == partner_id).unwrap();
        let enrollment_id = event["payload"]["enrollmentId"].as_str().unwrap();
        assert!(enrollment_id.starts_with("pge_"), "{event}");
        assert_eq!(event["event"], "partner.enrolled");
        assert_eq!(
            event["payload"],
            json!({
                "enrollmentId": enrollment_id,
                "partnerId": partner_id,
                "programId": world.workspace.program_id,
                "groupId": world.workspace.group_id,
                "tenantId": tenant_id,
                "status": "approved",
            })
        );
    }
    assert_eq!(world.written().await, "enrollments +2, links +2, outbox +2, partners +2");
}

#[tokio::test]
async fn a_partner_of_another_program_keeps_its_row() {
    let mut world = World::start().await;
    let first = world.enrolled(json!({ "email": EMAIL, "name": "Jane", "tenantId": "t" })).await;
    let second_program = world.program("second.example.com").await;
    world.app.clock.advance(std::time::Duration::from_mins(1));
    // Both programs may have the same tenantId.
    let body = json!({ "email": "Jane@EXAMPLE.com", "name": "Someone else", "tenantId": "t" });
    let second = second_program.actor.post(super::fixtures::PARTNERS, body).await.expect(201);
    assert_eq!(world.written().await, "enrollments +1, links +1, outbox +1");
    assert_eq!(second["id"], first["id"]);
    assert_eq!(second["createdAt"], "2026-03-01T12:01:00.250Z");
    assert_eq!((&second["email"], &second["name"]), (&json!(EMAIL), &json!("Jane")));
    assert_eq!(second["programId"], second_program.program_id.to_string());
    assert_eq!(second["links"].as_array().unwrap().len(), 1);
    // The first program is not affected.
    assert_eq!(world.partner(json!({ "email": EMAIL })).await.expect(201), first);
}

#[tokio::test]
async fn missing_default_links_are_created() {
    let mut world = World::start().await;
    let before = world.enrolled(json!({ "email": EMAIL, "name": "Jane Doe", "tenantId": "t" })).await;
    assert_eq!(before["links"][0]["key"], "jane-doe");

    world.arrange("DELETE FROM links").await;
    world.token(json!({ "tenantId": "t" })).await.expect(201);
    assert_eq!(world.written().await, "links +1");
    let healed = world.partner(json!({ "email": EMAIL })).await.expect(201);
    assert_eq!(healed["links"][0]["key"], "jane-doe");
    assert_eq!(world.rows("links").await[0]["tenant_id"], "t");

    world.app.add_default_link(&world.workspace, "https://example.com/second").await;
    world.app.add_default_link(&world.workspace, "https://example.com/third").await;
    let props = json!({ "email": EMAIL, "linkProps": { "title": "Not for links that are made good" } });
    let healed = world.partner(props).await.expect(201);
    assert_eq!(world.written().await, "links +2");
    let mut urls: Vec<_> =
        healed["links"].as_array().unwrap().iter().map(|link| link["url"].as_str().unwrap()).collect();
    urls.sort_unstable();
    assert_eq!(urls, ["https://example.com/", "https://example.com/second", "https://example.com/third"]);
    assert!(world.rows("links").await.iter().all(|link| link["settings"]["title"].is_null()));

    world.token(json!({ "tenantId": "t" })).await.expect(201);
    assert_eq!(world.written().await, NOTHING);
}
