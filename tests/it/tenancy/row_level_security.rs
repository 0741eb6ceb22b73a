//! Row level security: the rows that the application's sessions see and change with statements without a condition on
//! the workspace.
#![expect(clippy::disallowed_methods, reason = "every query of the application has a condition on the workspace")]

use pearset::testing::db::{Db, Global, Tenant};
use pearset::testing::error::{Error, Result};
use pearset::testing::values::id::WorkspaceId;
use sqlx::{AssertSqlSafe, Executor, PgConnection};

use super::two_tenants::{TwoTenants, arrange_side_tables, shared_partner};
use super::walls::GLOBAL_TABLES;
use crate::support::asked_for;

/// Returns the tables of tenants, and gives each of them rows of both workspaces.
async fn tables(tenants: &TwoTenants) -> Vec<String> {
    let sql = &mut tenants.app.sql().await;
    tenants.post("/partners", shared_partner()).await.expect(201);
    arrange_side_tables(sql, &tenants.a).await;
    let query = "SELECT relname::text FROM pg_class
                 WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace AND relname <> ALL ($1)";
    let tables: Vec<String> = sqlx::query_scalar(query).bind(GLOBAL_TABLES).fetch_all(&mut *sql).await.unwrap();
    assert!(tables.len() > 10, "only {tables:?}");
    for table in &tables {
        assert_eq!(owners(sql, table).await.unwrap().len(), 2, "{table} has rows of both workspaces");
    }
    tables
}

/// Returns the owners of the rows that a statement without a condition finds.
async fn owners(conn: &mut PgConnection, table: &str) -> Result<Vec<WorkspaceId>> {
    let query = format!("SELECT DISTINCT workspace_id FROM {table}");
    Ok(sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(conn).await?)
}

async fn owners_as(tenant: Tenant<'_>, table: &str) -> Vec<WorkspaceId> {
    let read = tenant.read("test", |conn| {
        let table = table.to_owned();
        Box::pin(async move { owners(conn, &table).await })
    });
    read.await.unwrap()
}

async fn owners_without_tenant(global: Global<'_>, table: &str) -> Vec<WorkspaceId> {
    let read = global.read("test", |conn| {
        let table = table.to_owned();
        Box::pin(async move { owners(conn, &table).await })
    });
    read.await.unwrap()
}

#[tokio::test]
async fn statement_without_a_condition_finds_no_rows_of_another_workspace() {
    let tenants = TwoTenants::start().await;
    let db = &tenants.app.state.db;
    for table in tables(&tenants).await {
        assert_eq!(owners_as(db.tenant(tenants.a.id), &table).await, [tenants.a.id], "{table}");
        assert_eq!(owners_without_tenant(db.global(), &table).await, [], "{table}");
        // Without row level security both workspaces are found: this test can fail.
        let sql = &mut tenants.app.sql().await;
        sql.execute(AssertSqlSafe(format!("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"))).await.unwrap();
        assert_eq!(owners_as(db.tenant(tenants.a.id), &table).await.len(), 2, "{table}");
        sql.execute(AssertSqlSafe(format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"))).await.unwrap();
    }
}

/// Runs a statement as workspace `a` and rolls back. Returns the number of affected rows, or the error.
async fn touch(tenants: &TwoTenants, statement: String) -> std::result::Result<u64, String> {
    let rolled_back = tenants.app.state.db.tenant(tenants.a.id).run("test", move |conn, _| {
        let statement = AssertSqlSafe(statement.clone());
        Box::pin(async move {
            let result = match conn.execute(statement).await {
                Ok(done) => Ok(done.rows_affected()),
                Err(refused) => Err(refused.to_string()),
            };
            Err::<(), Error>(Error::internal(serde_json::to_string(&result).unwrap()))
        })
    });
    let error = rolled_back.await.unwrap_err();
    serde_json::from_str(&std::error::Error::source(&error).unwrap().to_string()).unwrap()
}

#[tokio::test]
async fn no_row_of_another_workspace_is_changed_deleted_or_inserted() {
    let tenants = TwoTenants::start().await;
    let (a, b) = (uuid::Uuid::from(tenants.a.id), uuid::Uuid::from(tenants.b.id));
    for table in tables(&tenants).await {
        let append_only = ["outbox", "audit_logs"].contains(&table.as_str());
        for statement in [
            format!("UPDATE {table} SET workspace_id = workspace_id WHERE workspace_id <> '{a}'"),
            format!("DELETE FROM {table} WHERE workspace_id <> '{a}'"),
        ] {
            match touch(&tenants, statement.clone()).await {
                Ok(touched) => assert!(!append_only && touched == 0, "{statement}: {touched}"),
                Err(refused) => assert!(append_only && refused.contains("permission denied"), "{statement}: {refused}"),
            }
        }
        let given_away = if append_only {
            format!(
                "INSERT INTO {table} SELECT (jsonb_populate_record(t, '{{\"workspace_id\": \"{b}\"}}')).* FROM {table} t"
            )
        } else {
            format!("UPDATE {table} SET workspace_id = '{b}'")
        };
        let refused = touch(&tenants, given_away).await.unwrap_err();
        assert!(refused.contains("violates row-level security policy"), "{table}: {refused}");
    }
}

/// Asks for the owners of all rows through the door for background workers, before and after a function that looks into
/// every workspace. `find` returns workspaces only, so the owners are returned as the found workspaces.
async fn owners_as_worker(db: &Db, table: &str) -> Vec<WorkspaceId> {
    let found = db.worker().find("test", |conn, range| {
        let table = table.to_owned();
        Box::pin(async move {
            let before = owners(conn, &table).await?;
            let expired = "SELECT workspaces_with_expired_answers('2100-01-01', $1, $2)";
            let expired: Vec<WorkspaceId> =
                sqlx::query_scalar(expired).bind(range.after).bind(range.at_most).fetch_all(&mut *conn).await?;
            assert_eq!(expired.len(), 2, "both workspaces have answers");
            Ok([before, owners(conn, &table).await?].concat())
        })
    });
    found.await.unwrap().into_iter().map(Tenant::workspace_id).collect()
}

#[tokio::test]
async fn the_door_for_workers_shows_no_row_of_any_tenant_table_and_writes_nothing() {
    let tenants = TwoTenants::start().await;
    let db = &tenants.app.state.db;
    let tables = tables(&tenants).await;
    let sql = &mut tenants.app.sql().await;
    let answers = "INSERT INTO idempotency_keys
                   SELECT id, 'k', decode(repeat('00', 32), 'hex'), 201, '', '2020-01-01' FROM workspaces
                   ON CONFLICT DO NOTHING";
    sql.execute(answers).await.unwrap();
    for table in tables {
        assert_eq!(owners_as_worker(db, &table).await, [], "{table}");
        // Without the wall the rows of both workspaces would be found, twice: this test can fail.
        sql.execute(AssertSqlSafe(format!("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"))).await.unwrap();
        assert_eq!(owners_as_worker(db, &table).await.len(), 4, "{table}");
        sql.execute(AssertSqlSafe(format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"))).await.unwrap();
    }
    // The door must not change the tables that belong to no tenant either.
    let write = db.worker().find("test", |conn, _| {
        Box::pin(async move {
            conn.execute("UPDATE workspaces SET name = 'changed'").await?;
            Ok(Vec::new())
        })
    });
    let error = write.await.err().expect("a read-only transaction");
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("25006"), "{error:?}");
}

/// A worker goes through the workspaces in the order of their ids, each once, in ranges of limited size.
#[tokio::test]
async fn functions_for_workers_return_a_range_of_workspaces() {
    let tenants = TwoTenants::start().await;
    let sql = &mut tenants.app.sql().await;
    let answers = "INSERT INTO idempotency_keys
                   SELECT id, 'k', decode(repeat('00', 32), 'hex'), 201, '', '2020-01-01' FROM workspaces";
    sql.execute(answers).await.unwrap();
    let mut ids = [tenants.a.id, tenants.b.id];
    ids.sort();
    let nil = WorkspaceId::from(uuid::Uuid::nil());
    for (moment, after, at_most, expected) in [
        ("2021-01-01", nil, 10, &ids[..]),
        ("2021-01-01", nil, 1, &ids[..1]),
        ("2021-01-01", ids[0], 10, &ids[1..]),
        ("2021-01-01", ids[1], 10, &[]),
        ("2019-01-01", nil, 10, &[]),
    ] {
        let query = format!("SELECT workspaces_with_expired_answers('{moment}', $1, $2)");
        let found: Vec<WorkspaceId> =
            sqlx::query_scalar(AssertSqlSafe(query)).bind(after).bind(at_most).fetch_all(&mut *sql).await.unwrap();
        assert_eq!(found, expected, "{moment} {after} {at_most}");
    }
}

#[tokio::test]
async fn sessions_have_a_role_that_owns_nothing() {
    let tenants = TwoTenants::start().await;
    let role = tenants.app.state.db.global().read("test", |conn| {
        Box::pin(async move {
            let query = "SELECT current_user::text, pg_has_role(current_user, 'pearset', 'USAGE')";
            Ok(sqlx::query_as::<_, (String, bool)>(query).fetch_one(conn).await?)
        })
    });
    assert_eq!(role.await.unwrap(), ("pearset_app".to_owned(), false));
}

/// The tenant of a session is reset after each use of the session. `PEARSET_TEST_STATEMENTS` sets the number of
/// statements.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pooled_session_forgets_the_tenant_of_its_last_use() {
    let tenants = TwoTenants::start().await;
    tables(&tenants).await;
    let statements = asked_for("PEARSET_TEST_STATEMENTS", 4_000);
    let (workers, ids) = (16, [tenants.a.id, tenants.b.id]);
    let tasks = (0..workers).map(|worker| {
        let app = tenants.app.state.clone();
        tokio::spawn(async move {
            for turn in 0..statements / workers {
                let id = ids[(worker + turn) % 2];
                match turn % 4 {
                    0 => assert_eq!(owners_as(app.db.tenant(id), "links").await, [id]),
                    1 => assert_eq!(owners_without_tenant(app.db.global(), "links").await, []),
                    2 => {
                        // The function sets the tenant, and the next statement on the session must not have a tenant.
                        let seen = app.db.tenant(id).call("test", |conn, id| Box::pin(find_then_list_owners(conn, id)));
                        assert_eq!(seen.await.unwrap(), (1, Vec::new()));
                    }
                    _ => {
                        let own = app.db.tenant(id).run("test", |conn, _| Box::pin(owners(conn, "partners")));
                        assert_eq!(own.await.unwrap(), [id]);
                    }
                }
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

async fn find_then_list_owners(conn: &mut PgConnection, id: WorkspaceId) -> Result<(i64, Vec<WorkspaceId>)> {
    let query =
        "SELECT count(*) FROM find_candidates_together($1, (SELECT default_program_id FROM workspaces WHERE id = $1),
                                                        '{NULL}', '{shared}', '{NULL}')";
    let found = sqlx::query_scalar(query).bind(id).fetch_one(&mut *conn).await?;
    Ok((found, owners(conn, "partners").await?))
}
