//! Reading single enrollments.

use sqlx::PgConnection;

use super::response::{self, EnrolledPartner};
use crate::error::Result;
use crate::values::ProgramScope;
use crate::values::id::PartnerId;
use crate::work::Query;

/// Reads the enrollment of a partner, with the partner's links.
///
/// Fails with 404 when the partner is not enrolled.
pub(super) struct RetrievePartner {
    pub(super) scope: ProgramScope,
    pub(super) partner_id: PartnerId,
}

impl Query for RetrievePartner {
    const NAME: &'static str = "load_partner";
    type Output = EnrolledPartner;

    async fn fetch(&self, conn: &mut PgConnection) -> Result<EnrolledPartner> {
        response::load(conn, self.scope, self.partner_id).await
    }
}
