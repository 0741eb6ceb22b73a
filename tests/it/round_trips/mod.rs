//! What a request costs at the database: how often it asks, and what it writes.

mod noted;
mod partners;
mod together;
mod trips;
mod writes;
