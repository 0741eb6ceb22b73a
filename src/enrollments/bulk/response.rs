//! The answer of `POST /partners/bulk`.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::enrollments::response::EnrolledPartner;
use crate::error::{Code, Error, Result};
use crate::http::response::{ErrorObject, ErrorsWithin, Found};

/// The outcomes of the items, in the order of the items.
pub(super) struct Outcomes {
    pub(super) outcomes: Vec<Result<EnrolledPartner>>,
    pub(super) docs_url: String,
}

/// The outcome of an item, as `POST /partners` would answer.
#[derive(Serialize)]
struct Item<'a> {
    index: usize,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    partner: Option<&'a EnrolledPartner>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorObject<'a>>,
}

impl<'a> Item<'a> {
    fn new(index: usize, outcome: &'a Result<EnrolledPartner>, docs_url: &str) -> Self {
        match outcome {
            Ok(partner) => Self { index, status: 201, partner: Some(partner), error: None },
            Err(error) => {
                let status = error.code().status();
                Self { index, status, partner: None, error: Some(ErrorObject::new(error, docs_url)) }
            }
        }
    }
}

impl IntoResponse for Outcomes {
    fn into_response(self) -> Response {
        let items: Vec<Item<'_>> = self
            .outcomes
            .iter()
            .enumerate()
            .map(|(index, outcome)| Item::new(index, outcome, &self.docs_url))
            .collect();
        let mut response = Found(items).into_response();
        response.extensions_mut().insert(ErrorsWithin(faults(self.outcomes)));
        response
    }
}

/// Returns the first error of each kind that the log reports.
fn faults(outcomes: Vec<Result<EnrolledPartner>>) -> Vec<Arc<Error>> {
    let mut faults: Vec<Arc<Error>> = Vec::new();
    for error in outcomes.into_iter().filter_map(Result::err) {
        let code = error.code();
        let is_fault = matches!(code, Code::InternalServerError | Code::ServiceUnavailable);
        if is_fault && !faults.iter().any(|known| known.code() == code) {
            faults.push(Arc::new(error));
        }
    }
    faults
}
