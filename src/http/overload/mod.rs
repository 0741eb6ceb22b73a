//! Too much work: the gate behind the rate limits, in front of whatever reads a body or asks the database. What cannot
//! be begun soon is refused at once: a request that waits for long is given up by its client, and the work on it is
//! done for nobody.

mod gate;

pub use gate::{Gate, Limits};
