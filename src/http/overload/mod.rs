//! Overload protection: the gate behind the rate limits, in front of everything that reads a body or uses the database.
//! Requests that cannot start soon are rejected immediately: the client of a request that waits for long gives up, and
//! the work on the request is wasted.

mod gate;
mod limits;
mod state;

pub use gate::Gate;
pub use limits::Limits;
