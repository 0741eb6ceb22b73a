//! The password of a link, and the hash that is stored.

use argon2::Argon2;
use argon2::password_hash::PasswordHasher;
use argon2::password_hash::phc::PasswordHash;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::error::{Error, Result};
use crate::validation::{Bounded, FromJson, Scope};
use crate::values::id::Ids;

/// A password between request and database.
#[derive(Debug, Clone)]
pub(crate) enum Password {
    /// The password of the request.
    Plain(Bounded<1, { usize::MAX }>),
    /// The stored hash.
    Hashed(String),
}

impl FromJson for Password {
    fn from_json(value: &Value, scope: &mut Scope<'_>) -> Option<Self> {
        FromJson::from_json(value, scope).map(Self::Plain)
    }
}

impl Password {
    /// Returns the hash.
    pub(super) fn hash(&self) -> &str {
        match self {
            Self::Hashed(hash) => hash,
            // A route that forgets to hash the password stores a text that no password matches.
            Self::Plain(_) => "!",
        }
    }

    /// Replaces a plain password by its hash. Never call this function inside a transaction: hashing is slow.
    ///
    /// # Errors
    /// 500 when hashing fails.
    pub(super) async fn replace_by_hash(&mut self, ids: &Ids) -> Result<()> {
        if let Self::Plain(plain) = self {
            *self = Self::Hashed(hash(plain.as_str().to_owned(), ids).await?);
        }
        Ok(())
    }
}

/// Limits concurrent hashing, whatever the load: one hash takes 19 MiB of memory and tens of milliseconds of one core.
static HASHING: Semaphore = Semaphore::const_new(2);

/// Returns the Argon2id hash of a password as a PHC string.
async fn hash(password: String, ids: &Ids) -> Result<String> {
    let permit = HASHING.acquire().await.map_err(Error::internal)?;
    let salt = ids.bytes::<16>();
    tokio::task::spawn_blocking(move || {
        // The permit is released when the hash is computed, even if the caller has gone away before.
        let _permit = permit;
        let hash: PasswordHash = Argon2::default()
            .hash_password_with_salt(password.as_bytes(), &salt)
            .map_err(|error| Error::internal(error.to_string()))?;
        Ok(hash.to_string())
    })
    .await
    .map_err(Error::internal)?
}
