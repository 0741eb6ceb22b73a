//! The command line: the server, and the commands for operators.

mod address;
mod database;
mod domain;
mod healthcheck;
mod import;
mod key;
pub(crate) mod output;
mod program;
mod signing_key;
mod workspace;

use std::env;
use std::process::ExitCode;

use clap::builder::Resettable;
use clap::error::ErrorKind;
use clap::{Arg, CommandFactory, FromArgMatches, Parser, Subcommand};

use self::database::{with_database, with_sessions};
pub use domain::DomainCommand;
pub use import::ImportCommand;
pub use key::KeyCommand;
pub use program::ProgramCommand;
pub use signing_key::SigningKeyCommand;
pub use workspace::WorkspaceCommand;

use crate::app;
use crate::config::Settings;
use crate::telemetry;

/// Self-hosted partner-program backend
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    /// Settings.
    #[command(flatten)]
    pub settings: Settings,
    /// The command; without a command, the server runs.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server (the default)
    Serve,
    /// Bring the schema of the database up to date
    Migrate,
    /// Create, change and list workspaces
    #[command(subcommand)]
    Workspace(WorkspaceCommand),
    /// Create, list and revoke API keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Create, change and list programs
    #[command(subcommand)]
    Program(ProgramCommand),
    /// Add and list the domains of links
    #[command(subcommand)]
    Domain(DomainCommand),
    /// Import data from another system
    #[command(subcommand)]
    Import(ImportCommand),
    /// Rotate, retire and list the keys that sign embed tokens
    #[command(subcommand)]
    SigningKey(SigningKeyCommand),
    /// Print the OpenAPI document
    Openapi,
    /// Check whether a running server is ready; fails if not
    Healthcheck,
}

/// Runs the program: parses the command line, starts telemetry, and runs the command.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let telemetry = cli.settings.telemetry().and_then(|settings| telemetry::start(&settings));
    match telemetry.and_then(|_running| run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pearset: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Parses the command line.
///
/// # Errors
/// The exit code, after the help or an error message was printed. The message about a wrong value is one line.
fn parse() -> Result<Cli, ExitCode> {
    let command = Cli::command().mut_args(without_empty_variable);
    let cli = command.try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    cli.map_err(|error| {
        if matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue | ErrorKind::ArgumentConflict) {
            // The first lines are the message and the possible values. The advice below them is left out.
            let text = error.to_string();
            let lines: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
            eprintln!("pearset: {}", lines.join(" ").trim_start_matches("error: "));
        } else {
            let _ = error.print();
        }
        ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
    })
}

/// Ignores an environment variable with an empty value: settings files and compose files set variables to nothing.
fn without_empty_variable(setting: Arg) -> Arg {
    let empty = setting.get_env().and_then(env::var_os).is_some_and(|value| value.is_empty());
    if empty { setting.env(Resettable::Reset) } else { setting }
}

/// Runs a command.
///
/// # Errors
/// The error for the operator, in one line.
fn run(cli: Cli) -> anyhow::Result<()> {
    let settings = cli.settings;
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => app::serve(&settings, output::write),
        Command::Openapi => output::write(crate::surfaces::api::docs::OPENAPI_YAML),
        Command::Healthcheck => healthcheck::run(settings.listen),
        Command::Key(KeyCommand::Generate) => key::generate_key(),
        Command::Migrate => with_database(&settings, async |_| output::write("The schema is up to date.\n")),
        Command::Workspace(command) => {
            with_database(&settings, async |executor| command.run(&executor, &settings).await)
        }
        Command::Key(command) => with_database(&settings, async |executor| command.run(&executor).await),
        Command::Program(command) => with_database(&settings, async |executor| command.run(&executor, &settings).await),
        Command::Domain(command) => with_database(&settings, async |executor| command.run(&executor).await),
        Command::Import(command) => with_sessions(&settings, command.sessions(), async |executor| {
            command.run(executor.db().clone(), &settings).await
        }),
        Command::SigningKey(command) => {
            with_database(&settings, async |executor| command.run(&executor, &settings).await)
        }
    }
}
