//! Identifiers, and the source of everything random. The text form of an identifier is a prefix that names the kind, and
//! the Crockford base32 of a UUIDv7 (the TypeID form); the stored form is `uuid`.

use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

use crate::values::clock::Timestamp;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 26 × 5 bits hold 128 bits; the first character has three bits.
const ENCODED_LENGTH: usize = 26;

/// The error for a text that is no id of the expected kind. Callers treat such a text like an id that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of this kind")]
pub struct InvalidId;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
        #[sqlx(transparent)]
        pub struct $name(Uuid);

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), encode(self.0))
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let encoded = text.strip_prefix(concat!($prefix, "_")).ok_or(InvalidId)?;
                decode(encoded).map(Self)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}

ids! {
    /// A tenant.
    WorkspaceId = "ws";
    /// A partner program of a workspace.
    ProgramId = "prog";
    /// A group of partners in a program.
    GroupId = "grp";
    /// A default link of a group, which every partner of the group gets.
    GroupDefaultLinkId = "pgdl";
    /// A person in a workspace.
    PartnerId = "pn";
    /// A partner in a program.
    EnrollmentId = "pge";
    /// A referral link.
    LinkId = "link";
    /// A domain for links.
    DomainId = "dom";
    /// A label of links.
    TagId = "tag";
    /// A partner's application to a private program.
    ApplicationId = "pga";
    /// An API key.
    ApiKeyId = "key";
    /// An entry of the audit log.
    AuditLogId = "audit";
    /// An event in the outbox.
    EventId = "evt";
    /// An embed token (`jti`).
    TokenId = "tok";
    /// A request whose client sent no request id.
    RequestId = "req";
}

fn encode(uuid: Uuid) -> String {
    let bits = uuid.as_u128();
    (0..ENCODED_LENGTH)
        .rev()
        .map(|group| char::from(ALPHABET[usize::try_from((bits >> (group * 5)) & 31).unwrap_or(0)]))
        .collect()
}

fn decode(text: &str) -> Result<Uuid, InvalidId> {
    let text = text.as_bytes();
    if text.len() != ENCODED_LENGTH || text[0] > b'7' {
        return Err(InvalidId);
    }
    text.iter()
        .try_fold(0_u128, |bits, byte| {
            let digit = ALPHABET.iter().position(|letter| letter == byte)?;
            Some(bits << 5 | u128::try_from(digit).ok()?)
        })
        .map(Uuid::from_u128)
        .ok_or(InvalidId)
}

/// The source of ids and of everything else that is random: the operating system's generator, or a seeded generator,
/// which makes a run repeatable.
#[derive(Debug)]
pub struct Ids(Source);

#[derive(Debug)]
enum Source {
    System,
    Seeded(Box<Mutex<StdRng>>),
}

impl Ids {
    /// Returns a source with the operating system's generator: unpredictable.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// Returns a source that gives the same sequence for the same seed. Not for production: keys and ids are predictable.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Box::new(Mutex::new(StdRng::seed_from_u64(seed)))))
    }

    /// Returns a new id (UUIDv7: ids of a later millisecond sort later).
    #[must_use]
    pub fn next<T: From<Uuid>>(&self, now: Timestamp) -> T {
        T::from(uuid::Builder::from_unix_timestamp_millis(now.unix_millis(), &self.bytes()).into_uuid())
    }

    /// Returns random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// Returns `length` characters, each drawn evenly from `alphabet` (ASCII, at most 256 characters).
    #[must_use]
    pub fn string(&self, alphabet: &[u8], length: usize) -> String {
        // Bytes past the largest multiple of the alphabet's size would favor the first letters of the alphabet.
        let fair = 256 - 256 % alphabet.len();
        let mut text = String::with_capacity(length);
        while text.len() < length {
            let drawn = self.bytes::<64>().into_iter().map(usize::from).filter(|byte| *byte < fair);
            text.extend(drawn.take(length - text.len()).map(|byte| char::from(alphabet[byte % alphabet.len()])));
        }
        text
    }

    /// Returns an evenly drawn number from 0 to 1.
    #[must_use]
    pub fn fraction(&self) -> f64 {
        f64::from(u32::from_ne_bytes(self.bytes())) / f64::from(u32::MAX)
    }

    fn fill(&self, bytes: &mut [u8]) {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "the one place that draws from the system's generator")]
            Source::System => rand::rng().fill_bytes(bytes),
            Source::Seeded(rng) => rng.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_is_the_typeid_form() {
        // A vector of the TypeID specification.
        let uuid = Uuid::try_parse("01890a5d-ac96-774b-bcce-b302099a8057").unwrap();
        let id = PartnerId::from(uuid);
        assert_eq!(id.to_string(), "pn_01h455vb4pex5vsknk084sn02q");
        assert_eq!("pn_01h455vb4pex5vsknk084sn02q".parse(), Ok(id));
    }

    #[test]
    fn malformed_ids_are_rejected() {
        for text in [
            "",
            "pn_",
            "01h455vb4pex5vsknk084sn02q",
            "link_01h455vb4pex5vsknk084sn02q",
            "pn_01H455VB4PEX5VSKNK084SN02Q",
            "pn_81h455vb4pex5vsknk084sn02q",
            "pn_01h455vb4pex5vsknk084sn02",
            "pn_01h455vb4pex5vsknk084sn02qq",
            "pn_01h455vb4pex5vsknk084sn0lq",
            "pn_01h455vb4pex5vsknk084sn0äq",
        ] {
            assert_eq!(text.parse::<PartnerId>(), Err(InvalidId), "{text}");
        }
    }

    #[test]
    fn seeded_ids_repeat_and_differ() {
        let now = Timestamp::from(time::OffsetDateTime::UNIX_EPOCH);
        let (one, other) = (Ids::seeded(7), Ids::seeded(7));
        let first: PartnerId = one.next(now);
        assert_eq!(first, other.next(now));
        assert_ne!(first, one.next(now));
        assert_eq!(one.string(b"ab", 200).len(), 200);
    }
}
