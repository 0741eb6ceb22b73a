//! Several programs in one workspace.

mod choice;
mod named;
