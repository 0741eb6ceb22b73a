//! Interrupted imports, and the imports that continue them.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use sqlx::Executor;

use super::{Site, counts, jsonl, spawn};
use crate::support::invariants;

/// Fewer rows than a customer has, to keep the suite short. [`FULL`] is a realistic number.
const ROWS: usize = 10_000;
const FULL: usize = 100_000;

#[tokio::test]
async fn the_import_after_a_kill_loses_and_duplicates_nothing() {
    kill_and_repeat(ROWS).await;
}

#[tokio::test]
#[ignore = "some minutes: the same with 100,000 rows"]
async fn the_import_of_100_000_rows_after_a_kill_loses_and_duplicates_nothing() {
    kill_and_repeat(FULL).await;
}

async fn kill_and_repeat(rows: usize) {
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
    // Work that was in progress when the client died ends by itself.
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
    // Without statistics, each row would take longer than the row before.
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
    // Without statistics of the outbox, the four tables would be joined row by row.
    sql.execute("ANALYZE").await.unwrap();
    assert_eq!(invariants::count(sql, kept).await, i64::try_from(rows).unwrap(), "each row as in the file");
}

#[tokio::test]
async fn ctrl_c_ends_the_import_with_the_counts_and_the_next_line() {
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
    assert_eq!(site.totals().await, [i64::try_from(created).unwrap(); 4], "the counts match the rows");
    let line = ended.err.split("all rows before line ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    assert!(line.parse::<u64>().unwrap() <= created + 1, "{}", ended.err);
    assert!(ended.err.contains("interrupted: "), "{}", ended.err);
}

#[tokio::test]
async fn a_lost_database_ends_the_import_with_the_next_line() {
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
async fn broken_sessions_lose_nothing() {
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
