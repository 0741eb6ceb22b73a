//! Properties of a link that are more than one value: A/B tests and destinations by country.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::partners::Country;
use crate::validation::{Fields, FromFields, FromJson, Invalid, ProblemCode, Scope, Text, read_object};
use crate::values::http_url::HttpUrl;

/// One address of an A/B test and its share of the visitors.
#[derive(Debug, Clone, PartialEq)]
struct TestVariant {
    /// Where it leads.
    url: String,
    /// 10–90 per cent.
    percentage: f64,
}

impl FromFields for TestVariant {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let url = fields.required::<HttpUrl>("url");
        let percentage = fields.required::<Percentage>("percentage");
        Some(Self { url: url?.as_str().to_owned(), percentage: percentage?.0 })
    }
}

struct Percentage(f64);

impl FromJson for Percentage {
    fn from_json(value: &Value, scope: &mut Scope<'_>) -> Option<Self> {
        let percentage = f64::from_json(value, scope)?;
        if percentage < 10.0 {
            scope.fail(Invalid::new(ProblemCode::TooSmall, "Must be at least 10"));
        } else if percentage > 90.0 {
            scope.fail(Invalid::new(ProblemCode::TooBig, "Must be at most 90"));
        } else {
            return Some(Self(percentage));
        }
        None
    }
}

impl FromJson for TestVariant {
    fn from_json(value: &Value, scope: &mut Scope<'_>) -> Option<Self> {
        read_object(value, scope)
    }
}

/// 2–4 variants that share all visitors among them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TestVariants(Vec<TestVariant>);

impl TestVariants {
    /// As they are stored and shown.
    pub(crate) fn to_json(&self) -> Value {
        self.0.iter().map(|variant| json!({"url": variant.url, "percentage": variant.percentage})).collect()
    }
}

impl FromJson for TestVariants {
    fn from_json(value: &Value, scope: &mut Scope<'_>) -> Option<Self> {
        let count = value.as_array().map(Vec::len);
        if count.is_some_and(|count| count < 2) {
            scope.fail(Invalid::new(ProblemCode::TooSmall, "Must have at least 2 items"));
        } else if count.is_some_and(|count| count > 4) {
            scope.fail(Invalid::new(ProblemCode::TooBig, "Must have at most 4 items"));
        }
        let variants: Vec<TestVariant> = scope.list(value)?;
        if (2..=4).contains(&variants.len())
            && (variants.iter().map(|variant| variant.percentage).sum::<f64>() - 100.0).abs() > 1e-6
        {
            scope.fail(Invalid::new(ProblemCode::Custom, "The percentages must add up to 100"));
        }
        // Whoever noted a problem has refused the request; the value does not matter then.
        Some(Self(variants))
    }
}

/// Where visitors of some countries are led instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Geo(BTreeMap<String, String>);

impl Geo {
    /// As they are stored and shown.
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
        let mut destinations = BTreeMap::new();
        for (country, url) in members {
            // The problem is with the name, which is the request's own: it stands at the object.
            if let Err(invalid) = Country::from_text(country) {
                scope.fail(invalid);
            } else if let Some(url) = HttpUrl::from_json(url, &mut scope.child(format_args!(".{country}"))) {
                destinations.insert(country.clone(), url.as_str().to_owned());
            }
        }
        // Whoever noted a problem has refused the request; the value does not matter then.
        Some(Self(destinations))
    }
}
