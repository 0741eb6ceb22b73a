//! Error bodies of the Partnero dialect: the Pearset error and the members that Partnero's clients read.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::error::{Code, Error};
use crate::http::response;

#[derive(Serialize)]
pub(in crate::surfaces) struct ErrorBody<'a> {
    #[serde(flatten)]
    pearset: response::ErrorBody<'a>,
    message: &'a str,
    /// Present only in a 422.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<BTreeMap<&'a str, Vec<&'a str>>>,
    status: u8,
}

impl<'a> ErrorBody<'a> {
    pub(in crate::surfaces) fn new(error: &'a Error, docs_url: &str) -> Self {
        Self {
            pearset: response::ErrorBody::new(error, docs_url),
            message: error.message(),
            errors: (error.code() == Code::UnprocessableEntity).then(|| by_field(error)),
            status: 0,
        }
    }
}

/// Groups the messages of the problems by field: `{"<field>": ["…"]}`.
fn by_field(error: &Error) -> BTreeMap<&str, Vec<&str>> {
    let mut fields: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for problem in error.problems() {
        fields.entry(&problem.path).or_default().push(&problem.message);
    }
    fields
}
