//! Errors in the format of Affonso's API: `{"success": false, "error": {…}}`, with Affonso's own codes.

use serde::Serialize;

use crate::error::{Code, Error};
use crate::validation::Problem;

#[derive(Serialize)]
pub(in crate::surfaces) struct ErrorBody<'a> {
    success: bool,
    error: ErrorObject<'a>,
}

#[derive(Serialize)]
struct ErrorObject<'a> {
    code: &'static str,
    message: &'a str,
    /// The member with the first problem. `None` for a problem with the whole request.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "<[Problem]>::is_empty")]
    details: &'a [Problem],
}

impl<'a> ErrorBody<'a> {
    pub(in crate::surfaces) fn new(error: &'a Error) -> Self {
        let field = error.problems().first().map(|problem| problem.path.as_str()).filter(|path| !path.is_empty());
        let (code, message, details) = (code(error.code()), error.message(), error.problems());
        Self { success: false, error: ErrorObject { code, message, field, details } }
    }
}

/// Returns the status of an error. In this format, a request that breaks a rule is a 400.
pub(in crate::surfaces) fn status(code: Code) -> u16 {
    match code {
        Code::UnprocessableEntity => 400,
        other => other.status(),
    }
}

fn code(code: Code) -> &'static str {
    match code {
        Code::BadRequest
        | Code::MethodNotAllowed
        | Code::PayloadTooLarge
        | Code::UnsupportedMediaType
        | Code::UnprocessableEntity => "VALIDATION_ERROR",
        Code::Unauthorized => "UNAUTHORIZED",
        Code::Forbidden | Code::InviteExpired => "FORBIDDEN",
        Code::NotFound => "NOT_FOUND",
        Code::Conflict => "DUPLICATE_ERROR",
        Code::RateLimitExceeded => "RATE_LIMIT_EXCEEDED",
        Code::InternalServerError | Code::ServiceUnavailable => "INTERNAL_ERROR",
    }
}
