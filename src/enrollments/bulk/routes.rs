//! `POST /partners/bulk`.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use std::pin::pin;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Batch;
use crate::access::{Caller, WritePartners};
use crate::enrollments::CreatePartnerRequest;
use crate::enrollments::response::EnrolledPartner;
use crate::enrollments::routes::{ProgramQuery, create};
use crate::error::{Code, Error, Result};
use crate::http::extract::{Items, Query};
use crate::http::response::{ErrorObject, ErrorsWithin, Found};
use crate::http::time_limit::TimeLimit;
use crate::surfaces::state::App;

/// Items of one request that are worked on at the same time: a part of the sessions to the database, so that single
/// calls find others.
pub(crate) const PLACES: usize = 4;

/// `POST /partners/bulk`: does with each item what `POST /partners` does with its body.
pub async fn bulk_create_partners(
    App(app): App,
    caller: Caller<WritePartners>,
    Query(query): Query<ProgramQuery>,
    limit: TimeLimit,
    Items(items): Items<CreatePartnerRequest>,
) -> Result<impl IntoResponse> {
    let scope = caller.program(query.program).await?;
    let mut outcomes: Vec<Option<Result<EnrolledPartner>>> = Vec::with_capacity(items.len());
    let mut requests = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        match item {
            Ok(request) => {
                requests.push((index, request));
                outcomes.push(None);
            }
            Err(refused) => outcomes.push(Some(Err(refused))),
        }
    }
    let work = |request: CreatePartnerRequest| {
        let (app, caller) = (app.clone(), caller.clone());
        async move {
            let scope = match request.program {
                Some(named) => caller.program(Some(named)).await?,
                None => scope,
            };
            create(&app, scope, caller.api_key_id, request.partner).await
        }
    };
    let mut batch = Batch::new(requests, PLACES, work);
    let mut end = pin!(limit.nearly_over());
    loop {
        tokio::select! {
            done = batch.next() => match done {
                Some((index, outcome)) => outcomes[index] = Some(outcome),
                None => break,
            },
            () = &mut end => break,
        }
    }
    let not_done = || Err(Error::unavailable("the time was over before the item was done"));
    let outcomes = outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(not_done)).collect();
    Ok(Outcomes { outcomes, docs_url: app.config.docs_url.clone() })
}

/// What became of each item, in their order.
struct Outcomes {
    outcomes: Vec<Result<EnrolledPartner>>,
    docs_url: String,
}

/// As the single call would answer it.
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

/// The first error of each kind that is a matter for the log.
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
