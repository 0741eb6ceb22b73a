//! Reading a JSON request into domain types while collecting the problems (at most 100), each with its path in the
//! request's own spelling. (serde stops at the first problem and names Rust fields.)
//!
//! The order in which a type reads its fields is the order in which their problems are reported.

use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// The kind of a [`Problem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemCode {
    /// Another JSON type than the field has, or a missing field.
    InvalidType,
    /// A string that is not of the field's form.
    InvalidFormat,
    /// A value outside of the allowed ones.
    InvalidValue,
    /// Too short, too few, too low.
    TooSmall,
    /// Too long, too many, too high.
    TooBig,
    /// A rule across fields.
    Custom,
}

/// One rule that a request breaks. Never carries the rejected value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The kind.
    pub code: ProblemCode,
    /// Where, e.g. `partner.linkProps.testVariants[0].percentage`; empty for the request as a whole.
    pub path: String,
    /// Which rule, for a developer to read.
    pub message: Cow<'static, str>,
}

impl Problem {
    /// A value that passed every rule here and that the database still refuses to store.
    #[must_use]
    pub fn unstorable() -> Self {
        Self {
            code: ProblemCode::Custom,
            path: String::new(),
            message: "A value of the request cannot be stored".into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = match self.code {
            ProblemCode::InvalidType => "invalid_type",
            ProblemCode::InvalidFormat => "invalid_format",
            ProblemCode::InvalidValue => "invalid_value",
            ProblemCode::TooSmall => "too_small",
            ProblemCode::TooBig => "too_big",
            ProblemCode::Custom => "custom",
        };
        write!(f, "{code}: {}: {}", self.path, self.message)
    }
}

/// Why a newtype refuses a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// The kind of problem.
    pub code: ProblemCode,
    /// The rule.
    pub message: Cow<'static, str>,
}

impl Invalid {
    /// A refusal of this kind with this text.
    #[must_use]
    pub fn new(code: ProblemCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }

    /// A string that is not of the wanted form.
    #[must_use]
    pub const fn format(message: &'static str) -> Self {
        Self { code: ProblemCode::InvalidFormat, message: Cow::Borrowed(message) }
    }

    /// A string that is none of the possible ones.
    #[must_use]
    pub fn choice(choices: &[&str]) -> Self {
        Self::new(ProblemCode::InvalidValue, format!("Must be one of {}", choices.join(", ")))
    }
}

/// A type with a rule that is read from a JSON string.
pub trait Text: Sized {
    /// The value, or the rule that it breaks.
    ///
    /// # Errors
    /// [`Invalid`] names the rule.
    fn from_text(text: &str) -> std::result::Result<Self, Invalid>;
}

/// A string of `MIN` to `MAX` characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounded<const MIN: usize, const MAX: usize>(String);

impl<const MIN: usize, const MAX: usize> Bounded<MIN, MAX> {
    /// The string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MIN: usize, const MAX: usize> Text for Bounded<MIN, MAX> {
    fn from_text(text: &str) -> std::result::Result<Self, Invalid> {
        length(text, MIN, MAX)?;
        Ok(Self(text.to_owned()))
    }
}

/// Checks the length of a string in characters.
///
/// # Errors
/// `too_small` or `too_big`.
pub fn length(text: &str, min: usize, max: usize) -> std::result::Result<(), Invalid> {
    let length = text.chars().count();
    if length < min {
        Err(Invalid::new(ProblemCode::TooSmall, format!("Must have at least {min} character(s)")))
    } else if length > max {
        Err(Invalid::new(ProblemCode::TooBig, format!("Must have at most {max} character(s)")))
    } else {
        Ok(())
    }
}

/// More than anybody reads; a list of a million wrong items must not make an answer of a million problems.
pub const MAX_PROBLEMS: usize = 100;

/// A place in the request where a value is read and problems are noted.
pub struct Scope<'a> {
    path: String,
    problems: &'a mut Vec<Problem>,
}

impl Scope<'_> {
    /// Where it is, for a problem that only shows later.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Notes a problem with the value here.
    pub fn fail(&mut self, invalid: Invalid) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem { code: invalid.code, path: self.path.clone(), message: invalid.message });
        }
    }

    /// Notes that the value here is of another JSON type than the expected one.
    pub fn wrong_type(&mut self, expected: &'static str) {
        self.fail(Invalid::new(ProblemCode::InvalidType, format!("Expected {expected}")));
    }

    /// A place inside of this one.
    pub fn child(&mut self, segment: fmt::Arguments<'_>) -> Scope<'_> {
        Scope { path: format!("{}{segment}", self.path), problems: self.problems }
    }

    /// The items of a list.
    pub fn list<T: FromJson>(&mut self, value: &Value) -> Option<Vec<T>> {
        let Value::Array(items) = value else {
            self.wrong_type("an array");
            return None;
        };
        let read = items
            .iter()
            .enumerate()
            .map(|(index, item)| T::from_json(item, &mut self.child(format_args!("[{index}]"))));
        // All items are read before the first failure ends it: every problem is noted.
        read.collect::<Vec<_>>().into_iter().collect()
    }
}

/// An enum of fixed texts, one of which a request gives.
macro_rules! choices {
    ($(#[$doc:meta])* $vis:vis $name:ident { $($(#[$choice_doc:meta])* $choice:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $vis enum $name {
            $($(#[$choice_doc])* $choice,)+
        }

        impl $name {
            /// As requests and the database spell it.
            #[allow(dead_code, reason = "some choices are only read")]
            #[must_use]
            $vis fn as_str(self) -> &'static str {
                match self {
                    $(Self::$choice => $text,)+
                }
            }
        }

        impl $crate::validation::Text for $name {
            fn from_text(text: &str) -> std::result::Result<Self, $crate::validation::Invalid> {
                match text {
                    $($text => Ok(Self::$choice),)+
                    _ => Err($crate::validation::Invalid::choice(&[$($text),+])),
                }
            }
        }
    };
}
pub(crate) use choices;

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
        T::from_text(text).map_err(|invalid| scope.fail(invalid)).ok()
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

/// What a request wants of a value that is there already and may be null.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// Leave it.
    #[default]
    Keep,
    /// Make it null.
    Clear,
    /// This value.
    Set(T),
}

impl<T> Change<T> {
    /// The same change of something made of it.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Change<U> {
        match self {
            Self::Keep => Change::Keep,
            Self::Clear => Change::Clear,
            Self::Set(value) => Change::Set(make(value)),
        }
    }

    /// Makes the change. Whether it makes a difference.
    pub fn apply_to(&self, stored: &mut Option<T>) -> bool
    where
        T: Clone + PartialEq,
    {
        let differs = self.is_change() && self.value() != stored.as_ref();
        if differs {
            *stored = self.value().cloned();
        }
        differs
    }

    /// Whether anything is to be written; what a statement's `CASE WHEN` asks.
    #[must_use]
    pub fn is_change(&self) -> bool {
        !matches!(self, Self::Keep)
    }

    /// The value to write where there is a change: null to clear it.
    #[must_use]
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    /// What the value is to become, in its stored form; `None` where it stays.
    #[must_use]
    pub fn wanted<U>(&self, store: impl FnOnce(&T) -> U) -> Option<Option<U>> {
        match self {
            Self::Keep => None,
            Self::Clear => Some(None),
            Self::Set(value) => Some(Some(store(value))),
        }
    }
}

/// A type that is read from the fields of a JSON object.
pub trait FromFields: Sized {
    /// Reads every field, then puts the value together: a field that returns early hides the problems
    /// of those after it.
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self>;
}

impl<T: FromFields> FromFields for Box<T> {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        T::from_fields(fields).map(Self::new)
    }
}

/// The fields of one JSON object. Those that are never asked for are ignored.
pub struct Fields<'a> {
    object: &'a Map<String, Value>,
    scope: Scope<'a>,
}

impl Fields<'_> {
    /// A field that must be there and not null.
    pub fn required<T: FromJson>(&mut self, name: &str) -> Option<T> {
        if !self.has(name) {
            self.fail(name, Invalid::new(ProblemCode::InvalidType, "Required"));
        }
        self.optional(name)
    }

    /// A field that may be absent, but not null.
    pub fn optional<T: FromJson>(&mut self, name: &str) -> Option<T> {
        let value = self.object.get(name)?;
        T::from_json(value, &mut self.at(name))
    }

    /// A field that may be absent or null.
    pub fn nullable<T: FromJson>(&mut self, name: &str) -> Option<T> {
        let value = self.object.get(name).filter(|value| !value.is_null())?;
        T::from_json(value, &mut self.at(name))
    }

    /// A field that a request may leave as it is (absent), clear (null) or set.
    pub fn change<T: FromJson>(&mut self, name: &str) -> Change<T> {
        match self.object.get(name) {
            None => Change::Keep,
            Some(Value::Null) => Change::Clear,
            // A value that is refused is noted, and with it the whole request.
            Some(value) => T::from_json(value, &mut self.at(name)).map_or(Change::Keep, Change::Set),
        }
    }

    /// A nested object that may be absent, but not null.
    pub fn object<T: FromFields>(&mut self, name: &str) -> Option<T> {
        let value = self.object.get(name)?;
        read_object(value, &mut self.at(name))
    }

    /// A nested object that must be there.
    pub fn required_object<T: FromFields>(&mut self, name: &str) -> Option<T> {
        if !self.has(name) {
            self.fail(name, Invalid::new(ProblemCode::InvalidType, "Required"));
        }
        self.object(name)
    }

    /// A whole number that may be absent, from a query string.
    pub fn integer(&mut self, name: &str, range: RangeInclusive<i64>) -> Option<i64> {
        let text = self.optional::<Bounded<0, 20>>(name)?;
        match text.as_str().parse::<i64>() {
            Ok(number) if range.contains(&number) => Some(number),
            Ok(number) if number < *range.start() => {
                self.fail(name, Invalid::new(ProblemCode::TooSmall, format!("Must be at least {}", range.start())));
                None
            }
            Ok(_) => {
                self.fail(name, Invalid::new(ProblemCode::TooBig, format!("Must be at most {}", range.end())));
                None
            }
            Err(_) => {
                self.fail(name, Invalid::new(ProblemCode::InvalidType, "Expected an integer"));
                None
            }
        }
    }

    /// Whether the request has the field, with whatever value.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.object.contains_key(name)
    }

    /// Notes a problem with this field.
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
