//! The database cost of requests: round trips and writes.

mod noted;
mod partners;
mod together;
mod trips;
mod writes;
