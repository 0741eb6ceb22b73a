//! Keys of links, those that are named and those that are derived.

use pearset::testing::domains::short_link;
use pearset::testing::links::{KeyBase, KeyPrefix, LinkKey, Names, check_username};
use pearset::testing::validation::Text;
use pearset::testing::values::id::Ids;
use proptest::option;
use proptest::prelude::*;
use url::Url;

use super::cases;

const FORBIDDEN: &str = "@+&'%?# \t\n\0";

fn is_key(text: &str) -> Result<(), TestCaseError> {
    prop_assert!((1..=190).contains(&text.chars().count()), "{text}");
    prop_assert!(!text.contains(|c| FORBIDDEN.contains(c)) && !text.starts_with('_'), "{text}");
    let url = Url::parse(&short_link("https://go.acme.com/", text)).unwrap();
    // No character of the key ends the path, and no segment leaves the path.
    prop_assert!(url.query().is_none() && url.fragment().is_none(), "{text}");
    prop_assert_eq!(url.path().split('/').count(), text.split('/').count() + 1, "{}", text);
    prop_assert!(!url.path().to_lowercase().starts_with("/.well-known"), "{text}");
    Ok(())
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn an_accepted_key_is_a_url_path(text in "[a-zA-Z0-9\u{e4}\u{df}_./-]{1,20}|\\PC{0,20}|\\.[wW]ell-known(/x)?") {
        if let Ok(key) = LinkKey::from_text(&text) {
            is_key(key.as_str())?;
            // Reading a key again changes nothing, and case is ignored.
            prop_assert_eq!(LinkKey::from_text(key.as_str()), Ok(key.clone()));
            if let Ok(upper) = LinkKey::from_text(&key.as_str().to_uppercase()) {
                prop_assert_eq!(upper.folded(), key.folded());
            }
        }
    }

    #[test]
    fn every_person_gets_a_key(
        name in option::of("\\PC{0,100}|[A-Za-z\u{e4} &'-]{0,100}"), username in option::of("\\PC{1,100}|[a-z/._-]{1,100}"),
        local_part in "[a-z0-9_'+.-]{0,30}[a-z]", prefix in option::of("\\PC{0,50}|/?[a-z/]{0,20}/?"),
        several: bool, attempt in 0..20_u32, seed: u64,
    ) {
        let ids = Ids::seeded(seed);
        let prefix = prefix.and_then(|prefix| KeyPrefix::from_text(&prefix).ok());
        let username = username.filter(|username| check_username(username).is_ok());
        let email = format!("{local_part}@example.com");
        let names = Names { username: username.as_deref(), name: name.as_deref(), email: &email };
        let key = KeyBase::derive(&names, prefix.as_ref(), &ids).key(several, attempt, &ids);
        is_key(key.map_err(|invalid| TestCaseError::fail(invalid.message.into_owned()))?.as_str())?;
    }
}
