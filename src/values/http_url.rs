//! The rule for URLs in requests.

use url::Url;

use crate::validation::{Invalid, Text, length};

/// An `http` or `https` URL without user info, in serialized form (`apple.com` becomes `https://apple.com/`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpUrl(String);

const MAX_LENGTH: usize = 32_000;

impl HttpUrl {
    /// Returns the serialized form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Text for HttpUrl {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        const WRONG: Invalid = Invalid::format("Invalid URL: must be an http or https address without user info");
        length(text, 1, MAX_LENGTH)?;
        // The parser would silently remove tabs, line ends and outer blanks, which belong to no URL.
        if text.contains(char::is_whitespace) {
            return Err(WRONG);
        }
        // A later "://" belongs to the path or the query.
        let has_scheme = text.split_once("://").is_some_and(|(scheme, _)| !scheme.contains(['/', '?', '#']));
        // One parse yields both the verdict and the serialized form; `ValidateUrl` would parse the text twice.
        let url = if has_scheme {
            Url::parse(text)
        } else if text.starts_with(|c: char| c.is_alphanumeric()) {
            Url::parse(&format!("https://{text}"))
        } else {
            return Err(WRONG);
        };
        let url = url.map_err(|_| WRONG)?;
        // A text without a scheme must start with something like a host: "mailto:/a" would have the host "mailto".
        if !has_scheme && !url.host_str().is_some_and(|host| host.contains('.')) {
            return Err(WRONG);
        }
        let has_no_user_info = url.username().is_empty() && url.password().is_none();
        if !matches!(url.scheme(), "http" | "https") || !has_no_user_info {
            return Err(WRONG);
        }
        Ok(Self(url.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_accepted_and_serialised() {
        for (text, url) in [
            ("https://example.com", "https://example.com/"),
            ("http://Example.com:80/a b".split(' ').next().unwrap(), "http://example.com/a"),
            ("apple.com", "https://apple.com/"),
            ("apple.com/store?x=1#y", "https://apple.com/store?x=1#y"),
            ("apple.com?next=http://a.b", "https://apple.com/?next=http://a.b"),
            ("https://münchen.de/ä", "https://xn--mnchen-3ya.de/%C3%A4"),
            ("http://localhost:3000/cb", "http://localhost:3000/cb"),
            ("https://127.0.0.1/x", "https://127.0.0.1/x"),
        ] {
            assert_eq!(HttpUrl::from_text(text).as_ref().map(HttpUrl::as_str), Ok(url), "{text}");
        }
    }

    #[test]
    fn other_texts_are_rejected() {
        for text in [
            "",
            " ",
            "foo",
            "javascript:alert(1)",
            "javascript://x.y/%0aalert(1)",
            "data:text/html,a.b",
            "mailto:a@b.c",
            "ftp://example.com/",
            "https://",
            "https://user@example.com/",
            "https://user:pass@example.com/",
            "user:pass@example.com",
            "//example.com",
            "/a.b",
            "https://exa mple.com/",
            "https://example.com/\t",
            "http://a b.c",
            "https://example.com:99999/",
            "file:///etc/passwd",
            "intent://x.y#Intent;end",
            "foo/a.b",
            "https:/example.com/",
            "https:\\\\example.com",
            "javascript:/x.y",
        ] {
            assert!(HttpUrl::from_text(text).is_err(), "{text}");
        }
        assert!(HttpUrl::from_text(&format!("https://example.com/{}", "a".repeat(32_000))).is_err());
    }
}
