//! An import that ends in the middle, and the next one.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use sqlx::Executor;

use super::{Site, counts, jsonl, spawn};
use crate::support::invariants;

/// Fewer than a customer has, so that the whole suite stays short. [`FULL`] is the real number.
const ROWS: usize = 10_000;
const FULL: usize = 100_000;

#[tokio::test]
async fn after_a_kill_the_next_import_loses_and_doubles_nothing() {
    killed_and_run_again(ROWS).await;
}

#[tokio::test]
#[ignore = "some minutes: the same with 100,000 rows"]
async fn after_a_kill_the_next_import_of_100_000_rows_loses_and_doubles_nothing() {
    killed_and_run_again(FULL).await;
}

async fn killed_and_run_again(rows: usize) {
    let site = Site::start().await;
    site.file("partners.jsonl", jsonl(rows));
    let line = "import partners partners.jsonl --workspace acme --json";
    let import = spawn(&site, line);
    let sql = &mut site.sql().await;
    let middle = i64::try_from(rows / 2).unwrap();
    while invariants::count(sql, "SELECT count(*) FROM enrollments").await < middle {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    import.signal(Signal::SIGKILL);
    assert_eq!(import.finish().code, None);
    // What a session had begun when its client died ends by itself.
    let sessions =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    while invariants::count(sql, sessions).await > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let after_kill = site.totals().await;
    assert!((middle..i64::try_from(rows).unwrap()).contains(&after_kill[1]), "{after_kill:?}");
    assert_eq!(after_kill, [after_kill[0]; 4], "each enrollment with its partner, link and event");

    let begin = Instant::now();
    let again = site.home.run(line);
    // Without statistics each row would take longer than the one before.
    let counted =
        "SELECT count(*) FROM pg_class WHERE relname IN ('partners', 'enrollments', 'links') AND reltuples >= 1000";
    assert_eq!(invariants::count(sql, counted).await, 3);
    eprintln!("the second import of {rows} rows took {:?}", begin.elapsed());
    let (all, there) = (u64::try_from(rows).unwrap(), u64::try_from(after_kill[1]).unwrap());
    assert_eq!(counts(&again), [all, all - there, there, 0], "{}", again.err);
    assert_eq!(again.code, Some(0));
    assert_eq!(site.totals().await, [i64::try_from(rows).unwrap(); 4]);
    let kept = "SELECT count(*) FROM enrollments e JOIN partners p ON p.id = e.partner_id
                JOIN links l ON l.workspace_id = e.workspace_id AND l.program_id = e.program_id
                    AND l.partner_id = p.id AND l.tenant_id = e.tenant_id
                JOIN outbox o ON o.payload->>'tenantId' = e.tenant_id AND o.event = 'partner.enrolled'
                WHERE p.email = 'p' || substr(e.tenant_id, 6) || '@example.com'";
    // Of the outbox nobody has counted the rows, and the four would be joined one by one.
    sql.execute("ANALYZE").await.unwrap();
    assert_eq!(invariants::count(sql, kept).await, i64::try_from(rows).unwrap(), "each row as it stands in the file");
}

#[tokio::test]
async fn ctrl_c_ends_it_with_the_counts_and_where_to_go_on() {
    let site = Site::start().await;
    site.file("partners.jsonl", jsonl(20_000));
    let line = "import partners partners.jsonl --workspace acme --json";
    let import = spawn(&site, line);
    let sql = &mut site.sql().await;
    while invariants::count(sql, "SELECT count(*) FROM enrollments").await < 1_500 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    import.signal(Signal::SIGINT);
    let ended = import.finish();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let [rows, created, found, refused] = counts(&ended);
    assert_eq!((rows, found, refused), (created, 0, 0));
    assert_eq!(site.totals().await, [i64::try_from(created).unwrap(); 4], "what was counted is what is there");
    let line = ended.err.split("all rows before line ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    assert!(line.parse::<u64>().unwrap() <= created + 1, "{}", ended.err);
    assert!(ended.err.contains("interrupted: "), "{}", ended.err);
}

#[tokio::test]
async fn a_database_that_goes_away_ends_it_with_where_it_stands() {
    let site = Site::start().await;
    site.file("partners.jsonl", jsonl(20_000));
    let import = spawn(&site, "import partners partners.jsonl --workspace acme --json --wait 1");
    let sql = &mut site.sql().await;
    while invariants::count(sql, "SELECT count(*) FROM enrollments").await < 500 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    site.database.take_away().await;
    let ended = import.finish();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("the database did not answer for 1 s"), "{}", ended.err);
    assert!(ended.err.contains("run the same command again"), "{}", ended.err);
    assert!(counts(&ended)[0] >= 500);
}

#[tokio::test]
async fn sessions_that_break_cost_nothing() {
    let site = Site::start().await;
    site.file("partners.jsonl", jsonl(5_000));
    let import = spawn(&site, "import partners partners.jsonl --workspace acme --json");
    let sql = &mut site.sql().await;
    for reached in [200, 1_500, 3_000] {
        while invariants::count(sql, "SELECT count(*) FROM enrollments").await < reached {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        invariants::count(sql, end).await;
    }
    let ended = import.finish();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(counts(&ended)[0], 5_000);
    assert_eq!(site.totals().await, [5_000; 4]);
}
