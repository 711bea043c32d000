//! Long lists, written as they come: as a table, or as JSON.
//!
//! How wide columns are is known from the first rows. A list that is shorter is a table like any other; in a longer one all
//! columns stand, and a text that is wider than all before it moves what is behind it.

use std::io::{self, Write};

use serde_json::Value as Json;

use super::{Cell, Line, Table};

/// From so many rows on they are written as they come.
pub(crate) const KNOWN: usize = 1000;

/// What takes the things of a list one by one.
pub(crate) trait Sink<T> {
    /// Takes one.
    fn put(&mut self, one: T) -> io::Result<()>;

    /// Whether nothing has gone out yet, so that a list can begin anew.
    fn restart(&mut self) -> bool;

    /// Writes what is left.
    fn finish(&mut self) -> io::Result<()>;
}

/// A table whose rows are made of things.
pub(crate) struct Rows<W, F, const N: usize> {
    table: Table<N>,
    row: F,
    used: Option<Vec<(usize, usize)>>,
    line: Line,
    out: W,
}

impl<W: Write, F, const N: usize> Rows<W, F, N> {
    pub(crate) fn new(header: [&'static str; N], row: F, (out, styled): (W, bool)) -> Self {
        Rows { table: Table::new(header), row, used: None, line: Line::new(styled), out }
    }
}

impl<T, W: Write, F: Fn(&T) -> [Cell; N], const N: usize> Sink<T> for Rows<W, F, N> {
    fn put(&mut self, one: T) -> io::Result<()> {
        let row = (self.row)(&one);
        if let Some(used) = &self.used {
            return self.line.write(&row, used, &self.table.right, &mut self.out);
        }
        self.table.row(row);
        if self.table.rows.len() < KNOWN {
            return Ok(());
        }
        let used = self.table.columns(true);
        self.table.write_rows(&used, &mut self.line, &mut self.out)?;
        self.table.rows.clear();
        self.used = Some(used);
        Ok(())
    }

    fn restart(&mut self) -> bool {
        self.table.rows.clear();
        self.used.is_none()
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.used.is_none() && !self.table.rows.is_empty() {
            let used = self.table.columns(false);
            self.table.write_rows(&used, &mut self.line, &mut self.out)?;
        }
        self.out.flush()
    }
}

/// A list of JSON.
pub(crate) struct List<W, F> {
    json: F,
    /// Those that are to go out together.
    text: Vec<u8>,
    count: usize,
    out: W,
}

impl<W: Write, F> List<W, F> {
    pub(crate) fn new(json: F, (out, _): (W, bool)) -> Self {
        List { json, text: Vec::new(), count: 0, out }
    }
}

impl<T, W: Write, F: Fn(&T) -> Json> Sink<T> for List<W, F> {
    fn put(&mut self, one: T) -> io::Result<()> {
        self.text.extend_from_slice(if self.count == 0 { b"[\n  " } else { b",\n  " });
        let from = self.text.len();
        serde_json::to_writer_pretty(&mut self.text, &(self.json)(&one))?;
        let own = self.text.split_off(from);
        for (place, line) in own.split(|&byte| byte == b'\n').enumerate() {
            self.text.extend_from_slice(if place == 0 { b"" } else { b"\n  " });
            self.text.extend_from_slice(line);
        }
        self.count += 1;
        if self.count >= KNOWN {
            self.out.write_all(&self.text)?;
            self.text.clear();
        }
        Ok(())
    }

    fn restart(&mut self) -> bool {
        let nothing = self.count < KNOWN;
        if nothing {
            self.text.clear();
            self.count = 0;
        }
        nothing
    }

    fn finish(&mut self) -> io::Result<()> {
        self.text.extend_from_slice(if self.count == 0 { b"[]\n" } else { b"\n]\n" });
        self.out.write_all(&self.text)?;
        self.out.flush()
    }
}

/// A list that is kept.
impl<T> Sink<T> for Vec<T> {
    fn put(&mut self, one: T) -> io::Result<()> {
        self.push(one);
        Ok(())
    }

    fn restart(&mut self) -> bool {
        self.clear();
        true
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
