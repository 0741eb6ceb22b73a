//! Access: finds the grant of a request's API key, and turns the grant into a caller with a permission.

mod authenticate;
mod caller;

pub use authenticate::Access;
pub use caller::{
    Caller, MintTokens, Permission, ReadGroups, ReadLinks, ReadPartnerLinks, ReadPartners, WriteGroups, WriteLinks,
    WritePartnerLinks, WritePartners,
};
