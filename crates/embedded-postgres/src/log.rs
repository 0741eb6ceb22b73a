//! The log of the PostgreSQL server: one bounded file, and its end for error messages.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::layout::Layout;
use super::private;

/// In bytes. A longer log begins anew at the next start.
const LONGEST: u64 = 10 * 1024 * 1024;
/// In lines: PostgreSQL says why it ends in its last few.
const TAIL_LINES: usize = 20;

/// The log file, and where in it the present start begins.
pub(super) struct Log {
    pub(super) path: PathBuf,
    pub(super) file: File,
    start: u64,
}

impl Log {
    pub(super) fn open(layout: &Layout) -> Result<Self> {
        let path = layout.root().join("postgres.log");
        let file = private::open(&path, layout.owner()).with_context(|| format!("cannot open {}", path.display()))?;
        let mut start = file.metadata()?.len();
        if start > LONGEST {
            file.set_len(0)?;
            start = 0;
        }
        Ok(Self { path, file, start })
    }

    /// The last lines that were written since the file was opened.
    pub(super) fn tail(&self) -> String {
        let mut text = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.start))?;
            file.read_to_end(&mut text)
        });
        match read {
            Ok(_) => last_lines(&String::from_utf8_lossy(&text)),
            Err(error) => format!("(cannot be read: {error})"),
        }
    }
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_last_twenty_lines() {
        let text: Vec<String> = (1..=25).map(|n| n.to_string()).collect();
        let tail = last_lines(&text.join("\n"));
        assert!(tail.starts_with("6\n") && tail.ends_with("\n25"), "{tail}");
        assert_eq!(last_lines("one\ntwo\n"), "one\ntwo");
        assert_eq!(last_lines(""), "");
    }
}
