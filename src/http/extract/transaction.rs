//! The transaction that spans a request.

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
