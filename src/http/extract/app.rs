//! What every handler can reach.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use hyper::http::request::Parts;

use crate::db::Db;
use crate::state::AppState;

/// The application. Where a transaction spans the request, the database is that transaction.
pub struct App(pub AppState);

/// The transaction that spans a request. It travels with the request.
#[derive(Clone)]
pub(in crate::http) struct InTransaction(pub(in crate::http) Db);

impl FromRequestParts<AppState> for App {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Infallible> {
        Ok(Self(match parts.extensions.get() {
            Some(InTransaction(db)) => app.within(db.clone()),
            None => app.clone(),
        }))
    }
}
