//! The `pearset` binary.

use std::process::ExitCode;

/// The allocator. A request makes some hundred small allocations; the system's allocator spends a tenth of the call on
/// them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    pearset::main()
}
