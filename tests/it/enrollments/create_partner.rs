//! `POST /partners`.
