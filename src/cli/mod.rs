//! The command line: the server, and what an operator does beside it.

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

use crate::config::Settings;

/// Self-hosted partner-program backend
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    /// The settings.
    #[command(flatten)]
    pub settings: Settings,
    /// What to do; the server when nothing is named.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server (the default)
    Serve,
    /// Bring the database's schema up to date
    Migrate,
    /// Workspaces
    #[command(subcommand)]
    Workspace(WorkspaceCommand),
    /// API keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Programs
    #[command(subcommand)]
    Program(ProgramCommand),
    /// Link domains
    #[command(subcommand)]
    Domain(DomainCommand),
    /// Move in from another system
    #[command(subcommand)]
    Import(ImportCommand),
    /// Keys that sign embed tokens
    #[command(subcommand)]
    SigningKey(SigningKeyCommand),
    /// Print the OpenAPI document
    Openapi,
    /// Ask a running server whether it can work; fails if it cannot
    Healthcheck,
}

/// Parses the command line.
///
/// # Errors
/// The exit code, after help or a complaint was printed. A wrong value is one line.
pub fn parse() -> Result<Cli, ExitCode> {
    let command = Cli::command().mut_args(without_empty_variable);
    let cli = command.try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    cli.map_err(|error| {
        if matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue | ErrorKind::ArgumentConflict) {
            // The complaint, and the possible values on the line after it; not the advice below.
            let text = error.to_string();
            let lines: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
            eprintln!("pearset: {}", lines.join(" ").trim_start_matches("error: "));
        } else {
            let _ = error.print();
        }
        ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
    })
}

/// A variable that is set to nothing, as a file of settings or a compose file does it, counts as not set.
fn without_empty_variable(setting: Arg) -> Arg {
    let empty = setting.get_env().and_then(env::var_os).is_some_and(|value| value.is_empty());
    if empty { setting.env(Resettable::Reset) } else { setting }
}

/// Does what the command line says.
///
/// # Errors
/// In one line, for the operator.
pub fn run(cli: Cli) -> anyhow::Result<()> {
    let settings = cli.settings;
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => crate::serve(&settings, output::write),
        Command::Openapi => output::write(crate::surfaces::api::docs::OPENAPI_YAML),
        Command::Healthcheck => healthcheck::run(settings.listen),
        Command::Key(KeyCommand::Generate) => key::generate_key(),
        Command::Migrate => with_database(&settings, async |_| output::write("The schema is up to date.\n")),
        Command::Workspace(command) => with_database(&settings, async |db| command.run(&db, &settings).await),
        Command::Key(command) => with_database(&settings, async |db| command.run(&db).await),
        Command::Program(command) => with_database(&settings, async |db| command.run(&db, &settings).await),
        Command::Domain(command) => with_database(&settings, async |db| command.run(&db).await),
        Command::Import(command) => {
            with_sessions(&settings, command.sessions(), async |db| command.run(db, &settings).await)
        }
        Command::SigningKey(command) => with_database(&settings, async |db| command.run(&db, &settings).await),
    }
}
