//! Rate limits: how many requests a workspace may make per minute. The limiter runs after the API key is authenticated
//! and before everything that costs more than reading the head of a request.
//!
//! The limiter knows tiers, not plans: a tier is an index into the limits that the limiter was built with.

mod local;
mod shared_store;
pub mod status;

pub use shared_store::SharedStore;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use self::local::Local;
use self::status::RateLimitStatus;
use crate::values::clock::Clock;
use crate::values::id::WorkspaceId;

/// The period that a limit counts requests in.
pub(super) const WINDOW: Duration = Duration::from_mins(1);

/// Counts the requests of each workspace. Cheap to clone.
#[derive(Clone)]
pub struct Limiter {
    /// `None` when nothing is limited.
    local: Option<Arc<Local>>,
    /// The counter that several servers share.
    store: Option<SharedStore>,
}

impl Limiter {
    /// Creates a limiter that has counted no request yet. `tiers` has the requests per minute of each tier; `None`
    /// limits nothing.
    #[must_use]
    pub fn new(tiers: Option<&[NonZeroU32]>, clock: &Arc<dyn Clock>, store: Option<SharedStore>) -> Self {
        Self { local: tiers.map(|tiers| Arc::new(Local::new(tiers, clock))), store }
    }

    /// Counts one request of a workspace in this tier if the workspace is within its limit. Returns `None` when nothing
    /// is limited.
    pub async fn take(&self, workspace_id: WorkspaceId, tier: usize) -> Option<RateLimitStatus> {
        let local = self.local.as_ref()?;
        if let Some(store) = &self.store
            && let Some(status) = store.take(workspace_id, local.limit(tier)).await
        {
            return Some(status);
        }
        Some(local.take(workspace_id, tier))
    }
}
