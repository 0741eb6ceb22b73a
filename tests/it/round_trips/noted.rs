//! The round trips of an application.

use std::sync::{Arc, Mutex};

use crate::support::app::TestApp;
use crate::support::cluster::TestCluster;
use crate::support::proxy::{Proxy, Watcher};

/// The round trips of all sessions in the order of sending, named as [`Watcher`] says.
pub(super) struct NotedTrips {
    trips: Arc<Trips>,
    _proxy: Proxy,
}

#[derive(Default)]
struct Trips(Mutex<Vec<String>>);

impl Watcher for Trips {
    async fn trip(&self, name: String) {
        self.0.lock().unwrap().push(name);
    }
}

impl NotedTrips {
    /// Begins to record. The application's pool then has one session, so that each statement is prepared once.
    pub(super) async fn of(app: &mut TestApp, cluster: &'static TestCluster) -> Self {
        let trips = Arc::<Trips>::default();
        let proxy = Proxy::before(app, cluster, "noted", Arc::clone(&trips));
        app.reach_database_by(proxy.options(), 1).await;
        Self { trips, _proxy: proxy }
    }

    /// Returns the round trips since the last call.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.trips.0.lock().unwrap())
    }
}
