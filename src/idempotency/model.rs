//! A key, what it stands for, and what was answered.

use std::borrow::Cow;
use std::str::FromStr;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};

use crate::error::{Error, Result};
use crate::validation::{Problem, ProblemCode};
use crate::workspaces::Grant;

/// How long an answer is kept.
pub(super) const KEPT: Duration = Duration::from_hours(24);

/// What a client calls one request and every repetition of it. Unique in a workspace.
#[derive(Debug, Clone)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The header that brings it.
    pub const HEADER: &'static str = "idempotency-key";
    /// In characters.
    const MAX: usize = 255;

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = Error;

    /// 422 when it is empty, too long, or not made of visible ASCII characters and blanks.
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

/// What a request asks for. Two requests with the same one are repetitions of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub(super) [u8; 32]);

impl Fingerprint {
    /// Of a request to an address (path and query) with a body. What the API key may do is a part of it: else an answer
    /// could be had by a key that may not ask for it.
    #[must_use]
    pub fn of(grant: &Grant, address: &str, body: &[u8]) -> Self {
        let mut context = Context::new(&SHA256);
        let program = if grant.is_bound_to_program { grant.program_id.to_string() } else { String::new() };
        let rights = grant.scopes.to_strings().join(",");
        for part in [rights.as_bytes(), program.as_bytes(), address.as_bytes(), body] {
            // With its length: else a part could end where the next one begins.
            context.update(&part.len().to_be_bytes());
            context.update(part);
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(context.finish().as_ref());
        Self(digest)
    }
}

/// What a request finds out when it claims its key.
#[derive(Debug)]
pub enum Claim {
    /// The key was free, and is now this request's.
    Claimed,
    /// Another request with the key is still running.
    Running,
    /// A request with the key was answered.
    Answered(Answer),
}

/// An answer that was given.
#[derive(Debug)]
pub struct Answer {
    /// To this request.
    pub fingerprint: Fingerprint,
    /// Its status.
    pub status: u16,
    /// Its JSON.
    pub body: Vec<u8>,
}
