//! JSONL files: one JSON object on each line.

use std::io::{self, BufRead, Read};

use super::source::{MAX_ROW, RawRow, Unreadable};
use crate::error::Error;

/// The non-blank lines of a text.
pub(super) struct JsonlRows<R> {
    text: R,
    line: u64,
    position: u64,
}

impl<R: BufRead> JsonlRows<R> {
    pub(super) fn new(text: R) -> Self {
        Self { text, line: 0, position: 0 }
    }

    /// Returns the number of bytes read.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn next(&mut self) -> io::Result<Option<RawRow>> {
        loop {
            let mut bytes = Vec::new();
            let limit = u64::try_from(MAX_ROW).unwrap_or(u64::MAX).saturating_add(1);
            self.position += self.text.by_ref().take(limit).read_until(b'\n', &mut bytes)? as u64;
            if bytes.is_empty() {
                return Ok(None);
            }
            self.line += 1;
            let is_too_long = bytes.len() > MAX_ROW && !bytes.ends_with(b"\n");
            if is_too_long {
                self.skip_rest()?;
            }
            if !bytes.trim_ascii().is_empty() {
                return Ok(Some(read(self.line, &bytes, is_too_long)));
            }
        }
    }

    fn skip_rest(&mut self) -> io::Result<()> {
        loop {
            let ahead = self.text.fill_buf()?;
            let end = ahead.iter().position(|byte| *byte == b'\n');
            let (length, is_end) = end.map_or((ahead.len(), ahead.is_empty()), |end| (end + 1, true));
            self.text.consume(length);
            self.position += length as u64;
            if is_end {
                return Ok(());
            }
        }
    }
}

fn read(line: u64, bytes: &[u8], is_too_long: bool) -> RawRow {
    let unreadable = |text: &[u8], error| Unreadable { text: String::from_utf8_lossy(text).into_owned(), error };
    let body = if is_too_long {
        Err(unreadable(b"", Error::payload_too_large(MAX_ROW)))
    } else {
        serde_json::from_slice(bytes.trim_ascii_end()).map_err(|error| {
            let message = format!("The line is not valid JSON at character {}.", error.column());
            unreadable(bytes.trim_ascii(), Error::bad_request(message))
        })
    };
    RawRow { line, body }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows(text: &[u8]) -> Vec<(u64, Result<serde_json::Value, String>)> {
        let mut rows = JsonlRows::new(text);
        let mut found = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            found.push((row.line, row.body.map_err(|unreadable| unreadable.error.message().to_owned())));
        }
        assert_eq!(rows.position(), text.len() as u64);
        found
    }

    #[test]
    fn lines_are_rows() {
        let text = b"{\"a\":1}\r\n\n  \t\r\n{\"b\":\"\\n\"}\n[]";
        assert_eq!(rows(text), [(1, Ok(json!({"a": 1}))), (4, Ok(json!({"b": "\n"}))), (5, Ok(json!([])))]);
        assert_eq!(rows(b""), []);
    }

    #[test]
    fn a_broken_line_is_refused_and_the_next_line_is_read() {
        let found = rows(b"{\"a\":1\n{}\n\"\xff\"\n{} {}\n");
        let refused: Vec<_> = found.iter().filter_map(|(line, body)| body.as_ref().err().map(|_| *line)).collect();
        assert_eq!(refused, [1, 3, 4]);
        assert_eq!(found[1], (2, Ok(json!({}))));
    }

    #[test]
    fn a_too_long_line_is_refused_and_the_next_line_is_read() {
        for length in [MAX_ROW - 1, MAX_ROW, 3 * MAX_ROW] {
            let line = format!("\"{}\"\n{{}}\n", "x".repeat(length - 2));
            let found = rows(line.as_bytes());
            assert_eq!(found[0].1.is_err(), length > MAX_ROW, "{length}");
            assert_eq!(found[1], (2, Ok(json!({}))));
        }
    }
}
