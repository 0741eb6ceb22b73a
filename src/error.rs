//! The error type of services, stores and extractors. The error has a code and a text; its JSON form depends on the
//! dialect of the route and is written elsewhere.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use crate::validation::Problem;

/// The error codes of the API. The client libraries accept exactly these codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// 400: malformed JSON or framing.
    BadRequest,
    /// 401: no usable credential.
    Unauthorized,
    /// 403: the scope, plan, status or access mode forbids the request.
    Forbidden,
    /// 404.
    NotFound,
    /// 405.
    MethodNotAllowed,
    /// 409.
    Conflict,
    /// 410: the invitation has expired.
    InviteExpired,
    /// 413.
    PayloadTooLarge,
    /// 415.
    UnsupportedMediaType,
    /// 422: well-formed JSON that breaks a rule.
    UnprocessableEntity,
    /// 429: the workspace has made too many requests.
    RateLimitExceeded,
    /// 500: an internal fault.
    InternalServerError,
    /// 503: the database is away, or the server is overloaded.
    ServiceUnavailable,
}

impl Code {
    /// Returns the HTTP status.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Conflict => 409,
            Self::InviteExpired => 410,
            Self::PayloadTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::UnprocessableEntity => 422,
            Self::RateLimitExceeded => 429,
            Self::InternalServerError => 500,
            Self::ServiceUnavailable => 503,
        }
    }

    /// Returns the code as answers spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Conflict => "conflict",
            Self::InviteExpired => "invite_expired",
            Self::PayloadTooLarge => "payload_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::UnprocessableEntity => "unprocessable_entity",
            Self::RateLimitExceeded => "rate_limit_exceeded",
            Self::InternalServerError => "internal_server_error",
            Self::ServiceUnavailable => "service_unavailable",
        }
    }
}

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

impl From<sqlx::Error> for Error {
    /// Translates an error of the database by its SQLSTATE; see
    /// <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
    fn from(error: sqlx::Error) -> Self {
        let Some(database) = error.as_database_error() else {
            return match error {
                sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) => {
                    Self { retry: Retry::Disconnected, ..Self::unavailable(error) }
                }
                other => Self::internal(other),
            };
        };
        let state = database.code().unwrap_or_default();
        let cause = || {
            // Not the error itself: the details of the error hold values of the request, and the cause is logged.
            let constraint = database.constraint().map(|name| format!(" ({name})")).unwrap_or_default();
            format!("SQLSTATE {state}: {}{constraint}", database.message())
        };
        match state.as_bytes() {
            b"23505" => violated(database.constraint()).unwrap_or_else(|| Self::internal(cause())),
            // The referenced row was deleted during the write: the next attempt sees the deletion.
            b"23503" if target_may_vanish(database.constraint()) => Self::lost_race(),
            b"40001" | b"40P01" | b"55P03" => Self { retry: Retry::Contention, ..Self::unavailable(cause()) },
            [b'2', b'2', ..] | b"23502" | b"23514" => Self::invalid(vec![Problem::unstorable()]),
            // The session is useless from now on: the server is shutting down or starting (57P01–57P03), is no longer the
            // primary (25006), or has ended an idle transaction (25P03).
            [b'5', b'7', b'P', ..] | [b'0', b'8', ..] | b"25006" | b"25P03" => {
                Self { retry: Retry::Disconnected, ..Self::unavailable(cause()) }
            }
            [b'5', b'3' | b'7' | b'8', ..] => Self::unavailable(cause()),
            _ => Self::internal(cause()),
        }
    }
}

/// Returns whether the row that a foreign key refers to may be deleted at any time: a partner who was only invited is
/// deleted together with the invitation.
fn target_may_vanish(constraint: Option<&str>) -> bool {
    constraint.is_some_and(|name| matches!(bare(name), "enrollments_partner_fkey" | "links_enrollment_fkey"))
}

/// Returns the name of a constraint without the number of a shard, which a distributed Postgres appends.
fn bare(name: &str) -> &str {
    let bare = name.trim_end_matches(|c: char| c.is_ascii_digit());
    bare.strip_suffix('_').unwrap_or(bare)
}

/// Returns the error for the violation of a unique constraint. Inserts avoid violations with ON CONFLICT DO NOTHING; the
/// rest are updates that another transaction overtook, and names that an operator chose.
fn violated(constraint: Option<&str>) -> Option<Error> {
    match bare(constraint?) {
        "enrollments_tenant_id_key" => Some(Error::lost_race()),
        "groups_slug_key" => Some(Error::conflict("A group with this slug exists already.")),
        "workspaces_slug_key" => Some(Error::conflict("A workspace with this slug exists already.")),
        "domains_url_prefix_key" => Some(Error::conflict("The workspace has a domain with this address already.")),
        "links_key_key" => Some(Error::conflict("A link with this key exists already.")),
        "links_external_id_key" => Some(Error::conflict("A link with this externalId exists already.")),
        "tags_name_key" => Some(Error::conflict("A tag with this name exists already.")),
        "link_hosts_pkey" => Some(Error::conflict("The host is in use already.")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraint_names_tolerate_a_shard_number() {
        assert!(violated(Some("enrollments_tenant_id_key")).is_some_and(|error| error.is_retryable()));
        assert!(violated(Some("enrollments_tenant_id_key_102008")).is_some_and(|error| error.is_retryable()));
        assert_eq!(violated(Some("link_hosts_pkey_7")).map(|error| error.code()), Some(Code::Conflict));
        assert!(violated(Some("partners_pkey")).is_none());
        assert!(violated(None).is_none());
        assert!(
            target_may_vanish(Some("links_enrollment_fkey_102008"))
                && target_may_vanish(Some("enrollments_partner_fkey"))
        );
        assert!(!target_may_vanish(Some("links_domain_fkey")) && !target_may_vanish(None));
    }

    #[test]
    fn the_cause_is_not_in_the_message() {
        let error = Error::internal("password=hunter2");
        assert!(!error.to_string().contains("hunter2"));
        assert!(StdError::source(&error).is_some_and(|source| source.to_string().contains("hunter2")));
    }

    /// An error of PostgreSQL with this SQLSTATE and constraint.
    #[derive(Debug)]
    struct Failure(&'static str, Option<&'static str>);

    impl fmt::Display for Failure {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl StdError for Failure {}

    impl sqlx::error::DatabaseError for Failure {
        fn message(&self) -> &'static str {
            "as told"
        }

        fn code(&self) -> Option<Cow<'_, str>> {
            Some(self.0.into())
        }

        fn constraint(&self) -> Option<&str> {
            self.1
        }

        fn kind(&self) -> sqlx::error::ErrorKind {
            sqlx::error::ErrorKind::Other
        }

        fn as_error(&self) -> &(dyn StdError + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn StdError + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn StdError + Send + Sync + 'static> {
            self
        }
    }

    #[test]
    fn the_sqlstate_determines_the_error() {
        use Code::{Conflict, InternalServerError, ServiceUnavailable, UnprocessableEntity};
        let translated = |state, constraint| Error::from(sqlx::Error::Database(Box::new(Failure(state, constraint))));
        let rows: [(&[&str], &[&str], Code, Retry); 10] = [
            (&["23505"], &["enrollments_tenant_id_key"], ServiceUnavailable, Retry::LostRace),
            (
                &["23505"],
                &[
                    "groups_slug_key",
                    "workspaces_slug_key",
                    "domains_url_prefix_key",
                    "links_key_key",
                    "links_external_id_key",
                    "tags_name_key",
                    "link_hosts_pkey",
                ],
                Conflict,
                Retry::Never,
            ),
            (&["23505"], &["", "partners_pkey"], InternalServerError, Retry::Never),
            (&["23503"], &["links_enrollment_fkey", "enrollments_partner_fkey"], ServiceUnavailable, Retry::LostRace),
            (&["23503"], &["", "links_domain_fkey"], InternalServerError, Retry::Never),
            (&["40001", "40P01", "55P03"], &[""], ServiceUnavailable, Retry::Contention),
            (&["22001", "22021", "22P05", "23502", "23514"], &[""], UnprocessableEntity, Retry::Never),
            (
                &["08000", "08006", "25006", "25P03", "57P01", "57P02", "57P03"],
                &[""],
                ServiceUnavailable,
                Retry::Disconnected,
            ),
            (&["53100", "53300", "57014", "58030"], &[""], ServiceUnavailable, Retry::Never),
            (&["", "42601", "55000", "XX000"], &[""], InternalServerError, Retry::Never),
        ];
        for (states, constraints, code, retry) in rows {
            for (state, constraint) in
                states.iter().flat_map(|state| constraints.iter().map(move |name| (*state, *name)))
            {
                let error = translated(state, Some(constraint).filter(|name| !name.is_empty()));
                let seen = (error.code(), error.is_retryable(), error.is_contention(), error.is_disconnect());
                let (contention, disconnect) = (retry == Retry::Contention, retry == Retry::Disconnected);
                assert_eq!(seen, (code, retry != Retry::Never, contention, disconnect), "{state} {constraint}");
                assert!(!error.after_commit().is_retryable());
            }
        }
        let broken = Error::from(sqlx::Error::Io(std::io::ErrorKind::BrokenPipe.into()));
        assert!(broken.code() == ServiceUnavailable && broken.is_disconnect() && broken.is_retryable());
        let ours = Error::from(sqlx::Error::RowNotFound);
        assert!(ours.code() == InternalServerError && !ours.is_retryable());
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
