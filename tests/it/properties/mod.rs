//! What holds for every input, tried on thousands of random ones: nothing panics, and what is accepted is what it
//! says it is. A failure prints the smallest input that it was found with.

mod addresses;
mod credentials;
mod link_keys;
mod requests;

use proptest::prelude::ProptestConfig;

/// Cases of each property. `PROPTEST_CASES` asks for more.
fn cases() -> ProptestConfig {
    // No file of past failures: what was found gets a test of its own.
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(from_environment().unwrap_or(2_000)) }
}

fn from_environment() -> Option<u32> {
    std::env::var("PROPTEST_CASES").ok()?.parse().ok()
}
