//! Link addresses: the host and the text that the key of a link is appended to.

use std::fmt::Write as _;
use std::str::FromStr;

use url::Url;

/// A host name that Pearset serves links on, in lower-case ASCII (IDNA) form, without a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host(String);

impl Host {
    /// Returns the host name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Host {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match url::Host::parse(text) {
            Ok(url::Host::Domain(domain)) if !domain.ends_with('.') && domain.len() <= 253 => Ok(Self(domain)),
            _ => Err("a host is a domain name without scheme, port or path, e.g. go.acme.com"),
        }
    }
}

/// The start of an http(s) URL that a key completes: `https://acme.com?aff=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlPrefix {
    text: String,
    host: String,
}

impl FromStr for UrlPrefix {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "a URL prefix is an http(s) URL that a key completes, e.g. https://acme.com?aff=";
        let url = Url::parse(&format!("{text}key")).map_err(|_| WRONG)?;
        let completed = url.query().unwrap_or(url.path()).ends_with("key") && text.ends_with(['/', '=']);
        let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(WRONG)?;
        if !matches!(url.scheme(), "http" | "https") || !completed || !plain || text.contains(char::is_whitespace) {
            return Err(WRONG);
        }
        Ok(Self { text: text.to_owned(), host: host.to_owned() })
    }
}

/// The address of the links of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkAddress {
    /// A host that Pearset serves. `url_prefix` is `https://<host>/` unless the server is reached otherwise.
    Served {
        /// The host, which only one workspace can have.
        host: Host,
        /// The text that a key is appended to.
        url_prefix: String,
    },
    /// A page of the customer's own.
    Elsewhere(UrlPrefix),
}

impl LinkAddress {
    /// Returns the address of links on a host over https.
    #[must_use]
    pub fn served(host: Host) -> Self {
        let url_prefix = format!("https://{}/", host.0);
        Self::Served { host, url_prefix }
    }

    /// Returns `<label>.localhost` with the scheme and port of the server's own address: links there work in a browser
    /// on the same machine before the program has a real domain.
    #[must_use]
    pub fn local(label: &str, public_url: &Url) -> Self {
        let host = Host(format!("{label}.localhost"));
        let port = public_url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let url_prefix = format!("{}://{}{port}/", public_url.scheme(), host.0);
        Self::Served { host, url_prefix }
    }

    /// Returns the host name.
    #[must_use]
    pub fn host(&self) -> &str {
        match self {
            Self::Served { host, .. } => &host.0,
            Self::Elsewhere(prefix) => &prefix.host,
        }
    }

    /// Returns the text that a key is appended to.
    #[must_use]
    pub fn url_prefix(&self) -> &str {
        match self {
            Self::Served { url_prefix, .. } => url_prefix,
            Self::Elsewhere(prefix) => &prefix.text,
        }
    }
}

/// Returns the full URL of a link. A key has only letters, digits and `_-./`, so that only bytes outside of ASCII need
/// percent-encoding.
#[must_use]
pub fn short_link(url_prefix: &str, key: &str) -> String {
    let mut link = String::with_capacity(url_prefix.len() + key.len());
    link.push_str(url_prefix);
    for byte in key.bytes() {
        if byte.is_ascii() {
            link.push(char::from(byte));
        } else {
            let _ = write!(link, "%{byte:02X}");
        }
    }
    link
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_is_a_lower_case_domain_name_without_port() {
        for (text, host) in
            [("go.acme.com", "go.acme.com"), ("GO.acme.com", "go.acme.com"), ("bücher.de", "xn--bcher-kva.de")]
        {
            assert_eq!(text.parse::<Host>().map(|host| host.0).as_deref(), Ok(host));
        }
        for text in ["", "https://acme.com", "acme.com/x", "acme.com:80", "a b", "127.0.0.1", "acme.com."] {
            assert!(text.parse::<Host>().is_err(), "{text}");
        }
    }

    #[test]
    fn url_prefix_is_an_http_url_that_a_key_completes() {
        for text in ["https://partnero.com?aff=", "http://acme.com/r/", "https://acme.com/x?a=1&aff="] {
            let prefix: UrlPrefix = text.parse().unwrap();
            assert_eq!(prefix.text, text);
        }
        for text in [
            "",
            "acme.com?aff=",
            "ftp://acme.com/",
            "https://acme.com",
            "https://u:p@acme.com/",
            "https://acme.com/#x=",
            "https://acme.com/a b/",
            "javascript:x=",
        ] {
            assert!(text.parse::<UrlPrefix>().is_err(), "{text}");
        }
        assert_eq!("https://partnero.com?aff=".parse::<UrlPrefix>().unwrap().host, "partnero.com");
    }

    #[test]
    fn short_link_percent_encodes_only_non_ascii_bytes() {
        assert_eq!(short_link("https://partnero.com?aff=", "ref_456"), "https://partnero.com?aff=ref_456");
        assert_eq!(short_link("https://go.acme.com/", "c/Jörg"), "https://go.acme.com/c/J%C3%B6rg");
    }
}
