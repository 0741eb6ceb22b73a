//! What an operator does.

mod effects;
mod every_command;
mod program;
mod refusals;
mod settings;
