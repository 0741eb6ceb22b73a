//! Reading domains.

use sqlx::PgConnection;

use super::model::Domain;
use super::store;
use crate::error::Result;
use crate::values::{Page, ProgramScope};
use crate::work::Query;

/// Lists a page of the domains of a program, the default domain first, then oldest first.
pub(crate) struct ListDomains {
    pub(crate) scope: ProgramScope,
    pub(crate) page: Page,
}

impl Query for ListDomains {
    const NAME: &'static str = "list_domains";
    type Output = Vec<Domain>;

    async fn fetch(&self, conn: &mut PgConnection) -> Result<Vec<Domain>> {
        store::list_domains(conn, self.scope, self.page.limit, self.page.offset).await
    }
}
