//! Imports run one way.

use std::collections::BTreeSet;
use std::fs;

use regex::Regex;

use super::{folder_of, source_files};

/// The folders of `src/` in the order in which they may import each other: a folder imports folders of earlier ranks
/// only. Folders of one rank do not import each other.
const RANKS: &[&[&str]] = &[
    &["error"],
    &["validation", "batcher"],
    &["values"],
    &["telemetry"],
    &["db"],
    &["http"],
    &["workspaces"],
    &["programs"],
    &["access"],
    &["audit_logs", "outbox", "idempotency"],
    &["work"],
    &["domains"],
    &["groups"],
    &["provisioning", "tags"],
    &["partners"],
    &["links"],
    &["enrollments"],
    &["embed_tokens"],
    &["surfaces"],
    &["config"],
    &["app"],
    &["cli"],
    &["lib", "main", "testing"],
];

fn rank(folder: &str) -> usize {
    RANKS
        .iter()
        .position(|folders| folders.contains(&folder))
        .unwrap_or_else(|| panic!("src/{folder} has no place in the order of imports: give it one in RANKS"))
}

/// The folders that a file names by a path from the root of the crate, anywhere in its text.
fn imported(text: &str) -> BTreeSet<String> {
    let path = Regex::new(r"\bcrate::(?:\{([^;]*?)\};|(\w+))").unwrap();
    let name = Regex::new(r"^\s*(\w+)").unwrap();
    let mut folders = BTreeSet::new();
    for found in path.captures_iter(text) {
        match (found.get(1), found.get(2)) {
            (Some(group), _) => {
                // Only the first segment of each member is a folder.
                let mut depth = 0;
                for member in group.as_str().split_inclusive([',', '{', '}']) {
                    if depth == 0 {
                        folders.extend(name.captures(member).map(|first| first[1].to_owned()));
                    }
                    depth += member.matches('{').count();
                    depth -= member.matches('}').count();
                }
            }
            (None, Some(folder)) => drop(folders.insert(folder.as_str().to_owned())),
            (None, None) => {}
        }
    }
    folders
}

#[test]
fn imports_run_one_way() {
    let mut wrong = Vec::new();
    for file in source_files() {
        let folder = folder_of(&file);
        let text = fs::read_to_string(&file).unwrap();
        for target in imported(&text).into_iter().filter(|target| *target != folder) {
            // Macros and items that stand in the root of the crate.
            if rank(&target) >= rank(&folder) {
                wrong.push(format!("{}: src/{folder} imports src/{target}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} imports run back:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_folder_has_a_place_and_every_place_a_folder() {
    let folders: BTreeSet<String> = source_files().iter().map(|file| folder_of(file)).collect();
    let places: BTreeSet<String> = RANKS.iter().copied().flatten().map(|&folder| folder.to_owned()).collect();
    assert_eq!(folders, places);
}

#[test]
fn imports_are_recognized_in_every_form() {
    let text =
        "use crate::db::{self, Db};\nuse crate::{tags, links::{self, store}, groups};\nfn f() { crate::work::run() }";
    let expected = ["db", "groups", "links", "tags", "work"].map(str::to_owned);
    assert_eq!(imported(text), expected.into());
}
