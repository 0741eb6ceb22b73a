//! The keys that sign embed tokens: from the operator (a file or the environment), else made once and kept in the
//! database, where `pearset signing-key rotate` adds more.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, bail};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;

use super::claims::TOKEN_TYPE;
use super::{signer, store};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::programs::TokenLifetime;
use crate::state::AppState;

/// How often a server looks for new keys.
const REFRESH_EVERY: Duration = Duration::from_secs(20);
/// From the making of a key to its first signature: every server has looked for new keys by then, and a verifier's
/// copy of the key set can have been renewed.
const PUBLISH_AHEAD: Duration = Duration::from_mins(2);

/// Where the signing key comes from.
pub enum SigningKeySource {
    /// Made once and kept in the database.
    Database,
    /// The operator's own: PKCS#8 of a P-256 key in PEM.
    Pem(String),
}

/// The public half of a key (RFC 7517).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublicKey {
    kty: &'static str,
    crv: &'static str,
    alg: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    kid: String,
    x: String,
    y: String,
}

/// A key that can sign.
struct Key {
    header: Header,
    encoding: EncodingKey,
    public: PublicKey,
    active_from: Option<Timestamp>,
    retired_at: Option<Timestamp>,
}

impl Key {
    fn parse(pkcs8: &[u8]) -> anyhow::Result<Self> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
            .map_err(|error| anyhow::anyhow!("not a PKCS#8 P-256 private key: {error}"))?;
        // An uncompressed point: 4, x, y.
        let point = pair.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..65]));
        let kid = thumbprint(&x, &y);
        let header =
            Header { typ: Some(TOKEN_TYPE.to_owned()), kid: Some(kid.clone()), ..Header::new(Algorithm::ES256) };
        let public = PublicKey { kty: "EC", crv: "P-256", alg: "ES256", usage: "sig", kid, x, y };
        let encoding = signer::register(pkcs8, Arc::new(pair));
        Ok(Self { header, encoding, public, active_from: None, retired_at: None })
    }

    fn signs_at(&self, now: Timestamp) -> bool {
        self.active_from.is_none_or(|from| from <= now)
    }

    fn is_published_at(&self, now: Timestamp) -> bool {
        self.retired_at.is_none_or(|at| at > now)
    }
}

/// RFC 7638: the SHA-256 of the key's required members in this order.
fn thumbprint(x: &str, y: &str) -> String {
    let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    URL_SAFE_NO_PAD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, members.as_bytes()))
}

fn new_private_key() -> anyhow::Result<Vec<u8>> {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).context("generating a signing key")?;
    let pkcs8 = pair.to_pkcs8v1().context("encoding a signing key")?;
    Ok(pkcs8.as_ref().to_vec())
}

fn pem_to_der(pem: &str) -> anyhow::Result<Vec<u8>> {
    let body = pem
        .split_once("-----BEGIN PRIVATE KEY-----")
        .and_then(|(_, rest)| rest.split_once("-----END PRIVATE KEY-----"))
        .map(|(body, _)| body.split_whitespace().collect::<String>());
    let Some(body) = body else {
        bail!("no PEM block 'PRIVATE KEY' (PKCS#8) in it");
    };
    STANDARD.decode(body).context("the PEM block is not base64")
}

/// The keys in the order in which they sign; the last one that is active signs.
pub struct Keyring {
    /// The operator's own key, which signs in place of all others.
    own: Option<Arc<Key>>,
    stored: RwLock<Vec<Arc<Key>>>,
}

impl Keyring {
    /// A keyring that has the operator's key, or none until [`Keyring::refresh`].
    ///
    /// # Errors
    /// When the operator's key is not a P-256 key in PKCS#8 PEM.
    pub fn new(source: &SigningKeySource) -> anyhow::Result<Self> {
        let own = match source {
            SigningKeySource::Database => None,
            SigningKeySource::Pem(pem) => Some(Arc::new(Key::parse(&pem_to_der(pem)?)?)),
        };
        Ok(Self { own, stored: RwLock::default() })
    }

    /// Reads the keys of the database. Makes the first one where there is none and the operator has none.
    ///
    /// # Errors
    /// 503 when the database is away.
    pub async fn refresh(&self, db: &crate::db::Db, now: Timestamp) -> Result<()> {
        let mut rows = db.read("read_signing_keys", move |conn| Box::pin(store::list_usable_keys(conn, now))).await?;
        if rows.is_empty() && self.own.is_none() {
            let key = Arc::new(new_private_key().map_err(|error| Error::internal(format!("{error:#}")))?);
            rows = db
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
            .map(|row| {
                let key = Key::parse(&row.private_key)?;
                Ok(Arc::new(Key { active_from: Some(row.active_from), retired_at: row.retired_at, ..key }))
            })
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
    pub async fn rotate(db: &crate::db::Db, now: Timestamp) -> Result<String> {
        let key = Arc::new(new_private_key().map_err(|error| Error::internal(format!("{error:#}")))?);
        let active_from = now + PUBLISH_AHEAD;
        let last_token = Duration::from_secs(TokenLifetime::MAX.seconds().unsigned_abs().into());
        // A server may sign with the old key until it has looked for new ones once more.
        let retired_at = active_from + REFRESH_EVERY + last_token;
        db.run("rotate_signing_key", move |conn, _| {
            let key = Arc::clone(&key);
            Box::pin(async move {
                store::lock_signing_keys(conn).await?;
                store::retire_signing_keys(conn, retired_at).await?;
                insert(conn, &key, now, active_from).await
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
        jsonwebtoken::encode(&key.header, claims, &key.encoding).map_err(Error::internal)
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

/// Looks for new keys again and again, until the task is dropped.
pub async fn keep_fresh(app: AppState) {
    loop {
        tokio::time::sleep(REFRESH_EVERY).await;
        if let Err(error) = app.keyring.refresh(&app.db, app.clock.now()).await {
            tracing::warn!(%error, cause = ?std::error::Error::source(&error), "could not look for new signing keys");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbprint_is_stable_and_keys_differ() {
        let der = new_private_key().unwrap();
        let (one, again) = (Key::parse(&der).unwrap(), Key::parse(&der).unwrap());
        assert_eq!(one.public, again.public);
        assert_eq!(one.public.kid.len(), 43);
        assert_ne!(Key::parse(&new_private_key().unwrap()).unwrap().public, one.public);
    }

    #[test]
    fn pem() {
        let der = new_private_key().unwrap();
        let body = STANDARD.encode(&der);
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n{}\n-----END PRIVATE KEY-----\n", &body[..64], &body[64..]);
        assert_eq!(pem_to_der(&pem).unwrap(), der);
        assert!(Keyring::new(&SigningKeySource::Pem(pem)).is_ok());
        for bad in [
            "",
            "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        ] {
            assert!(Keyring::new(&SigningKeySource::Pem(bad.to_owned())).is_err(), "{bad}");
        }
    }
}
