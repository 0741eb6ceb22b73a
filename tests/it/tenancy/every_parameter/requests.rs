//! Requests as openapi.yaml describes them.

use std::fmt;
use std::sync::LazyLock;

use http::Method;
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::names::{Text, fixed, text};
use super::values::{Kind, Values};
use crate::support::openapi::{self, Operation};

#[derive(Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Option<Value>,
    /// The operation, and the parameter that the request tests.
    about: (String, String),
}

impl Request {
    pub(super) fn get(path: &str) -> Self {
        Self { method: Method::GET, path: path.to_owned(), body: None, about: Default::default() }
    }

    pub(super) fn post(path: &str, body: Value) -> Self {
        Self { method: Method::POST, path: path.to_owned(), body: Some(body), about: Default::default() }
    }

    /// Returns the same request with other texts.
    pub(super) fn with(&self, change: impl Fn(&str) -> String) -> Self {
        let body = self.body.as_ref().map(|body| serde_json::from_str(&change(&body.to_string())).unwrap());
        Self { path: change(&self.path), body, ..self.clone() }
    }

    pub(super) fn is(&self, operation: &str, parameter: &str) -> bool {
        self.about.0 == operation && self.about.1 == parameter
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)?;
        self.body.as_ref().map_or(Ok(()), |body| write!(f, " {body}"))
    }
}

pub(super) struct Requests {
    operations: Vec<Operation>,
}

static CONTRACT: LazyLock<Value> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("../../../../openapi.yaml")).unwrap());

/// The choice of the members of a request.
enum Choice<'a> {
    /// The required members, and this member with this value.
    One { parameter: &'a str, value: &'a str },
    /// Random members.
    Random(&'a mut StdRng),
}

impl Requests {
    pub(super) fn new() -> Self {
        // Operations without a key have no tenant.
        let operations = openapi::operations().into_iter().filter(|operation| operation.security).collect();
        Self { operations }
    }

    pub(super) fn one_for_each_parameter(&self, values: &Values) -> Vec<Request> {
        let mut requests = Vec::new();
        for operation in &self.operations {
            let mut found = Vec::new();
            for parameter in parameters(operation) {
                named(operation, &parameter["schema"], parameter["name"].as_str().unwrap(), &mut found);
            }
            named(operation, body(operation), "", &mut found);
            for (parameter, kinds) in found {
                let theirs = values.theirs(&kinds);
                assert!(!theirs.is_empty(), "the other workspace has no {kinds:?}");
                for value in theirs {
                    let choice = &mut Choice::One { parameter: &parameter, value };
                    requests.push(Request {
                        about: (operation.operation_id.clone(), parameter.clone()),
                        ..make(operation, values, choice)
                    });
                }
            }
        }
        requests
    }

    pub(super) fn random(&self, values: &Values, rng: &mut StdRng) -> Request {
        let operation = self.operations.choose(rng).unwrap();
        make(operation, values, &mut Choice::Random(rng))
    }
}

fn make(operation: &Operation, values: &Values, choice: &mut Choice<'_>) -> Request {
    let maker = Maker { operation, values };
    let mut path = operation.path.clone();
    let mut query = form_urlencoded::Serializer::new(String::new());
    for parameter in parameters(operation) {
        let name = parameter["name"].as_str().unwrap();
        if parameter["required"] != true && !choice.takes(name) {
            continue;
        }
        let value = match maker.value(&parameter["schema"], name, choice) {
            Value::String(text) => text,
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
            other => other.to_string(),
        };
        if parameter["in"] == "path" {
            path = path.replace(&format!("{{{name}}}"), &value);
        } else {
            query.append_pair(name, &value);
        }
    }
    let query = query.finish();
    let body = body(operation);
    Request {
        method: operation.method.clone(),
        path: if query.is_empty() { path } else { format!("{path}?{query}") },
        body: body.is_object().then(|| maker.value(body, "", choice)),
        about: Default::default(),
    }
}

/// Collects every member that names something, with the kinds of objects.
fn named(operation: &Operation, schema: &'static Value, path: &str, found: &mut Vec<(String, Vec<Kind>)>) {
    for part in parts(schema) {
        for either in part["anyOf"].as_array().into_iter().flatten().take(1) {
            named(operation, either, path, found);
        }
        if part["items"].is_object() {
            named(operation, &part["items"], path, found);
        }
        for (name, property) in part["properties"].as_object().into_iter().flatten() {
            named(operation, property, &joined(path, name), found);
        }
        if part["type"] == "string"
            && !part["enum"].is_array()
            && let Text::Names(kinds) = text(operation, path)
        {
            found.push((path.to_owned(), kinds));
        }
    }
}

fn described(operation: &Operation) -> &'static Value {
    &CONTRACT["paths"][&operation.path][operation.method.as_str().to_lowercase()]
}

fn parameters(operation: &Operation) -> impl Iterator<Item = &'static Value> {
    described(operation)["parameters"].as_array().into_iter().flatten().map(|it| resolve(it))
}

fn body(operation: &Operation) -> &'static Value {
    &described(operation)["requestBody"]["content"]["application/json"]["schema"]
}

fn resolve(described: &'static Value) -> &'static Value {
    match described["$ref"].as_str() {
        Some(reference) => CONTRACT.pointer(reference.strip_prefix('#').unwrap()).unwrap(),
        None => described,
    }
}

/// Returns the parts of a schema that all apply.
fn parts(schema: &'static Value) -> Vec<&'static Value> {
    let schema = resolve(schema);
    let all = schema["allOf"].as_array().into_iter().flatten();
    [schema].into_iter().chain(all.flat_map(parts)).collect()
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The members that a random request has more often: many operations need at least one of these members.
const NEEDED: [&str; 5] = ["partnerId", "tenantId", "partner", "partner.id", "linkId"];

impl Choice<'_> {
    /// Returns whether an optional member is sent.
    fn takes(&mut self, path: &str) -> bool {
        match self {
            Self::One { parameter, .. } => {
                parameter.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            }
            Self::Random(rng) => rng.random_bool(if NEEDED.contains(&path) { 0.7 } else { 0.3 }),
        }
    }

    fn of<'a, T: Clone + 'a>(&mut self, all: &'a [T]) -> Option<&'a T> {
        match self {
            Self::One { .. } => all.first(),
            Self::Random(rng) => all.choose(rng),
        }
    }
}

struct Maker<'a> {
    operation: &'a Operation,
    values: &'a Values,
}

impl Maker<'_> {
    fn value(&self, schema: &'static Value, path: &str, choice: &mut Choice<'_>) -> Value {
        let parts = parts(schema);
        let find = |keyword: &str| parts.iter().map(|part| &part[keyword]).find(|value| !value.is_null());
        if let Some(value) = fixed(path) {
            return value;
        }
        if let Some(all) = find("enum") {
            let all: Vec<Value> = all.as_array().unwrap().iter().filter(|value| value.is_string()).cloned().collect();
            return choice.of(&all).unwrap().clone();
        }
        if let Some(either) = find("anyOf") {
            return self.value(choice.of(either.as_array().unwrap()).unwrap(), path, choice);
        }
        match find("type").and_then(|it| it.as_str()) {
            Some("object") => {
                let mut members = Map::new();
                let required: Vec<&Value> =
                    parts.iter().filter_map(|part| part["required"].as_array()).flatten().collect();
                for (name, property) in parts.iter().filter_map(|part| part["properties"].as_object()).flatten() {
                    let path = joined(path, name);
                    if required.contains(&&json!(name)) || choice.takes(&path) {
                        members.insert(name.clone(), self.value(property, &path, choice));
                    }
                }
                Value::Object(members)
            }
            Some("array") => {
                let length = match choice {
                    // The items of a body are processed concurrently, so the order of their ids is random.
                    Choice::Random(rng) if !path.is_empty() => rng.random_range(1..=3),
                    _ => 1,
                };
                (0..length).map(|_| self.value(find("items").unwrap(), path, choice)).collect()
            }
            Some("string") => self.text(path, choice),
            Some("boolean") => choice.of(&[json!(false), json!(true)]).unwrap().clone(),
            Some("integer" | "number") => find("minimum").cloned().unwrap_or(json!(1)),
            other => panic!("{path} of {} is {other:?}", self.operation.operation_id),
        }
    }

    fn text(&self, path: &str, choice: &mut Choice<'_>) -> Value {
        let kinds = match text(self.operation, path) {
            Text::Plain(text) => return json!(text),
            Text::Names(kinds) => kinds,
        };
        let theirs = match choice {
            Choice::One { parameter, value } if *parameter == path => return json!(value),
            Choice::One { .. } => false,
            // Nearly every request has a program, and a program of the other workspace would decide the answer.
            Choice::Random(rng) => rng.random_bool(if kinds == [Kind::Program] { 0.05 } else { 0.5 }),
        };
        let all = if theirs { self.values.theirs(&kinds) } else { self.values.own(&kinds) };
        json!(choice.of(&all).unwrap_or_else(|| panic!("there is no {kinds:?}")))
    }
}
