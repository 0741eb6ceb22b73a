//! Queries on `idempotency_keys`.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error.rs")]

use sqlx::PgConnection;

use super::model::{Answer, Fingerprint, IdempotencyKey, KEPT};
use crate::db::WorkspaceRange;
use crate::error::{Error, Result};
use crate::values::clock::Timestamp;
use crate::values::id::WorkspaceId;

/// Holds a key until the end of the transaction. False when another transaction does: its request is still running.
pub async fn try_lock_key(conn: &mut PgConnection, workspace_id: WorkspaceId, key: &IdempotencyKey) -> Result<bool> {
    let locked = sqlx::query_scalar!(
        r#"/* idempotency::try_lock_key */
         SELECT pg_try_advisory_xact_lock(hashtextextended($2, hashtextextended($1::uuid::text, 0))) AS "locked!""#,
        workspace_id as _,
        key.as_str(),
    )
    .fetch_one(conn)
    .await?;
    Ok(locked)
}

/// What was answered to the request with this key.
pub(super) async fn find_answer(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    key: &IdempotencyKey,
    now: Timestamp,
) -> Result<Option<Answer>> {
    let row = sqlx::query!(
        "/* idempotency::find_answer */
         SELECT fingerprint, status, body FROM idempotency_keys
         WHERE workspace_id = $1 AND key = $2 AND expires_at > $3",
        workspace_id as _,
        key.as_str(),
        now as _,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let fingerprint = Fingerprint(row.fingerprint.try_into().map_err(|_| Error::internal("a short fingerprint"))?);
        Ok(Answer { fingerprint, status: row.status.unsigned_abs(), body: row.body })
    })
    .transpose()
}

/// Keeps an answer, in place of one that has expired.
pub(super) async fn insert_answer(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    key: &IdempotencyKey,
    answer: &Answer,
    now: Timestamp,
) -> Result<()> {
    let status = i16::try_from(answer.status).map_err(Error::internal)?;
    sqlx::query!(
        "/* idempotency::insert_answer */
         INSERT INTO idempotency_keys (workspace_id, key, fingerprint, status, body, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (workspace_id, key) DO UPDATE
         SET fingerprint = EXCLUDED.fingerprint, status = EXCLUDED.status, body = EXCLUDED.body,
             expires_at = EXCLUDED.expires_at",
        workspace_id as _,
        key.as_str(),
        &answer.fingerprint.0[..],
        status,
        answer.body,
        (now + KEPT) as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lists the workspaces in a range that have expired answers.
pub(super) async fn list_workspaces_to_sweep(
    conn: &mut PgConnection,
    now: Timestamp,
    range: WorkspaceRange,
) -> Result<Vec<WorkspaceId>> {
    let ids = sqlx::query_scalar!(
        r#"/* idempotency::list_workspaces_to_sweep */
         SELECT w.id AS "id!: WorkspaceId" FROM workspaces_with_expired_answers($1, $2, $3) w (id) ORDER BY w.id"#,
        now as _,
        range.after as _,
        range.at_most,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// Deletes at most this many expired answers of a workspace, and skips answers that another transaction holds. Returns
/// the number of deleted answers.
pub(super) async fn delete_expired_answers(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    now: Timestamp,
    at_most: i64,
) -> Result<u64> {
    let done = sqlx::query!(
        "/* idempotency::delete_expired_answers */
         DELETE FROM idempotency_keys k
         WHERE k.workspace_id = $1 AND k.key IN (
             SELECT e.key FROM idempotency_keys e
             WHERE e.workspace_id = $1 AND e.expires_at <= $2
             ORDER BY e.expires_at LIMIT $3 FOR UPDATE SKIP LOCKED)",
        workspace_id as _,
        now as _,
        at_most,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
