//! Accepted and refused files.

use std::fmt::Write as _;

use serde_json::json;

use super::{Site, counts, report};

#[tokio::test]
async fn csv_and_jsonl_give_the_same_result() {
    let header = "email,tenantId,name,country,linkProps.externalId,linkProps.archived,metadata.plan";
    let mut csv = format!("\u{feff}{header}\r\n");
    let mut jsonl = "\u{feff}".to_owned();
    for number in 0..50 {
        let name = format!("Doe, \"Jane\"\n{number}");
        let _ = write!(csv, "p{number}@example.com,,\"{}\",GB,ext-{number},true,pro\r\n", name.replace('"', "\"\""));
        let row = json!({
            "email": format!("p{number}@example.com"), "name": name, "country": "GB",
            "linkProps": {"externalId": format!("ext-{number}"), "archived": true},
            "metadata": {"plan": "pro"},
        });
        let _ = write!(jsonl, "{row}\r\n");
    }
    let mut results = Vec::new();
    for (name, text) in [("partners.csv", csv), ("partners.JSONL", jsonl)] {
        let site = Site::start().await;
        let ended = site.import(name, text, "--json");
        assert_eq!(counts(&ended), [50, 50, 0, 0], "{}", ended.err);
        let rows = "SELECT jsonb_agg(to_jsonb(x) ORDER BY email)::text FROM (
                        SELECT p.email, p.name, p.country, e.tenant_id, e.metadata, l.external_id, l.settings, l.key
                        FROM enrollments e JOIN partners p ON p.id = e.partner_id JOIN links l ON l.partner_id = p.id) x";
        results.push(crate::support::invariants::text(&mut site.sql().await, rows).await);
    }
    assert_eq!(results[0], results[1]);
    assert!(results[0].contains("Doe, \\\"Jane\\\"\\n7") && results[0].contains("\"plan\": \"pro\""), "{}", results[0]);
}

#[tokio::test]
async fn refused_csv_rows_are_reported_with_their_lines() {
    let site = Site::start().await;
    let csv = b"email,name\na@example.com,\"A\nB\"\nb@example.com\nc@example.com,C,D\nd@example.com,\xff\nbad,E\n";
    let ended = site.import("partners.csv", csv, "--json --report refused.jsonl");
    assert_eq!(counts(&ended), [5, 1, 0, 4], "{}", ended.err);
    let refused = report(&site.home.path().join("refused.jsonl"));
    let lines: Vec<_> = refused.iter().map(|line| (line["line"].clone(), line["status"].clone())).collect();
    assert_eq!(lines, [(4, 400), (5, 400), (6, 400), (7, 422)].map(|(line, status)| (json!(line), json!(status))));
    assert_eq!(refused[3]["row"], json!({"email": "bad", "name": "E"}));
}

#[tokio::test]
async fn an_unusable_file_is_refused_in_one_line() {
    let site = Site::start().await;
    let good = "{\"email\":\"a@example.com\"}\n";
    for (name, text, options, words) in [
        ("a.txt", good, "", "a.txt must be a .csv or a .jsonl file"),
        ("a.csv", "", "", "a.csv: the file is empty"),
        ("a.csv", "e-mail,name\n", "", "a column 'e-mail'"),
        ("a.csv", "name\nJane\n", "", "no column 'email'"),
        ("a.csv", "email,email\n", "", "'email' twice"),
        ("a.jsonl", good, "--report a.jsonl", "would overwrite the file"),
        ("a.jsonl", good, "--report nowhere/a.jsonl", "cannot write nowhere/a.jsonl"),
        ("a.jsonl", good, "--program prog_01kfsr0000e008000000000000", "no such program"),
        ("a.jsonl", good, "--concurrency 0", "1..=64"),
    ] {
        let refused = site.import(name, text, options).refused();
        assert!(refused.contains(words), "{name} {options}: {refused}");
    }
    assert!(site.home.run("import partners b.csv --workspace acme").refused().contains("cannot read b.csv"));
    assert!(site.home.run("import partners a.jsonl --workspace nobody").refused().contains("no workspace 'nobody'"));
    for (name, text) in [("a.jsonl", ""), ("a.jsonl", "\n \n"), ("a.csv", "email\n"), ("a.csv", "email\n\n")] {
        let ended = site.import(name, text, "--json");
        assert_eq!((ended.code, counts(&ended)), (Some(1), [0; 4]));
        assert!(ended.err.contains("has no rows"), "{}", ended.err);
    }
    assert_eq!(site.totals().await, [0; 4]);
    assert!(site.import("a.jsonl", good, "").succeeded().contains("created"));
}

#[tokio::test]
async fn an_inactive_program_refuses_the_import() {
    let site = Site::start().await;
    let end = "WITH ended AS (UPDATE programs SET deactivated_at = now() RETURNING 1) SELECT count(*) FROM ended";
    crate::support::invariants::count(&mut site.sql().await, end).await;
    let refused = site.import("a.jsonl", "{\"email\":\"a@example.com\"}\n", "").refused();
    assert!(refused.contains("the program is not active"), "{refused}");
}
