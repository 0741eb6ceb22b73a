//! Referral links.

mod partnero;
mod pearset;
