//! Settings of a link that hold more than one value: A/B tests and targets by country.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use validator::{Validate, ValidationError};

use crate::partners::Country;
use crate::validation::{
    Field, Fields, FromFields, FromJson, ProblemCode, Rules, Scope, Text, broken_rule, count, read_object,
};
use crate::values::http_url::HttpUrl;

/// A target of an A/B test and its share of the visits.
#[derive(Debug, Clone, PartialEq)]
struct TestVariant {
    url: String,
    /// Per cent.
    percentage: f64,
}

/// The fields of a test variant.
#[derive(Validate)]
struct TestVariantFields {
    url: Option<HttpUrl>,
    #[validate(range(min = 10.0, max = 90.0))]
    percentage: Option<f64>,
}

impl Rules for TestVariantFields {
    const FIELDS: &'static [Field] = &[Field::new("url"), Field::new("percentage")];
}

impl FromFields for TestVariant {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let read = TestVariantFields { url: fields.required("url"), percentage: fields.required("percentage") };
        fields.check(&read)?;
        Some(Self { url: read.url?.as_str().to_owned(), percentage: read.percentage? })
    }
}

impl FromJson for TestVariant {
    fn from_json(value: &Value, scope: &mut Scope<'_>) -> Option<Self> {
        read_object(value, scope)
    }
}

/// The 2–4 variants of an A/B test, which share all visitors.
#[derive(Debug, Clone, PartialEq, Validate)]
#[validate(schema(function = shares_all_visitors))]
pub(crate) struct TestVariants {
    variants: Vec<TestVariant>,
}

impl Rules for TestVariants {
    const FIELDS: &'static [Field] = &[];
}

fn shares_all_visitors(test: &TestVariants) -> Result<(), ValidationError> {
    let total: f64 = test.variants.iter().map(|variant| variant.percentage).sum();
    if (total - 100.0).abs() > 1e-6 {
        return Err(broken_rule(ProblemCode::Custom, "", &[], "The percentages must add up to 100"));
    }
    Ok(())
}

impl TestVariants {
    /// Returns the stored and public form.
    pub(crate) fn to_json(&self) -> Value {
        self.variants.iter().map(|variant| json!({"url": variant.url, "percentage": variant.percentage})).collect()
    }
}

impl FromJson for TestVariants {
    fn from_json(value: &Value, scope: &mut Scope<'_>) -> Option<Self> {
        let counted = value.as_array().map(|variants| scope.accept(count(variants, 2..=4, "item")));
        let test = Self { variants: scope.list(value)? };
        // With a wrong number of variants, the sum of the percentages is not reported.
        counted??;
        scope.check(&test)?;
        Some(test)
    }
}

/// Targets for the visitors of some countries, in place of the link's URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Geo(BTreeMap<String, String>);

impl Geo {
    /// Returns the stored and public form.
    pub(crate) fn to_json(&self) -> Value {
        json!(self.0)
    }
}

impl FromJson for Geo {
    fn from_json(value: &Value, scope: &mut Scope<'_>) -> Option<Self> {
        let Value::Object(members) = value else {
            scope.wrong_type("an object");
            return None;
        };
        let mut targets = BTreeMap::new();
        for (country, url) in members {
            // A wrong name is a problem of the object, because the client chose the name.
            if let Err(invalid) = Country::from_text(country) {
                scope.fail(invalid);
            } else if let Some(url) = HttpUrl::from_json(url, &mut scope.child(format_args!(".{country}"))) {
                targets.insert(country.clone(), url.as_str().to_owned());
            }
        }
        // A noted problem rejects the whole request, whatever this function returns.
        Some(Self(targets))
    }
}
