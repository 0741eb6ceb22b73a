//! Hashes of link passwords.

use argon2::Argon2;
use argon2::password_hash::PasswordHasher;
use argon2::password_hash::phc::PasswordHash;
use tokio::sync::Semaphore;

use crate::error::{Error, Result};
use crate::values::id::Ids;

/// Limits concurrent hashing, whatever the load: one hash takes 19 MiB of memory and tens of milliseconds of one core.
static HASHING: Semaphore = Semaphore::const_new(2);

/// Returns the Argon2id hash of a password as a PHC string. Never call this function inside a transaction: hashing is slow.
///
/// # Errors
/// 500 when hashing fails.
pub(crate) async fn hash_password(password: String, ids: &Ids) -> Result<String> {
    let permit = HASHING.acquire().await.map_err(Error::internal)?;
    let salt = ids.bytes::<16>();
    tokio::task::spawn_blocking(move || {
        // The permit is released when the work ends. The work also ends when the caller is gone.
        let _permit = permit;
        let hash: PasswordHash = Argon2::default()
            .hash_password_with_salt(password.as_bytes(), &salt)
            .map_err(|error| Error::internal(error.to_string()))?;
        Ok(hash.to_string())
    })
    .await
    .map_err(Error::internal)?
}
