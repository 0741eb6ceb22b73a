//! This module reads a JSON request into domain types and collects the problems of the request (at most
//! [`MAX_PROBLEMS`]), each with its path in the request's own spelling. (serde stops at the first problem and names
//! Rust fields.)
//!
//! Each rule has one place:
//!
//! - the form of one value: the newtype ([`Text`], [`FromJson`]);
//! - lengths, counts and ranges: [`length`], [`count`] and [`range`], on the traits of the crate `validator`;
//! - rules across fields: `#[derive(Validate)]` on a struct of read fields, checked by [`Fields::check`].
//!
//! Problems are reported in the order in which a type reads its fields.

mod change;
mod cross_field;
mod fields;
mod problem;
mod rules;
mod text;

pub use change::Change;
pub use cross_field::{Field, Rules, broken_rule};
pub use fields::{Fields, FromFields, FromJson, Scope, read_object, read_request};
pub use problem::{Invalid, MAX_PROBLEMS};
pub use rules::{count, length, range};
pub(crate) use text::choices;
pub use text::{Bounded, FreeText, Text};

pub use crate::error::{Problem, ProblemCode};
