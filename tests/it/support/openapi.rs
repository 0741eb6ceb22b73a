//! A checker that compares every response of the tests with `openapi.yaml`.
//!
//! [`check`] finds the operation of a request and panics unless the contract documents the response for the
//! operation: the status, the headers, the content type and the body. Requests without an operation must get the 404
//! or 405 of the contract.
//!
//! Response schemas are translated from OpenAPI 3.0 to JSON Schema 2020-12. The translation panics at an unknown
//! keyword, so that no part of the contract is ignored silently.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, OnceLock};

use http::{HeaderMap, Method, header};
use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

/// Additional base paths of operations with an API key.
const BASES: [&str; 2] = ["/api", "/v1"];

/// Statuses of answers that may lack the headers of the rate limit: requests without a valid key have no limit, and
/// failures outside of the limiter do not know the limit.
const MAY_LACK_LIMIT: [u16; 3] = [401, 500, 503];

/// The prefix of the paths in Partnero's dialect, whose errors have Partnero's format, too. The links of a partner
/// (`/partners/{id}/referral_links`) use the same dialect.
const PARTNERO: &str = "/partner_referral_links";
/// The prefix of the paths in Affonso's dialect.
const AFFONSO: &str = "/embed/token";

const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "patch", "trace"];

static CONTRACT: LazyLock<Contract> = LazyLock::new(|| Contract::parse(include_str!("../../../openapi.yaml")));

/// An operation of the contract.
#[derive(Clone, Debug)]
#[allow(clippy::struct_field_names, reason = "operationId is its name in OpenAPI")]
pub(crate) struct Operation {
    pub(crate) method: Method,
    /// The path template, `/partners/{id}`.
    pub(crate) path: String,
    pub(crate) operation_id: String,
    /// The documented statuses.
    pub(crate) statuses: BTreeSet<u16>,
    /// True if the operation needs an API key.
    pub(crate) security: bool,
}

/// Returns every operation of the contract, ordered by path and method.
pub(crate) fn operations() -> Vec<Operation> {
    CONTRACT.entries.iter().map(|entry| entry.operation.clone()).collect()
}

/// Panics unless the contract allows the response to the request.
///
/// `path` is the requested path, with or without a query.
#[track_caller]
pub(crate) fn check(method: &Method, path: &str, status: u16, headers: &HeaderMap, body: &[u8]) {
    if let Err(problem) = CONTRACT.verify(method, path, status, headers, body) {
        panic!(
            "{method} {path} answered {status}, which openapi.yaml does not allow: {problem}\nbody: {}",
            excerpt(body)
        );
    }
}

fn excerpt(body: &[u8]) -> String {
    const LENGTH: usize = 2_000;
    let text = String::from_utf8_lossy(body);
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], body.len()),
        None => text.into_owned(),
    }
}

struct Contract {
    entries: Vec<Entry>,
    /// The responses to requests without an operation, by the name of the component response.
    errors: BTreeMap<&'static str, Response>,
}

struct Entry {
    operation: Operation,
    responses: BTreeMap<u16, Response>,
}

struct Response {
    headers: Vec<Header>,
    /// The schemas by media type. An empty map means that the response has no body.
    content: BTreeMap<String, Schema>,
}

struct Header {
    name: String,
    required: bool,
    integer: bool,
    schema: Schema,
}

/// A translated schema, compiled at its first use.
struct Schema {
    source: Value,
    validator: OnceLock<Validator>,
}

impl Contract {
    fn parse(yaml: &str) -> Self {
        let document = document(yaml);
        let schemas = translated_components(&document);
        let entries = object(&document["paths"])
            .iter()
            .flat_map(|(path, item)| METHODS.map(|method| (path, method, &item[method])))
            .filter(|(_, _, operation)| operation.is_object())
            .map(|(path, method, operation)| Entry::parse(&document, &schemas, path, method, operation))
            .collect();
        let errors = ["404", "405", "ReferralLink404", "ReferralLink405", "Affonso404", "Affonso405"]
            .into_iter()
            .map(|name| {
                let response = &document["components"]["responses"][name];
                (name, Response::parse(&document, &schemas, response))
            })
            .collect();
        Self { entries, errors }
    }

    /// Returns the id of the operation with this response, `None` for the documented answer
    /// to a request without an operation.
    fn verify(
        &self,
        method: &Method,
        path: &str,
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Option<&str>, String> {
        let path = path.split(['?', '#']).next().unwrap_or(path);
        let head = method == Method::HEAD;
        let candidates = self.matching(path);
        let entry = candidates
            .iter()
            .find(|entry| entry.operation.method == *method || (head && entry.operation.method == Method::GET));

        if let Some(entry) = entry {
            let id = &entry.operation.operation_id;
            let response = entry.responses.get(&status).ok_or_else(|| {
                let documented = &entry.operation.statuses;
                format!("{id} documents {documented:?}, not {status}")
            })?;
            response.verify(head, headers, body)?;
            if entry.operation.security && !MAY_LACK_LIMIT.contains(&status) {
                verify_limit(headers)?;
            }
            return Ok(Some(id));
        }

        let (expected, why) = if candidates.is_empty() {
            (404, "no operation has this path")
        } else {
            (405, "no operation has this path with this method")
        };
        if status != expected {
            return Err(format!("{why}, so the status must be {expected}"));
        }
        let name = match (expected, dialect(path)) {
            (404, Dialect::Pearset) => "404",
            (404, Dialect::Partnero) => "ReferralLink404",
            (404, Dialect::Affonso) => "Affonso404",
            (_, Dialect::Pearset) => "405",
            (_, Dialect::Partnero) => "ReferralLink405",
            (_, Dialect::Affonso) => "Affonso405",
        };
        self.errors[name].verify(head, headers, body)?;
        Ok(None)
    }

    /// Returns the operations of the matching path template with the fewest parameters.
    fn matching(&self, path: &str) -> Vec<&Entry> {
        let stripped = strip_base(path);
        let matches = |entry: &&Entry| {
            let template = &entry.operation.path;
            template_matches(template, path)
                || entry.operation.security && stripped.is_some_and(|path| template_matches(template, path))
        };
        let parameters = |entry: &Entry| entry.operation.path.matches('{').count();
        let found: Vec<&Entry> = self.entries.iter().filter(matches).collect();
        let fewest = found.iter().map(|entry| parameters(entry)).min();
        found.into_iter().filter(|entry| Some(parameters(entry)) == fewest).collect()
    }
}

/// Checks that an answer to a request with a key has the rate limit in its headers, equal in both forms.
fn verify_limit(headers: &HeaderMap) -> Result<(), String> {
    let value = |name: &str| {
        let value = headers.get(name).ok_or_else(|| format!("the header {name} is missing"))?;
        value.to_str().map_err(|_| format!("the header {name} is not ASCII"))
    };
    let (limit, remaining) = (value("x-ratelimit-limit")?, value("x-ratelimit-remaining")?);
    value("x-ratelimit-reset")?;
    let (policy, standing) = (value("ratelimit-policy")?, value("ratelimit")?);
    let same = policy == format!("\"default\";q={limit};w=60")
        && standing.starts_with(&format!("\"default\";r={remaining};t="))
        && remaining.parse().unwrap_or(u64::MAX) < limit.parse().unwrap_or(0);
    if same {
        Ok(())
    } else {
        Err(format!("{remaining} of {limit} requests remain, which contradicts {policy}, {standing}"))
    }
}

fn strip_base(path: &str) -> Option<&str> {
    BASES.iter().filter_map(|base| path.strip_prefix(base)).find(|rest| rest.starts_with('/'))
}

/// The format of a path's errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Pearset,
    Partnero,
    Affonso,
}

pub(crate) fn dialect(path: &str) -> Dialect {
    let path = strip_base(path).unwrap_or(path);
    let follows = |prefix: &str, ends: &[char]| {
        path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(ends))
    };
    if follows(PARTNERO, &['/', ':']) || template_matches("/partners/{id}/referral_links", path) {
        Dialect::Partnero
    } else if follows(AFFONSO, &['/']) {
        Dialect::Affonso
    } else {
        Dialect::Pearset
    }
}

fn template_matches(template: &str, path: &str) -> bool {
    let mut actual = path.split('/');
    template.split('/').all(|expected| {
        actual.next().is_some_and(|actual| {
            if expected.starts_with('{') && expected.ends_with('}') { !actual.is_empty() } else { expected == actual }
        })
    }) && actual.next().is_none()
}

impl Entry {
    fn parse(document: &Value, schemas: &Value, path: &str, method: &str, operation: &Value) -> Self {
        let responses: BTreeMap<u16, Response> = object(&operation["responses"])
            .iter()
            .map(|(status, response)| {
                let status = status
                    .parse()
                    .unwrap_or_else(|_| panic!("{method} {path}: {status} is not a status; list each status"));
                (status, Response::parse(document, schemas, response))
            })
            .collect();
        let security = operation.get("security").unwrap_or(&document["security"]);
        let operation = Operation {
            method: method.to_uppercase().parse().expect("a method"),
            path: path.to_owned(),
            operation_id: text(&operation["operationId"]).to_owned(),
            statuses: responses.keys().copied().collect(),
            security: security.as_array().is_some_and(|list| !list.is_empty()),
        };
        Self { operation, responses }
    }
}

impl Response {
    fn parse(document: &Value, schemas: &Value, response: &Value) -> Self {
        let response = resolve(document, response);
        let headers = members(&response["headers"])
            .map(|(name, header)| {
                let header = resolve(document, header);
                Header {
                    name: name.clone(),
                    required: header["required"] == true,
                    integer: resolve(document, &header["schema"])["type"] == "integer",
                    schema: Schema::new(schemas, &header["schema"]),
                }
            })
            .collect();
        let content = members(&response["content"])
            .map(|(media_type, content)| {
                let schema = Schema::new(schemas, &content["schema"]);
                (media_type.clone(), schema)
            })
            .collect();
        Self { headers, content }
    }

    fn verify(&self, head: bool, headers: &HeaderMap, body: &[u8]) -> Result<(), String> {
        for header in &self.headers {
            header.verify(headers)?;
        }
        if self.content.is_empty() {
            return if body.is_empty() { Ok(()) } else { Err("no body is documented".to_owned()) };
        }

        let documented = self.content.keys();
        let content_type = headers
            .get(header::CONTENT_TYPE)
            .ok_or_else(|| format!("the content type is missing, documented is {documented:?}"))?
            .to_str()
            .map_err(|_| "the content type is not ASCII".to_owned())?;
        let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let schema = self
            .content
            .get(&media_type)
            .ok_or_else(|| format!("the content type is {content_type:?}, documented is {documented:?}"))?;

        if head {
            return if body.is_empty() { Ok(()) } else { Err("an answer to HEAD has no body".to_owned()) };
        }
        let body = std::str::from_utf8(body).map_err(|error| format!("the body: {error}"))?;
        let value = if media_type == "application/json" || media_type.ends_with("+json") {
            serde_json::from_str(body).map_err(|error| format!("the body is not JSON: {error}"))?
        } else if media_type == "application/yaml" {
            serde_saphyr::from_str(body).map_err(|error| format!("the body is not YAML: {error}"))?
        } else {
            Value::from(body)
        };
        schema.verify(&value).map_err(|problems| format!("the body breaks its schema:{problems}"))
    }
}

impl Header {
    fn verify(&self, headers: &HeaderMap) -> Result<(), String> {
        let name = &self.name;
        let Some(value) = headers.get(name) else {
            return if self.required { Err(format!("the header {name} is missing")) } else { Ok(()) };
        };
        let value = value.to_str().map_err(|_| format!("the header {name} is not ASCII"))?;
        let value = match value.parse::<i64>() {
            Ok(number) if self.integer => Value::from(number),
            _ => Value::from(value),
        };
        self.schema.verify(&value).map_err(|problems| format!("the header {name} breaks its schema:{problems}"))
    }
}

impl Schema {
    /// Translates a schema. `schemas` are the translated component schemas, the targets of `$ref`.
    fn new(schemas: &Value, schema: &Value) -> Self {
        let mut source = translate(schema);
        if source.to_string().contains("\"$ref\"") {
            source["components"] = json!({ "schemas": schemas });
        }
        Self { source, validator: OnceLock::new() }
    }

    /// Checks a value. The error lists one problem on each line.
    fn verify(&self, value: &Value) -> Result<(), String> {
        let validator = self.validator.get_or_init(|| {
            jsonschema::options()
                .with_draft(Draft::Draft202012)
                .should_validate_formats(true)
                .should_ignore_unknown_formats(false)
                .build(&self.source)
                .unwrap_or_else(|error| panic!("a schema in openapi.yaml is not valid: {error}"))
        });
        let problems: Vec<String> = validator
            .iter_errors(value)
            .map(|error| {
                let place = error.instance_path().to_string();
                let place = if place.is_empty() { "/" } else { &place };
                format!("\n  {place}: {error} ({})", error.schema_path())
            })
            .collect();
        if problems.is_empty() { Ok(()) } else { Err(problems.concat()) }
    }
}

fn document(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).unwrap_or_else(|error| panic!("openapi.yaml: {error}"))
}

fn translated_components(document: &Value) -> Value {
    translate_members(&document["components"]["schemas"])
}

/// Translates a schema of OpenAPI 3.0 to JSON Schema 2020-12.
fn translate(schema: &Value) -> Value {
    let schema = object(schema);
    if let Some(reference) = schema.get("$ref") {
        assert!(schema.len() == 1, "{reference}: OpenAPI 3.0 ignores members beside $ref");
        return json!({ "$ref": reference });
    }
    let mut translated = Map::new();
    for (keyword, value) in schema {
        let value = match keyword.as_str() {
            // Keywords for readers only.
            "description" | "title" | "example" | "default" | "deprecated" | "nullable" => continue,
            // Formats for the size of a number, which JSON Schema does not have.
            "format" if value == "int32" || value == "int64" => continue,
            "type" if schema.get("nullable") == Some(&Value::Bool(true)) => json!([value, "null"]),
            "type" | "format" | "pattern" | "enum" | "required" | "minimum" | "maximum" | "minLength" | "maxLength"
            | "minItems" | "maxItems" | "uniqueItems" | "minProperties" | "maxProperties" => value.clone(),
            "properties" => translate_members(value),
            "additionalProperties" if value.is_boolean() => value.clone(),
            "additionalProperties" | "items" | "not" => translate(value),
            "allOf" | "anyOf" | "oneOf" => array(value).iter().map(translate).collect(),
            _ => panic!("openapi.rs cannot translate the keyword {keyword} of {schema:?}"),
        };
        translated.insert(keyword.clone(), value);
    }
    Value::Object(translated)
}

fn translate_members(schemas: &Value) -> Value {
    object(schemas).iter().map(|(name, schema)| (name.clone(), translate(schema))).collect::<Map<_, _>>().into()
}

/// Follows `$ref` inside the document.
fn resolve<'a>(document: &'a Value, mut value: &'a Value) -> &'a Value {
    while let Some(reference) = value.get("$ref") {
        value = text(reference)
            .strip_prefix('#')
            .and_then(|pointer| document.pointer(pointer))
            .unwrap_or_else(|| panic!("{reference} has no target"));
    }
    value
}

#[track_caller]
fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("openapi.yaml: not an object: {value}"))
}

#[track_caller]
fn array(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap_or_else(|| panic!("openapi.yaml: not a list: {value}"))
}

#[track_caller]
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("openapi.yaml: not a text: {value}"))
}

/// Returns the members of an object, nothing for an absent object.
fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// Tests that the checker fails on responses outside of the contract.
#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const PARTNER: &str = "/partners/pn_01kkntq2cnf1prr1w49pfyaa1w";

    fn raw() -> Value {
        document(include_str!("../../../openapi.yaml"))
    }

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter()
            .map(|&(name, value)| {
                let name = name.parse().expect("a header's name");
                (name, HeaderValue::from_static(value))
            })
            .collect()
    }

    fn usual() -> HeaderMap {
        headers(&[("content-type", "application/json"), ("x-request-id", "r")])
            .into_iter()
            .chain(limited())
            .map(|(name, value)| (name.expect("each header once"), value))
            .collect()
    }

    fn limited() -> HeaderMap {
        headers(&[
            ("x-ratelimit-limit", "600"),
            ("x-ratelimit-remaining", "599"),
            ("x-ratelimit-reset", "1773480414"),
            ("ratelimit-policy", "\"default\";q=600;w=60"),
            ("ratelimit", "\"default\";r=599;t=1"),
        ])
    }

    fn partner() -> Value {
        raw()["components"]["examples"]["NewPartner"]["value"].clone()
    }

    fn not_found() -> Value {
        json!({ "error": {
            "code": "not_found",
            "message": "The partner is not enrolled in this program.",
            "doc_url": "http://127.0.0.1:8080/docs/api-reference/errors#not-found",
        } })
    }

    fn partnero(mut body: Value) -> Value {
        body["message"] = json!("No.");
        body["status"] = json!(0);
        body
    }

    fn verify(
        method: &Method,
        path: &str,
        status: u16,
        headers: &HeaderMap,
        body: &Value,
    ) -> Result<Option<&'static str>, String> {
        CONTRACT.verify(method, path, status, headers, body.to_string().as_bytes())
    }

    #[track_caller]
    fn assert_partner_is_rejected(body: &Value, reason: &str) {
        let problem = verify(&Method::GET, PARTNER, 200, &usual(), body).unwrap_err();
        assert!(problem.contains(reason), "{problem}");
    }

    #[test]
    fn documented_response_is_accepted_under_every_base_path() {
        for base in ["", "/api", "/v1"] {
            let path = format!("{base}{PARTNER}?page=1");
            let accepted = verify(&Method::GET, &path, 200, &usual(), &partner());
            assert_eq!(accepted, Ok(Some("retrievePartner")));
        }
        let mut charset = usual();
        charset.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        verify(&Method::GET, PARTNER, 404, &charset, &not_found()).unwrap();
    }

    #[test]
    fn public_operation_is_rejected_under_a_base_path() {
        let body = json!({ "status": "ok" });
        assert!(verify(&Method::GET, "/healthz", 200, &usual(), &body).is_ok());
        assert!(verify(&Method::GET, "/api/healthz", 200, &usual(), &body).is_err());
    }

    #[test]
    fn undocumented_status_is_rejected() {
        let problem = verify(&Method::GET, PARTNER, 202, &usual(), &partner()).unwrap_err();
        assert!(problem.contains("retrievePartner documents {200, 401"), "{problem}");
    }

    #[test]
    #[should_panic(expected = "GET /healthz answered 202, which openapi.yaml does not allow")]
    fn panic_names_the_request_and_the_reason() {
        check(&Method::GET, "/healthz", 202, &usual(), b"{}");
    }

    #[test]
    fn additional_key_is_rejected() {
        let mut body = partner();
        body["secret"] = json!(1);
        assert_partner_is_rejected(&body, "'secret' was unexpected");

        let mut body = not_found();
        body["error"]["hint"] = json!("x");
        assert!(verify(&Method::GET, PARTNER, 404, &usual(), &body).is_err());
    }

    #[test]
    fn every_missing_key_is_rejected() {
        for key in object(&partner()).keys() {
            let mut body = partner();
            body.as_object_mut().unwrap().remove(key);
            assert_partner_is_rejected(&body, &format!("\"{key}\" is a required property"));
        }
        let mut body = partner();
        body["links"][0].as_object_mut().unwrap().remove("conversions");
        assert_partner_is_rejected(&body, "/links/0: \"conversions\" is a required property");
    }

    #[test]
    fn null_is_rejected_unless_nullable() {
        for key in ["id", "email", "status", "createdAt", "links", "clicks", "networkStatus"] {
            let mut body = partner();
            body[key] = Value::Null;
            assert_partner_is_rejected(&body, &format!("/{key}: "));
        }
    }

    #[test]
    fn wrong_type_format_pattern_or_range_is_rejected() {
        for (key, value) in [
            ("clicks", json!("0")),
            ("clicks", json!(0.5)),
            ("clicks", json!(-1)),
            ("links", json!({})),
            ("tenantId", json!(7)),
            ("status", json!("APPROVED")),
            ("bannedReason", json!("boredom")),
            ("country", json!("XX")),
            ("id", json!("pn_81kkntq2cnf1prr1w49pfyaa1w")),
            ("id", json!("pn_01kkntq2cnf1prr1w49pfyaa1u")),
            ("createdAt", json!("2026-03-14T09:26:53Z")),
            ("createdAt", json!("2026-13-14T09:26:53.589Z")),
            ("trustedAt", json!("2026-03-14 09:26:53.589")),
            ("email", json!("a..b@x.com")),
        ] {
            let mut body = partner();
            body[key] = value;
            assert_partner_is_rejected(&body, &format!("/{key}: "));
        }
        let mut body = partner();
        body["netRevenue"] = json!(-1);
        verify(&Method::GET, PARTNER, 200, &usual(), &body).unwrap();
    }

    #[test]
    fn code_and_address_of_another_error_are_rejected() {
        for (key, value) in [
            ("code", "forbidden"),
            ("doc_url", "http://x.example/api-reference/errors#not_found"),
            ("doc_url", "/api-reference/errors#not-found"),
        ] {
            let mut body = not_found();
            body["error"][key] = json!(value);
            let problem = verify(&Method::GET, PARTNER, 404, &usual(), &body).unwrap_err();
            assert!(problem.contains(&format!("/error/{key}: ")), "{problem}");
        }
    }

    #[test]
    fn another_content_type_is_rejected() {
        for list in [&[("x-request-id", "r")][..], &[("x-request-id", "r"), ("content-type", "text/plain")]] {
            let problem = verify(&Method::GET, PARTNER, 200, &headers(list), &partner());
            assert!(problem.unwrap_err().contains("content type"));
        }
    }

    #[test]
    fn body_that_is_not_json_is_rejected() {
        for body in [&b""[..], b"<html>", b"{}{}", b"\"\xff\""] {
            let answer = CONTRACT.verify(&Method::GET, PARTNER, 200, &usual(), body);
            assert!(answer.is_err(), "{}", excerpt(body));
        }
    }

    #[test]
    fn missing_and_malformed_headers_are_rejected() {
        let bare = headers(&[("content-type", "application/json")]);
        let problem = verify(&Method::GET, PARTNER, 200, &bare, &partner()).unwrap_err();
        assert!(problem.contains("X-Request-Id is missing"), "{problem}");

        let mut body = not_found();
        body["error"]["code"] = json!("service_unavailable");
        body["error"]["doc_url"] = json!("http://x.example/api-reference/errors#service-unavailable");
        let unavailable = |retry_after: Option<&'static str>| {
            let mut headers = usual();
            if let Some(value) = retry_after {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static(value));
            }
            verify(&Method::GET, "/readyz", 503, &headers, &body)
        };
        assert!(unavailable(Some("2")).is_ok());
        for wrong in [None, Some("0"), Some("1.5"), Some("soon")] {
            assert!(unavailable(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn answer_without_the_rate_limit_is_rejected() {
        for name in limited().keys() {
            let mut headers = usual();
            headers.remove(name);
            let problem = verify(&Method::GET, PARTNER, 404, &headers, &not_found()).unwrap_err();
            assert!(problem.contains(name.as_str()), "{problem}");
        }
        for (name, value) in [
            ("x-ratelimit-limit", "0"),
            ("x-ratelimit-limit", "601"),
            ("x-ratelimit-remaining", "600"),
            ("x-ratelimit-reset", "soon"),
            ("ratelimit-policy", "600;w=60"),
            ("ratelimit", "\"default\";r=598;t=1"),
        ] {
            let mut headers = usual();
            headers.insert(name, HeaderValue::from_static(value));
            assert!(verify(&Method::GET, PARTNER, 404, &headers, &not_found()).is_err(), "{name}: {value}");
        }
    }

    #[test]
    fn only_a_422_lists_problems() {
        let errors = json!([{ "code": "invalid_type", "path": "email", "message": "Required" }]);
        let mut body = not_found();
        body["error"]["errors"] = errors.clone();
        assert!(verify(&Method::GET, PARTNER, 404, &usual(), &body).is_err());

        let mut body = json!({ "error": {
            "code": "unprocessable_entity",
            "message": "invalid_type: email: Required",
            "doc_url": "http://x.example/api-reference/errors#unprocessable-entity",
            "errors": errors,
        } });
        assert!(verify(&Method::POST, "/partners", 422, &usual(), &body).is_ok());
        body["error"]["message"] = json!("Required");
        assert!(verify(&Method::POST, "/partners", 422, &usual(), &body).is_err());
    }

    #[test]
    fn unknown_paths_and_methods_must_answer_the_documented_error() {
        let get = &Method::GET;
        assert_eq!(verify(get, "/nowhere", 404, &usual(), &not_found()), Ok(None));
        assert_eq!(verify(get, "/partners/", 404, &usual(), &not_found()), Ok(None));
        assert!(verify(get, "/nowhere", 404, &usual(), &json!({})).is_err());
        assert!(verify(get, "/nowhere", 200, &usual(), &json!({})).is_err());

        let mut body = not_found();
        body["error"]["code"] = json!("method_not_allowed");
        body["error"]["doc_url"] = json!("http://x.example/api-reference/errors#method-not_allowed");
        assert!(verify(&Method::PUT, PARTNER, 405, &usual(), &body).is_err());
        let mut with_allow = usual();
        with_allow.insert(header::ALLOW, HeaderValue::from_static("GET,HEAD"));
        assert_eq!(verify(&Method::PUT, PARTNER, 405, &with_allow, &body), Ok(None));
        assert!(verify(&Method::PUT, PARTNER, 404, &usual(), &not_found()).is_err());
    }

    #[test]
    fn errors_of_referral_links_must_have_partneros_format() {
        let (get, body) = (&Method::GET, not_found());
        for path in ["/v1/partner_referral_links:nothing", "/api/partner_referral_links/link_x/nothing"] {
            assert!(verify(get, path, 404, &usual(), &body).is_err());
            assert_eq!(verify(get, path, 404, &usual(), &partnero(body.clone())), Ok(None));
        }
        assert!(verify(get, PARTNER, 404, &usual(), &partnero(body)).is_err());

        let mut body = not_found();
        body["error"]["code"] = json!("method_not_allowed");
        body["error"]["doc_url"] = json!("http://x.example/api-reference/errors#method-not_allowed");
        let mut with_allow = usual();
        with_allow.insert(header::ALLOW, HeaderValue::from_static("GET,HEAD"));
        let of_partner = "/v1/partners/user_1/referral_links";
        assert!(verify(&Method::PUT, of_partner, 405, &with_allow, &body).is_err());
        assert_eq!(verify(&Method::PUT, of_partner, 405, &with_allow, &partnero(body)), Ok(None));
    }

    #[test]
    fn an_answer_to_head_has_no_body() {
        let head = &Method::HEAD;
        let accepted = CONTRACT.verify(head, "/healthz", 200, &usual(), b"");
        assert_eq!(accepted, Ok(Some("getHealth")));
        assert!(CONTRACT.verify(head, "/healthz", 200, &usual(), b"{}").is_err());
    }

    #[test]
    fn every_example_matches_its_schema() {
        let document = raw();
        let mut examples = Vec::new();
        collect(&document, "", &document, &mut examples);
        for (name, schema) in object(&document["components"]["schemas"]) {
            collect_from_schema(name, schema, &mut examples);
        }
        assert!(examples.len() > 200, "only {} examples found", examples.len());

        let schemas = translated_components(&document);
        let problems: String = examples
            .into_iter()
            .filter_map(|(place, schema, example)| {
                let problems = Schema::new(&schemas, schema).verify(example).err()?;
                Some(format!("\n{place}:{problems}"))
            })
            .collect();
        assert!(problems.is_empty(), "examples that break their schema:{problems}");
    }

    type Example<'a> = (String, &'a Value, &'a Value);

    /// Collects the examples of media types, parameters and headers, which stand next to a schema.
    fn collect<'a>(document: &'a Value, place: &str, value: &'a Value, to: &mut Vec<Example<'a>>) {
        match value {
            Value::Object(map) => {
                if let Some(schema) = map.get("schema") {
                    if let Some(example) = map.get("example") {
                        to.push((place.to_owned(), schema, example));
                    }
                    for (name, example) in map.get("examples").into_iter().flat_map(members) {
                        let example = &resolve(document, example)["value"];
                        to.push((format!("{place}/{name}"), schema, example));
                    }
                    collect_from_schema(place, schema, to);
                    return;
                }
                for (name, member) in map {
                    if !(place == "/components" && (name == "schemas" || name == "examples")) {
                        collect(document, &format!("{place}/{name}"), member, to);
                    }
                }
            }
            Value::Array(list) => {
                for (index, item) in list.iter().enumerate() {
                    collect(document, &format!("{place}/{index}"), item, to);
                }
            }
            _ => {}
        }
    }

    fn collect_from_schema<'a>(place: &str, schema: &'a Value, to: &mut Vec<Example<'a>>) {
        if let Some(example) = schema.get("example") {
            to.push((place.to_owned(), schema, example));
        }
        for (name, member) in members(&schema["properties"]) {
            collect_from_schema(&format!("{place}/{name}"), member, to);
        }
        for keyword in ["items", "additionalProperties", "not"] {
            if let Some(member) = schema.get(keyword) {
                collect_from_schema(&format!("{place}/{keyword}"), member, to);
            }
        }
        for keyword in ["allOf", "anyOf", "oneOf"] {
            for member in schema.get(keyword).into_iter().flat_map(array) {
                collect_from_schema(&format!("{place}/{keyword}"), member, to);
            }
        }
    }

    /// Guards against optional keys and open objects, with which a response could change unnoticed.
    #[test]
    fn response_schemas_are_strict() {
        let document = raw();
        let mut problems = Vec::new();
        let responses = object(&document["paths"])
            .iter()
            .filter(|(path, _)| !path.starts_with("/openapi."))
            .flat_map(|(_, item)| METHODS.map(|method| &item[method]["responses"]))
            .flat_map(members)
            .chain(members(&document["components"]["responses"]));
        for (status, response) in responses {
            let response = resolve(&document, response);
            if response["headers"].get("X-Request-Id").is_none() {
                problems.push(format!("{status}: the header X-Request-Id is not documented"));
            }
            for (_, content) in members(&response["content"]) {
                collect_lax(&document, status, &content["schema"], &mut problems);
            }
        }
        assert!(problems.is_empty(), "{problems:#?}");
    }

    fn collect_lax(document: &Value, place: &str, schema: &Value, to: &mut Vec<String>) {
        let schema = resolve(document, schema);
        if let Some(properties) = schema.get("properties") {
            if schema["additionalProperties"] != false {
                to.push(format!("{place}: additionalProperties is not false"));
            }
            let required = array(&schema["required"]);
            for (name, member) in members(properties) {
                let optional = ["errors", "field", "details"].contains(&name.as_str()) && place.ends_with("/error");
                if !optional && !required.contains(&json!(name)) {
                    to.push(format!("{place}/{name} is not required"));
                }
                collect_lax(document, &format!("{place}/{name}"), member, to);
            }
        }
        if let Some(member) = schema.get("items") {
            collect_lax(document, &format!("{place}/items"), member, to);
        }
    }

    #[test]
    fn operations_have_unique_ids_and_document_the_common_statuses() {
        let ids: BTreeSet<_> = operations().into_iter().map(|it| it.operation_id).collect();
        assert_eq!(ids.len(), operations().len(), "an operationId is used twice");
        for Operation { operation_id, statuses, security, .. } in operations() {
            let expected: &[u16] = if security { &[401, 403, 429, 500, 503] } else { &[200] };
            for status in expected {
                assert!(statuses.contains(status), "{operation_id} does not document {status}");
            }
            assert_eq!(statuses.contains(&401), security, "{operation_id}: 401 and security differ");
        }
    }
}
