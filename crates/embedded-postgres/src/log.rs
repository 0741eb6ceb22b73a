//! The log file of the PostgreSQL server. Error messages quote the last lines.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::layout::Layout;
use crate::private;

/// The maximum size of the log at a start, in bytes. A larger log is emptied.
const MAX_LOG_BYTES: u64 = 10 * 1024 * 1024;
/// The number of quoted lines. PostgreSQL reports the reason for an exit in the last few lines.
const TAIL_LINES: usize = 20;

/// The log file of one start.
pub(crate) struct Log {
    pub(crate) path: PathBuf,
    pub(crate) file: File,
    /// The offset of the first line that this start writes.
    start: u64,
}

impl Log {
    pub(crate) fn open(layout: &Layout) -> Result<Self> {
        let path = layout.root().join("postgres.log");
        let file = private::open(&path, layout.owner()).with_context(|| format!("cannot open {}", path.display()))?;
        let mut start = file.metadata()?.len();
        if start > MAX_LOG_BYTES {
            file.set_len(0)?;
            start = 0;
        }
        Ok(Self { path, file, start })
    }

    /// Returns the last lines that were written since the file was opened.
    pub(crate) fn tail(&self) -> String {
        let mut text = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.start))?;
            file.read_to_end(&mut text)
        });
        match read {
            Ok(_) => last_lines(&String::from_utf8_lossy(&text)),
            Err(error) => format!("(cannot read the log: {error})"),
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
    fn tail_is_the_last_twenty_lines() {
        let text: Vec<String> = (1..=25).map(|n| n.to_string()).collect();
        let tail = last_lines(&text.join("\n"));
        assert!(tail.starts_with("6\n") && tail.ends_with("\n25"), "{tail}");
        assert_eq!(last_lines("one\ntwo\n"), "one\ntwo");
        assert_eq!(last_lines(""), "");
    }
}
