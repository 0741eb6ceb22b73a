//! Handles of metrics, created when their labels are first seen.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};

/// Handles by their labels. Creating a handle costs a key on the heap and a search among all metrics, so requests look
/// handles up here.
pub(super) struct Handles<K, H>(RwLock<HashMap<K, Arc<H>>>);

impl<K, H> Default for Handles<K, H> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<K: Eq + Hash, H> Handles<K, H> {
    /// Returns the handle for these labels.
    pub(super) fn get<Q>(&self, labels: &Q, make: impl FnOnce() -> H) -> Arc<H>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        if let Some(handle) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(labels) {
            return Arc::clone(handle);
        }
        // Created outside of the lock. Two threads may create the handle at the same time: both then use the first.
        let made = Arc::new(make());
        let mut handles = self.0.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(handles.entry(labels.to_owned()).or_insert_with(|| Arc::clone(&made)))
    }
}
