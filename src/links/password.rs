//! Passwords of links.

use argon2::Argon2;
use argon2::password_hash::PasswordHasher;
use argon2::password_hash::phc::PasswordHash;
use tokio::sync::Semaphore;

use crate::error::{Error, Result};
use crate::values::id::Ids;

/// A hash takes 19 MiB of memory and tens of milliseconds of one core: so many at a time, whatever the load.
static PLACES: Semaphore = Semaphore::const_new(2);

/// The Argon2id hash of a password as a PHC string. Never call it inside a transaction.
///
/// # Errors
/// 500 when hashing fails.
pub(crate) async fn hash_password(password: String, ids: &Ids) -> Result<String> {
    let place = PLACES.acquire().await.map_err(Error::internal)?;
    let salt = ids.bytes::<16>();
    tokio::task::spawn_blocking(move || {
        // Given back when the work ends, which it does also for a caller that has gone.
        let _place = place;
        let hash: PasswordHash = Argon2::default()
            .hash_password_with_salt(password.as_bytes(), &salt)
            .map_err(|error| Error::internal(error.to_string()))?;
        Ok(hash.to_string())
    })
    .await
    .map_err(Error::internal)?
}
