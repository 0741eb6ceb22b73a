//! The command line of operators.

mod effects;
mod every_command;
mod import;
mod program;
mod refusals;
mod settings;
