//! The JSON body of an error: `{"error": {…}}`.

use serde::Serialize;

use crate::error::Error;
use crate::validation::Problem;

/// The body of an error.
#[derive(Serialize)]
pub struct ErrorBody<'a> {
    error: ErrorObject<'a>,
}

/// An error as an answer shows it.
#[derive(Serialize)]
pub struct ErrorObject<'a> {
    code: &'static str,
    message: &'a str,
    doc_url: String,
    #[serde(skip_serializing_if = "<[Problem]>::is_empty")]
    errors: &'a [Problem],
}

impl<'a> ErrorBody<'a> {
    /// Creates the body. `docs_url` is the base of the page that explains errors.
    #[must_use]
    pub fn new(error: &'a Error, docs_url: &str) -> Self {
        Self { error: ErrorObject::new(error, docs_url) }
    }
}

impl<'a> ErrorObject<'a> {
    /// Creates the object, with the URL of the section that explains the error's code.
    #[must_use]
    pub fn new(error: &'a Error, docs_url: &str) -> Self {
        let code = error.code().as_str();
        let anchor = code.replacen('_', "-", 1);
        Self {
            code,
            message: error.message(),
            doc_url: format!("{docs_url}/api-reference/errors#{anchor}"),
            errors: error.problems(),
        }
    }
}
