//! Statements on `idempotency_keys`.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error/database.rs")]

use sqlx::PgConnection;

use super::model::{Answer, Claim, Fingerprint, IdempotencyKey, KEPT};
use crate::db::WorkspaceRange;
use crate::error::{Error, Result};
use crate::values::clock::Timestamp;
use crate::values::id::WorkspaceId;

/// Claims a key for the request of this transaction. No other transaction gets the key before the end of the transaction.
pub async fn claim_key(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    key: &IdempotencyKey,
    fingerprint: Fingerprint,
    now: Timestamp,
) -> Result<Claim> {
    let row = sqlx::query!(
        r#"/* idempotency::claim_key */
         SELECT is_claimed AS "is_claimed!", fingerprint, status, body
         FROM claim_idempotency_key($1, $2, $3, $4, $5)"#,
        workspace_id as _,
        key.as_str(),
        &fingerprint.0[..],
        now as _,
        (now + KEPT) as _,
    )
    .fetch_optional(conn)
    .await?
    // The row expired and was deleted between two statements of the function.
    .ok_or_else(Error::lost_race)?;
    if row.is_claimed {
        return Ok(Claim::Claimed);
    }
    let (Some(fingerprint), Some(status), Some(body)) = (row.fingerprint, row.status, row.body) else {
        return Ok(Claim::Running);
    };
    let fingerprint = Fingerprint(fingerprint.try_into().map_err(|_| Error::internal("a short fingerprint"))?);
    Ok(Claim::Answered(Answer { fingerprint, status: status.unsigned_abs(), body }))
}

/// Stores the answer to the request that claimed a key.
pub async fn keep_answer(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    key: &IdempotencyKey,
    answer: &Answer,
    now: Timestamp,
) -> Result<()> {
    let status = i16::try_from(answer.status).map_err(Error::internal)?;
    sqlx::query!(
        "/* idempotency::keep_answer */
         UPDATE idempotency_keys SET status = $3, body = $4, expires_at = $5 WHERE workspace_id = $1 AND key = $2",
        workspace_id as _,
        key.as_str(),
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
