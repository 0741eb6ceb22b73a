//! Several programs in one workspace.

mod choice;
mod global_references;
mod named;
