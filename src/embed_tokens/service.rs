//! Work on the enrollments that tokens are for.

use serde_json::json;
use sqlx::PgConnection;

use super::store::{self, Places};
use crate::audit_logs::Action;
use crate::enrollments::{self, Enrolled, EnrollmentView, RevokedPartner};
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
        let revoked = enrollments::revoke_partner_tokens(work.conn, self.scope, &self.partner).await?;
        let RevokedPartner { partner_id, token_epoch } = revoked.ok_or_else(Error::not_enrolled)?;
        let details = json!({ "tokenEpoch": token_epoch });
        work.audit(self.scope.program_id, Action::TokensRevoked, partner_id, details).await?;
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
