//! There is no room for another row.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::{CLIENTS, Site, emails};
use crate::support::invariants;

/// Always full; and where nothing is, which an empty table looks like.
const FULL: &str = "/dev/full";

/// The file of an empty table is on a full disk, as long as the value lives.
struct Full {
    file: PathBuf,
    aside: PathBuf,
}

impl Full {
    async fn table(site: &Site, table: &str) -> Self {
        let mut admin = site.cluster.admin_of(site.app.database_name()).await;
        let empty = format!("SELECT count(*) FROM {table}");
        assert_eq!(invariants::count(&mut admin, &empty).await, 0, "an empty table");
        let path = format!("SELECT current_setting('data_directory') || '/' || pg_relation_filepath('{table}')");
        let file = PathBuf::from(invariants::text(&mut admin, &path).await);
        let full = Self { aside: file.with_extension("aside"), file };
        std::fs::rename(&full.file, &full.aside).unwrap();
        symlink(Path::new(FULL), &full.file).unwrap();
        // Sessions keep files open.
        invariants::end_sessions(&site.app).await;
        full
    }

    async fn make_room(self, site: &Site) {
        std::fs::rename(&self.aside, &self.file).unwrap();
        invariants::end_sessions(&site.app).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_503_for_who_writes_until_there_is_room() {
    let site = Site::start().await;
    let full = Full::table(&site, "outbox").await;
    for answer in site.tokens(emails("more", CLIENTS)).await {
        answer.expect_unavailable();
    }
    // Who only reads notices nothing.
    site.get("/readyz").await.expect(200);
    assert_eq!(site.enrollments().await, 0, "all or nothing");
    full.make_room(&site).await;
    for answer in site.tokens(emails("more", CLIENTS)).await {
        answer.expect(201);
    }
    assert_eq!(site.enrollments().await, CLIENTS);
    invariants::check(&site.app).await;
}
