//! Surfaces: what clients of each kind reach.

pub mod api;
pub mod metrics;
pub mod state;
