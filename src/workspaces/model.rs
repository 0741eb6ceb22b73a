//! Plans, scopes and API keys.

use std::fmt;
use std::str::FromStr;

use crate::validation::{Invalid, Text, length};
use crate::values::clock::Timestamp;
use crate::values::id::{ApiKeyId, Ids, ProgramId, WorkspaceId};

/// The plan of a workspace, from low to high.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum, serde::Serialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Plan {
    /// The lowest plan.
    Free,
    /// Above free.
    Pro,
    /// Above pro.
    Business,
    /// The lowest plan with partners and embed tokens.
    Advanced,
    /// The highest plan.
    Enterprise,
}

impl Plan {
    /// Returns the number of plans below this plan.
    #[must_use]
    pub fn rank(self) -> usize {
        self as usize
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Pro => "pro",
            Self::Business => "business",
            Self::Advanced => "advanced",
            Self::Enterprise => "enterprise",
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name of a workspace in URLs and on the command line, or of a group in requests: 1–48 lower-case letters, digits
/// and inner hyphens (a workspace's slug becomes a DNS label).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slug(String);

impl Slug {
    /// The maximum number of characters.
    pub const MAX_LENGTH: usize = 48;

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slug {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if length(text, 1, Self::MAX_LENGTH).is_err()
            || !text.chars().all(allowed)
            || text.starts_with('-')
            || text.ends_with('-')
        {
            return Err("a slug has 1 to 48 lower-case letters, digits and inner hyphens");
        }
        Ok(Self(text.to_owned()))
    }
}

impl Text for Slug {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        text.parse().map_err(|_| Invalid::format("Must have 1 to 48 lower-case letters, digits and inner hyphens"))
    }
}

/// A right that an API key may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Read partners.
    PartnersRead,
    /// Create and change partners; includes reading them.
    PartnersWrite,
    /// Read links.
    LinksRead,
    /// Create and change links; includes reading them.
    LinksWrite,
    /// Mint embed tokens.
    TokensWrite,
    /// Record conversions.
    ConversionsWrite,
    /// Read groups.
    GroupsRead,
    /// Create and change groups; includes reading them.
    GroupsWrite,
    /// Read webhooks.
    WebhooksRead,
    /// Create and change webhooks; includes reading them.
    WebhooksWrite,
    /// Read everything.
    ApisRead,
    /// Read and change everything.
    ApisAll,
}

impl Scope {
    const ALL: [Self; 12] = [
        Self::PartnersRead,
        Self::PartnersWrite,
        Self::LinksRead,
        Self::LinksWrite,
        Self::TokensWrite,
        Self::ConversionsWrite,
        Self::GroupsRead,
        Self::GroupsWrite,
        Self::WebhooksRead,
        Self::WebhooksWrite,
        Self::ApisRead,
        Self::ApisAll,
    ];

    /// Returns the text form, `resource.action`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PartnersRead => "partners.read",
            Self::PartnersWrite => "partners.write",
            Self::LinksRead => "links.read",
            Self::LinksWrite => "links.write",
            Self::TokensWrite => "tokens.write",
            Self::ConversionsWrite => "conversions.write",
            Self::GroupsRead => "groups.read",
            Self::GroupsWrite => "groups.write",
            Self::WebhooksRead => "webhooks.read",
            Self::WebhooksWrite => "webhooks.write",
            Self::ApisRead => "apis.read",
            Self::ApisAll => "apis.all",
        }
    }

    /// Returns whether this scope is enough where `wanted` is needed: `apis.all` is enough for everything, `apis.read` for
    /// reading every resource, and the right to write a resource includes the right to read the resource.
    fn covers(self, wanted: Self) -> bool {
        let (resource, action) = wanted.as_str().split_once('.').unwrap_or_default();
        self == wanted
            || self == Self::ApisAll
            || action == "read" && (self == Self::ApisRead || self.as_str().strip_suffix(".write") == Some(resource))
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| format!("unknown scope '{text}'; known: {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}

/// The scopes of an API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// Returns whether the scopes allow an operation that needs `wanted`.
    #[must_use]
    pub fn allow(&self, wanted: Scope) -> bool {
        self.0.iter().any(|held| held.covers(wanted))
    }

    /// Returns the text forms, as the database stores them.
    #[must_use]
    pub fn to_strings(&self) -> Vec<String> {
        self.0.iter().map(|scope| scope.as_str().to_owned()).collect()
    }

    /// Reads the stored text forms. A scope that this version does not know allows nothing.
    #[must_use]
    pub fn from_stored(texts: &[String]) -> Self {
        Self(texts.iter().filter_map(|text| text.parse().ok()).collect())
    }
}

impl Default for Scopes {
    fn default() -> Self {
        Self(vec![Scope::ApisAll])
    }
}

impl From<Vec<Scope>> for Scopes {
    fn from(scopes: Vec<Scope>) -> Self {
        Self(scopes)
    }
}

const KEY_PREFIX: &str = "pst_";
const KEY_SECRET_LENGTH: usize = 30;
const KEY_CHECKSUM_LENGTH: usize = 6;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// An API key in clear: `pst_`, 30 base62 characters, 6 base62 characters of the CRC-32 of all before.
/// Shown once, never stored, never logged (`Debug` hides the key).
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// Generates a new key.
    #[must_use]
    pub fn generate(ids: &Ids) -> Self {
        let body = format!("{KEY_PREFIX}{}", ids.string(BASE62, KEY_SECRET_LENGTH));
        let checksum = checksum(&body);
        Self(body + &checksum)
    }

    /// Returns the key in clear, to be shown to its owner.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns the SHA-256 of the key, which is stored in place of the key. The key is random, so a slow hash would add
    /// nothing.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.0.as_bytes());
        let mut hash = [0; 32];
        hash.copy_from_slice(digest.as_ref());
        hash
    }
}

impl FromStr for ApiKey {
    type Err = &'static str;

    /// Rejects a text without the form or the checksum of a key, so that no query is spent on the text.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let length = KEY_PREFIX.len() + KEY_SECRET_LENGTH;
        let well_formed = text.len() == length + KEY_CHECKSUM_LENGTH
            && text.strip_prefix(KEY_PREFIX).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_alphanumeric()));
        if !well_formed || checksum(&text[..length]) != text[length..] {
            return Err("not a Pearset API key: it has a wrong form or checksum");
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

fn checksum(text: &str) -> String {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; KEY_CHECKSUM_LENGTH];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    digits.into_iter().map(char::from).collect()
}

/// An API key to be stored.
#[derive(Debug)]
pub struct NewApiKey {
    /// The id.
    pub id: ApiKeyId,
    /// The workspace that the key belongs to.
    pub workspace_id: WorkspaceId,
    /// The only program that the key may use, if the key is limited to one program.
    pub program_id: Option<ProgramId>,
    /// The name for people.
    pub name: String,
    /// The rights of the key.
    pub scopes: Scopes,
    /// The end of the key.
    pub expires_at: Option<Timestamp>,
}

/// The rights that a valid API key gives its holder.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The key.
    pub api_key_id: ApiKeyId,
    pub workspace_id: WorkspaceId,
    /// The tenant's plan.
    pub plan: Plan,
    /// The program of a request that names no program: the key's program, else the workspace's default.
    pub program_id: ProgramId,
    /// True if that program is active.
    pub program_is_active: bool,
    /// True if the key may use no other program.
    pub is_bound_to_program: bool,
    /// The rights of the key.
    pub scopes: Scopes,
    /// The end of the key.
    pub expires_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_keys_have_a_checksum() {
        let ids = Ids::seeded(1);
        let key = ApiKey::generate(&ids);
        assert_eq!(key.expose().len(), 40);
        assert_eq!(key.expose().parse::<ApiKey>().as_ref(), Ok(&key));
        assert_ne!(key, ApiKey::generate(&ids));
        assert_eq!(format!("{key:?}"), "ApiKey(…)");
        // The checksum detects a change of any single character.
        for position in 0..key.expose().len() {
            let mut changed = key.expose().to_owned().into_bytes();
            changed[position] = if changed[position] == b'x' { b'y' } else { b'x' };
            assert!(String::from_utf8(changed).unwrap().parse::<ApiKey>().is_err(), "{position}");
        }
        for text in ["", "pst_", "dub_123", "pst_ä", &format!("{}0", key.expose()), &key.expose()[..39]] {
            assert!(text.parse::<ApiKey>().is_err(), "{text}");
        }
    }

    #[test]
    fn broader_scopes_cover_narrower_scopes() {
        let scopes = |list: &[Scope]| Scopes::from(list.to_vec());
        assert!(Scopes::default().allow(Scope::TokensWrite));
        assert!(scopes(&[Scope::ApisRead]).allow(Scope::LinksRead));
        assert!(!scopes(&[Scope::ApisRead]).allow(Scope::LinksWrite));
        assert!(scopes(&[Scope::LinksWrite]).allow(Scope::LinksRead));
        assert!(!scopes(&[Scope::LinksWrite]).allow(Scope::PartnersRead));
        assert!(!scopes(&[Scope::LinksRead]).allow(Scope::LinksWrite));
        assert!(!scopes(&[]).allow(Scope::LinksRead));
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
        }
        assert!("links.delete".parse::<Scope>().is_err());
    }

    #[test]
    fn slugs_have_letters_digits_and_inner_hyphens() {
        for good in ["a", "acme", "acme-2", &"a".repeat(48)] {
            assert!(good.parse::<Slug>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a b", "ä", "a.b", &"a".repeat(49)] {
            assert!(bad.parse::<Slug>().is_err(), "{bad}");
        }
    }
}
