//! What goes to the terminal: styles, text that cannot steer the terminal, and tables.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The word before an error.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
/// The word before a warning.
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default().bold();
/// The word before an advice.
pub(crate) const HELP: Style = AnsiColor::Cyan.on_default().bold();
/// Places, and the frame around them.
pub(crate) const PLACE: Style = AnsiColor::Blue.on_default().bold();
/// What is as it shall be, and what comes.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// What goes.
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
/// What changes, and what deserves a look.
pub(crate) const CHANGED: Style = AnsiColor::Yellow.on_default();
/// Names.
pub(crate) const NAME: Style = Style::new().bold();
/// What matters less.
pub(crate) const DIM: Style = Style::new().dimmed();
/// As it is.
pub(crate) const PLAIN: Style = Style::new();

/// Writes a line to standard error, where messages go. If nobody listens, there is nobody to tell either.
pub(crate) fn message(line: &str) {
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// Standard output, which drops colours where they do not belong.
pub(crate) fn stdout() -> impl Write {
    io::BufWriter::new(anstream::stdout())
}

/// Prints JSON, in lines.
pub(crate) fn json(value: &serde_json::Value) -> io::Result<()> {
    let mut out = stdout();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)?;
    out.flush()
}

/// The text with control characters made visible: names and files come from others, and must not steer the terminal.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    let steers = |c: char| c.is_control() && c != '\n' && c != '\t';
    if text.contains(steers) {
        Cow::Owned(text.chars().map(|c| if steers(c) { visible(c) } else { c }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// The picture of a control character.
pub(crate) fn visible(c: char) -> char {
    match u32::from(c) {
        code @ 0..=0x1f => char::from_u32(0x2400 + code).unwrap_or(char::REPLACEMENT_CHARACTER),
        0x7f => '␡',
        _ => char::REPLACEMENT_CHARACTER,
    }
}

/// `1 rule`, `2 rules`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = match noun.strip_suffix("ss") {
        Some(_) if number != 1 => "es",
        None if number != 1 => "s",
        _ => "",
    };
    format!("{number} {noun}{plural}")
}

/// A piece of a table with its style.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// Text of one line; control characters are made visible.
    pub(crate) fn new(text: impl AsRef<str>, style: Style) -> Self {
        let text = text.as_ref().chars().map(|c| if c.is_control() { visible(c) } else { c }).collect();
        Cell { text, style }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Cell::new(text, PLAIN)
    }
}

/// Rows under a header, aligned. A column in which nothing stands is left out.
#[derive(Debug)]
pub(crate) struct Table<const N: usize> {
    header: [&'static str; N],
    right: [bool; N],
    rows: Vec<[Cell; N]>,
    /// The last column is cut where a line gets longer than this.
    widest: usize,
}

impl<const N: usize> Table<N> {
    /// A header whose words that start with `>` head a column that is aligned to the right.
    pub(crate) fn new(header: [&'static str; N]) -> Self {
        let right = header.map(|word| word.starts_with('>'));
        Table {
            header: header.map(|word| word.trim_start_matches('>')),
            right,
            rows: Vec::new(),
            widest: usize::MAX,
        }
    }

    /// Cuts the last column where a line would not fit the terminal. What does not go to a terminal is never cut.
    pub(crate) fn fit_terminal(mut self) -> Self {
        if io::stdout().is_terminal() {
            self.widest = terminal_size::terminal_size().map_or(usize::MAX, |(width, _)| width.0.into());
        }
        self
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, row: [Cell; N]) {
        self.rows.push(row);
    }

    /// Writes it, or nothing where there are no rows.
    pub(crate) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let cells = |column: usize| self.rows.iter().filter_map(move |row| row.get(column));
        let used: Vec<(usize, usize)> = (0..N)
            .filter(|&column| cells(column).any(|cell| !cell.text.is_empty()))
            .map(|column| {
                let head = self.header.get(column).map_or(0, |word| word.width());
                (column, cells(column).map(|cell| cell.text.width()).max().unwrap_or(0).max(head))
            })
            .collect();
        let header = self.header.map(|word| Cell::new(word, DIM));
        for row in std::iter::once(&header).chain(&self.rows) {
            self.line(row, &used, out)?;
        }
        Ok(())
    }

    fn line(&self, row: &[Cell; N], used: &[(usize, usize)], out: &mut impl Write) -> io::Result<()> {
        let (mut owed, mut at) = (0, 0);
        for (position, &(column, width)) in used.iter().enumerate() {
            let Some(Cell { text, style }) = row.get(column) else { continue };
            owed += if position > 0 { 2 } else { 0 };
            let blank = width - text.width().min(width);
            let (before, behind) =
                if self.right.get(column) == Some(&true) { (blank, 0) } else { (0, blank) };
            owed += before;
            if !text.is_empty() {
                at += owed;
                let last = position + 1 == used.len();
                let text = if last { cut(text, self.widest.saturating_sub(at)) } else { text.into() };
                write!(out, "{:owed$}{style}{text}{style:#}", "")?;
                at += text.width();
                owed = 0;
            }
            owed += behind;
        }
        writeln!(out)
    }
}

/// The text, or as much of it as fits with a sign that there is more.
fn cut(text: &str, width: usize) -> Cow<'_, str> {
    /// Less of a text than this tells nothing.
    const LEAST: usize = 8;
    if text.width() <= width || width < LEAST {
        return Cow::Borrowed(text);
    }
    let mut room = width - 1;
    let fits = |c: &char| {
        let wide = c.width().unwrap_or(0);
        let fits = wide <= room;
        room = room.saturating_sub(wide);
        fits
    };
    Cow::Owned(text.chars().take_while(fits).chain(['…']).collect())
}

#[cfg(test)]
mod tests;
