//! What a request costs at the database: how often it asks, and what it writes.

mod partners;
mod proxy;
mod trips;
mod writes;
