//! Ending all tokens of a partner at once.

use serde_json::json;
use sqlx::PgConnection;

use super::store;
use crate::audit_logs::{self, Action, Entry};
use crate::error::{Error, Result};
use crate::partners::PartnerRef;
use crate::values::ProgramScope;
use crate::values::clock::Timestamp;
use crate::values::id::{ApiKeyId, Ids, PartnerId};

/// Ends every token of an enrollment that was minted until now. Tokens that are minted from now on are good.
///
/// # Errors
/// 404 for a partner who is not enrolled.
pub(super) async fn revoke(
    conn: &mut PgConnection,
    ids: &Ids,
    now: Timestamp,
    ProgramScope { workspace_id, program_id }: ProgramScope,
    api_key_id: ApiKeyId,
    partner: &PartnerRef,
) -> Result<PartnerId> {
    let (partner_id, token_epoch) =
        store::end_tokens(conn, workspace_id, program_id, partner).await?.ok_or_else(Error::not_enrolled)?;
    let entry = Entry {
        workspace_id,
        program_id,
        api_key_id: Some(api_key_id),
        action: Action::TokensRevoked,
        target: &partner_id.to_string(),
        details: json!({ "tokenEpoch": token_epoch }),
    };
    audit_logs::insert_entry(conn, ids, now, &entry).await?;
    Ok(partner_id)
}
