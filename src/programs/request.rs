//! Requests that name a program.

use super::model::ProgramRef;
use crate::validation::{Fields, FromFields};

/// A query that can name a program.
pub struct ProgramQuery {
    /// The program, if the query names one.
    pub program: Option<ProgramRef>,
}

impl FromFields for ProgramQuery {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { program: fields.optional("programId") })
    }
}
