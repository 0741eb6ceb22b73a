//! A further domain of a program.

use crate::domains::{self, LinkAddress, NewDomain};
use crate::error::Result;
use crate::values::ProgramScope;
use crate::values::id::DomainId;
use crate::work::{Command, Work};

/// Adds a domain to a program and returns the id of the domain.
///
/// Fails with 409 when the domain is taken.
#[derive(Debug)]
pub struct AddDomain {
    pub scope: ProgramScope,
    /// The place where links of the domain live.
    pub address: LinkAddress,
    /// True if partners can choose the domain next to the program's own.
    pub is_additional: bool,
}

impl Command for AddDomain {
    const NAME: &'static str = "add_domain";
    type Output = DomainId;

    async fn apply(&self, work: &mut Work<'_>) -> Result<DomainId> {
        let (id, now) = (work.next_id(), work.now());
        let domain = NewDomain { id, address: &self.address, is_additional: self.is_additional };
        domains::insert_domain(work.conn, self.scope, domain, now).await?;
        Ok(id)
    }
}
