//! What an operator does.

mod effects;
mod every_command;
mod import;
mod program;
mod refusals;
mod settings;
