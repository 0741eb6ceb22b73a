//! CSV files with a header.

use std::io::{self, BufRead, Read};

use anyhow::Context;
use csv::{ByteRecord, Reader, ReaderBuilder};
use serde_json::{Map, Value};

use super::columns::Column;
use super::source::{MAX_ROW, RawRow, Unreadable};
use crate::error::Error;

/// The records of a text after the first record, which names the columns.
pub(super) struct CsvRows<R> {
    records: Reader<Lines<R>>,
    columns: Vec<Column>,
    record: ByteRecord,
}

impl<R: BufRead> CsvRows<R> {
    pub(super) fn new(text: R) -> anyhow::Result<Self> {
        let text = Lines::new(text);
        let mut records = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
        let mut header = csv::StringRecord::new();
        if !records.read_record(&mut header).context("cannot read the header")? {
            anyhow::bail!("the file is empty");
        }
        let columns = Column::all(header.iter().map(str::trim))?;
        Ok(Self { records, columns, record: ByteRecord::new() })
    }

    /// Returns the number of bytes read.
    pub(super) fn position(&self) -> u64 {
        self.records.get_ref().position
    }

    pub(super) fn next(&mut self) -> anyhow::Result<Option<RawRow>> {
        self.records.get_mut().since_last_record = 0;
        let last = self.records.position().line();
        if !self.records.read_byte_record(&mut self.record).with_context(|| format!("after line {last}"))? {
            return Ok(None);
        }
        // The position of the reader is the end of the record. The beginning is computed from the end, because blank
        // lines may stand before the record.
        let breaks: u64 = self.record.as_slice().iter().map(|byte| u64::from(*byte == b'\n')).sum();
        let line = self.records.position().line().saturating_sub(1 + breaks);
        Ok(Some(RawRow { line, body: self.body() }))
    }

    fn body(&self) -> Result<Value, Unreadable> {
        let unreadable = |message: String| {
            let cells: Vec<_> = self.record.iter().map(String::from_utf8_lossy).collect();
            Unreadable { text: cells.join(","), error: Error::bad_request(message) }
        };
        let (cells, columns) = (self.record.len(), self.columns.len());
        if cells != columns {
            return Err(unreadable(format!("The row has {cells} cells, but the header {columns}.")));
        }
        let mut body = Map::new();
        for (column, cell) in self.columns.iter().zip(&self.record) {
            let cell = str::from_utf8(cell).map_err(|_| unreadable("The row is not UTF-8.".to_owned()))?;
            column.set(&mut body, cell);
        }
        Ok(Value::Object(body))
    }
}

/// A text in which every line ends with `\n`, including the last line and lines inside quotes. A record is limited to
/// [`MAX_ROW`] bytes: a quote that is never closed would otherwise swallow the rest of the file.
struct Lines<R> {
    text: R,
    /// The number of bytes read from the text.
    position: u64,
    since_last_record: usize,
    /// True after a `\r` that was read and not passed on yet: a `\n` may follow.
    held: bool,
    last: u8,
}

impl<R> Lines<R> {
    fn new(text: R) -> Self {
        Self { text, position: 0, since_last_record: 0, held: false, last: b'\n' }
    }
}

impl<R: BufRead> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since_last_record > MAX_ROW {
            return Err(io::Error::other(format!("a row is longer than {MAX_ROW} bytes: is a quote not closed?")));
        }
        let mut length = 0;
        while length == 0 {
            let ahead = self.text.fill_buf()?;
            if ahead.is_empty() {
                let missing = if self.held { b'\r' } else { b'\n' };
                if (!self.held && self.last == b'\n') || buffer.is_empty() {
                    return Ok(0);
                }
                (self.held, self.last) = (false, missing);
                buffer[0] = missing;
                return Ok(1);
            }
            let mut used = 0;
            for byte in ahead {
                // A byte may expand to two bytes.
                if length + 2 > buffer.len() {
                    break;
                }
                if std::mem::take(&mut self.held) && *byte != b'\n' {
                    buffer[length] = b'\r';
                    length += 1;
                }
                if *byte == b'\r' {
                    self.held = true;
                } else {
                    buffer[length] = *byte;
                    length += 1;
                    self.last = *byte;
                }
                used += 1;
            }
            if used == 0 {
                return Err(io::Error::other("there is no room to read into"));
            }
            self.text.consume(used);
            self.position += used as u64;
            self.since_last_record += used;
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows(text: &str) -> Vec<(u64, Result<Value, String>)> {
        let mut rows = CsvRows::new(text.as_bytes()).unwrap();
        let mut found = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            found.push((row.line, row.body.map_err(|unreadable| unreadable.error.message().to_owned())));
        }
        assert_eq!(rows.position(), text.len() as u64);
        found
    }

    #[test]
    fn quotes_newlines_and_blank_lines_are_read_and_lines_counted() {
        for end in ["\n", "\r\n"] {
            let text = ["email,name", "a@x.com,\"A \"\"B\"\", C\n\nD\"", "", "b@x.com,", "", "c@x.com,C"].join(end);
            let found = rows(&text);
            let lines: Vec<u64> = found.iter().map(|(line, _)| *line).collect();
            assert_eq!(lines, [2, 6, 8], "{end:?}");
            assert_eq!(found[0].1, Ok(json!({"email": "a@x.com", "name": "A \"B\", C\n\nD"})));
            assert_eq!(found[1].1, Ok(json!({"email": "b@x.com"})));
        }
    }

    /// Reads each text in pieces of several sizes into buffers of several sizes.
    #[test]
    fn line_endings_are_normalized() {
        for (text, expected) in [
            ("a\r\nb\r\n", "a\nb\n"),
            ("a\nb", "a\nb\n"),
            ("a\r\r\nb\r", "a\r\nb\r\n"),
            ("\r\n\"x\r\ny\"\n", "\n\"x\ny\"\n"),
            ("", ""),
        ] {
            for piece in 1..6 {
                for room in 2..6 {
                    let mut lines = Lines::new(io::BufReader::with_capacity(piece, text.as_bytes()));
                    let (mut read, mut buffer) = (Vec::new(), vec![0; room]);
                    loop {
                        let length = lines.read(&mut buffer).unwrap();
                        if length == 0 {
                            break;
                        }
                        read.extend_from_slice(&buffer[..length]);
                    }
                    assert_eq!(String::from_utf8(read).unwrap(), expected, "{text:?} in pieces of {piece}");
                }
            }
        }
    }

    #[test]
    fn a_row_with_a_wrong_number_of_cells_is_refused_and_the_next_row_is_read() {
        let found = rows("email,name\na@x.com\nb@x.com,B,C\nc@x.com,C\n");
        assert_eq!(found[0], (2, Err("The row has 1 cells, but the header 2.".to_owned())));
        assert_eq!(found[1], (3, Err("The row has 3 cells, but the header 2.".to_owned())));
        assert_eq!(found[2], (4, Ok(json!({"email": "c@x.com", "name": "C"}))));
    }

    #[test]
    fn an_unclosed_quote_ends_the_import_before_the_whole_file_is_in_memory() {
        let text = format!("email,name\na@x.com,A\nb@x.com,\"B\n{}", "c@x.com,C\n".repeat(1_000_000));
        let mut rows = CsvRows::new(text.as_bytes()).unwrap();
        assert!(rows.next().unwrap().is_some());
        let error = format!("{:#}", rows.next().err().unwrap());
        assert!(error.starts_with("after line 3: ") && error.contains("is a quote not closed?"), "{error}");
        assert!(rows.record.as_slice().len() < 2 * MAX_ROW);
    }
}
