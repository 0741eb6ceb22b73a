//! Values that every folder shares: ids, time, URLs, text forms, pages and sort orders. They know no feature.

pub mod clock;
pub mod color;
pub mod http_url;
pub mod id;
mod page;
mod scope;
pub mod search_pattern;
pub mod slug;
mod sort_order;

pub use page::Page;
pub use scope::ProgramScope;
pub use sort_order::SortOrder;
