//! The key, the fingerprint of a request, and the stored answer.

use std::borrow::Cow;
use std::str::FromStr;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};

use crate::error::{Error, Result};
use crate::validation::{Problem, ProblemCode};
use crate::workspaces::Grant;

/// The lifetime of a stored answer.
pub(super) const KEPT: Duration = Duration::from_hours(24);

/// The name that a client gives a request and all repetitions of the request. Unique in a workspace.
#[derive(Debug, Clone)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The header that carries the key.
    pub const HEADER: &'static str = "idempotency-key";
    /// The most characters.
    const MAX: usize = 255;

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = Error;

    /// Reads a key. Fails with 422 for a text that is empty, too long, or has other characters than visible ASCII and
    /// blanks.
    fn from_str(text: &str) -> Result<Self> {
        let (code, message) = if text.is_empty() {
            (ProblemCode::TooSmall, Cow::from("Must have at least 1 character"))
        } else if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            (ProblemCode::InvalidFormat, "Must have only visible ASCII characters".into())
        } else if text.len() > Self::MAX {
            (ProblemCode::TooBig, format!("Must have at most {} characters", Self::MAX).into())
        } else {
            return Ok(Self(text.to_owned()));
        };
        Err(Error::invalid(vec![Problem { code, path: "Idempotency-Key".to_owned(), message }]))
    }
}

/// The fingerprint of a request. Two requests with the same fingerprint are repetitions of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub(super) [u8; 32]);

impl Fingerprint {
    /// Computes the fingerprint of a request to an address (path and query) with a body. The rights of the API key are a
    /// part of the fingerprint: otherwise a key could get an answer that the key may not request.
    #[must_use]
    pub fn of(grant: &Grant, address: &str, body: &[u8]) -> Self {
        let mut context = Context::new(&SHA256);
        let program = if grant.is_bound_to_program { grant.program_id.to_string() } else { String::new() };
        let rights = grant.scopes.to_strings().join(",");
        for part in [rights.as_bytes(), program.as_bytes(), address.as_bytes(), body] {
            // The length separates a part from the next part.
            context.update(&part.len().to_be_bytes());
            context.update(part);
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(context.finish().as_ref());
        Self(digest)
    }
}

/// The outcome of claiming a key.
#[derive(Debug)]
pub enum Claim {
    /// The key was free, and now belongs to this request.
    Claimed,
    /// Another request with the key is still running.
    Running,
    /// A request with the key was answered.
    Answered(Answer),
}

/// A stored answer.
#[derive(Debug)]
pub struct Answer {
    /// The request that was answered.
    pub fingerprint: Fingerprint,
    pub status: u16,
    /// The JSON body.
    pub body: Vec<u8>,
}
