//! The keys that sign embed tokens: from the operator (a file or the environment), else made once and kept in the
//! database, where `pearset signing-key rotate` adds more.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::key::{Key, PublicKey, new_private_key, pem_to_der};
use super::store;
use crate::db::Db;
use crate::error::{Error, Result};
use crate::programs::TokenLifetime;
use crate::values::clock::Timestamp;

/// From the making of a key to its first signature: every server has looked for new keys by then, and a verifier's
/// copy of the key set can have been renewed.
const PUBLISH_AHEAD: Duration = Duration::from_mins(2);

/// How often a server looks for new keys because a token names one that it does not know: whoever makes up key ids
/// costs a query a second, not one for each.
const LOOK_FOR_UNKNOWN_EVERY: Duration = Duration::from_secs(1);

/// Where the signing key comes from.
pub enum SigningKeySource {
    /// Made once and kept in the database.
    Database,
    /// The operator's own: PKCS#8 of a P-256 key in PEM.
    Pem(String),
}

/// The keys in the order in which they sign; the last one that is active signs.
pub struct Keyring {
    /// The operator's own key, which signs in place of all others.
    own: Option<Arc<Key>>,
    stored: RwLock<Vec<Arc<Key>>>,
    /// When an unknown key was looked for last.
    looked_for_unknown: Mutex<Option<Instant>>,
}

impl Keyring {
    /// The pause between two refreshes, in which a server looks for new keys.
    pub const REFRESH_INTERVAL: Duration = Duration::from_secs(20);

    /// A keyring that has the operator's key, or none until [`Keyring::refresh`].
    ///
    /// # Errors
    /// When the operator's key is not a P-256 key in PKCS#8 PEM.
    pub fn new(source: &SigningKeySource) -> anyhow::Result<Self> {
        let own = match source {
            SigningKeySource::Database => None,
            SigningKeySource::Pem(pem) => Some(Arc::new(Key::parse(&pem_to_der(pem)?)?)),
        };
        Ok(Self { own, stored: RwLock::default(), looked_for_unknown: Mutex::default() })
    }

    /// Reads the keys of the database. Makes the first one where there is none and the operator has none.
    ///
    /// # Errors
    /// 503 when the database is away.
    pub async fn refresh(&self, db: &Db, now: Timestamp) -> Result<()> {
        let mut rows =
            db.global().read("read_signing_keys", move |conn| Box::pin(store::list_usable_keys(conn, now))).await?;
        if rows.is_empty() && self.own.is_none() {
            let key = Arc::new(new_private_key().map_err(|error| Error::internal(format!("{error:#}")))?);
            rows = db
                .global()
                .run("make_first_signing_key", move |conn, _| {
                    let key = Arc::clone(&key);
                    Box::pin(async move {
                        store::lock_signing_keys(conn).await?;
                        let present = store::list_usable_keys(conn, now).await?;
                        if !present.is_empty() {
                            return Ok(present);
                        }
                        insert(conn, &key, now, now).await?;
                        store::list_usable_keys(conn, now).await
                    })
                })
                .await?;
        }
        let keys = rows
            .into_iter()
            .map(|row| Ok(Arc::new(Key::parse(&row.private_key)?.active(row.active_from, row.retired_at))))
            .collect::<anyhow::Result<Vec<_>>>()
            .map_err(|error| Error::internal(format!("{error:#}")))?;
        *self.stored.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    /// Adds a key that signs in two minutes, and sets the end of the others: they stay published until the last
    /// token that they sign has expired. Returns the new key's id.
    ///
    /// # Errors
    /// 503 when the database is away.
    pub async fn rotate(db: &Db, now: Timestamp) -> Result<String> {
        let key = Arc::new(new_private_key().map_err(|error| Error::internal(format!("{error:#}")))?);
        let active_from = now + PUBLISH_AHEAD;
        let last_token = Duration::from_secs(TokenLifetime::MAX.seconds().unsigned_abs().into());
        // A server may sign with the old key until it has looked for new ones once more.
        let retired_at = active_from + Self::REFRESH_INTERVAL + last_token;
        db.global()
            .run("rotate_signing_key", move |conn, _| {
                let key = Arc::clone(&key);
                Box::pin(async move {
                    store::lock_signing_keys(conn).await?;
                    store::retire_signing_keys(conn, retired_at).await?;
                    insert(conn, &key, now, active_from).await
                })
            })
            .await
    }

    /// Sets the end of the database's keys, for an operator whose own key signs in place of them: they stay
    /// published until the last token that they signed has expired.
    ///
    /// # Errors
    /// 503 when the database is away.
    pub async fn retire_stored(db: &Db, now: Timestamp) -> Result<()> {
        let retired_at =
            now + Self::REFRESH_INTERVAL + Duration::from_secs(TokenLifetime::MAX.seconds().unsigned_abs().into());
        db.global()
            .run("retire_signing_keys", move |conn, _| {
                Box::pin(async move {
                    store::lock_signing_keys(conn).await?;
                    store::retire_signing_keys(conn, retired_at).await
                })
            })
            .await
    }

    /// Signs claims with the key whose time it is.
    ///
    /// # Errors
    /// 500 when there is no key or signing fails.
    pub(super) fn sign(&self, now: Timestamp, claims: &impl Serialize) -> Result<String> {
        let stored = self.stored.read().unwrap_or_else(PoisonError::into_inner);
        // The clocks of servers differ: where none has begun yet, the first one is the least early.
        let newest = || stored.iter().rev().find(|key| key.signs_at(now)).or_else(|| stored.first());
        let key = self.own.as_ref().or_else(newest).cloned().ok_or_else(|| Error::internal("no signing key"))?;
        drop(stored);
        key.sign(claims)
    }

    /// The published key with this id. One that is not known is looked for in the database, by one caller at a time
    /// and not too often.
    ///
    /// # Errors
    /// 503 when the database is away.
    pub(super) async fn find(&self, db: &Db, now: Timestamp, kid: &str) -> Result<Option<Arc<Key>>> {
        if let Some(key) = self.find_known(now, kid) {
            return Ok(Some(key));
        }
        let mut last = self.looked_for_unknown.lock().await;
        if last.is_none_or(|last| last.elapsed() >= LOOK_FOR_UNKNOWN_EVERY) {
            // Also when it fails: whoever asks for unknown keys must not ask a struggling database again and again.
            *last = Some(Instant::now());
            self.refresh(db, now).await?;
        }
        Ok(self.find_known(now, kid))
    }

    fn find_known(&self, now: Timestamp, kid: &str) -> Option<Arc<Key>> {
        let stored = self.stored.read().unwrap_or_else(PoisonError::into_inner);
        let mut published = self.own.iter().chain(stored.iter().filter(|key| key.is_published_at(now)));
        published.find(|key| key.public.kid == kid).cloned()
    }

    /// The public halves of all keys that a token may be signed with.
    #[must_use]
    pub fn public_keys(&self, now: Timestamp) -> Vec<PublicKey> {
        let stored = self.stored.read().unwrap_or_else(PoisonError::into_inner);
        let stored = stored.iter().filter(|key| key.is_published_at(now));
        self.own.iter().chain(stored).map(|key| key.public.clone()).collect()
    }
}

async fn insert(conn: &mut sqlx::PgConnection, key: &[u8], now: Timestamp, active_from: Timestamp) -> Result<String> {
    let kid = Key::parse(key).map_err(|error| Error::internal(format!("{error:#}")))?.public.kid;
    store::insert_signing_key(conn, &kid, key, now, active_from).await?;
    Ok(kid)
}
