//! What every request can reach.

use std::sync::Arc;

use crate::clock::Clock;
use crate::config::HttpConfig;
use crate::db::Db;
use crate::embed_tokens::Keyring;
use crate::http::extract::GrantCache;
use crate::id::Ids;

/// The application's state. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids and randomness.
    pub ids: Arc<Ids>,
    /// The keys that sign tokens.
    pub keyring: Keyring,
    /// The API keys of the last second.
    pub grants: GrantCache,
    /// Settings that answers depend on.
    pub config: Arc<HttpConfig>,
}
