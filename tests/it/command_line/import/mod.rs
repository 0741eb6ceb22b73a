//! `pearset import partners`.

mod files;
mod kill;
mod outcomes;

use std::fs;
use std::path::{Path, PathBuf};

use pearset::testing::values::id::Ids;
use serde_json::Value;
use sqlx::PgConnection;

use crate::support::binary::{Finished, Home, Process};
use crate::support::cluster::{LentDatabase, SHARED, TEMPLATE};
use crate::support::invariants;

/// A workspace `acme` in a separate database, and the binary that imports into the workspace.
struct Site {
    database: LentDatabase,
    home: Home,
}

impl Site {
    async fn start() -> Self {
        let database = SHARED.lend(TEMPLATE).await;
        let home = Home::with_database(&database.url);
        home.json("workspace create --name Acme --slug acme --plan enterprise");
        Self { database, home }
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.home.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Imports a file with this name and text.
    fn import(&self, name: &str, text: impl AsRef<[u8]>, options: &str) -> Finished {
        self.file(name, text);
        self.home.run(&format!("import partners {name} --workspace acme {options}"))
    }

    async fn sql(&self) -> PgConnection {
        self.database.sql().await
    }

    /// Returns the numbers of partners, enrollments, links and events.
    async fn totals(&self) -> [i64; 4] {
        let sql = &mut self.sql().await;
        let mut totals = [0; 4];
        for (total, table) in totals.iter_mut().zip(["partners", "enrollments", "links", "outbox"]) {
            *total = invariants::count(sql, &format!("SELECT count(*) FROM {table}")).await;
        }
        totals
    }
}

/// Returns the summary that a command printed with `--json`.
#[track_caller]
fn summary(finished: &Finished) -> Value {
    serde_json::from_str(&finished.out).unwrap_or_else(|_| panic!("{finished:?}"))
}

/// Returns the counts of rows, created, found and refused.
#[track_caller]
fn counts(finished: &Finished) -> [u64; 4] {
    let summary = summary(finished);
    ["rows", "created", "found", "refused"].map(|name| summary[name].as_u64().unwrap())
}

/// Returns the lines of a report.
fn report(path: &Path) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns partners as JSON lines. No two lines are the same person.
fn jsonl(rows: usize) -> String {
    let draw = Ids::seeded(1);
    let names = ["Jane Doe", "Müller & Söhne", "Ivo", "Zoë Ng", "O'Neil"];
    let row = |number: usize| {
        let [name] = draw.bytes::<1>();
        let name = names[usize::from(name) % names.len()];
        format!("{{\"email\":\"p{number}@example.com\",\"tenantId\":\"user-{number}\",\"name\":\"{name} {number}\"}}\n")
    };
    (0..rows).map(row).collect()
}

fn spawn(site: &Site, line: &str) -> Process {
    Process::spawn(site.home.pearset().args(line.split_whitespace()))
}
