//! The error type of services, stores and extractors. The error has a code and a text; its JSON form depends on the
//! dialect of the route and is written elsewhere.

mod code;
mod database;
mod problem;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

pub use code::Code;
pub use problem::{Problem, ProblemCode};

/// The reason why another attempt of the same transaction can succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Retry {
    Never,
    /// Another transaction was faster; its rows are visible to the next attempt.
    LostRace,
    /// Deadlock, serialization failure or lock timeout: the next attempt waits a little.
    Contention,
    /// The session is gone.
    Disconnected,
}

/// An error of a request. The message goes to the client; the source goes to the log only.
#[derive(Debug)]
pub struct Error {
    code: Code,
    message: Cow<'static, str>,
    problems: Vec<Problem>,
    retry: Retry,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// `Result` with [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), problems: Vec::new(), retry: Retry::Never, source: None }
    }

    /// Returns a 400.
    #[must_use]
    pub fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::BadRequest, message)
    }

    /// Returns a 401.
    #[must_use]
    pub fn unauthorized(message: &'static str) -> Self {
        Self::new(Code::Unauthorized, message)
    }

    /// Returns a 403.
    #[must_use]
    pub fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Forbidden, message)
    }

    /// Returns a 404.
    #[must_use]
    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::NotFound, message)
    }

    /// Returns the 404 for an enrollment that does not exist. Clients match on the text.
    #[must_use]
    pub fn not_enrolled() -> Self {
        Self::not_found("The partner is not enrolled in this program.")
    }

    /// Returns a 405.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        Self::new(Code::MethodNotAllowed, "This path does not support the request's method.")
    }

    /// Returns a 409.
    #[must_use]
    pub fn conflict(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Conflict, message)
    }

    /// Returns a 410.
    #[must_use]
    pub fn invite_expired() -> Self {
        Self::new(Code::InviteExpired, "The partner's invitation has expired.")
    }

    /// Returns a 413. `limit` is in bytes.
    #[must_use]
    pub fn payload_too_large(limit: usize) -> Self {
        Self::new(Code::PayloadTooLarge, format!("The request body is larger than {limit} bytes."))
    }

    /// Returns a 415.
    #[must_use]
    pub fn unsupported_media_type() -> Self {
        Self::new(Code::UnsupportedMediaType, "The request body must be sent as application/json.")
    }

    /// Returns a 422 with the message of the first problem.
    #[must_use]
    pub fn invalid(problems: Vec<Problem>) -> Self {
        let message = problems.first().map_or_else(String::new, ToString::to_string);
        Self { problems, ..Self::new(Code::UnprocessableEntity, message) }
    }

    /// Returns a 429.
    #[must_use]
    pub fn rate_limit_exceeded() -> Self {
        Self::new(Code::RateLimitExceeded, "Too many requests. Please try again later.")
    }

    /// Returns a 500. The client gets a fixed text.
    #[must_use]
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            source: Some(source.into()),
            ..Self::new(Code::InternalServerError, "An unexpected error occurred. Please try again later.")
        }
    }

    /// Returns a 503. The same request may succeed a moment later.
    #[must_use]
    pub fn unavailable(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            source: Some(source.into()),
            ..Self::new(Code::ServiceUnavailable, "The service is temporarily unavailable. Please try again.")
        }
    }

    /// Returns a 503 for a request that was not begun. Such errors are not logged one by one.
    #[must_use]
    pub fn overloaded() -> Self {
        Self::new(Code::ServiceUnavailable, "The service is overloaded. Please try again.")
    }

    /// Returns a 503 for work of which a part is done and stays done. The message explains the rest.
    #[must_use]
    pub fn unfinished(message: String, source: Self) -> Self {
        Self { source: Some(source.into()), ..Self::new(Code::ServiceUnavailable, message) }
    }

    /// Returns the error for a row that another transaction inserted first: `db::tx` runs the transaction again, which then
    /// sees the row. The client gets a 503 if the attempts run out.
    #[must_use]
    pub fn lost_race() -> Self {
        Self { retry: Retry::LostRace, ..Self::unavailable("lost a race against another transaction") }
    }

    /// Returns a copy of the error for another request that waited for the same result.
    #[must_use]
    pub fn again(&self) -> Self {
        Self { source: Some(self.to_string().into()), ..Self::new(self.code, self.message.clone()) }
    }

    /// Returns the code, which determines the status.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// Returns the text for the client.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns all problems of a 422 in the order of the fields; empty for other errors.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Returns whether another attempt of the same transaction may succeed.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.retry != Retry::Never
    }

    /// Returns whether to wait before another attempt.
    #[must_use]
    pub fn is_contention(&self) -> bool {
        self.retry == Retry::Contention
    }

    /// Returns whether the session to the database broke. Other idle sessions are then likely broken too.
    #[must_use]
    pub fn is_disconnect(&self) -> bool {
        self.retry == Retry::Disconnected
    }

    /// Returns the same error without another attempt: COMMIT was sent, so the outcome of the transaction is unknown.
    #[must_use]
    pub fn after_commit(self) -> Self {
        Self { retry: Retry::Never, ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_not_in_the_message() {
        let error = Error::internal("password=hunter2");
        assert!(!error.to_string().contains("hunter2"));
        assert!(StdError::source(&error).is_some_and(|source| source.to_string().contains("hunter2")));
    }

    #[test]
    fn the_cause_is_the_source_of_the_error() {
        let source = |error: &Error| StdError::source(error).map(ToString::to_string);
        let away = Error::unavailable("away");
        assert_eq!(source(&away).as_deref(), Some("away"));
        assert_eq!(away.to_string(), "service_unavailable: The service is temporarily unavailable. Please try again.");
        assert_eq!(source(&away.again()), Some(away.to_string()));
        let text = away.to_string();
        assert_eq!(source(&Error::unfinished("A part is done.".to_owned(), away)), Some(text));
    }
}
