//! The transaction that spans a request.

use std::convert::Infallible;

use axum::extract::{FromRef, FromRequestParts};
use hyper::http::request::Parts;

use crate::db::Db;

/// The transaction that spans a request with an `Idempotency-Key`. The value travels with the request as an extension.
#[derive(Clone)]
pub struct InTransaction(pub Db);

/// Returns the database as a part of the transaction that spans the request, if there is such a transaction.
#[must_use]
pub fn request_db(parts: &Parts) -> Option<Db> {
    parts.extensions.get().map(|InTransaction(db)| db.clone())
}

/// The database for the queries of a handler: the transaction that spans the request if there is one, else the
/// application's database.
pub struct RequestDb(pub Db);

impl<S> FromRequestParts<S> for RequestDb
where
    S: Send + Sync,
    Db: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Self(request_db(parts).unwrap_or_else(|| Db::from_ref(state))))
    }
}
