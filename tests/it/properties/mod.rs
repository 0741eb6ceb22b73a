//! Properties of every input, tried on thousands of random inputs: nothing panics, and accepted values keep their
//! promises. A failure prints the smallest input that fails.

mod addresses;
mod credentials;
mod link_keys;
mod requests;

use proptest::prelude::ProptestConfig;

/// Returns the number of cases of each property. `PROPTEST_CASES` asks for more.
fn cases() -> ProptestConfig {
    // No file of past failures: each failure gets its own test.
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(from_environment().unwrap_or(2_000)) }
}

fn from_environment() -> Option<u32> {
    std::env::var("PROPTEST_CASES").ok()?.parse().ok()
}
