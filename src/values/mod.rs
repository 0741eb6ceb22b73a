//! Values that every folder shares: ids, time, URLs, text forms and pages. They know no feature.

pub mod clock;
pub mod color;
pub mod http_url;
pub mod id;
mod page;
mod scope;
pub mod search_pattern;
pub mod slug;

pub use page::Page;
pub use scope::ProgramScope;
