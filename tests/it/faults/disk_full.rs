//! The disk has no room for another row.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::{CLIENTS, Site, emails};
use crate::support::invariants;

/// A device that is always full, and that reads as empty, like the file of an empty table.
const FULL: &str = "/dev/full";

/// An empty table whose file is on a full disk.
struct FullDisk {
    file: PathBuf,
    aside: PathBuf,
}

impl FullDisk {
    async fn under_table(site: &Site, table: &str) -> Self {
        let mut admin = site.cluster.admin_of(site.app.database_name()).await;
        let empty = format!("SELECT count(*) FROM {table}");
        assert_eq!(invariants::count(&mut admin, &empty).await, 0, "an empty table");
        let path = format!("SELECT current_setting('data_directory') || '/' || pg_relation_filepath('{table}')");
        let file = PathBuf::from(invariants::text(&mut admin, &path).await);
        let full = Self { aside: file.with_extension("aside"), file };
        std::fs::rename(&full.file, &full.aside).unwrap();
        symlink(Path::new(FULL), &full.file).unwrap();
        // Sessions keep the file open.
        invariants::end_sessions(&site.app).await;
        full
    }

    async fn make_room(self, site: &Site) {
        std::fs::rename(&self.aside, &self.file).unwrap();
        invariants::end_sessions(&site.app).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_503_for_writes_until_there_is_room() {
    let site = Site::start().await;
    let full = FullDisk::under_table(&site, "outbox").await;
    for answer in site.tokens(emails("more", CLIENTS)).await {
        answer.expect_unavailable();
    }
    // Reads are not affected.
    site.get("/readyz").await.expect(200);
    assert_eq!(site.enrollments().await, 0, "all or nothing");
    full.make_room(&site).await;
    for answer in site.tokens(emails("more", CLIENTS)).await {
        answer.expect(201);
    }
    assert_eq!(site.enrollments().await, CLIENTS);
    invariants::check(&site.app).await;
}
