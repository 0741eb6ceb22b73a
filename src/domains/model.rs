//! Domains, and references to domains in requests.

use super::address::LinkAddress;
use crate::error::{Error, Result};
use crate::validation::{Invalid, Text};
use crate::values::id::{DomainId, ProgramId};

/// A domain under which links of a program are reachable.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Domain {
    pub id: DomainId,
    /// The program that owns the domain.
    pub program_id: ProgramId,
    /// The host name.
    pub host: String,
    /// The text that a key is appended to.
    pub url_prefix: String,
    /// True if partners can choose the domain next to the program's own.
    pub is_additional: bool,
    /// True for the program's default domain, which links get unless a request names a domain.
    pub is_default: bool,
}

/// A domain to insert.
#[derive(Debug, Clone, Copy)]
pub struct NewDomain<'a> {
    /// The id.
    pub id: DomainId,
    /// The address of the domain's links.
    pub address: &'a LinkAddress,
    /// True if partners can choose the domain next to the program's own.
    pub is_additional: bool,
}

/// A reference to a domain by id. An invalid id names a domain that does not exist.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DomainRef(Option<DomainId>);

impl DomainRef {
    /// Returns the id.
    ///
    /// # Errors
    /// 404 for a text that is not an id.
    pub(crate) fn id(self) -> Result<DomainId> {
        self.0.ok_or_else(no_domain)
    }
}

impl Text for DomainRef {
    fn from_text(text: &str) -> std::result::Result<Self, Invalid> {
        Ok(Self(text.parse().ok()))
    }
}

/// Returns the error for a domain that does not exist.
pub(crate) fn no_domain() -> Error {
    Error::not_found("The domain does not exist.")
}
