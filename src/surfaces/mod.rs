//! Surfaces: the interfaces that each kind of client reaches, and the state of the application.

pub mod api;
pub mod metrics;
pub mod state;
