//! The `pearset` binary.

use std::process::ExitCode;

/// The allocator. A request makes some hundred small allocations; the system's allocator spends a tenth of the call on
/// them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match pearset::cli::parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let telemetry = cli.settings.telemetry().and_then(|settings| pearset::telemetry::start(&settings));
    let outcome = telemetry.and_then(|_running| pearset::cli::run(cli));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pearset: {error:#}");
            ExitCode::FAILURE
        }
    }
}
