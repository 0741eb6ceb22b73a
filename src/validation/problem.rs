//! Problems of single values.

use std::borrow::Cow;

use crate::error::ProblemCode;

/// The most problems that an answer lists: a list of a million wrong items must not make an answer of a million
/// problems, which nobody reads.
pub const MAX_PROBLEMS: usize = 100;

/// The rule that a value breaks: a [`crate::error::Problem`] without its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// The kind of problem.
    pub code: ProblemCode,
    /// The rule.
    pub message: Cow<'static, str>,
}

impl Invalid {
    /// Creates a refusal of the given kind.
    #[must_use]
    pub fn new(code: ProblemCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }

    /// Refuses a string that does not have the required form.
    #[must_use]
    pub const fn format(message: &'static str) -> Self {
        Self { code: ProblemCode::InvalidFormat, message: Cow::Borrowed(message) }
    }

    /// Refuses a string that is not one of `choices`.
    #[must_use]
    pub fn choice(choices: &[&str]) -> Self {
        Self::new(ProblemCode::InvalidValue, format!("Must be one of {}", choices.join(", ")))
    }
}
