//! The keys that sign embed tokens. The operator supplies a key (by a file or the environment); otherwise a key is
//! generated once and stored in the database, where `pearset signing-key rotate` adds further keys.

use std::mem;
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

/// The time from the creation of a key to its first signature. By then every server has looked for new keys, and
/// verifiers have had time to renew their copies of the key set.
const PUBLISH_AHEAD: Duration = Duration::from_mins(2);

/// The shortest interval between two look-ups of unknown keys: a client that invents key ids causes one query per
/// second, not one per token.
const UNKNOWN_KEY_INTERVAL: Duration = Duration::from_secs(1);

/// The source of the signing key.
pub enum SigningKeySource {
    /// Generated once and stored in the database.
    Database,
    /// Supplied by the operator: PKCS#8 of a P-256 key in PEM.
    Pem(String),
}

/// The keys in the order in which they become active. The last active key signs.
pub struct Keyring {
    /// The operator's key, which signs in place of all other keys.
    own: Option<Arc<Key>>,
    stored: RwLock<Vec<Arc<Key>>>,
    /// The time of the last look-up of an unknown key.
    looked_for_unknown: Mutex<Option<Instant>>,
}

impl Keyring {
    /// The interval in which a server looks for new keys.
    pub const REFRESH_INTERVAL: Duration = Duration::from_secs(20);

    /// Creates a keyring with the operator's key. Without an operator's key, the keyring is empty until
    /// [`Keyring::refresh`].
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

    /// Reads the keys of the database. Generates the first key if neither the database nor the operator has a key.
    ///
    /// # Errors
    /// 503 when the database is unavailable.
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
        let replaced = mem::replace(&mut *self.stored.write().unwrap_or_else(PoisonError::into_inner), keys);
        // Dropped after the lock was released.
        drop(replaced);
        Ok(())
    }

    /// Adds a key that signs in two minutes, and retires all other keys: they stay published until the last token that
    /// they sign has expired. Returns the id of the new key.
    ///
    /// # Errors
    /// 503 when the database is unavailable.
    pub async fn rotate(db: &Db, now: Timestamp) -> Result<String> {
        let key = Arc::new(new_private_key().map_err(|error| Error::internal(format!("{error:#}")))?);
        let active_from = now + PUBLISH_AHEAD;
        let last_token = Duration::from_secs(TokenLifetime::MAX.seconds().unsigned_abs().into());
        // A server may sign with the old key until its next refresh.
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

    /// Retires the keys of the database, for an operator whose own key signs in their place: they stay published until
    /// the last token that they signed has expired.
    ///
    /// # Errors
    /// 503 when the database is unavailable.
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

    /// Signs claims with the active key.
    ///
    /// # Errors
    /// 500 when there is no key or signing fails.
    pub(super) fn sign(&self, now: Timestamp, claims: &impl Serialize) -> Result<String> {
        let stored = self.stored.read().unwrap_or_else(PoisonError::into_inner);
        // The clocks of servers differ: when no key is active yet, the first key signs.
        let newest = || stored.iter().rev().find(|key| key.signs_at(now)).or_else(|| stored.first());
        let key = self.own.as_ref().or_else(newest).cloned().ok_or_else(|| Error::internal("no signing key"))?;
        drop(stored);
        key.sign(claims)
    }

    /// Returns the published key with this id. An unknown key is looked up in the database, by one caller at a time and
    /// at most once per [`UNKNOWN_KEY_INTERVAL`].
    ///
    /// # Errors
    /// 503 when the database is unavailable.
    pub(super) async fn find(&self, db: &Db, now: Timestamp, kid: &str) -> Result<Option<Arc<Key>>> {
        if let Some(key) = self.find_known(now, kid) {
            return Ok(Some(key));
        }
        let mut last = self.looked_for_unknown.lock().await;
        if last.is_none_or(|last| last.elapsed() >= UNKNOWN_KEY_INTERVAL) {
            // Before the look-up, so that a failed look-up counts: unknown keys must not burden a struggling database.
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

    /// Returns the public halves of all keys that tokens may be signed with.
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
