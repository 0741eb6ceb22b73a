//! The reader: values, lists and objects at their places in a request.

use std::fmt;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::change::Change;
use super::cross_field::{BrokenRule, Field, Rules, broken_rules, join, lies_in, position};
use super::problem::{Invalid, MAX_PROBLEMS};
use super::rules::range;
use super::text::{Bounded, Text};
use crate::error::{Error, Problem, ProblemCode, Result};

/// A place in the request where a value is read and problems are noted.
pub struct Scope<'a> {
    path: String,
    problems: &'a mut Vec<Problem>,
}

impl Scope<'_> {
    /// Returns the path of this place, for a problem that shows only after the request was read.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Notes a problem with the value at this place.
    pub fn fail(&mut self, invalid: Invalid) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem { code: invalid.code, path: self.path.clone(), message: invalid.message });
        }
    }

    /// Notes that the value at this place has another JSON type than the expected one.
    pub fn wrong_type(&mut self, expected: &'static str) {
        self.fail(Invalid::new(ProblemCode::InvalidType, format!("Expected {expected}")));
    }

    /// Returns the result of a rule for the value at this place, or notes the problem.
    pub fn accept<T>(&mut self, checked: std::result::Result<T, Invalid>) -> Option<T> {
        checked.map_err(|invalid| self.fail(invalid)).ok()
    }

    /// Returns a place inside this place.
    pub fn child(&mut self, segment: fmt::Arguments<'_>) -> Scope<'_> {
        Scope { path: format!("{}{segment}", self.path), problems: self.problems }
    }

    /// Reads the items of a list.
    pub fn list<T: FromJson>(&mut self, value: &Value) -> Option<Vec<T>> {
        let Value::Array(items) = value else {
            self.wrong_type("an array");
            return None;
        };
        let read = items
            .iter()
            .enumerate()
            .map(|(index, item)| T::from_json(item, &mut self.child(format_args!("[{index}]"))));
        // All items are read before the first `None` ends the collection, so that every problem is noted.
        read.collect::<Vec<_>>().into_iter().collect()
    }

    /// Checks the rules that `#[derive(Validate)]` gives to the value that was read at this place. `None` means that
    /// the value breaks a rule.
    pub fn check<T: Rules>(&mut self, value: &T) -> Option<()> {
        match value.validate() {
            Ok(()) => Some(()),
            Err(errors) => {
                for broken in broken_rules(&errors, T::FIELDS) {
                    self.insert(broken, T::FIELDS);
                }
                None
            }
        }
    }

    /// Notes a broken rule behind the problems of its field and of the fields before, as if the reader had noted the
    /// rule together with the field. A rule whose field is unreadable is dropped: the field's own problem is noted.
    fn insert(&mut self, broken: BrokenRule, fields: &'static [Field]) {
        let is_unreadable = |field: &String| {
            let field = join(&self.path, field);
            self.problems.iter().any(|problem| lies_in(&problem.path, &field))
        };
        if broken.reads.iter().any(is_unreadable) {
            return;
        }
        let place = self.place_of(position(fields, &broken.path), fields).unwrap_or(self.problems.len());
        let path = join(&self.path, &broken.path);
        self.problems.insert(place, Problem { code: broken.code, path, message: broken.message });
        self.problems.truncate(MAX_PROBLEMS);
    }

    /// Returns the place of a new problem with the field at a position among `fields`; `None` for the end.
    fn place_of(&self, field: usize, fields: &'static [Field]) -> Option<usize> {
        let field_of = |problem: &Problem| {
            let inside = problem.path.get(self.path.len()..).filter(|_| lies_in(&problem.path, &self.path))?;
            Some(position(fields, inside.trim_start_matches('.'))).filter(|position| *position < fields.len())
        };
        if field == fields.len() {
            return None;
        }
        let noted: Vec<Option<usize>> = self.problems.iter().map(field_of).collect();
        let last_before = noted.iter().rposition(|noted| noted.is_some_and(|noted| noted <= field));
        let first_behind = || noted.iter().position(|noted| noted.is_some_and(|noted| noted > field));
        last_before.map(|index| index + 1).or_else(first_behind)
    }
}

/// A type that is read from a JSON value. `None` means that a problem was noted.
pub trait FromJson: Sized {
    /// Reads the value at `scope`.
    fn from_json(value: &Value, scope: &mut Scope<'_>) -> Option<Self>;
}

impl<T: Text> FromJson for T {
    fn from_json(value: &Value, scope: &mut Scope<'_>) -> Option<Self> {
        let Value::String(text) = value else {
            scope.wrong_type("a string");
            return None;
        };
        if text.chars().any(|c| c < ' ' && c != '\t' && c != '\n') {
            scope.fail(Invalid::format("Must not contain control characters"));
            return None;
        }
        scope.accept(T::from_text(text))
    }
}

impl FromJson for bool {
    fn from_json(value: &Value, scope: &mut Scope<'_>) -> Option<Self> {
        value.as_bool().or_else(|| {
            scope.wrong_type("a boolean");
            None
        })
    }
}

impl FromJson for f64 {
    fn from_json(value: &Value, scope: &mut Scope<'_>) -> Option<Self> {
        value.as_f64().or_else(|| {
            scope.wrong_type("a number");
            None
        })
    }
}

/// A type that is read from the fields of a JSON object.
pub trait FromFields: Sized {
    /// Reads every field, then assembles the value: an early return after one field hides the problems of the fields
    /// behind.
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self>;
}

impl<T: FromFields> FromFields for Box<T> {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        T::from_fields(fields).map(Self::new)
    }
}

/// The fields of one JSON object. Fields that no type reads are ignored.
pub struct Fields<'a> {
    object: &'a Map<String, Value>,
    scope: Scope<'a>,
}

impl Fields<'_> {
    /// Reads a field that must be present and not null.
    pub fn required<T: FromJson>(&mut self, name: &str) -> Option<T> {
        if !self.has(name) {
            self.fail(name, Invalid::new(ProblemCode::InvalidType, "Required"));
        }
        self.optional(name)
    }

    /// Reads a field that may be absent, but not null.
    pub fn optional<T: FromJson>(&mut self, name: &str) -> Option<T> {
        let value = self.object.get(name)?;
        T::from_json(value, &mut self.at(name))
    }

    /// Reads a field that may be absent or null.
    pub fn nullable<T: FromJson>(&mut self, name: &str) -> Option<T> {
        let value = self.object.get(name).filter(|value| !value.is_null())?;
        T::from_json(value, &mut self.at(name))
    }

    /// Reads a field that keeps (absent), clears (null) or sets a stored value.
    pub fn change<T: FromJson>(&mut self, name: &str) -> Change<T> {
        match self.object.get(name) {
            None => Change::Keep,
            Some(Value::Null) => Change::Clear,
            // A rejected value is noted as a problem, which rejects the whole request.
            Some(value) => T::from_json(value, &mut self.at(name)).map_or(Change::Keep, Change::Set),
        }
    }

    /// Reads a nested object that may be absent, but not null.
    pub fn object<T: FromFields>(&mut self, name: &str) -> Option<T> {
        let value = self.object.get(name)?;
        read_object(value, &mut self.at(name))
    }

    /// Reads a nested object that must be present.
    pub fn required_object<T: FromFields>(&mut self, name: &str) -> Option<T> {
        if !self.has(name) {
            self.fail(name, Invalid::new(ProblemCode::InvalidType, "Required"));
        }
        self.object(name)
    }

    /// Reads a whole number that may be absent, from a query string.
    pub fn integer(&mut self, name: &str, allowed: RangeInclusive<i64>) -> Option<i64> {
        let text = self.optional::<Bounded<0, 20>>(name)?;
        let Ok(number) = text.as_str().parse::<i64>() else {
            self.at(name).wrong_type("an integer");
            return None;
        };
        self.at(name).accept(range(number, allowed))?;
        Some(number)
    }

    /// Checks the rules across fields that `#[derive(Validate)]` gives to a struct of read fields. `None` means that
    /// the fields break a rule.
    pub fn check<T: Rules>(&mut self, read: &T) -> Option<()> {
        self.scope.check(read)
    }

    /// Returns whether the request has the field, with any value.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.object.contains_key(name)
    }

    /// Notes a problem with a field.
    pub fn fail(&mut self, name: &str, invalid: Invalid) {
        self.at(name).fail(invalid);
    }

    /// Notes a problem with the object as a whole.
    pub fn fail_here(&mut self, invalid: Invalid) {
        self.scope.fail(invalid);
    }

    fn at(&mut self, name: &str) -> Scope<'_> {
        let dot = if self.scope.path.is_empty() { "" } else { "." };
        self.scope.child(format_args!("{dot}{name}"))
    }
}

/// Reads an object at a place; for lists of objects.
pub fn read_object<T: FromFields>(value: &Value, scope: &mut Scope<'_>) -> Option<T> {
    let Value::Object(object) = value else {
        scope.wrong_type("an object");
        return None;
    };
    let scope = scope.child(format_args!(""));
    T::from_fields(&mut Fields { object, scope })
}

/// Reads a whole request body.
///
/// # Errors
/// 422 with every problem.
pub fn read_request<T: FromFields>(body: &Value) -> Result<T> {
    let mut problems = Vec::new();
    let read = read_object(body, &mut Scope { path: String::new(), problems: &mut problems });
    match read {
        Some(value) if problems.is_empty() => Ok(value),
        _ => Err(Error::invalid(problems)),
    }
}
