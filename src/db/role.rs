//! The role of the application's sessions. It owns nothing and passes by no row level security, whoever logs in: a
//! session takes it on as it begins (`pool`), and only migrations run as the role of the URL.

use anyhow::{Context, bail};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor};

/// Its name, which is the same in every database of a server, as roles are.
pub(super) const APPLICATION_ROLE: &str = "pearset_app";

/// Makes the role where it is missing.
///
/// # Errors
/// When that needs somebody with more rights.
pub(super) async fn make(conn: &mut PgConnection) -> anyhow::Result<()> {
    if conn.fetch_optional(exists()).await?.is_none()
        && let Err(error) = conn.execute(AssertSqlSafe(format!("CREATE ROLE {APPLICATION_ROLE} NOLOGIN"))).await
        // Another server may have made it meanwhile.
        && conn.fetch_optional(exists()).await?.is_none()
    {
        return Err(error).context(needs_administrator());
    }
    Ok(())
}

/// Makes the role where it is missing, and lets the role of the connection take it on.
///
/// # Errors
/// When that needs somebody with more rights, and when the role is one that row level security does not hold.
pub(super) async fn ensure(conn: &mut PgConnection) -> anyhow::Result<()> {
    make(conn).await?;
    if !can_take_it_on(conn).await {
        let grant = format!("GRANT {APPLICATION_ROLE} TO CURRENT_USER");
        conn.execute(AssertSqlSafe(grant)).await.with_context(needs_administrator)?;
        if !can_take_it_on(conn).await {
            bail!(needs_administrator());
        }
    }
    let unbound = format!("SELECT FROM pg_roles WHERE rolname = '{APPLICATION_ROLE}' AND (rolsuper OR rolbypassrls)");
    if conn.fetch_optional(AssertSqlSafe(unbound)).await?.is_some() {
        bail!("the role {APPLICATION_ROLE} must be no superuser and must not have BYPASSRLS");
    }
    Ok(())
}

fn exists() -> AssertSqlSafe<String> {
    AssertSqlSafe(format!("SELECT FROM pg_roles WHERE rolname = '{APPLICATION_ROLE}'"))
}

/// Tried and not asked for: what it takes differs between versions.
async fn can_take_it_on(conn: &mut PgConnection) -> bool {
    conn.execute(AssertSqlSafe(format!("SET ROLE {APPLICATION_ROLE}; RESET ROLE"))).await.is_ok()
}

fn needs_administrator() -> String {
    format!(
        "the role of DATABASE_URL may not prepare the role {APPLICATION_ROLE}: have an administrator run \
         CREATE ROLE {APPLICATION_ROLE} NOLOGIN; GRANT {APPLICATION_ROLE} TO <the role of DATABASE_URL>"
    )
}
