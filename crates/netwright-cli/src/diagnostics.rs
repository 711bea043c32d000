//! Draws a [`Diagnostic`]: the line, a caret under the place, what to do.

use std::fmt::Write;

use anstyle::Style;
use netwright_nft::diagnostic::{Diagnostic, Label, Severity, Source, SourceMap, Span};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::arguments::Global;
use crate::output::{self, ERROR, HELP, PLACE, WARNING};

/// More than a line of this many columns is shown only around the place.
const WIDEST: usize = 140;
/// What is shown before the place on such a line.
const BEFORE: usize = 40;
/// Columns that a tab is shown as.
const TAB: usize = 4;

/// As many mistakes as anybody reads.
const MOST: usize = 100;
/// Characters of a message; a word of the input in it can be as long as the input.
const LONGEST: usize = 400;

/// Shows diagnostics on standard error and returns how many are errors.
pub(crate) fn show(diagnostics: &[Diagnostic], sources: &SourceMap) -> usize {
    for diagnostic in diagnostics.iter().take(MOST) {
        output::message(&render(diagnostic, sources));
    }
    if let Some(more @ 1..) = diagnostics.len().checked_sub(MOST) {
        output::message(&format!("and {more} more like these\n"));
    }
    diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count()
}

/// The same, but only errors where nothing else is to be said.
pub(crate) fn show_unless_quiet(diagnostics: &[Diagnostic], sources: &SourceMap, global: &Global) -> usize {
    let told = |diagnostic: &&Diagnostic| !global.quiet || diagnostic.severity == Severity::Error;
    let told: Vec<Diagnostic> = diagnostics.iter().filter(told).cloned().collect();
    show(&told, sources)
}

/// A diagnostic as lines with styles; an empty line at the end.
pub(crate) fn render(diagnostic: &Diagnostic, sources: &SourceMap) -> String {
    let (word, style) = match diagnostic.severity {
        Severity::Error => ("error", ERROR),
        Severity::Warning => ("warning", WARNING),
    };
    let bold = Style::new().bold();
    let message = match diagnostic.message.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{} …", diagnostic.message.get(..end).unwrap_or_default()),
        None => diagnostic.message.clone(),
    };
    let mut text = format!("{style}{word}{style:#}{bold}: {}{bold:#}\n", output::plain(&message));
    let excerpts = excerpts(&diagnostic.labels, sources);
    let digits = excerpts.iter().map(|excerpt| excerpt.line.to_string().len()).max().unwrap_or(1);
    let mut file = None;
    for excerpt in &excerpts {
        excerpt.draw(&mut text, digits, file, style);
        file = Some(excerpt.source.name());
    }
    if !diagnostic.help.is_empty() && !excerpts.is_empty() {
        push(&mut text, format_args!("{:digits$} {PLACE}|{PLACE:#}\n", ""));
    }
    for help in &diagnostic.help {
        push(
            &mut text,
            format_args!("{:digits$} {PLACE}={PLACE:#} {HELP}help{HELP:#}: {}\n", "", output::plain(help)),
        );
    }
    text
}

fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // writing into a String cannot fail
    let _ = text.write_fmt(arguments);
}

/// A line with the marks under it.
struct Excerpt<'a> {
    source: &'a Source,
    /// From 1.
    line: usize,
    column: u32,
    text: &'a str,
    marks: Vec<Mark<'a>>,
}

/// A range of bytes in the line of an [`Excerpt`].
struct Mark<'a> {
    start: usize,
    end: usize,
    message: &'a str,
    primary: bool,
}

/// The lines of the labels: the primary one first, others of its file in order, then other files.
fn excerpts<'a>(labels: &'a [Label], sources: &'a SourceMap) -> Vec<Excerpt<'a>> {
    let mut excerpts: Vec<Excerpt<'a>> = Vec::new();
    for (index, label) in labels.iter().enumerate() {
        let (Some(source), Some(location)) = (sources.get(label.span.source), sources.locate(label.span))
        else {
            continue;
        };
        let (start, text) = line_of(source, label.span);
        let from = (label.span.start as usize).saturating_sub(start).min(text.len());
        let to = (label.span.end as usize).saturating_sub(start).clamp(from, text.len());
        let mark = Mark { start: from, end: to, message: &label.message, primary: index == 0 };
        let line = location.line as usize;
        match excerpts.iter_mut().find(|e| std::ptr::eq(e.source, source) && e.line == line) {
            Some(excerpt) => excerpt.marks.push(mark),
            None => excerpts.push(Excerpt { source, line, column: location.column, text, marks: vec![mark] }),
        }
    }
    excerpts
}

/// The line that a span starts in, and its offset.
fn line_of(source: &Source, span: Span) -> (usize, &str) {
    let text = source.text();
    let at = (span.start as usize).min(text.len());
    let bytes = text.as_bytes();
    let start = bytes.iter().take(at).rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
    let end = bytes.iter().skip(at).position(|&byte| byte == b'\n').map_or(text.len(), |length| at + length);
    (start, text.get(start..end).unwrap_or("").trim_end_matches('\r'))
}

impl Excerpt<'_> {
    fn draw(&self, text: &mut String, digits: usize, file: Option<&str>, style: Style) {
        match file {
            Some(file) if file == self.source.name() => {
                push(text, format_args!("{PLACE}{:>digits$}{PLACE:#}\n", "..."));
            }
            _ => {
                let arrow = if file.is_none() { "-->" } else { ":::" };
                let name = output::plain(self.source.name());
                push(
                    text,
                    format_args!(
                        "{:digits$}{PLACE}{arrow}{PLACE:#} {name}:{}:{}\n",
                        "", self.line, self.column
                    ),
                );
                push(text, format_args!("{:digits$} {PLACE}|{PLACE:#}\n", ""));
            }
        }
        let first = self.marks.first().map_or(0, |mark| mark.start);
        let shown = Shown::new(self.text, first);
        push(text, format_args!("{PLACE}{:>digits$} |{PLACE:#} {}\n", self.line, shown.text.trim_end()));
        for mark in &self.marks {
            let column = shown.column(mark.start);
            let width = shown.column(mark.end).saturating_sub(column).max(1);
            let (sign, style) = if mark.primary { ("^", style) } else { ("-", PLACE) };
            let (line, message) = (sign.repeat(width), output::plain(mark.message));
            let gap = if message.is_empty() { "" } else { " " };
            push(
                text,
                format_args!(
                    "{:digits$} {PLACE}|{PLACE:#} {:column$}{style}{line}{gap}{message}{style:#}\n",
                    "", ""
                ),
            );
        }
    }
}

/// A line as it is shown: tabs as blanks, control characters as pictures, the middle of it where it is very long.
struct Shown {
    text: String,
    /// For each character that is shown: its offset in the line, and its column.
    columns: Vec<(usize, usize)>,
    width: usize,
}

impl Shown {
    fn new(line: &str, focus: usize) -> Self {
        let mut shown = Shown { text: String::new(), columns: Vec::new(), width: 0 };
        let skip = Self::first(line, focus);
        if skip > 0 {
            shown.add("… ");
        }
        for (at, c) in line.char_indices().skip_while(|&(at, _)| at < skip) {
            if shown.width > WIDEST {
                shown.columns.push((at, shown.width));
                shown.add(" …");
                break;
            }
            shown.columns.push((at, shown.width));
            match c {
                '\t' => shown.add(&" ".repeat(TAB - shown.width % TAB)),
                c if c.is_control() => shown.add(output::visible(c).encode_utf8(&mut [0; 4])),
                c => shown.add(c.encode_utf8(&mut [0; 4])),
            }
        }
        shown
    }

    /// Offset of the first character that is shown.
    fn first(line: &str, focus: usize) -> usize {
        let before = line.get(..focus).unwrap_or("");
        if before.width() + BEFORE <= WIDEST {
            return 0;
        }
        let width = |c: char| c.width().unwrap_or(1);
        let mut room = BEFORE;
        let fits = |&(_, c): &(usize, char)| {
            let fits = width(c) <= room;
            room = room.saturating_sub(width(c));
            fits
        };
        before.char_indices().rev().take_while(fits).last().map_or(focus, |(at, _)| at)
    }

    fn add(&mut self, text: &str) {
        self.text.push_str(text);
        self.width += text.width();
    }

    /// The column of an offset in the line.
    fn column(&self, offset: usize) -> usize {
        self.columns.iter().find(|&&(at, _)| at >= offset).map_or(self.width, |&(_, column)| column)
    }
}

#[cfg(test)]
mod tests;
