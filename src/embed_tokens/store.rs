//! Queries on `signing_keys`, and on the enrollments that tokens are for.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error/database.rs")]

use sqlx::PgConnection;

use crate::domains::short_link;
use crate::enrollments::Status;
use crate::error::Result;
use crate::values::clock::Timestamp;
use crate::values::id::{EnrollmentId, PartnerId, ProgramId, WorkspaceId};

/// A signing key, as stored.
#[derive(Debug)]
pub(super) struct SigningKeyRow {
    pub(super) private_key: Vec<u8>,
    pub(super) active_from: Timestamp,
    pub(super) retired_at: Option<Timestamp>,
}

/// A signing key in a list, without its private half.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SigningKeySummary {
    /// The id in a token's header.
    pub kid: String,
    pub created_at: Timestamp,
    /// The time of the first signature.
    pub active_from: Timestamp,
    /// The end of the publication.
    pub retired_at: Option<Timestamp>,
}

/// Locks the keys against changes until the end of the transaction.
pub(super) async fn lock_signing_keys(conn: &mut PgConnection) -> Result<()> {
    sqlx::query!("/* embed_tokens::lock_signing_keys */ LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE")
        .execute(conn)
        .await?;
    Ok(())
}

/// Lists the keys that are not retired, in the order in which they become active.
pub(super) async fn list_usable_keys(conn: &mut PgConnection, now: Timestamp) -> Result<Vec<SigningKeyRow>> {
    let rows = sqlx::query_as!(
        SigningKeyRow,
        "/* embed_tokens::list_usable_keys */
         SELECT private_key, active_from, retired_at FROM signing_keys
         WHERE retired_at IS NULL OR retired_at > $1 ORDER BY active_from, kid",
        now as _,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Lists all keys, oldest first.
pub async fn list_signing_keys(conn: &mut PgConnection) -> Result<Vec<SigningKeySummary>> {
    let rows = sqlx::query_as!(
        SigningKeySummary,
        "/* embed_tokens::list_signing_keys */
         SELECT kid, created_at, active_from, retired_at FROM signing_keys ORDER BY created_at, kid",
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Inserts a key.
pub(super) async fn insert_signing_key(
    conn: &mut PgConnection,
    kid: &str,
    private_key: &[u8],
    now: Timestamp,
    active_from: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "/* embed_tokens::insert_signing_key */
         INSERT INTO signing_keys (kid, private_key, created_at, active_from) VALUES ($1, $2, $3, $4)",
        kid,
        private_key,
        now as _,
        active_from as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The addresses for a partner's visitors and for the partner.
#[derive(Debug)]
pub struct Places {
    /// The partner's link: the first default link of the group, else the oldest link.
    pub link: Option<String>,
    /// The portal of the program.
    pub portal_url: String,
}

/// Finds the addresses for a partner's visitors and for the partner.
pub(super) async fn find_places(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
    partner_id: PartnerId,
) -> Result<Places> {
    let row = sqlx::query!(
        r#"/* embed_tokens::find_places */
         SELECT COALESCE(p.portal_url, p.url) AS "portal_url!", link.url_prefix AS "url_prefix?", link.key AS "key?"
         FROM programs p LEFT JOIN LATERAL (
             SELECT d.url_prefix, l.key
             FROM enrollments e
             JOIN links l ON l.workspace_id = $1 AND l.program_id = $2 AND l.partner_id = $3
             JOIN domains d ON d.workspace_id = $1 AND d.id = l.domain_id
             LEFT JOIN group_default_links g ON g.workspace_id = $1 AND g.id = l.group_default_link_id
                                            AND g.group_id = e.group_id AND g.removed_at IS NULL
             WHERE e.workspace_id = $1 AND e.program_id = $2 AND e.partner_id = $3
             ORDER BY g.id, l.created_at, l.id LIMIT 1
         ) link ON true
         WHERE p.workspace_id = $1 AND p.id = $2"#,
        workspace_id as _,
        program_id as _,
        partner_id as _,
    )
    .fetch_one(conn)
    .await?;
    let link = row.url_prefix.zip(row.key).map(|(url_prefix, key)| short_link(&url_prefix, &key));
    Ok(Places { link, portal_url: row.portal_url })
}

/// The state of an enrollment that decides whether its tokens are valid.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) status: Status,
    pub(super) token_epoch: i32,
}

/// Finds the enrollment that a token is for. `None` when the enrollment belongs to another program or partner than the
/// token says.
pub(super) async fn find_subject(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
    enrollment_id: EnrollmentId,
    partner_id: PartnerId,
) -> Result<Option<Subject>> {
    let row = sqlx::query_as!(
        Subject,
        r#"/* embed_tokens::find_subject */
         SELECT status AS "status!: Status", token_epoch AS "token_epoch!" FROM find_subject($1, $2, $3, $4)"#,
        workspace_id as _,
        program_id as _,
        enrollment_id as _,
        partner_id as _,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row)
}

/// Sets the end of the publication of all keys that are not retired yet.
pub(super) async fn retire_signing_keys(conn: &mut PgConnection, at: Timestamp) -> Result<()> {
    sqlx::query!(
        "/* embed_tokens::retire_signing_keys */ UPDATE signing_keys SET retired_at = $1 WHERE retired_at IS NULL",
        at as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}
