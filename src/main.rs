//! The `pearset` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match pearset::cli::parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let outcome = pearset::telemetry::start(&cli.settings).and_then(|()| pearset::cli::run(cli));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pearset: {error:#}");
            ExitCode::FAILURE
        }
    }
}
