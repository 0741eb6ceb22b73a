//! API keys and ids.

use pearset::testing::values::clock::{Clock, SystemClock};
use pearset::testing::values::id::{EnrollmentId, Ids, PartnerId};
use pearset::testing::workspaces::ApiKey;
use proptest::prelude::*;

use super::cases;

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_key_with_a_changed_character_is_refused(seed: u64, place in 0..40_usize, other: char) {
        let key = ApiKey::generate(&Ids::seeded(seed));
        prop_assert!(key.expose().parse::<ApiKey>().is_ok_and(|parsed| parsed == key));
        let mut changed: Vec<char> = key.expose().chars().collect();
        prop_assume!(changed[place] != other);
        changed[place] = other;
        let changed: String = changed.into_iter().collect();
        prop_assert!(changed.parse::<ApiKey>().is_err(), "{changed}");
    }

    #[test]
    fn texts_that_are_not_keys_are_refused(text in "\\PC*|pst_[0-9A-Za-z]{36}") {
        prop_assert!(text.parse::<ApiKey>().is_err(), "{text}");
    }

    #[test]
    fn an_id_has_one_spelling(text in "(pn_|pge_|PN_|)[0-9a-hjkmnp-tv-zA-Z]{24,28}|\\PC*") {
        if let Ok(id) = text.parse::<PartnerId>() {
            prop_assert_eq!(id.to_string(), text);
        }
    }

    #[test]
    fn every_id_can_be_read_again(bits: u128, seed: u64) {
        let id = PartnerId::from(uuid::Uuid::from_u128(bits));
        prop_assert_eq!(id.to_string().parse(), Ok(id));
        prop_assert!(id.to_string().parse::<EnrollmentId>().is_err());
        let made: PartnerId = Ids::seeded(seed).next(SystemClock.now());
        prop_assert_eq!(made.to_string().parse(), Ok(made));
    }
}
