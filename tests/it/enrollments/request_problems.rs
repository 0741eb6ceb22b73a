//! The answer to a request that breaks rules: all problems, in the order of the members, in the request's spelling.

use serde_json::{Value, json};

use super::fixtures::{NOTHING, World};

/// Returns a partner with every member wrong.
fn all_wrong() -> Value {
    json!({
        "name": 1, "email": "secret-canary", "username": "secret canary", "image": "ftp://secret-canary.com",
        "tenantId": "", "groupId": 1, "country": "secret-canary", "description": true,
        "linkProps": {
            "externalId": "", "tenantId": "", "prefix": "/secret canary/", "archived": null, "tagIds": null,
            "tagNames": [1], "comments": 1, "expiresAt": "secret-canary", "expiredUrl": "ftp://secret-canary.com",
            "password": 1, "proxy": null, "title": 1, "description": 1, "image": "ftp://secret-canary.com",
            "video": "ftp://secret-canary.com", "rewrite": null, "ios": "ftp://secret-canary.com",
            "android": "ftp://secret-canary.com", "doIndex": null,
            "testVariants": [{ "url": "ftp://secret-canary.com", "percentage": 5 }],
            "testStartedAt": "secret-canary", "testCompletedAt": "secret-canary",
        },
    })
}

/// Code and path of each of the problems, in the order of openapi.yaml.
const PROBLEMS: [(&str, &str); 32] = [
    ("invalid_type", "name"),
    ("invalid_format", "email"),
    ("invalid_format", "username"),
    ("invalid_format", "image"),
    ("too_small", "tenantId"),
    ("invalid_type", "groupId"),
    ("invalid_value", "country"),
    ("invalid_type", "description"),
    ("too_small", "linkProps.externalId"),
    ("too_small", "linkProps.tenantId"),
    ("invalid_format", "linkProps.prefix"),
    ("invalid_type", "linkProps.archived"),
    ("invalid_type", "linkProps.tagIds"),
    ("invalid_type", "linkProps.tagNames[0]"),
    ("invalid_type", "linkProps.comments"),
    ("invalid_format", "linkProps.expiresAt"),
    ("invalid_format", "linkProps.expiredUrl"),
    ("invalid_type", "linkProps.password"),
    ("invalid_type", "linkProps.proxy"),
    ("invalid_type", "linkProps.title"),
    ("invalid_type", "linkProps.description"),
    ("invalid_format", "linkProps.image"),
    ("invalid_format", "linkProps.video"),
    ("invalid_type", "linkProps.rewrite"),
    ("invalid_format", "linkProps.ios"),
    ("invalid_format", "linkProps.android"),
    ("invalid_type", "linkProps.doIndex"),
    ("too_small", "linkProps.testVariants"),
    ("invalid_format", "linkProps.testVariants[0].url"),
    ("too_small", "linkProps.testVariants[0].percentage"),
    ("invalid_format", "linkProps.testStartedAt"),
    ("invalid_format", "linkProps.testCompletedAt"),
];

/// Returns the problems of an error, as `(code, path)`.
fn problems(error: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    error["errors"].as_array().unwrap().iter().map(|problem| (text(&problem["code"]), text(&problem["path"]))).collect()
}

fn expected(prefix: &str) -> Vec<(String, String)> {
    PROBLEMS.iter().map(|(code, path)| ((*code).to_owned(), format!("{prefix}{path}"))).collect()
}

#[tokio::test]
async fn all_problems_are_listed_in_field_order_and_no_value_is_shown() {
    let mut world = World::start().await;
    let token = json!({ "partnerId": 1, "tenantId": null, "partner": all_wrong() });
    let mut token_problems =
        vec![("invalid_type".to_owned(), "partnerId".to_owned()), ("invalid_type".to_owned(), "tenantId".to_owned())];
    token_problems.extend(expected("partner."));
    for (answer, expected) in
        [(world.partner(all_wrong()).await, expected("")), (world.token(token).await, token_problems)]
    {
        let body = answer.expect(422);
        assert!(!body.to_string().contains("canary"), "{body}");
        let error = &body["error"];
        assert_eq!(problems(error), expected);
        let first = &error["errors"][0];
        let message = ["code", "path", "message"].map(|member| first[member].as_str().unwrap()).join(": ");
        assert_eq!(error["message"], message);
        assert_eq!(error["doc_url"], "https://partners.example.com/docs/api-reference/errors#unprocessable-entity");
    }
    assert_eq!(world.written().await, NOTHING);
}

#[tokio::test]
async fn texts_that_clients_match_on_are_stable() {
    let world = World::start().await;
    for (body, message) in [
        (json!({}), "custom: : You must provide either partnerId, tenantId, or partner."),
        (json!({ "name": "Jane" }), "custom: : You must provide either partnerId, tenantId, or partner."),
        (json!({ "partner": {} }), "invalid_type: partner.email: "),
        (json!({ "tenantId": "t", "partner": { "name": "Jane" } }), "invalid_type: partner.email: "),
        (json!({ "partner": { "email": null } }), "invalid_type: partner.email: "),
        (json!({ "partner": { "email": "jane" } }), "invalid_format: partner.email: Invalid email address"),
        (json!({ "partner": { "email": "" } }), "invalid_format: partner.email: Invalid email address"),
        (json!({ "partner": null }), "invalid_type: partner: "),
        (json!({ "partner": "jane@example.com" }), "invalid_type: partner: "),
        (json!({ "partnerId": null }), "invalid_type: partnerId: "),
        (json!({ "partnerId": "pn_\u{0}" }), "invalid_format: partnerId: "),
        (json!({ "tenantId": null }), "invalid_type: tenantId: "),
        (json!({ "tenantId": "" }), "too_small: tenantId: "),
        (json!({ "tenantId": "ä".repeat(256) }), "too_big: tenantId: "),
        (json!({ "tenantId": "a\u{0}" }), "invalid_format: tenantId: "),
        (json!([]), "invalid_type: : "),
        (json!("x"), "invalid_type: : "),
        (json!(null), "invalid_type: : "),
    ] {
        let found = world.token(body.clone()).await.expect_error(422);
        assert!(found.starts_with(message), "{body}: {found}");
    }
    for (body, message) in [
        (json!({}), "invalid_type: email: "),
        (json!({ "tenantId": "t" }), "invalid_type: email: "),
        (json!({ "email": "jane" }), "invalid_format: email: Invalid email address"),
        (json!({ "email": "" }), "invalid_format: email: Invalid email address"),
    ] {
        let found = world.partner(body.clone()).await.expect_error(422);
        assert!(found.starts_with(message), "{body}: {found}");
    }
}

#[tokio::test]
async fn problems_of_items_are_listed_next_to_the_problem_of_the_list() {
    let world = World::start().await;
    let good = json!({ "url": "https://example.com/", "percentage": 20 });
    let bad = json!({ "url": "https://example.com/", "percentage": 9 });
    let props = json!({ "testVariants": [good, good, good, good, bad] });
    let error = world.partner(json!({ "email": "jane@example.com", "linkProps": props })).await.expect(422);
    let expected = [("too_big", "linkProps.testVariants"), ("too_small", "linkProps.testVariants[4].percentage")];
    assert_eq!(problems(&error["error"]), expected.map(|(code, path)| (code.to_owned(), path.to_owned())));
}

#[tokio::test]
async fn the_number_of_problems_in_an_answer_is_limited() {
    let world = World::start().await;
    let body = json!({ "email": "jane@example.com", "linkProps": { "tagIds": vec![0; 100_000] } });
    let answer = world.workspace.actor.post("/partners", body).await.expect(422);
    assert_eq!(answer["error"]["errors"].as_array().unwrap().len(), 100);
    assert_eq!(answer["error"]["errors"][99]["path"], "linkProps.tagIds[99]");
}
