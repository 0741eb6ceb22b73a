//! Work on the enrollments that tokens are for.

use serde_json::json;
use sqlx::PgConnection;

use super::store::{self, Places};
use crate::audit_logs::Action;
use crate::enrollments::{Enrolled, EnrollmentView};
use crate::error::{Error, Result};
use crate::partners::PartnerRef;
use crate::values::ProgramScope;
use crate::values::id::PartnerId;
use crate::work::{Command, Work};

/// Revokes every token of a partner that was minted until now. Tokens that are minted later are valid.
///
/// Fails with 404 when the partner is not enrolled.
pub(super) struct RevokeTokens {
    pub(super) scope: ProgramScope,
    pub(super) partner: PartnerRef,
}

impl Command for RevokeTokens {
    const NAME: &'static str = "revoke_tokens";
    type Output = PartnerId;

    async fn apply(&self, work: &mut Work<'_>) -> Result<PartnerId> {
        let ProgramScope { workspace_id, program_id } = self.scope;
        let (partner_id, token_epoch) = store::end_tokens(work.conn, workspace_id, program_id, &self.partner)
            .await?
            .ok_or_else(Error::not_enrolled)?;
        work.audit(program_id, Action::TokensRevoked, partner_id, json!({ "tokenEpoch": token_epoch })).await?;
        Ok(partner_id)
    }
}

/// An enrollment, with the addresses of the partner's link and portal.
#[derive(Debug)]
pub struct EnrollmentPlaces {
    /// The enrollment.
    pub enrolled: Enrolled,
    /// The addresses.
    pub places: Places,
}

impl EnrollmentView for EnrollmentPlaces {
    async fn read(conn: &mut PgConnection, scope: ProgramScope, enrolled: Enrolled) -> Result<Self> {
        let ProgramScope { workspace_id, program_id } = scope;
        let places = store::find_places(conn, workspace_id, program_id, enrolled.partner_id).await?;
        Ok(Self { enrolled, places })
    }
}
