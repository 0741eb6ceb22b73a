//! The final check, which compares the database with the acknowledged writes.

#![expect(clippy::disallowed_methods, reason = "the checks are not queries of the application")]

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use anyhow::Result;
use pearset::testing::values::id::EnrollmentId;
use sqlx::{AssertSqlSafe, PgConnection};

use super::load::{History, Partner, name};
use super::never::NEVER;
use super::tally::Tally;

/// The server's sessions.
const SESSIONS: &str = "FROM pg_stat_activity WHERE application_name = 'pearset'";

/// The result of the final check.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) partners: usize,
    pub(crate) lost: usize,
    pub(crate) doubled: usize,
    pub(crate) orphans: i64,
}

/// An enrollment with its partner and links.
#[derive(sqlx::FromRow)]
struct Stored {
    email: String,
    id: EnrollmentId,
    tenant_id: Option<String>,
    name: Option<String>,
    /// The number of links without the default links.
    links: i64,
    /// The number of different targets of these links.
    urls: i64,
}

const STORED: &str = "
    SELECT p.email, e.id, e.tenant_id, p.name, count(l.id) AS links, count(DISTINCT l.url) AS urls
    FROM enrollments e
    JOIN partners p ON p.workspace_id = e.workspace_id AND p.id = e.partner_id
    LEFT JOIN links l ON l.workspace_id = e.workspace_id AND l.program_id = e.program_id
        AND l.partner_id = e.partner_id AND l.group_default_link_id IS NULL
    GROUP BY p.workspace_id, p.id, e.workspace_id, e.id";

/// Checks that every acknowledged write exists exactly once, and that no row lacks a row that it depends on.
pub(crate) async fn everything(conn: &mut PgConnection, histories: &[History], tally: &Tally) -> Result<Found> {
    let mut found = Found::default();
    let rows: Vec<Stored> = sqlx::query_as(STORED).fetch_all(&mut *conn).await?;
    found.partners = rows.len();
    let ids: HashSet<String> = rows.iter().map(|row| row.id.to_string()).collect();
    let mut stored: HashMap<&str, &Stored> = HashMap::new();
    for row in &rows {
        if stored.insert(&row.email, row).is_some() {
            found.doubled += 1;
            tally.violation(format!("{} is enrolled twice", row.email));
        }
        if row.links != row.urls {
            found.doubled += 1;
            tally.violation(format!("{} has {} links to {} targets", row.email, row.links, row.urls));
        }
    }
    for (client, history) in histories.iter().enumerate() {
        for (number, partner) in history.iter().enumerate() {
            let name = name(client, number);
            let row = stored.get(format!("{name}@example.com").as_str());
            if !row.is_some_and(|row| row.matches(&name, partner)) {
                found.lost += 1;
                tally.violation(format!("{name} differs from the acknowledged state"));
            }
        }
    }
    for (what, query) in NEVER {
        let orphans: i64 = sqlx::query_scalar(query).fetch_one(&mut *conn).await?;
        if orphans > 0 {
            found.orphans += orphans;
            tally.violation(format!("{orphans} × {what}"));
        }
    }
    let events = "SELECT payload->>'enrollmentId' FROM outbox WHERE event = 'partner.enrolled'";
    let events: Vec<String> = sqlx::query_scalar(events).fetch_all(conn).await?;
    if events.len() != rows.len() || events.into_iter().collect::<HashSet<_>>() != ids {
        found.orphans += 1;
        tally.violation("the events do not match the enrollments".to_owned());
    }
    Ok(found)
}

impl Stored {
    fn matches(&self, name: &str, partner: &Partner) -> bool {
        let renamed = (partner.names > 0).then(|| format!("{name} {}", partner.names));
        self.id.to_string() == partner.enrollment
            && self.tenant_id.as_deref() == Some(name)
            && self.name == renamed
            && self.links == i64::from(partner.links)
    }
}

/// Counts the enrolled partners among these e-mail addresses.
pub(crate) async fn count_enrolled(conn: &mut PgConnection, emails: &[String]) -> Result<i64> {
    let query = "SELECT count(*) FROM partners WHERE email = ANY($1)";
    Ok(sqlx::query_scalar(query).bind(emails).fetch_one(conn).await?)
}

/// Returns the process id of a random session of the server.
pub(crate) async fn random_session(conn: &mut PgConnection) -> Result<Option<i32>> {
    let query = format!("SELECT pid {SESSIONS} ORDER BY random() LIMIT 1");
    Ok(sqlx::query_scalar(AssertSqlSafe(query)).fetch_optional(conn).await?)
}

/// Returns for each session that is idle in a transaction the time since it became idle.
pub(crate) async fn idle_in_transaction(conn: &mut PgConnection) -> Result<Vec<Duration>> {
    let query = format!(
        "SELECT extract(epoch FROM clock_timestamp() - state_change)::float8 {SESSIONS}
         AND state LIKE 'idle in transaction%'"
    );
    let seconds: Vec<f64> = sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(conn).await?;
    Ok(seconds.into_iter().map(|time| Duration::from_secs_f64(time.max(0.0))).collect())
}
