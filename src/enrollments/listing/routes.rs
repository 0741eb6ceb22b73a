//! `GET /partners` and `GET /partners/count`.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use super::request::{CountPartnersQuery, ListPartnersQuery};
use super::service::{CountPartners, ListPartners};
use crate::access::{Caller, ReadPartners};
use crate::error::Result;
use crate::http::extract::Query;
use crate::http::response::Found;
use crate::work::Executor;

/// `GET /partners`.
pub async fn list_partners(
    executor: Executor,
    caller: Caller<ReadPartners>,
    Query(ListPartnersQuery { program, filter, sort, page }): Query<ListPartnersQuery>,
) -> Result<Found<impl serde::Serialize>> {
    let scope = caller.program(program).await?;
    executor.read(scope.workspace_id, ListPartners { scope, filter, sort, page }).await.map(Found)
}

/// `GET /partners/count`.
pub async fn count_partners(
    executor: Executor,
    caller: Caller<ReadPartners>,
    Query(CountPartnersQuery { program, filter }): Query<CountPartnersQuery>,
) -> Result<Found<i64>> {
    let scope = caller.program(program).await?;
    executor.read(scope.workspace_id, CountPartners { scope, filter }).await.map(Found)
}
