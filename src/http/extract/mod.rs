//! How handlers get what they need from a request. No handler uses an extractor of axum's own but `State`.

mod address;
mod app;
mod auth;
mod body;
mod items;
mod page;
mod path;
mod query;

pub use address::Address;
pub use app::App;
pub(super) use app::InTransaction;
pub use auth::{
    Caller, MintTokens, Permission, ReadGroups, ReadLinks, ReadPartnerLinks, ReadPartners, WriteGroups, WriteLinks,
    WritePartnerLinks, WritePartners,
};
pub use body::Body;
pub(super) use body::BodyLimit;
pub use items::Items;
pub use page::Page;
pub use path::PathId;
pub use query::Query;
