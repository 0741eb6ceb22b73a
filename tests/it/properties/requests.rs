//! Random JSON as requests: a request is read, or refused with the place of each problem and without any value.

use pearset::testing::enrollments::PartnerRequest;
use pearset::testing::validation::read_request;
use proptest::collection::{hash_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::cases;

/// Never part of a rule's text.
const CANARY: &str = "xyzzy-canary";

const FIELDS: [&str; 24] = [
    "email",
    "name",
    "username",
    "image",
    "tenantId",
    "groupId",
    "country",
    "description",
    "metadata",
    "linkProps",
    "externalId",
    "prefix",
    "archived",
    "tagIds",
    "tagNames",
    "comments",
    "expiresAt",
    "expiredUrl",
    "password",
    "testVariants",
    "url",
    "percentage",
    "video",
    "other",
];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        "\\PC{0,10}".prop_map(Value::from),
        "[\0-\x1f]{1,3}".prop_map(Value::from),
        Just(json!("a@example.com")),
        "\\PC{0,5}".prop_map(|text| json!(format!("{CANARY}{text}"))),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            hash_map(select(&FIELDS[..]).prop_map(str::to_owned), inner, 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_refusal_names_the_place_and_not_the_value(body in any_json()) {
        if let Err(error) = read_request::<PartnerRequest>(&body) {
            prop_assert_eq!(error.code().status(), 422);
            prop_assert!(!error.problems().is_empty() && error.problems().len() <= 100);
            let text = format!("{} {:?}", error.message(), error.problems());
            prop_assert!(!text.contains(CANARY), "{text}");
        }
    }
}
