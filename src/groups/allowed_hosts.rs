//! The hosts that the links of a group's partners may point to.

use serde_json::Value;
use url::Url;

use crate::domains::Host;
use crate::validation::{FromJson, Invalid, Scope, Text, count};

/// The maximum number of hosts of a group.
const MAX_HOSTS: usize = 50;

/// The hosts that links may point to. Each pattern is the name of a host, or `*.` and the name of a host, for every host
/// below that host. Without patterns, every host is allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedHosts(Vec<String>);

impl AllowedHosts {
    /// Returns whether a link may point to this URL.
    #[must_use]
    pub fn allow(&self, url: &str) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let Ok(url) = Url::parse(url) else { return false };
        let host = url.host_str().unwrap_or_default();
        self.0.iter().any(|pattern| match pattern.strip_prefix('*') {
            Some(end) => host.strip_suffix(end).is_some_and(|label| !label.is_empty()),
            None => host == pattern,
        })
    }

    /// Returns the patterns as the database and answers have them.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

impl From<Vec<String>> for AllowedHosts {
    /// Takes patterns from the database.
    fn from(hosts: Vec<String>) -> Self {
        Self(hosts)
    }
}

/// The pattern of an allowed host.
struct Pattern(String);

impl Text for Pattern {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        const WRONG: Invalid = Invalid::format("Must be a host such as shop.acme.com, or *.acme.com for any subdomain");
        let (start, name) = text.strip_prefix("*.").map_or(("", text), |name| ("*.", name));
        let host: Host = name.parse().map_err(|_| WRONG)?;
        if host.as_str().contains('*') || host.as_str().split('.').any(str::is_empty) {
            return Err(WRONG);
        }
        Ok(Self(format!("{start}{}", host.as_str())))
    }
}

impl FromJson for AllowedHosts {
    fn from_json(value: &Value, scope: &mut Scope<'_>) -> Option<Self> {
        if let Some(hosts) = value.as_array() {
            scope.accept(count(hosts, 0..=MAX_HOSTS, "item"))?;
        }
        let mut hosts = Vec::new();
        for Pattern(host) in scope.list(value)? {
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        Some(Self(hosts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_hosts_with_or_without_a_wildcard() {
        for (text, pattern) in [
            ("acme.com", "acme.com"),
            ("Shop.ACME.com", "shop.acme.com"),
            ("*.acme.com", "*.acme.com"),
            ("*.Bücher.de", "*.xn--bcher-kva.de"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(Pattern::from_text(text).map(|pattern| pattern.0).as_deref(), Ok(pattern), "{text}");
        }
        for text in [
            "",
            "*",
            "*.",
            "*acme.com",
            "shop.*.com",
            "*.*.com",
            "https://acme.com",
            "acme.com/x",
            "acme.com:80",
            "a b",
            ".acme.com",
            "127.0.0.1",
        ] {
            assert!(Pattern::from_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_matching_hosts_are_allowed() {
        let allowed = AllowedHosts(vec!["acme.com".to_owned(), "*.acme.org".to_owned()]);
        for url in ["https://acme.com/", "http://acme.com:8080/x?y#z", "https://a.acme.org/", "https://a.b.acme.org/"] {
            assert!(allowed.allow(url), "{url}");
        }
        for url in [
            "https://www.acme.com/",
            "https://acme.org/",
            "https://xacme.com/",
            "https://notacme.org/",
            "https://acme.com.evil.example/",
            "https://evil.example/acme.com",
            "https://evil.example/?acme.com",
            "acme.com",
            "",
        ] {
            assert!(!allowed.allow(url), "{url}");
        }
        assert!(AllowedHosts::default().allow("https://anywhere.example/"));
    }
}
