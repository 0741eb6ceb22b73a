//! The progress of an import, on a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::outcome::Counts;

/// A progress bar on standard error, drawn only on a terminal.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// Creates the bar for a file of `size` bytes.
    pub(super) fn new(size: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(size), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{wide_bar} {percent:>3} %  {msg}  {elapsed} (about {eta} left)");
        Self(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }

    pub(super) fn reached(&self, bytes: u64, counts: Counts) {
        let Counts { rows, created, found, refused } = counts;
        self.0.set_position(bytes);
        self.0.set_message(format!("{rows} rows: {created} created, {found} found, {refused} refused"));
    }

    /// Prints a line on standard error.
    pub(super) fn print(&self, line: &str) {
        self.0.suspend(|| eprintln!("{line}"));
    }

    pub(super) fn end(&self) {
        self.0.finish_and_clear();
    }
}
