//! Problems of a request.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

/// The kind of a [`Problem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemCode {
    /// Another JSON type than the field has, or a missing field.
    InvalidType,
    /// A string that does not have the field's form.
    InvalidFormat,
    /// A value that is not one of the allowed values.
    InvalidValue,
    /// Too short, too few, too low.
    TooSmall,
    /// Too long, too many, too high.
    TooBig,
    /// A rule across fields.
    Custom,
}

impl ProblemCode {
    const ALL: [Self; 6] =
        [Self::InvalidType, Self::InvalidFormat, Self::InvalidValue, Self::TooSmall, Self::TooBig, Self::Custom];

    /// Returns the code as answers spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidType => "invalid_type",
            Self::InvalidFormat => "invalid_format",
            Self::InvalidValue => "invalid_value",
            Self::TooSmall => "too_small",
            Self::TooBig => "too_big",
            Self::Custom => "custom",
        }
    }

    /// Returns the code that answers spell so.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == name)
    }
}

/// One rule that a request breaks. A problem never carries the rejected value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The kind.
    pub code: ProblemCode,
    /// The path of the value, e.g. `partner.linkProps.testVariants[0].percentage`; empty for the request as a whole.
    pub path: String,
    /// The broken rule, for a developer to read.
    pub message: Cow<'static, str>,
}

impl Problem {
    /// Returns the problem of a value that passed every rule of this module and that the database still refuses to
    /// store.
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
        write!(f, "{}: {}: {}", self.code.as_str(), self.path, self.message)
    }
}
