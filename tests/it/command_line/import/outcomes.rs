//! Outcomes of rows.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use super::{Site, counts, jsonl, report, summary};

/// A row of each outcome.
const ROWS: &str = concat!(
    "{\"email\":\"jane@example.com\",\"tenantId\":\"user-1\",\"metadata\":{\"plan\":\"pro\"}}\n",
    "{\"email\":\"JANE@example.com\"}\n",
    "{\"email\":\"nobody\"}\n",
    "{\"email\":\n",
    "{\"email\":\"lost@example.com\",\"groupId\":\"nothing\"}\n",
    "\n",
    "{\"email\":\"other@example.com\",\"tenantId\":\"user-2\"}\n",
    "{\"email\":\"other@example.com\",\"tenantId\":\"user-1\"}\n",
    "{\"email\":\"far@example.com\",\"programId\":\"prog_x\"}\n",
    "[]\n",
);

#[tokio::test]
async fn each_row_is_created_found_or_refused() {
    let site = Site::start().await;
    let ended = site.import("partners.jsonl", ROWS, "--json --report refused.jsonl");
    assert_eq!(summary(&ended), json!({"dryRun": false, "rows": 9, "created": 2, "found": 1, "refused": 6}));
    assert_eq!(ended.code, Some(1), "some were refused");
    assert!(ended.err.contains("line 3: invalid_format: email: Invalid email address\n"), "{}", ended.err);
    assert!(ended.err.ends_with("pearset: 6 of 9 rows were refused\n"), "{}", ended.err);
    assert_eq!(site.totals().await, [2; 4]);

    let path = site.home.path().join("refused.jsonl");
    let lines: Vec<_> = report(&path).iter().map(|line| (line["line"].clone(), line["status"].clone())).collect();
    let expected = [(3, 422), (4, 400), (5, 404), (8, 409), (9, 422), (10, 422)];
    assert_eq!(lines, expected.map(|(line, status)| (json!(line), json!(status))));
    let refused = report(&path);
    assert_eq!(refused[0]["row"], json!({"email": "nobody"}));
    assert_eq!(refused[0]["error"]["errors"][0]["path"], "email");
    assert_eq!(refused[1]["row"], "{\"email\":");
    assert_eq!(refused[2]["error"]["code"], "not_found");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    // Imported rows are found, and corrected rows of the report are imported.
    let again = site.import("partners.jsonl", ROWS, "--json --report refused.jsonl");
    assert_eq!(counts(&again), [9, 0, 3, 6]);
    let corrected = report(&path)[2]["row"].to_string().replace("nothing", "default");
    assert_eq!(counts(&site.import("corrected.jsonl", corrected, "--json")), [1, 1, 0, 0]);
}

#[tokio::test]
async fn a_dry_run_reports_the_outcomes_and_writes_nothing() {
    let site = Site::start().await;
    site.import("first.jsonl", "{\"email\":\"there@example.com\",\"tenantId\":\"user-9\"}\n", "").succeeded();
    let rows = "{\"email\":\"there@example.com\"}\n{\"email\":\"new@example.com\"}\n{\"email\":\"x\"}\n\
                {\"email\":\"new2@example.com\",\"groupId\":\"nothing\"}\n";
    let before = site.totals().await;
    let ended = site.import("partners.jsonl", rows, "--json --dry-run --report refused.jsonl");
    assert_eq!(summary(&ended), json!({"dryRun": true, "rows": 4, "created": 1, "found": 1, "refused": 2}));
    assert_eq!(site.totals().await, before);
    assert_eq!(report(&site.home.path().join("refused.jsonl")).len(), 2);
    assert_eq!(counts(&site.import("partners.jsonl", rows, "--json")), [4, 1, 1, 2], "as reported");
}

#[tokio::test]
async fn rows_of_one_person_take_effect_in_their_order() {
    let site = Site::start().await;
    let row = |number| format!("{{\"email\":\"jane@example.com\",\"tenantId\":\"user-{number}\"}}\n");
    let rows: String = (0..60).map(row).collect();
    assert_eq!(counts(&site.import("partners.jsonl", rows, "--json")), [60, 1, 59, 0]);
    let last = "SELECT count(*) FROM enrollments WHERE tenant_id = 'user-59'";
    assert_eq!(crate::support::invariants::count(&mut site.sql().await, last).await, 1);
    assert_eq!(site.totals().await, [1; 4]);
}

#[tokio::test]
async fn every_concurrency_gives_the_same_result() {
    for concurrency in [1, 64] {
        let site = Site::start().await;
        let ended = site.import("partners.jsonl", jsonl(300), &format!("--json --concurrency {concurrency}"));
        assert_eq!(counts(&ended), [300, 300, 0, 0], "{}", ended.err);
        assert_eq!(site.totals().await, [300; 4]);
    }
}

#[tokio::test]
async fn rows_are_imported_into_the_named_program() {
    let site = Site::start().await;
    let second = site.home.json("program create --workspace acme --name Second --host go.second.example");
    let program = second["programId"].as_str().unwrap();
    site.import("partners.jsonl", "{\"email\":\"a@example.com\"}", &format!("--program {program}")).succeeded();
    let there = "SELECT count(*) FROM enrollments e JOIN programs p ON p.id = e.program_id WHERE p.name = 'Second'";
    assert_eq!(crate::support::invariants::count(&mut site.sql().await, there).await, 1);
}
