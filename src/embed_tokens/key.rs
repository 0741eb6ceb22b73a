//! A key that signs embed tokens.

use std::sync::Arc;

use anyhow::{Context, bail};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, ParsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;

use super::claims::TOKEN_TYPE;
use super::signer;
use crate::error::{Error, Result};
use crate::values::clock::Timestamp;

/// The public half of a key (RFC 7517).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublicKey {
    kty: &'static str,
    crv: &'static str,
    alg: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    pub(super) kid: String,
    x: String,
    y: String,
}

/// A key that signs tokens and verifies signatures.
pub(super) struct Key {
    header: Header,
    encoding: EncodingKey,
    verifying: ParsedPublicKey,
    pub(super) public: PublicKey,
    active_from: Option<Timestamp>,
    retired_at: Option<Timestamp>,
}

impl Key {
    /// Parses a PKCS#8 private key, which is always active.
    pub(super) fn parse(pkcs8: &[u8]) -> anyhow::Result<Self> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
            .map_err(|error| anyhow::anyhow!("not a PKCS#8 P-256 private key: {error}"))?;
        // An uncompressed point: 4, x, y.
        let point = pair.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..65]));
        let kid = thumbprint(&x, &y);
        let header =
            Header { typ: Some(TOKEN_TYPE.to_owned()), kid: Some(kid.clone()), ..Header::new(Algorithm::ES256) };
        let public = PublicKey { kty: "EC", crv: "P-256", alg: "ES256", usage: "sig", kid, x, y };
        let verifying = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            .map_err(|error| anyhow::anyhow!("not a P-256 public key: {error}"))?;
        let encoding = signer::register(pkcs8, Arc::new(pair));
        Ok(Self { header, encoding, verifying, public, active_from: None, retired_at: None })
    }

    /// Returns the key with the time in which it is active.
    pub(super) fn active(self, from: Timestamp, retired_at: Option<Timestamp>) -> Self {
        Self { active_from: Some(from), retired_at, ..self }
    }

    pub(super) fn signs_at(&self, now: Timestamp) -> bool {
        self.active_from.is_none_or(|from| from <= now)
    }

    /// Returns whether tokens may be signed with the key at this time. Tokens may be signed before `active_from`,
    /// because the clocks of servers differ.
    pub(super) fn is_published_at(&self, now: Timestamp) -> bool {
        self.retired_at.is_none_or(|at| at > now)
    }

    pub(super) fn sign(&self, claims: &impl Serialize) -> Result<String> {
        jsonwebtoken::encode(&self.header, claims, &self.encoding).map_err(Error::internal)
    }

    /// Returns whether this key has signed the message with this algorithm.
    pub(super) fn has_signed(&self, alg: &str, message: &[u8], signature: &[u8]) -> bool {
        alg == self.public.alg && self.verifying.verify_sig(message, signature).is_ok()
    }
}

/// Returns the thumbprint of a key by RFC 7638: the SHA-256 of the key's required members in this order.
fn thumbprint(x: &str, y: &str) -> String {
    let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    URL_SAFE_NO_PAD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, members.as_bytes()))
}

pub(super) fn new_private_key() -> anyhow::Result<Vec<u8>> {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).context("generating a signing key")?;
    let pkcs8 = pair.to_pkcs8v1().context("encoding a signing key")?;
    Ok(pkcs8.as_ref().to_vec())
}

pub(super) fn pem_to_der(pem: &str) -> anyhow::Result<Vec<u8>> {
    let body = pem
        .split_once("-----BEGIN PRIVATE KEY-----")
        .and_then(|(_, rest)| rest.split_once("-----END PRIVATE KEY-----"))
        .map(|(body, _)| body.split_whitespace().collect::<String>());
    let Some(body) = body else {
        bail!("no PEM block 'PRIVATE KEY' (PKCS#8) found");
    };
    STANDARD.decode(body).context("the PEM block is not base64")
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
    fn pem_is_decoded_or_refused() {
        let der = new_private_key().unwrap();
        let body = STANDARD.encode(&der);
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n{}\n-----END PRIVATE KEY-----\n", &body[..64], &body[64..]);
        assert_eq!(pem_to_der(&pem).unwrap(), der);

        for bad in [
            "",
            "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        ] {
            assert!(pem_to_der(bad).and_then(|der| Key::parse(&der)).is_err(), "{bad}");
        }
    }
}
