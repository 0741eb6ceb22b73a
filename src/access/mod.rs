//! Access: from the API key of a request to its grant, and from the grant to a caller with a permission.

mod authenticate;
mod caller;

pub use authenticate::Access;
pub use caller::{
    Caller, MintTokens, Permission, ReadGroups, ReadLinks, ReadPartnerLinks, ReadPartners, WriteGroups, WriteLinks,
    WritePartnerLinks, WritePartners,
};
