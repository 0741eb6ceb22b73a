//! The role of the application's sessions. The role owns nothing and does not bypass row level security. Sessions switch
//! to the role at their start, whichever role logs in (`pool`); only migrations run as the role of the URL.

use anyhow::{Context, bail};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor};

/// The name of the role. The same in every database of a PostgreSQL server, because roles belong to the server.
pub(super) const APPLICATION_ROLE: &str = "pearset_app";

/// Creates the role if it is missing.
///
/// # Errors
/// When the connection's role may not create roles.
pub(super) async fn make(conn: &mut PgConnection) -> anyhow::Result<()> {
    if conn.fetch_optional(exists()).await?.is_none()
        && let Err(error) = conn.execute(AssertSqlSafe(format!("CREATE ROLE {APPLICATION_ROLE} NOLOGIN"))).await
        // Another Pearset server may have created the role in the meantime.
        && conn.fetch_optional(exists()).await?.is_none()
    {
        return Err(error).context(needs_administrator());
    }
    Ok(())
}

/// Creates the role if it is missing, and lets the connection's role switch to it.
///
/// # Errors
/// When the connection's role may not do so, and when the role bypasses row level security.
pub(super) async fn ensure(conn: &mut PgConnection) -> anyhow::Result<()> {
    make(conn).await?;
    if !can_switch(conn).await {
        let grant = format!("GRANT {APPLICATION_ROLE} TO CURRENT_USER");
        conn.execute(AssertSqlSafe(grant)).await.with_context(needs_administrator)?;
        if !can_switch(conn).await {
            bail!(needs_administrator());
        }
    }
    let unbound = format!("SELECT FROM pg_roles WHERE rolname = '{APPLICATION_ROLE}' AND (rolsuper OR rolbypassrls)");
    if conn.fetch_optional(AssertSqlSafe(unbound)).await?.is_some() {
        bail!("the role {APPLICATION_ROLE} must not be a superuser and must not have BYPASSRLS");
    }
    Ok(())
}

fn exists() -> AssertSqlSafe<String> {
    AssertSqlSafe(format!("SELECT FROM pg_roles WHERE rolname = '{APPLICATION_ROLE}'"))
}

/// Tries to switch to the role. The attempt is the check, because the required rights differ between versions.
async fn can_switch(conn: &mut PgConnection) -> bool {
    conn.execute(AssertSqlSafe(format!("SET ROLE {APPLICATION_ROLE}; RESET ROLE"))).await.is_ok()
}

fn needs_administrator() -> String {
    format!(
        "the role of DATABASE_URL may not prepare the role {APPLICATION_ROLE}: have an administrator run \
         CREATE ROLE {APPLICATION_ROLE} NOLOGIN; GRANT {APPLICATION_ROLE} TO <the role of DATABASE_URL>"
    )
}
