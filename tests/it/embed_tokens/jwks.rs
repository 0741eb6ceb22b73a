//! `GET /.well-known/jwks.json`.
