//! What goes to the terminal: styles, text that cannot steer the terminal, and tables.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub(crate) mod stream;

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

/// Writes a line to standard error, where messages go.
pub(crate) fn message(line: &str) {
    messages(|out| writeln!(out, "{line}"));
}

/// Writes lines to standard error in one piece, so that what other processes write there stands before or after them. If
/// nobody listens, there is nobody to tell either.
pub(crate) fn messages(lines: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
    let mut text = anstream::AutoStream::new(Vec::new(), anstream::AutoStream::choice(&io::stderr()));
    let _ = lines(&mut text).and_then(|()| io::stderr().write_all(&text.into_inner()));
}

/// Standard output, which drops colours where they do not belong.
pub(crate) fn stdout() -> impl Write + Send {
    let out = io::stdout();
    let dropped = anstream::AutoStream::choice(&out) == anstream::ColorChoice::Never;
    Coloured {
        out: io::BufWriter::with_capacity(AT_ONCE, out),
        dropped: dropped.then(anstream::adapter::StripBytes::new),
    }
}

/// Text with colours, which are dropped before it is collected: each piece between two of them is a write.
struct Coloured<W> {
    out: W,
    dropped: Option<anstream::adapter::StripBytes>,
}

impl<W: Write> Write for Coloured<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.dropped {
            Some(dropped) => dropped.strip_next(bytes).try_for_each(|piece| self.out.write_all(piece))?,
            None => self.out.write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Standard output for text without styles: where it does not go to a terminal, as it is, byte for byte.
pub(crate) fn text() -> Box<dyn Write> {
    let out = io::stdout();
    match out.is_terminal() {
        true => Box::new(stdout()),
        false => Box::new(io::BufWriter::with_capacity(AT_ONCE, Unchanged(out))),
    }
}

/// Standard output for long lists, and whether what is written to it has styles.
pub(crate) fn list() -> (impl Write, bool) {
    let out = io::stdout();
    let styled = anstream::AutoStream::choice(&out) != anstream::ColorChoice::Never;
    (io::BufWriter::with_capacity(AT_ONCE, out), styled)
}

/// Bytes that go out together.
const AT_ONCE: usize = 64 << 10;

/// Writes texts with the bytes that stand behind them.
struct Unchanged<W>(W);

impl<W: Write> Write for Unchanged<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A character may be in two writes; then what is whole comes first.
        let whole = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) if error.valid_up_to() > 0 => {
                std::str::from_utf8(bytes.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or_default()
            }
            Err(_) => return self.0.write(bytes),
        };
        self.0.write_all(&netwright_wire::text::to_bytes(whole))?;
        Ok(whole.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
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
    let steers = |c: char| is_unseen(c) && c != '\n' && c != '\t';
    if text.contains(steers) {
        Cow::Owned(text.chars().map(|c| if steers(c) { visible(c) } else { c }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// The same of what is to be one line: nothing in it makes another one.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|c| if is_unseen(c) { visible(c) } else { c }).collect()
}

/// Whether a terminal has no picture of a character: it steers, or stands for a byte that is not UTF-8 ([`netwright_wire::text`]).
fn is_unseen(c: char) -> bool {
    c.is_control() || c >= '\u{10ff80}'
}

/// Writes text with control characters made visible.
pub(crate) struct Visible<'a, W>(pub(crate) &'a mut W);

impl<W: Write> Write for Visible<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.0.write_all(plain(text).as_bytes())?,
            Err(_) => self.0.write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The picture of a character that has none.
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
        let text = text.as_ref();
        let plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        Cell { text: if plain { text.to_owned() } else { one_line(text) }, style }
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
}

impl<const N: usize> Table<N> {
    /// A header whose words that start with `>` head a column that is aligned to the right.
    pub(crate) fn new(header: [&'static str; N]) -> Self {
        let right = header.map(|word| word.starts_with('>'));
        Table { header: header.map(|word| word.trim_start_matches('>')), right, rows: Vec::new() }
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
        let used = self.columns(false);
        let mut line = Line::new(true);
        self.write_rows(&used, &mut line, out)
    }

    /// The columns in which something stands, or all, each with its width.
    fn columns(&self, all: bool) -> Vec<(usize, usize)> {
        let cells = |column: usize| self.rows.iter().filter_map(move |row| row.get(column));
        (0..N)
            .filter(|&column| all || cells(column).any(|cell| !cell.text.is_empty()))
            .map(|column| {
                let head = self.header.get(column).map_or(0, |word| width(word));
                (column, cells(column).map(|cell| width(&cell.text)).max().unwrap_or(0).max(head))
            })
            .collect()
    }

    fn write_rows(&self, used: &[(usize, usize)], line: &mut Line, out: &mut impl Write) -> io::Result<()> {
        let header = self.header.map(|word| Cell::new(word, DIM));
        std::iter::once(&header).chain(&self.rows).try_for_each(|row| line.write(row, used, &self.right, out))
    }
}

/// A line of a table, whose buffer is kept from one to the next.
struct Line {
    text: String,
    styled: bool,
}

impl Line {
    fn new(styled: bool) -> Self {
        Line { text: String::new(), styled }
    }

    fn write(
        &mut self,
        row: &[Cell],
        used: &[(usize, usize)],
        right: &[bool],
        out: &mut impl Write,
    ) -> io::Result<()> {
        self.text.clear();
        let mut owed = 0;
        for (position, &(column, whole)) in used.iter().enumerate() {
            let Some(Cell { text, style }) = row.get(column) else { continue };
            owed += if position > 0 { 2 } else { 0 };
            let blank = whole - width(text).min(whole);
            let (before, behind) = if right.get(column) == Some(&true) { (blank, 0) } else { (0, blank) };
            owed += before;
            if !text.is_empty() {
                self.text.extend(std::iter::repeat_n(' ', owed));
                if self.styled && *style != PLAIN {
                    // writing to a string cannot fail
                    let _ = write!(self.text, "{style}{text}{style:#}");
                } else {
                    self.text.push_str(text);
                }
                owed = 0;
            }
            owed += behind;
        }
        self.text.push('\n');
        out.write_all(self.text.as_bytes())
    }
}

/// How many places a text takes.
fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// How many characters fit into a line. What does not go to a terminal is never cut.
pub(crate) fn line_width() -> usize {
    let terminal = io::stdout().is_terminal().then(terminal_size::terminal_size).flatten();
    terminal.map_or(usize::MAX, |(width, _)| width.0.into())
}

/// The text, or as much of it as fits with a sign that there is more.
pub(crate) fn cut(text: &str, width: usize) -> Cow<'_, str> {
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
