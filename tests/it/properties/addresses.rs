//! E-mail addresses, URLs, times and countries.

use std::sync::LazyLock;

use fancy_regex::Regex;
use pearset::testing::domains::{Host, LinkAddress, UrlPrefix, short_link};
use pearset::testing::partners::{Country, Email};
use pearset::testing::validation::Text;
use pearset::testing::values::clock::Timestamp;
use pearset::testing::values::http_url::HttpUrl;
use proptest::prelude::*;
use url::Url;

use super::cases;

/// The pattern of openapi.yaml, verbatim, in an engine with look-aheads.
static DOCUMENT: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"^(?!\.)(?!.*\.\.)([A-Za-z0-9_'+\-\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,}\z";
    Regex::new(pattern).unwrap()
});

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn accepted_emails_match_the_documented_pattern(text in "[aA0._'+@\\-]{1,12}(@[aA0.\\-]{1,8}\\.[a-z0.]{0,4})?|\\PC{0,20}") {
        let accepted = Email::from_text(&text);
        prop_assert_eq!(accepted.is_ok(), DOCUMENT.is_match(&text).unwrap(), "{}", text);
        if let Ok(email) = accepted {
            prop_assert_eq!(email.display(), text.as_str());
            let again = Email::from_text(email.normalized()).unwrap();
            prop_assert_eq!(again.normalized(), email.normalized());
        }
    }

    #[test]
    fn an_accepted_url_is_plain_http(
        text in "(https?://|HTTP:|javascript:|data:|//|ftp://|)[a-z0-9.@:\\[\\]/?#%\\\\\t\u{e4}\u{3002} -]{0,30}|\\PC{0,30}"
    ) {
        if let Ok(accepted) = HttpUrl::from_text(&text) {
            let url = Url::parse(accepted.as_str()).unwrap();
            prop_assert!(matches!(url.scheme(), "http" | "https"), "{text}");
            prop_assert!(url.host_str().is_some_and(|host| !host.is_empty()), "{text}");
            prop_assert!(url.username().is_empty() && url.password().is_none(), "{text}");
            prop_assert!(accepted.as_str().is_ascii() && !accepted.as_str().contains(char::is_whitespace), "{text}");
            // Reading a stored value again gives the same value.
            prop_assert_eq!(HttpUrl::from_text(accepted.as_str()), Ok(accepted));
        }
    }

    #[test]
    fn a_link_address_and_a_key_make_a_url(
        text in "https?://[a-z0-9.]{1,12}(:8080)?[/?a-z=&]{0,10}[/=]|\\PC{0,20}", key in "[a-zA-Z0-9\u{e4}_.-]{1,10}"
    ) {
        if let Ok(prefix) = text.parse::<UrlPrefix>() {
            let address = LinkAddress::Elsewhere(prefix);
            let link = short_link(address.url_prefix(), &key);
            prop_assert!(Url::parse(&link).is_ok_and(|url| url.host_str() == Some(address.host())), "{link}");
        }
    }

    #[test]
    fn an_accepted_host_is_a_host(text in "[a-z0-9.-]{1,20}|\\PC{0,20}") {
        if let Ok(host) = text.parse::<Host>() {
            let url = Url::parse(&format!("https://{}/", host.as_str())).unwrap();
            prop_assert_eq!(url.host_str(), Some(host.as_str()));
        }
    }

    #[test]
    fn a_time_keeps_its_millisecond(
        text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9](\\.[0-9]{1,9})?(Z|[+-][01][0-9]:[0-5][0-9])|\\PC{0,30}"
    ) {
        if let Ok(time) = Timestamp::from_text(&text) {
            prop_assert_eq!(Timestamp::from_text(&time.to_string()), Ok(time));
        }
    }

    #[test]
    fn an_accepted_country_is_two_capital_letters(text in "[A-Za-z]{2}|\\PC{0,4}") {
        if let Ok(country) = Country::from_text(&text) {
            prop_assert_eq!(country.as_str(), text.as_str());
            prop_assert!(text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase()));
        }
    }
}
