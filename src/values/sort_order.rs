//! The direction in which a list is sorted.

use crate::validation::{Invalid, ProblemCode, Text};

/// The direction in which a list is sorted. Each list has a default of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortOrder {
    /// The smallest or oldest first.
    Asc,
    /// The largest or newest first.
    Desc,
}

impl Text for SortOrder {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        match text {
            "asc" => Ok(Self::Asc),
            "desc" => Ok(Self::Desc),
            _ => Err(Invalid::new(ProblemCode::InvalidValue, "Must be asc or desc")),
        }
    }
}
