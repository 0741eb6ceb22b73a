//! Errors in the form that Partnero's clients read: the Pearset error object, and `message`, `errors`, `status`.

use serde_json::{Value, json};

use super::fixtures::{JANE, LINKS, add_domain, create, world_with_jane};
use crate::enrollments::fixtures::NOTHING;

/// Returns field and code of each problem, in order, and checks the members that repeat the problems.
fn problems(body: &Value) -> Vec<(String, String)> {
    assert_eq!(body["status"], 0);
    assert_eq!(body["message"], body["error"]["message"]);
    assert_eq!(body["error"]["code"], "unprocessable_entity");
    let problems = body["error"]["errors"].as_array().unwrap();
    let mut by_field = json!({});
    for problem in problems {
        let texts = &mut by_field[problem["path"].as_str().unwrap()];
        if texts.is_null() {
            *texts = json!([]);
        }
        texts.as_array_mut().unwrap().push(problem["message"].clone());
    }
    assert_eq!(body["errors"], by_field);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    problems.iter().map(|problem| (text(&problem["path"]), text(&problem["code"]))).collect()
}

fn expected(problems: &[(&str, &str)]) -> Vec<(String, String)> {
    problems.iter().map(|(path, code)| ((*path).to_owned(), (*code).to_owned())).collect()
}

#[tokio::test]
async fn each_broken_rule_is_a_problem() {
    let (mut world, _) = world_with_jane().await;
    let partner = json!({ "email": JANE });
    for (body, problem) in [
        (json!({}), &[("key", "invalid_type"), ("partner", "invalid_type")][..]),
        (json!({ "key": null, "partner": null }), &[("key", "invalid_type"), ("partner", "invalid_type")]),
        (json!({ "key": "a", "partner": {} }), &[("partner", "custom")]),
        (json!({ "key": "a", "partner": "user_1" }), &[("partner", "invalid_type")]),
        (json!({ "key": "a", "partner": { "id": null } }), &[("partner.id", "invalid_type")]),
        (json!({ "key": "a", "partner": { "id": 1 } }), &[("partner.id", "invalid_type")]),
        (json!({ "key": "a", "partner": { "key": 1 } }), &[("partner.key", "invalid_type")]),
        (json!({ "key": "a", "partner": { "email": "jane" } }), &[("partner.email", "invalid_format")]),
        (json!({ "key": "a", "partner": { "id": "x\u{0}" } }), &[("partner.id", "invalid_format")]),
        (json!({ "key": "a", "domain_id": 1, "partner": partner }), &[("domain_id", "invalid_type")]),
        (
            json!({ "key": "a b", "domain_id": "dom_1", "partner": { "email": "secret canary" } }),
            &[("key", "invalid_format"), ("is_additional", "invalid_type"), ("partner.email", "invalid_format")],
        ),
        (json!([]), &[("", "invalid_type")]),
    ] {
        let answer = world.workspace.actor.post(LINKS, body.clone()).await.expect(422);
        assert_eq!(problems(&answer), expected(problem), "{body}");
        assert!(!answer.to_string().contains("canary"));
    }
    assert_eq!(world.written().await, NOTHING);
}

#[tokio::test]
async fn key_with_forbidden_characters_or_a_reserved_name_is_a_problem() {
    let (mut world, _) = world_with_jane().await;
    let good = ["a", "ref_456", "Maya-2.0", "c/jane", "日本", "é", "robots.txt/a", &"ä".repeat(190)];
    for key in good {
        assert_eq!(create(&world, key, json!({})).await.expect(201)["data"]["key"], key);
    }
    assert_eq!(world.written().await, format!("links +{}", good.len()));
    for (key, code) in [
        ("", "too_small"),
        (&*"a".repeat(191), "too_big"),
        ("_a", "invalid_format"),
        ("a b", "invalid_format"),
        ("a\tb", "invalid_format"),
        ("a\u{0}", "invalid_format"),
        ("a@b", "invalid_format"),
        ("a+b", "invalid_format"),
        ("a&b", "invalid_format"),
        ("a'b", "invalid_format"),
        ("a%b", "invalid_format"),
        ("a?b", "invalid_format"),
        ("a#b", "invalid_format"),
        ("robots.txt", "invalid_value"),
        ("FAVICON.ico", "invalid_value"),
        ("sitemap.xml", "invalid_value"),
        ("manifest.json", "invalid_value"),
        ("manifest.webmanifest", "invalid_value"),
        ("apple-app-site-association", "invalid_value"),
        (".well-known", "invalid_value"),
        (".Well-Known/acme", "invalid_value"),
    ] {
        let answer = create(&world, key, json!({})).await.expect(422);
        assert_eq!(problems(&answer), expected(&[("key", code)]), "{key}");
    }
    assert_eq!(world.written().await, NOTHING);
}

#[tokio::test]
async fn wrong_is_additional_is_a_problem_of_that_field() {
    let (world, _) = world_with_jane().await;
    let id = add_domain(&world, &world.workspace, "https://partnero.com?aff=", true).await;
    let answer = create(&world, "new", json!({ "domain_id": id, "is_additional": false })).await.expect(422);
    assert_eq!(problems(&answer), expected(&[("is_additional", "invalid_value")]));
}

#[tokio::test]
async fn other_errors_have_a_message_but_no_list() {
    let (world, _) = world_with_jane().await;
    let unknown = json!({ "key": "new", "partner": { "id": "nobody" } });
    let taken = json!({ "key": "jane", "partner": { "id": "user_1" } });
    for base in ["", "/api", "/v1"] {
        let path = format!("{base}{LINKS}");
        let actor = &world.workspace.actor;
        for (answer, status, code) in [
            (actor.post(&path, unknown.clone()).await, 404, "not_found"),
            (actor.post(&path, taken.clone()).await, 409, "conflict"),
            (actor.post_text(&path, "application/json", "{").await, 400, "bad_request"),
            (actor.post_text(&path, "text/plain", "{}").await, 415, "unsupported_media_type"),
            (world.app.stranger().post(&path, taken.clone()).await, 401, "unauthorized"),
            (actor.get(&path).await, 405, "method_not_allowed"),
            (actor.get(&format!("{path}:nothing")).await, 404, "not_found"),
        ] {
            let body = answer.expect(status);
            let error = json!({
                "code": code, "message": body["message"],
                "doc_url": format!(
                    "https://partners.example.com/docs/api-reference/errors#{}", code.replacen('_', "-", 1)
                ),
            });
            assert_eq!(body, json!({ "error": error, "message": body["message"], "status": 0 }), "{path}");
        }
    }
}
