//! The crypto provider of `jsonwebtoken`: ES256 by aws-lc, with each key parsed once. The crate asks for a signer for
//! every token, and the crate's own providers parse the key (and derive the public half) each time.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Once, PoisonError, RwLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::EcdsaKeyPair;
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{Error as SignatureError, Signer};
use jsonwebtoken::{Algorithm, EncodingKey};

/// The parsed keys by their DER form. Each rotation adds one key.
static PARSED: LazyLock<RwLock<HashMap<Vec<u8>, Arc<EcdsaKeyPair>>>> = LazyLock::new(RwLock::default);

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| match algorithm {
        Algorithm::ES256 => {
            let parsed = PARSED.read().unwrap_or_else(PoisonError::into_inner).get(key.as_bytes()).cloned();
            let pair = parsed.ok_or_else(|| Error::from(ErrorKind::InvalidEcdsaKey))?;
            Ok(Box::new(CachedSigner(pair)))
        }
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    },
    // `verify.rs` checks signatures without this crate.
    verifier_factory: |_, _| Err(ErrorKind::InvalidAlgorithm.into()),
    key_utils: KeyUtils::new_unimplemented(),
};

struct CachedSigner(Arc<EcdsaKeyPair>);

impl Signer<Vec<u8>> for CachedSigner {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        let signature = self.0.sign(&SystemRandom::new(), message).map_err(SignatureError::from_source)?;
        Ok(signature.as_ref().to_vec())
    }
}

impl JwtSigner for CachedSigner {
    fn algorithm(&self) -> Algorithm {
        Algorithm::ES256
    }
}

/// Registers a parsed key with the signer and returns the handle for `jsonwebtoken::encode`.
pub(super) fn register(pkcs8: &[u8], pair: Arc<EcdsaKeyPair>) -> EncodingKey {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        // Fails only if another provider is installed, which no code of this program does.
        let _ = PROVIDER.install_default();
    });
    let replaced = PARSED.write().unwrap_or_else(PoisonError::into_inner).insert(pkcs8.to_vec(), pair);
    // Dropped after the lock was released.
    drop(replaced);
    EncodingKey::from_ec_der(pkcs8)
}
