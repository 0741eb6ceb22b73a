//! `POST /embed/token`: the calls and rules that the seed document gives for Affonso's API, and their answers.

use std::time::Duration;

use pearset::testing::values::clock::Clock as _;
use serde_json::{Value, json};

use crate::enrollments::fixtures::{ENROLLED, NOTHING, World};
use crate::support::actor::Answer;
use crate::support::token::claims;

const JANE: &str = "jane@example.com";
const PATH: &str = "/embed/token";

async fn call(world: &World, mut body: Value) -> Answer {
    if body.get("programId").is_none() {
        body["programId"] = json!(world.workspace.program_id);
    }
    world.workspace.actor.post(PATH, body).await
}

/// Returns a request for Jane with these additional members.
fn jane(more: &Value) -> Value {
    let mut body = json!({ "partner": { "email": JANE } });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

async fn set_access_mode(world: &mut World, mode: &str) {
    world.arrange(&format!("UPDATE programs SET access_mode = '{mode}'")).await;
}

async fn enrollment(world: &World) -> Value {
    world.rows("enrollments").await.remove(0)
}

#[track_caller]
fn expect_error(answer: Answer, status: u16, code: &str) -> Value {
    let mut body = answer.expect(status);
    assert_eq!((&body["success"], &body["error"]["code"]), (&json!(false), &json!(code)));
    body["error"].take()
}

#[tokio::test]
async fn every_field_of_the_seed_is_stored_for_a_new_affiliate() {
    let mut world = World::start().await;
    let vip = world.group("vip", &["https://example.com/vip"]).await;
    let body = json!({
        "programId": world.workspace.program_id,
        "partner": { "email": JANE, "name": "Jane Doe", "image": "https://example.com/jane.png" },
        "groupId": vip,
        "externalUserId": "user_123",
        "metadata": { "plan": "pro", "signup_source": "app" },
    });
    let answer = call(&world, body).await.expect(201);
    assert_eq!(world.written().await, ENROLLED);
    let (data, now) = (&answer["data"], world.app.clock.now().whole_seconds());
    assert_eq!(
        answer,
        json!({
            "success": true,
            "data": {
                "publicToken": data["publicToken"],
                "expiresAt": now + Duration::from_mins(30),
                "link": "http://acme.localhost:8080/jane-doe",
                "portalUrl": "https://example.com/",
                "partnershipStatus": "APPROVED",
            },
        })
    );
    let claims = claims(data);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 1800);
    assert_eq!(claims["ver"], 0);

    let partner = world.partner(json!({ "email": JANE })).await.expect(201);
    assert_eq!(claims["pid"], partner["id"]);
    for (member, value) in [
        ("name", json!("Jane Doe")),
        ("image", json!("https://example.com/jane.png")),
        ("groupId", json!(vip)),
        ("tenantId", json!("user_123")),
        ("status", json!("approved")),
        ("metadata", json!({ "plan": "pro", "signup_source": "app" })),
    ] {
        assert_eq!(partner[member], value, "{member}");
    }
    assert_eq!(partner["links"][0]["shortLink"], data["link"]);
    assert_eq!(world.rows("outbox").await[0]["payload"]["enrollmentId"], claims["sub"]);
}

#[tokio::test]
async fn program_and_email_are_enough() {
    let mut world = World::start().await;
    let data = call(&world, jane(&json!({}))).await.expect(201)["data"].clone();
    assert_eq!(world.written().await, ENROLLED);
    assert_eq!(data["link"], "http://acme.localhost:8080/jane");
    let partner = world.partner(json!({ "email": JANE })).await.expect(201);
    assert_eq!((&partner["tenantId"], &partner["metadata"]), (&Value::Null, &json!({})));
    // The host's user may have neither name nor picture.
    let body = json!({ "partner": { "email": "new@example.com", "name": null, "image": null } });
    call(&world, body).await.expect(201);
}

/// The format fixes the lifetime, whatever the program says.
#[tokio::test]
async fn a_token_lives_thirty_minutes() {
    let mut world = World::start().await;
    for seconds in [60, 10_800] {
        world.arrange(&format!("UPDATE programs SET token_lifetime_seconds = {seconds}")).await;
        let data = call(&world, jane(&json!({}))).await.expect(201)["data"].clone();
        let claims = claims(&data);
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 1800);
    }
}

#[tokio::test]
async fn the_access_mode_decides_about_new_partners() {
    for (mode, status) in [("public", "APPROVED"), ("private", "PENDING")] {
        let mut world = World::start().await;
        set_access_mode(&mut world, mode).await;
        for _ in 0..2 {
            let answer = call(&world, jane(&json!({ "externalUserId": "t" }))).await.expect(201);
            assert_eq!(answer["data"]["partnershipStatus"], status, "{mode}");
        }
        let row = enrollment(&world).await;
        assert_eq!(row["status"], status.to_lowercase());
        assert_eq!(row["application_id"].is_string(), mode == "private", "an applicant has an application");
    }

    let mut world = World::start().await;
    set_access_mode(&mut world, "invite").await;
    expect_error(call(&world, jane(&json!({}))).await, 403, "FORBIDDEN");
    assert_eq!(world.written().await, NOTHING);
}

#[tokio::test]
async fn an_invitation_is_accepted_and_published_until_it_expires() {
    let mut world = World::start().await;
    world.enrolled(json!({ "email": JANE })).await;
    set_access_mode(&mut world, "invite").await;
    let invite = |end: &str| {
        format!("UPDATE enrollments SET status = 'invited', invite_expires_at = timestamptz '2026-03-01 12:00Z' {end}")
    };
    world.arrange("DELETE FROM outbox").await;
    world.arrange(&invite("- interval '1 s'")).await;
    expect_error(call(&world, jane(&json!({ "externalUserId": "t" }))).await, 410, "FORBIDDEN");
    assert_eq!(world.written().await, NOTHING);

    world.arrange(&invite("+ interval '1 s'")).await;
    let answer = call(&world, jane(&json!({ "externalUserId": "t" }))).await.expect(201);
    assert_eq!(answer["data"]["partnershipStatus"], "APPROVED");
    assert_eq!(world.written().await, "enrollments ~1, links ~1, outbox +1");
    let event = &world.rows("outbox").await[0]["payload"];
    assert_eq!((&event["status"], &event["tenantId"]), (&json!("approved"), &json!("t")));
}

#[tokio::test]
async fn the_status_of_an_enrollment_decides_about_tokens() {
    for (status, expected) in [
        ("approved", Some("APPROVED")),
        ("archived", Some("ARCHIVED")),
        ("pending", Some("PENDING")),
        ("rejected", None),
        ("declined", None),
        ("banned", None),
        ("deactivated", None),
    ] {
        let mut world = World::start().await;
        world.enrolled(json!({ "email": JANE })).await;
        world.arrange(&format!("UPDATE enrollments SET status = '{status}', application_id = id")).await;
        let answer = call(&world, jane(&json!({ "metadata": { "a": 1 } }))).await;
        if let Some(expected) = expected {
            assert_eq!(answer.expect(201)["data"]["partnershipStatus"], expected);
        } else {
            expect_error(answer, 403, "FORBIDDEN");
            expect_error(call(&world, jane(&json!({ "externalUserId": "t" }))).await, 403, "FORBIDDEN");
            assert_eq!(world.written().await, NOTHING, "{status}");
        }
    }
}

#[tokio::test]
async fn given_external_user_id_and_metadata_are_updated() {
    let mut world = World::start().await;
    let (first, second) = (json!({ "plan": "free", "seats": 3 }), json!({ "plan": "pro" }));
    // (request, writes, tenantId and metadata after the request)
    let rows = [
        (json!({ "metadata": first }), ENROLLED, Value::Null, &first),
        // Row 4: the enrollment had no tenant id.
        (json!({ "externalUserId": "one" }), "enrollments ~1, links ~1", json!("one"), &first),
        // Row 5: the tenant id is replaced, on the links too.
        (json!({ "externalUserId": "two" }), "enrollments ~1, links ~1", json!("two"), &first),
        (json!({ "externalUserId": "two" }), "enrollments ~1", json!("two"), &first),
        // Metadata is replaced as a whole: `seats` is gone.
        (json!({ "externalUserId": "two", "metadata": second }), "enrollments ~1", json!("two"), &second),
        // Absent members stay.
        (json!({}), "enrollments ~1", json!("two"), &second),
        (json!({ "metadata": {} }), "enrollments ~1", json!("two"), &json!({})),
    ];
    for (epoch, (more, writes, tenant_id, metadata)) in rows.into_iter().enumerate() {
        let answer = call(&world, jane(&more)).await.expect(201);
        assert_eq!(world.written().await, writes, "{more}");
        let partner = world.partner(json!({ "email": JANE })).await.expect(201);
        assert_eq!((&partner["tenantId"], &partner["metadata"]), (&tenant_id, metadata), "{more}");
        assert_eq!(world.rows("links").await[0]["tenant_id"], tenant_id, "{more}");
        // Each call raises the epoch.
        assert_eq!(claims(&answer["data"])["ver"], epoch, "{more}");
    }
}

#[tokio::test]
async fn an_external_user_id_of_another_partner_is_a_conflict() {
    let mut world = World::start().await;
    world.enrolled(json!({ "email": "other@example.com", "tenantId": "taken" })).await;
    world.enrolled(json!({ "email": JANE, "tenantId": "jane" })).await;
    expect_error(call(&world, jane(&json!({ "externalUserId": "taken" }))).await, 409, "DUPLICATE_ERROR");
    assert_eq!(world.written().await, NOTHING);
    // Row 2: without an enrollment for the e-mail address, the request means the partner with the tenant id.
    let body = json!({ "partner": { "email": "new@example.com" }, "externalUserId": "taken" });
    let answer = call(&world, body).await.expect(201);
    assert_eq!(world.email_of_token(&answer["data"]).await, "other@example.com");
    assert_eq!(world.written().await, "enrollments ~1");
}

#[tokio::test]
async fn profile_and_group_of_an_existing_affiliate_stay() {
    let mut world = World::start().await;
    let vip = world.group("vip", &[]).await;
    let before = world.enrolled(json!({ "email": JANE, "name": "Jane" })).await;
    let body = json!({ "partner": { "email": "JANE@example.com", "name": "Other" }, "groupId": vip });
    call(&world, body).await.expect(201);
    assert_eq!(world.partner(json!({ "email": JANE })).await.expect(201), before);
}

#[tokio::test]
async fn a_group_is_found_by_id_or_slug() {
    let mut world = World::start().await;
    let vip = world.group("vip", &["https://example.com/a", "https://example.com/b"]).await;
    let bare = world.group("bare", &[]).await;
    let default = world.workspace.group_id;
    for (index, (group, expected)) in
        [(json!(vip), vip), (json!("vip"), vip), (json!("default"), default), (json!(bare), bare)]
            .into_iter()
            .enumerate()
    {
        let email = format!("partner-{index}@example.com");
        let body = json!({ "partner": { "email": email }, "groupId": group });
        let data = call(&world, body).await.expect(201)["data"].clone();
        let partner = world.partner(json!({ "email": email })).await.expect(201);
        assert_eq!(partner["groupId"], json!(expected));
        // The first default link of the group. A group may have no default link.
        assert_eq!(data["link"], partner["links"][0]["shortLink"], "{group}");
    }
    world.written().await;
    for unknown in [json!("gold"), json!("grp_01h455vb4pex5vsknk084sn02q"), json!("")] {
        expect_error(call(&world, jane(&json!({ "groupId": unknown }))).await, 404, "NOT_FOUND");
        assert_eq!(world.written().await, NOTHING);
    }
}

/// The link is not the oldest link if the default links of the group have changed since.
#[tokio::test]
async fn the_link_is_the_first_default_link_of_the_group() {
    let mut world = World::start().await;
    let partner = world.enrolled(json!({ "email": JANE, "username": "old" })).await;
    assert_eq!(partner["links"][0]["key"], "old");
    world.arrange("UPDATE group_default_links SET removed_at = now()").await;
    world.app.clock.advance(Duration::from_secs(1));
    let now = call(&world, jane(&json!({}))).await.expect(201)["data"]["link"].clone();
    assert_eq!(now, "http://acme.localhost:8080/old", "the only link");
    for url in ["https://example.com/first", "https://example.com/second"] {
        world.app.clock.advance(Duration::from_secs(1));
        world.app.add_default_link(&world.workspace, url).await;
    }
    let data = call(&world, jane(&json!({}))).await.expect(201)["data"].clone();
    let partner = world.partner(json!({ "email": JANE })).await.expect(201);
    let first =
        partner["links"].as_array().unwrap().iter().find(|it| it["url"] == "https://example.com/first").unwrap();
    assert_eq!(data["link"], first["shortLink"]);
}

#[tokio::test]
async fn the_program_must_be_an_active_one_of_the_workspace() {
    let mut world = World::start().await;
    let second = world.program("second.example.com").await;
    let foreign = world.app.workspace("stranger").await;
    world.written().await;
    let named = |id: Value| json!({ "programId": id, "partner": { "email": JANE } });
    let unknown = json!("prog_01h455vb4pex5vsknk084sn02q");
    for id in [json!(foreign.program_id), unknown, json!("acme"), json!(""), json!(world.workspace.id)] {
        let error = expect_error(call(&world, named(id.clone())).await, 404, "NOT_FOUND");
        assert_eq!(error, json!({ "code": "NOT_FOUND", "message": "The program does not exist." }), "{id}");
    }
    assert_eq!(world.written().await, NOTHING);
    let answer = call(&world, named(json!(second.program_id))).await.expect(201);
    assert_eq!(claims(&answer["data"])["prg"], json!(second.program_id));
    assert_eq!(answer["data"]["portalUrl"], "https://second.example.com/");

    world.arrange("UPDATE programs SET deactivated_at = now()").await;
    // Keys and programs are cached for a second.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    for id in [second.program_id, world.workspace.program_id] {
        expect_error(call(&world, named(json!(id))).await, 404, "NOT_FOUND");
    }
    assert_eq!(world.written().await, NOTHING);
}

#[tokio::test]
async fn the_portal_is_the_site_of_the_program_unless_set() {
    let mut world = World::start().await;
    for (set, expected) in [("NULL", "https://example.com/"), ("'https://p.acme.com/'", "https://p.acme.com/")] {
        world.arrange(&format!("UPDATE programs SET portal_url = {set}")).await;
        assert_eq!(call(&world, jane(&json!({}))).await.expect(201)["data"]["portalUrl"], expected);
    }
}

#[tokio::test]
async fn every_broken_rule_of_the_request_is_reported() {
    let mut world = World::start().await;
    let program = json!(world.workspace.program_id);
    let wide = |count: usize| (0..count).map(|n| (format!("k{n}"), json!(n))).collect::<serde_json::Map<_, _>>();
    let metadata = |name: &str, value: Value| {
        let mut body = jane(&json!({ "programId": program }));
        body["metadata"] = json!({ name: value });
        body
    };
    let with = |member: &str, value: Value| {
        let mut body = jane(&json!({ "programId": program }));
        body[member] = value;
        body
    };
    let partner = |value: Value| json!({ "programId": program, "partner": value });
    for (body, problems) in [
        (json!({}), &["programId invalid_type", "partner invalid_type"][..]),
        (json!({ "partner": { "email": JANE } }), &["programId invalid_type"]),
        (json!({ "programId": null, "partner": null }), &["programId invalid_type", "partner invalid_type"]),
        (json!({ "programId": 1, "partner": [] }), &["programId invalid_type", "partner invalid_type"]),
        (partner(json!({})), &["partner.email invalid_type"]),
        (partner(json!({ "email": "secret canary" })), &["partner.email invalid_format"]),
        (
            partner(json!({ "email": JANE, "name": "x".repeat(101), "image": "javascript:alert(1)" })),
            &["partner.name too_big", "partner.image invalid_format"],
        ),
        (with("groupId", json!(null)), &["groupId invalid_type"]),
        (with("externalUserId", json!("")), &["externalUserId too_small"]),
        (with("externalUserId", json!("x".repeat(256))), &["externalUserId too_big"]),
        (with("externalUserId", json!("a\u{0}b")), &["externalUserId invalid_format"]),
        (with("externalUserId", json!(7)), &["externalUserId invalid_type"]),
        (with("metadata", json!([])), &["metadata invalid_type"]),
        (with("metadata", json!(wide(51))), &["metadata too_big"]),
        (metadata("nested", json!({})), &["metadata.nested invalid_type"]),
        (metadata("nothing", json!(null)), &["metadata.nothing invalid_type"]),
        (metadata("long", json!("x".repeat(501))), &["metadata.long too_big"]),
        (metadata(&"k".repeat(41), json!(1)), &["metadata invalid_format"]),
        (json!([]), &[" invalid_type"]),
    ] {
        let answer = world.workspace.actor.post(PATH, body.clone()).await;
        let error = expect_error(answer, 400, "VALIDATION_ERROR");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let found: Vec<String> = error["details"]
            .as_array()
            .unwrap()
            .iter()
            .map(|detail| format!("{} {}", text(&detail["path"]), text(&detail["code"])))
            .collect();
        assert_eq!(found, problems, "{body}");
        // The error names the first problem, as in every format.
        let first = &error["details"][0];
        let field = Some(text(&first["path"])).filter(|path| !path.is_empty());
        assert_eq!(error["field"].as_str(), field.as_deref(), "{body}");
        let message = format!("{}: {}: {}", text(&first["code"]), text(&first["path"]), text(&first["message"]));
        assert_eq!(error["message"], message);
        assert!(!error.to_string().contains("canary"));
    }
    assert_eq!(world.written().await, NOTHING);
    for body in [
        with("externalUserId", json!("ä".repeat(255))),
        with("metadata", json!(wide(50))),
        metadata(&"k".repeat(40), json!("x".repeat(500))),
    ] {
        world.workspace.actor.post(PATH, body).await.expect(201);
    }
}

/// Errors that are not about members have a code and a message and nothing else.
#[tokio::test]
async fn every_other_error_has_a_code_and_a_message_only() {
    let world = World::start().await;
    let actor = &world.workspace.actor;
    let error = expect_error(actor.post_text(PATH, "application/json", "{").await, 400, "VALIDATION_ERROR");
    assert_eq!(error, json!({ "code": "VALIDATION_ERROR", "message": "The request body is not valid JSON." }));
    expect_error(actor.post_text(PATH, "text/plain", "{}").await, 415, "VALIDATION_ERROR");
    expect_error(actor.post_text(PATH, "application/json", " ".repeat(1 << 21)).await, 413, "VALIDATION_ERROR");
    expect_error(actor.get(PATH).await, 405, "VALIDATION_ERROR");
    expect_error(actor.get("/v1/embed/token/").await, 404, "NOT_FOUND");
    let answer = world.app.stranger().post(PATH, json!({})).await;
    assert_eq!(answer.headers["www-authenticate"], "Bearer");
    expect_error(answer, 401, "UNAUTHORIZED");
}

#[tokio::test]
async fn answers_at_all_three_bases() {
    let world = World::start().await;
    for (epoch, base) in ["", "/api", "/v1"].into_iter().enumerate() {
        let body = jane(&json!({ "programId": world.workspace.program_id }));
        let answer = world.workspace.actor.post(&format!("{base}{PATH}"), body).await.expect(201);
        assert_eq!(claims(&answer["data"])["ver"], epoch);
    }
}
