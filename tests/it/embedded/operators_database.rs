//! `DATABASE_URL`: the operator's own PostgreSQL in place of the embedded one.

#![expect(clippy::disallowed_methods, reason = "the text of a query is a row of a test")]

use std::{fs, thread};

use http::Method;
use nix::sys::signal::Signal;
use pearset::testing::db::{self, MIGRATOR};
use pearset::testing::values::id::Ids;
use pearset::testing::workspaces::ApiKey;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Executor, PgConnection};

use super::enroll;
use crate::support::binary::{Home, Server};
use crate::support::cluster::SHARED;

/// An empty database.
const EMPTY: &str = "template1";

async fn count(sql: &mut PgConnection, table: &'static str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"))).fetch_one(sql).await.unwrap()
}

#[tokio::test]
async fn data_is_in_the_operators_database_and_no_folder_is_created() {
    let database = SHARED.lend(EMPTY).await;
    let home = Home::with_database(&database.url);
    let first = Server::start(&mut home.pearset());
    let (key, _) = first.introduction();
    let partner = enroll(&first, &key, "jane@example.com");
    first.end(Signal::SIGTERM).succeeded();

    let mut sql = database.sql().await;
    assert_eq!(count(&mut sql, "enrollments").await, 1);
    let migrated = "SELECT max(installed_on)::text FROM _sqlx_migrations";
    let installed_on: String = sqlx::query_scalar(migrated).fetch_one(&mut sql).await.unwrap();

    let second = Server::start(&mut home.pearset());
    assert_eq!(enroll(&second, &key, "jane@example.com"), partner);
    assert_eq!(second.end(Signal::SIGTERM).succeeded(), "", "no key is printed again");
    assert_eq!(sqlx::query_scalar::<_, String>(migrated).fetch_one(&mut sql).await.unwrap(), installed_on);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}

/// The owner of a database may not create the role of the sessions. The error says what an administrator has to do.
#[tokio::test]
async fn an_owner_who_may_not_create_roles_gets_instructions() {
    let mut admin = SHARED.admin().await;
    admin.execute("CREATE ROLE plain LOGIN").await.unwrap();
    admin.execute("CREATE DATABASE plain OWNER plain").await.unwrap();
    // The shared cluster has the role since its template was created.
    drop(SHARED.lend(EMPTY).await);
    let options =
        PgConnectOptions::new_without_pgpass().socket(SHARED.socket_dir()).username("plain").database("plain");
    let refused = format!("{:#}", db::migrate(&options).await.unwrap_err());
    assert!(
        refused.contains("have an administrator run CREATE ROLE pearset_app NOLOGIN; GRANT pearset_app TO"),
        "{refused}"
    );

    admin.execute("GRANT pearset_app TO plain").await.unwrap();
    db::migrate(&options).await.unwrap();
    SHARED.drop_database("plain").await;
    admin.execute("DROP ROLE plain").await.unwrap();
}

#[tokio::test]
async fn two_servers_that_start_together_on_an_empty_database_create_one_workspace_and_one_signing_key() {
    let database = SHARED.lend(EMPTY).await;
    let key = ApiKey::generate(&Ids::system());
    let key = key.expose();
    let homes = [Home::with_database(&database.url), Home::with_database(&database.url)];
    let start = |home: &Home| Server::start(home.pearset().env("PEARSET_BOOTSTRAP_API_KEY", key));
    let [one, other] = thread::scope(|scope| {
        homes.each_ref().map(|home| scope.spawn(|| start(home))).map(|server| server.join().unwrap())
    });

    let mut sql = database.sql().await;
    let migrations = i64::try_from(MIGRATOR.iter().count()).unwrap();
    let tables = ["workspaces", "programs", "api_keys", "signing_keys"].map(|table| (table, 1));
    for (table, rows) in tables.into_iter().chain([("_sqlx_migrations", migrations)]) {
        assert_eq!(count(&mut sql, table).await, rows, "{table}");
    }
    let jwks = |server: &Server| server.send(&Method::GET, "/.well-known/jwks.json", &[], "").expect(200);
    assert_eq!(jwks(&one), jwks(&other));
    assert_eq!(jwks(&one)["keys"].as_array().unwrap().len(), 1);
    assert_eq!(enroll(&one, key, "jane@example.com"), enroll(&other, key, "jane@example.com"));

    let said = [one, other].map(|server| server.end(Signal::SIGTERM).succeeded());
    assert_eq!(said.iter().filter(|said| said.contains(key)).count(), 1, "one was the first: {said:?}");
}
