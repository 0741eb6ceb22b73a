//! A table has one owner: only statements of the owner's folder write the table. Read from the statements in `.sqlx`
//! and from the functions of the migrated schema.
#![expect(
    clippy::disallowed_methods,
    reason = "the catalogue is no part of the schema that queries are checked against"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use regex::Regex;
use serde_json::Value;

use super::{folder_of, source_files};
use crate::support::app::TestApp;

/// The tables, each with the folder of `src/` that owns it.
const OWNERS: &[(&str, &str)] = &[
    ("api_keys", "workspaces"),
    ("audit_logs", "audit_logs"),
    ("domains", "domains"),
    ("enrollment_stats", "enrollments"),
    ("enrollments", "enrollments"),
    ("group_default_links", "groups"),
    ("groups", "groups"),
    ("idempotency_keys", "idempotency"),
    ("link_hosts", "domains"),
    ("link_stats", "links"),
    ("link_tags", "links"),
    ("links", "links"),
    ("outbox", "outbox"),
    ("partners", "partners"),
    ("programs", "programs"),
    ("signing_keys", "embed_tokens"),
    ("tags", "tags"),
    ("workspaces", "workspaces"),
];

/// The functions that write tables of several owners in one round trip, each with the folder whose statement calls it.
const SEVERAL_OWNERS: &[(&str, &str)] = &[("insert_enrollment", "enrollments")];

/// A statement of `.sqlx`.
struct Statement {
    /// The folder and the function, as the comment at the head of the statement names them.
    name: String,
    text: String,
}

impl Statement {
    fn folder(&self) -> &str {
        self.name.split("::").next().unwrap()
    }
}

fn statements() -> Vec<Statement> {
    let head = Regex::new(r"^/\* ([\w:]+) \*/").unwrap();
    let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join(".sqlx");
    let read = fs::read_dir(cache).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        let query: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let text = query["query"].as_str().unwrap().to_owned();
        let name = head.captures(&text).unwrap_or_else(|| panic!("{text} does not begin with /* owner::function */"));
        Statement { name: name[1].to_owned(), text }
    });
    read.collect()
}

/// The tables that a statement or the body of a function writes.
fn written(sql: &str) -> BTreeSet<String> {
    let comments = Regex::new(r"(?s)/\*.*?\*/|--[^\n]*").unwrap();
    let locks = Regex::new(r"(?i)\bFOR\s+(?:NO\s+KEY\s+)?UPDATE\b|\bDO\s+UPDATE\b").unwrap();
    let write =
        Regex::new(r"(?i)\b(?:INSERT\s+INTO|UPDATE(?:\s+ONLY)?|DELETE\s+FROM|MERGE\s+INTO|TRUNCATE)\s+(\w+)").unwrap();
    let sql = comments.replace_all(sql, " ");
    let sql = locks.replace_all(&sql, " ");
    write.captures_iter(&sql).map(|found| found[1].to_lowercase()).collect()
}

fn owner(table: &str) -> &'static str {
    let found = OWNERS.iter().find(|(name, _)| *name == table);
    found.unwrap_or_else(|| panic!("the table {table} has no owner: give it one in OWNERS")).1
}

/// The functions and trigger functions of the schema with their bodies.
async fn functions() -> BTreeMap<String, String> {
    let app = TestApp::start().await;
    let query = "SELECT proname::text, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace";
    let rows: Vec<(String, String)> = sqlx::query_as(query).fetch_all(&mut app.sql().await).await.unwrap();
    rows.into_iter().collect()
}

#[tokio::test]
async fn a_table_is_written_by_its_owner_only() {
    let functions = functions().await;
    let mut wrong = Vec::new();
    for (name, body) in &functions {
        let owners: BTreeSet<&str> = written(body).iter().map(|table| owner(table)).collect();
        if owners.len() > 1 && !SEVERAL_OWNERS.iter().any(|(listed, _)| listed == name) {
            wrong.push(format!("the function {name} writes tables of {owners:?}"));
        }
    }
    for statement in statements() {
        let folder = statement.folder();
        let mut tables = written(&statement.text);
        for (name, body) in &functions {
            let is_called = Regex::new(&format!(r"\b{name}\s*\(")).unwrap().is_match(&statement.text);
            match SEVERAL_OWNERS.iter().find(|(listed, _)| is_called && listed == name) {
                Some((_, caller)) if *caller == folder => {}
                _ if is_called => tables.extend(written(body)),
                _ => {}
            }
        }
        for table in tables.iter().filter(|table| owner(table) != folder) {
            wrong.push(format!("{} writes {table}, which belongs to {}", statement.name, owner(table)));
        }
    }
    assert!(wrong.is_empty(), "{} foreign writes:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn every_table_has_an_owner() {
    let app = TestApp::start().await;
    let query =
        "SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
                 AND relname <> '_sqlx_migrations'";
    let tables: Vec<(String,)> = sqlx::query_as(query).fetch_all(&mut app.sql().await).await.unwrap();
    let tables: BTreeSet<&str> = tables.iter().map(|(name,)| name.as_str()).collect();
    assert_eq!(tables, OWNERS.iter().map(|(table, _)| *table).collect());
}

/// The comment at the head of a statement names the folder of the file that has the statement.
#[test]
fn statements_name_the_folder_they_stand_in() {
    let head = Regex::new(r"/\* (\w+)::[\w:]+ \*/").unwrap();
    let mut wrong = Vec::new();
    for file in source_files() {
        let folder = folder_of(&file);
        for found in head.captures_iter(&fs::read_to_string(&file).unwrap()) {
            if found[1] != folder {
                wrong.push(format!("{}: {}", file.display(), &found[0]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn writes_are_recognized_and_locks_are_not() {
    let sql =
        "/* links::x */ INSERT INTO links (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2; SELECT 1 FROM groups
               FOR NO KEY UPDATE OF groups; UPDATE tags t SET a = 1; DELETE FROM domains -- UPDATE partners
               WHERE a = 1 FOR UPDATE";
    assert_eq!(written(sql), ["domains", "links", "tags"].map(str::to_owned).into());
}
