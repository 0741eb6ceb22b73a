//! `GET /partners/{id}`.
