//! How many requests a workspace may make: behind `authenticate`, in front of everything that costs more than
//! a request's head.

mod limits;
mod local;
pub mod standing;
mod store;

pub use limits::RateLimits;
pub use store::SharedStore;

use std::sync::Arc;

use self::local::Local;
use self::standing::Standing;
use crate::values::clock::Clock;
use crate::values::id::WorkspaceId;
use crate::workspaces::Plan;

/// Counts the requests of each workspace.
pub struct Limiter {
    /// `None` where nothing is limited.
    local: Option<Local>,
    /// The count that several servers share.
    store: Option<SharedStore>,
}

impl Limiter {
    /// Nobody has made a request yet.
    #[must_use]
    pub fn new(limits: RateLimits, clock: &Arc<dyn Clock>, store: Option<SharedStore>) -> Self {
        Self { local: limits.per_plan().map(|limits| Local::new(limits, clock)), store }
    }

    /// Counts one request, if the workspace may make it. `None` where nothing is limited.
    pub async fn take(&self, workspace_id: WorkspaceId, plan: Plan) -> Option<Standing> {
        let local = self.local.as_ref()?;
        if let Some(store) = &self.store
            && let Some(standing) = store.take(workspace_id, local.limit(plan)).await
        {
            return Some(standing);
        }
        Some(local.take(workspace_id, plan))
    }
}
