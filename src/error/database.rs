//! Errors of the database, translated by their SQLSTATE.

use super::{Error, Problem, Retry};

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
    use std::borrow::Cow;
    use std::error::Error as StdError;
    use std::fmt;

    use super::super::Code;
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
}
