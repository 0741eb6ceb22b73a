//! HTTP: extractors, responses, rate limits, overload protection and time limits. This folder knows no feature.

mod error_object;
pub mod extract;
pub mod overload;
pub mod rate_limit;
pub mod response;
pub mod time_limit;
