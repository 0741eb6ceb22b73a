//! `POST /partners/bulk`.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use axum::extract::State;
use axum::response::IntoResponse;

use super::response::Outcomes;
use super::service::create_partners;
use crate::access::{Caller, WritePartners};
use crate::enrollments::Enroller;
use crate::enrollments::request::CreatePartnerRequest;
use crate::error::Result;
use crate::http::extract::{Items, PublicUrl, Query};
use crate::http::time_limit::TimeLimit;
use crate::programs::ProgramQuery;

/// `POST /partners/bulk`: does with each item what `POST /partners` does with its body.
pub async fn bulk_create_partners(
    enroller: Enroller,
    caller: Caller<WritePartners>,
    State(public_url): State<PublicUrl>,
    Query(query): Query<ProgramQuery>,
    limit: TimeLimit,
    Items(items): Items<CreatePartnerRequest>,
) -> Result<impl IntoResponse> {
    let scope = caller.program(query.program).await?;
    let outcomes = create_partners(&enroller, &caller, scope, items, limit).await;
    Ok(Outcomes { outcomes, docs_url: public_url.docs() })
}
