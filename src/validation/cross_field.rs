//! Rules that `#[derive(Validate)]` carries: their failures (`validator::ValidationErrors`, a map of Rust's field
//! names) become problems in field order and in the request's own spelling.

use std::borrow::Cow;

use serde_json::Value;
use validator::{Validate, ValidationError, ValidationErrors, ValidationErrorsKind};

use super::rules::Noun;
use crate::error::ProblemCode;

/// A struct of read fields with rules that `#[derive(Validate)]` carries.
///
/// The struct holds fields as they were read: a field that is absent or unreadable is `None`, so that the rules are
/// checked even when another field has a problem. The rules are functions that build their failure with
/// [`broken_rule`], or the derive's own `range`, `length` and `required`.
pub trait Rules: Validate {
    /// The fields in the order in which they are read.
    const FIELDS: &'static [Field];
}

/// A field of a type with [`Rules`].
#[derive(Debug)]
pub struct Field {
    name: &'static str,
    nested: &'static [Field],
}

impl Field {
    /// Names a field as requests spell it. The derive reports its own rules (`range`, `length`, `required`, `nested`)
    /// under the Rust name, which must be the same name in snake case.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, nested: &[] }
    }

    /// Names a field that holds a value, or a list of values, with rules of their own (`#[validate(nested)]`).
    #[must_use]
    pub const fn nested<T: Rules>(name: &'static str) -> Self {
        Self { name, nested: T::FIELDS }
    }

    /// Returns whether a Rust name is the name of this field. Requests spell `test_variants` as `testVariants`.
    fn is_called(&self, rust_name: &str) -> bool {
        let letters = |name: &'static str| name.chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase());
        let rust_name = rust_name.strip_prefix("r#").unwrap_or(rust_name);
        letters(self.name).eq(rust_name.chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase()))
    }
}

/// The key under which the derive collects failures of the whole struct.
const WHOLE: &str = "__all__";
/// Parameters of a [`ValidationError`] that [`broken_rule`] adds.
const PATH: &str = "path";
const READS: &str = "reads";

/// Builds the failure of a rule across fields, reported at the field `path` (empty: at the object as a whole). A
/// failure is dropped if one of the fields that the rule `reads` has a problem already, because an unreadable field
/// looks absent. All names are spelled as requests spell them.
#[must_use]
pub fn broken_rule(
    code: ProblemCode,
    path: &'static str,
    reads: &[&'static str],
    message: &'static str,
) -> ValidationError {
    let mut error = ValidationError::new(code.as_str()).with_message(Cow::Borrowed(message));
    error.add_param(Cow::Borrowed(PATH), &path);
    error.add_param(Cow::Borrowed(READS), &reads);
    error
}

/// A failed rule on its way to a [`Problem`](super::Problem); all paths are relative to the checked value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BrokenRule {
    pub(super) code: ProblemCode,
    pub(super) path: String,
    pub(super) reads: Vec<String>,
    pub(super) message: Cow<'static, str>,
}

impl BrokenRule {
    /// Translates a failure at the field `name`, or at the struct as a whole if `name` is empty.
    fn new(name: &str, error: &ValidationError) -> Self {
        let (code, message) = code_and_text(error);
        let path = error.params.get(PATH).and_then(Value::as_str).unwrap_or(name).to_owned();
        let reads = error.params.get(READS).and_then(Value::as_array).into_iter().flatten();
        let reads = reads.filter_map(Value::as_str).map(str::to_owned).collect();
        Self { code, path, reads, message: error.message.clone().unwrap_or(message) }
    }

    fn inside(self, parent: &str) -> Self {
        let reads = self.reads.iter().map(|field| join(parent, field)).collect();
        Self { path: join(parent, &self.path), reads, ..self }
    }
}

/// Translates failures, sorted by `fields`; failures of the struct as a whole come last. (The map of failures has no
/// order.)
pub(super) fn broken_rules(errors: &ValidationErrors, fields: &'static [Field]) -> Vec<BrokenRule> {
    let mut by_name: Vec<_> = errors.errors().iter().collect();
    by_name.sort_by_key(|(name, _)| (**name == WHOLE, *name));
    let mut broken = Vec::new();
    for (rust_name, kind) in by_name {
        let field = fields.iter().find(|field| field.is_called(rust_name));
        let name = if rust_name == WHOLE { "" } else { field.map_or(&**rust_name, |field| field.name) };
        let nested = field.map_or(&[][..], |field| field.nested);
        match kind {
            ValidationErrorsKind::Field(errors) => {
                broken.extend(errors.iter().map(|error| BrokenRule::new(name, error)));
            }
            ValidationErrorsKind::Struct(errors) => {
                broken.extend(broken_rules(errors, nested).into_iter().map(|rule| rule.inside(name)));
            }
            ValidationErrorsKind::List(items) => {
                for (index, errors) in items {
                    let item = format!("{name}[{index}]");
                    broken.extend(broken_rules(errors, nested).into_iter().map(|rule| rule.inside(&item)));
                }
            }
        }
    }
    broken.sort_by_key(|rule| (rule.path.is_empty(), position(fields, &rule.path)));
    broken
}

/// Returns the position of the field in which a path lies; behind all fields if it lies in none.
pub(super) fn position(fields: &[Field], path: &str) -> usize {
    fields.iter().position(|field| lies_in(path, field.name)).unwrap_or(fields.len())
}

/// Returns whether a path is `place` or the path of a value inside `place`.
pub(super) fn lies_in(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| place.is_empty() || rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Returns the path of `inner` inside `outer`.
pub(super) fn join(outer: &str, inner: &str) -> String {
    let dot = if outer.is_empty() || inner.is_empty() || inner.starts_with('[') { "" } else { "." };
    format!("{outer}{dot}{inner}")
}

/// Returns the code and the default text of a failure. The parameter `value`, which the derive adds, is rejected input:
/// no text shows it.
fn code_and_text(error: &ValidationError) -> (ProblemCode, Cow<'static, str>) {
    let code = match &*error.code {
        "range" => return broken_bound(error, Value::as_f64, |relation, bound| format!("Must be {relation} {bound}")),
        "length" => {
            let noun = match error.params.get("value") {
                Some(Value::Array(_)) => Noun::Counted("item"),
                Some(Value::Object(_)) => Noun::Counted("member"),
                _ => Noun::Character,
            };
            return broken_bound(error, size, |relation, bound| noun.text(relation, bound));
        }
        "required" => return (ProblemCode::InvalidType, "Required".into()),
        "email" => return (ProblemCode::InvalidFormat, "Invalid email address".into()),
        "url" => return (ProblemCode::InvalidFormat, "Invalid URL".into()),
        "contains" | "does_not_contain" | "ip" | "non_control_character" | "regex" => ProblemCode::InvalidFormat,
        name => ProblemCode::from_name(name).unwrap_or(ProblemCode::Custom),
    };
    (code, format!("Breaks the rule {}", error.code).into())
}

/// Returns the size that the rule `length` compares.
#[expect(clippy::cast_precision_loss, reason = "no request has 2^53 characters or items")]
fn size(value: &Value) -> Option<f64> {
    let size = match value {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        _ => return None,
    };
    Some(size as f64)
}

/// Names the bound that a value breaks.
fn broken_bound(
    error: &ValidationError,
    size: fn(&Value) -> Option<f64>,
    text: impl Fn(&str, f64) -> String,
) -> (ProblemCode, Cow<'static, str>) {
    // Without a comparable value, no bound is broken.
    let size = error.params.get("value").and_then(size).unwrap_or(f64::NAN);
    let bound = |name: &str| error.params.get(name).and_then(Value::as_f64);
    let broken = [
        (bound("min").filter(|min| size < *min), ProblemCode::TooSmall, "at least"),
        (bound("max").filter(|max| size > *max), ProblemCode::TooBig, "at most"),
        (bound("exclusive_min").filter(|min| size <= *min), ProblemCode::TooSmall, "more than"),
        (bound("exclusive_max").filter(|max| size >= *max), ProblemCode::TooBig, "less than"),
    ];
    let broken = broken.into_iter().find_map(|(bound, code, relation)| Some((code, text(relation, bound?).into())));
    broken.unwrap_or_else(|| (ProblemCode::InvalidValue, format!("Breaks the rule {}", error.code).into()))
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde_json::json;

    use super::*;
    use crate::validation::{Bounded, Fields, FromFields, MAX_PROBLEMS, Problem, read_request};

    #[derive(Serialize, Validate)]
    #[validate(schema(function = is_not_called_no))]
    struct Item {
        #[validate(length(min = 2, max = 3))]
        short_name: String,
        #[validate(range(min = 1.0, max = 5.5))]
        rank: Option<f64>,
    }

    impl Rules for Item {
        const FIELDS: &'static [Field] = &[Field::new("shortName"), Field::new("rank")];
    }

    fn is_not_called_no(item: &Item) -> Result<(), ValidationError> {
        if item.short_name == "no" {
            return Err(broken_rule(ProblemCode::Custom, "", &["shortName"], "Must not be called so"));
        }
        Ok(())
    }

    #[derive(Validate)]
    #[validate(schema(function = is_not_odd, skip_on_field_errors = false))]
    #[validate(schema(function = is_not_alone, skip_on_field_errors = false))]
    struct List {
        #[validate(nested)]
        all_items: Vec<Item>,
        #[validate(nested)]
        r#type: Option<Item>,
        #[validate(range(exclusive_min = 0, exclusive_max = 10))]
        alpha: i64,
        #[validate(required, length(max = 1))]
        tags: Option<Vec<u8>>,
    }

    impl Rules for List {
        const FIELDS: &'static [Field] = &[
            Field::new("tags"),
            Field::nested::<Item>("type"),
            Field::nested::<Item>("allItems"),
            Field::new("alpha"),
        ];
    }

    fn is_not_odd(list: &List) -> Result<(), ValidationError> {
        if list.alpha % 2 != 0 {
            return Err(broken_rule(ProblemCode::Custom, "", &[], "Must not be odd"));
        }
        Ok(())
    }

    fn is_not_alone(list: &List) -> Result<(), ValidationError> {
        if list.all_items.is_empty() {
            return Err(broken_rule(ProblemCode::InvalidValue, "type", &["type"], "Must not be alone"));
        }
        Ok(())
    }

    fn item(short_name: &str, rank: f64) -> Item {
        Item { short_name: short_name.to_owned(), rank: Some(rank) }
    }

    fn told<T: Rules>(value: &T) -> Vec<String> {
        let Err(errors) = value.validate() else { return Vec::new() };
        let broken = broken_rules(&errors, T::FIELDS).into_iter();
        broken.map(|rule| format!("{}: {}: {}", rule.code.as_str(), rule.path, rule.message)).collect()
    }

    #[test]
    fn failures_are_in_field_order_with_paths_as_requests_spell_them() {
        let good = List { all_items: vec![item("abc", 1.0)], r#type: None, alpha: 2, tags: Some(vec![]) };
        assert_eq!(told(&good), [""; 0]);
        let bad = List {
            all_items: vec![item("abc", 0.5), item("abc", 1.0), item("abcd", 5.6), item("no", 1.0)],
            r#type: Some(item("ä", 5.5)),
            alpha: 11,
            tags: None,
        };
        // Every run of the map of failures has another order.
        for _ in 0..20 {
            assert_eq!(
                told(&bad),
                [
                    "invalid_type: tags: Required",
                    "too_small: type.shortName: Must have at least 2 character(s)",
                    "too_small: allItems[0].rank: Must be at least 1",
                    "too_big: allItems[2].shortName: Must have at most 3 character(s)",
                    "too_big: allItems[2].rank: Must be at most 5.5",
                    "custom: allItems[3]: Must not be called so",
                    "too_big: alpha: Must be less than 10",
                    "custom: : Must not be odd",
                ]
            );
        }
        let alone = List { all_items: vec![], r#type: None, alpha: -1, tags: Some(vec![1, 2]) };
        for _ in 0..20 {
            assert_eq!(
                told(&alone),
                [
                    "too_big: tags: Must have at most 1 item",
                    "invalid_value: type: Must not be alone",
                    "too_small: alpha: Must be more than 0",
                    "custom: : Must not be odd",
                ]
            );
        }
    }

    #[test]
    fn paths_that_a_rule_reads_are_inside_the_object() {
        let list = List { all_items: vec![item("no", 1.0)], r#type: None, alpha: 2, tags: Some(vec![]) };
        let errors = list.validate().unwrap_err();
        let broken = broken_rules(&errors, List::FIELDS);
        assert_eq!(broken[0].reads, ["allItems[0].shortName"]);
    }

    #[test]
    fn every_code_has_a_problem() {
        for (code, expected) in [
            ("invalid_type", ProblemCode::InvalidType),
            ("invalid_format", ProblemCode::InvalidFormat),
            ("invalid_value", ProblemCode::InvalidValue),
            ("too_small", ProblemCode::TooSmall),
            ("too_big", ProblemCode::TooBig),
            ("custom", ProblemCode::Custom),
            ("required", ProblemCode::InvalidType),
            ("email", ProblemCode::InvalidFormat),
            ("url", ProblemCode::InvalidFormat),
            ("ip", ProblemCode::InvalidFormat),
            ("regex", ProblemCode::InvalidFormat),
            ("contains", ProblemCode::InvalidFormat),
            ("does_not_contain", ProblemCode::InvalidFormat),
            ("non_control_character", ProblemCode::InvalidFormat),
            ("must_match", ProblemCode::Custom),
            ("another", ProblemCode::Custom),
            // Without a bound that the value breaks.
            ("length", ProblemCode::InvalidValue),
            ("range", ProblemCode::InvalidValue),
        ] {
            let mut error = ValidationError::new(code);
            error.add_param("value".into(), &"canary");
            let rule = BrokenRule::new("field", &error);
            assert_eq!((rule.code, rule.path.as_str()), (expected, "field"), "{code}");
            assert!(!rule.message.is_empty() && !rule.message.contains("canary"), "{code}");
            let rule = BrokenRule::new("field", &error.with_message("Ours".into()));
            assert_eq!((rule.code, &*rule.message), (expected, "Ours"), "{code}");
        }
    }

    #[test]
    fn a_failure_of_an_unknown_field_is_not_lost() {
        let mut errors = ValidationErrors::new();
        errors.add("z", ValidationError::new("required"));
        errors.add("b", ValidationError::new("required"));
        errors.add("rank", ValidationError::new("required"));
        let broken = broken_rules(&errors, Item::FIELDS);
        assert_eq!(broken.iter().map(|rule| rule.path.as_str()).collect::<Vec<_>>(), ["rank", "b", "z"]);
    }

    /// A request with a rule across two fields, and fields around.
    #[derive(Validate)]
    #[validate(schema(function = begins_nothing))]
    #[validate(schema(function = names_an_end))]
    struct Span {
        start_at: Option<bool>,
        end_at: Option<bool>,
    }

    impl Rules for Span {
        const FIELDS: &'static [Field] = &[Field::new("startAt"), Field::new("endAt")];
    }

    fn begins_nothing(span: &Span) -> Result<(), ValidationError> {
        if span.start_at == Some(true) {
            return Err(broken_rule(ProblemCode::Custom, "startAt", &[], "Must not begin"));
        }
        Ok(())
    }

    fn names_an_end(span: &Span) -> Result<(), ValidationError> {
        if span.start_at.is_none() && span.end_at.is_none() {
            return Err(broken_rule(ProblemCode::Custom, "", &["startAt", "endAt"], "Must name something"));
        }
        Ok(())
    }

    #[derive(Debug)]
    struct SpanRequest;

    impl FromFields for SpanRequest {
        fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
            fields.optional::<bool>("first");
            let span = Span { start_at: fields.optional("startAt"), end_at: fields.optional("endAt") };
            fields.check(&span);
            fields.optional::<bool>("last");
            fields.object::<Self>("inner");
            Some(Self)
        }
    }

    fn problems(body: &Value) -> Vec<String> {
        read_request::<SpanRequest>(body).unwrap_err().problems().iter().map(Problem::to_string).collect()
    }

    #[test]
    fn a_broken_rule_stands_at_its_field() {
        assert!(read_request::<SpanRequest>(&json!({ "endAt": true })).is_ok());
        assert_eq!(
            problems(&json!({ "first": 1, "startAt": true, "endAt": 1, "last": 1, "inner": { "startAt": true } })),
            [
                "invalid_type: first: Expected a boolean",
                "custom: startAt: Must not begin",
                "invalid_type: endAt: Expected a boolean",
                "invalid_type: last: Expected a boolean",
                "custom: inner.startAt: Must not begin",
            ]
        );
        assert_eq!(
            problems(&json!({ "first": 1, "last": 1, "inner": {} })),
            [
                "invalid_type: first: Expected a boolean",
                "custom: : Must name something",
                "invalid_type: last: Expected a boolean",
                "custom: inner: Must name something",
            ]
        );
    }

    #[test]
    fn an_unreadable_field_is_not_absent() {
        for (body, path) in [
            (json!({ "startAt": 1 }), "startAt"),
            (json!({ "endAt": null }), "endAt"),
            (json!({ "endAt": true, "inner": { "endAt": null } }), "inner.endAt"),
        ] {
            assert_eq!(problems(&body), [format!("invalid_type: {path}: Expected a boolean")]);
        }
        // A problem of an object outside does not make a field inside unreadable.
        assert_eq!(
            problems(&json!({ "startAt": 1, "inner": {} })),
            ["invalid_type: startAt: Expected a boolean", "custom: inner: Must name something"]
        );
    }

    #[test]
    fn a_broken_rule_pushes_later_problems_beyond_the_limit_out() {
        struct Many;
        impl FromFields for Many {
            fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
                let end_at = fields.optional::<Flags>("endAt").map(|_| true);
                fields.check(&Span { start_at: Some(true), end_at });
                Some(Self)
            }
        }
        struct Flags;
        impl crate::validation::FromJson for Flags {
            fn from_json(value: &Value, scope: &mut crate::validation::Scope<'_>) -> Option<Self> {
                scope.list::<Bounded<1, 1>>(value).map(|_| Self)
            }
        }
        let error = read_request::<Many>(&json!({ "endAt": vec![""; 200] })).err().unwrap();
        assert_eq!(error.problems().len(), MAX_PROBLEMS);
        assert_eq!(error.problems()[0].path, "startAt");
        assert_eq!(error.problems()[MAX_PROBLEMS - 1].path, "endAt[98]");
    }
}
