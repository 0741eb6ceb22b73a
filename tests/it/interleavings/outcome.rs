//! The outcome of two calls, in a form that makes two runs comparable.

#![expect(clippy::disallowed_methods, reason = "reads whole rows, which no query of the application reads")]

use pearset::testing::values::id::{EnrollmentId, LinkId, PartnerId};
use serde_json::Value;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::support::actor::Answer;
use crate::support::token;

/// Answers and rows without the parts that differ between two equal runs.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Outcome {
    answers: [(u16, String); 2],
    rows: Vec<String>,
}

/// The rows of a run, each as JSON. Entries of the audit log are about a partner, events about an enrollment.
const ROWS: &str = "
    WITH partner AS (SELECT * FROM partners WHERE email LIKE '%' || $1 || '%'),
         enrollment AS (SELECT * FROM enrollments WHERE partner_id IN (SELECT id FROM partner)),
         link AS (SELECT * FROM links WHERE partner_id IN (SELECT id FROM partner))
    SELECT to_jsonb(partner) FROM partner
    UNION ALL SELECT to_jsonb(enrollment) FROM enrollment
    UNION ALL SELECT to_jsonb(link) FROM link
    UNION ALL SELECT to_jsonb(outbox) - 'id' FROM outbox WHERE payload->>'enrollmentId' = ANY($2)
    UNION ALL SELECT to_jsonb(audit_logs) - 'id' FROM audit_logs WHERE target = ANY($3)";

/// Reads the outcome of the run with this mark.
pub(super) async fn read(conn: &mut PgConnection, mark: &str, answers: [Answer; 2]) -> Outcome {
    let names = names(conn, mark).await;
    let of = |kind: &str| -> Vec<&str> {
        names.iter().filter(|(id, _)| id.starts_with(kind)).map(|(id, _)| id.as_str()).collect()
    };
    let rows: Vec<Value> =
        sqlx::query_scalar(ROWS).bind(mark).bind(of("pge_")).bind(of("pn_")).fetch_all(conn).await.unwrap();
    let normalized = |value: &Value| {
        let text = names.iter().fold(value.to_string(), |text, (from, to)| text.replace(from, to));
        text.replace(mark, "#")
    };
    let mut rows: Vec<String> = rows.iter().map(normalized).collect();
    rows.sort();
    let answers = answers.map(|Answer { status, body, .. }| {
        let is_token = body.get("publicToken").is_some();
        let body = if is_token { claims(&body) } else { body };
        (status.as_u16(), normalized(&body))
    });
    Outcome { answers, rows }
}

/// Returns the claims without the id of the token.
fn claims(answer: &Value) -> Value {
    let mut claims = token::claims(answer);
    claims.as_object_mut().unwrap().remove("jti");
    claims
}

/// Returns the replacement of each id and of each key with a random suffix.
async fn names(conn: &mut PgConnection, mark: &str) -> Vec<(String, String)> {
    let query = "SELECT p.email, p.id, e.id, l.id, l.key
                 FROM partners p
                 JOIN enrollments e ON e.partner_id = p.id
                 JOIN links l ON l.partner_id = p.id
                 WHERE p.email LIKE '%' || $1 || '%'";
    let mut names = Vec::new();
    for row in sqlx::query(query).bind(mark).fetch_all(conn).await.unwrap() {
        let (email, key): (String, String) = (row.get(0), row.get(4));
        names.extend([
            (row.get::<PartnerId, _>(1).to_string(), format!("partner {email}")),
            (row.get::<Uuid, _>(1).to_string(), format!("partner {email}")),
            (row.get::<EnrollmentId, _>(2).to_string(), format!("enrollment {email}")),
            (row.get::<Uuid, _>(2).to_string(), format!("enrollment {email}")),
            (row.get::<LinkId, _>(3).to_string(), format!("link {email}")),
            (row.get::<Uuid, _>(3).to_string(), format!("link {email}")),
        ]);
        if let Some((base, random)) = key.split_once('-') {
            names.push((format!("{base}-{random}"), format!("{base}-random")));
        }
    }
    names
}
