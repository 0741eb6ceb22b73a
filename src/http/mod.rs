//! HTTP: how requests are read and answers written, and how many requests are admitted. This folder knows no feature.

mod error_object;
pub mod extract;
pub mod overload;
pub mod rate_limit;
pub mod response;
pub mod time_limit;
