//! The links of the Pearset dialect: a partner's links, and every link by itself.

mod answer;
pub mod links;
pub mod partner_links;
mod service;
