//! Diagnostics in the form that nft writes them in: a line with place and reason, the line of the text, and what is meant of it.

use std::fmt::Write;

use netwright_nft::diagnostic::{Diagnostic, Severity, Source, SourceMap, Span};

/// Characters of a line that are shown on each side of a place; lines of JSON may have millions.
const AROUND: usize = 150;
/// As many as anybody reads.
const MOST: usize = 100;

/// Writes diagnostics; `buffer` is the name of a text that has none, whose places need no name.
pub(crate) fn write(diagnostics: &[Diagnostic], sources: &SourceMap, buffer: &str) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics.iter().take(MOST) {
        one(diagnostic, sources, buffer, &mut text);
    }
    if let Some(more @ 1..) = diagnostics.len().checked_sub(MOST) {
        line(&mut text, format_args!("and {more} more like these"));
    }
    text
}

fn one(diagnostic: &Diagnostic, sources: &SourceMap, buffer: &str, text: &mut String) {
    let word = match diagnostic.severity {
        Severity::Error => "Error",
        Severity::Warning => "Warning",
    };
    // programs look for the words of the error number
    let missing = if diagnostic.missing { "No such file or directory; " } else { "" };
    let labels: Vec<_> = diagnostic.labels.iter().filter(|label| !label.message.is_empty()).collect();
    let first = diagnostic.labels.first();
    let about = first.filter(|first| !first.message.is_empty());
    let about = about.map(|first| format!("; {}", first.message)).unwrap_or_default();
    let place = first.and_then(|first| Place::of(first.span, sources));
    match place.as_ref().filter(|place| place.source.name() != buffer || place.line > 1) {
        Some(place) => {
            let name = place.source.name();
            let (from, to) = (place.from + 1, place.to.max(place.from + 1));
            line(
                text,
                format_args!(
                    "{name}:{}:{from}-{to}: {word}: {missing}{}{about}",
                    place.line, diagnostic.message
                ),
            );
        }
        None => line(text, format_args!("{word}: {missing}{}{about}", diagnostic.message)),
    }
    if let Some(place) = &place {
        place.draw(text);
    }
    for label in labels.into_iter().skip(usize::from(!about.is_empty())) {
        match sources.locate(label.span) {
            Some(place) => line(text, format_args!("{place}: {}", label.message)),
            None => line(text, format_args!("{}", label.message)),
        }
    }
    diagnostic.help.iter().for_each(|help| line(text, format_args!("{help}")));
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // writing into a String cannot fail
    let _ = writeln!(text, "{arguments}");
}

/// A part of a line.
struct Place<'s> {
    source: &'s Source,
    /// From 1.
    line: usize,
    /// The line without its end.
    text: &'s str,
    /// Characters before the part, and before what follows it.
    from: usize,
    to: usize,
}

impl<'s> Place<'s> {
    fn of(span: Span, sources: &'s SourceMap) -> Option<Self> {
        let source = sources.get(span.source)?;
        let all = source.text();
        let start = all.get(..span.start as usize)?.rfind('\n').map_or(0, |newline| newline + 1);
        let text = all.get(start..)?.lines().next().unwrap_or_default();
        let characters = |offset: u32| {
            let bytes = (offset as usize).saturating_sub(start).min(text.len());
            text.char_indices().take_while(|(at, _)| *at < bytes).count()
        };
        let line = source.line_index(span.start) + 1;
        Some(Place { source, line, text, from: characters(span.start), to: characters(span.end) })
    }

    fn draw(&self, text: &mut String) {
        let skipped = self.from.saturating_sub(AROUND);
        let shown: String = self.text.chars().skip(skipped).take(2 * AROUND).collect();
        line(text, format_args!("{shown}"));
        // tabs stay tabs, so that what is marked stands below
        let before = shown.chars().take(self.from - skipped);
        let indent: String = before.map(|one| if one == '\t' { '\t' } else { ' ' }).collect();
        let width = (self.to.max(self.from + 1) - self.from).min(AROUND);
        line(text, format_args!("{indent}{}", "^".repeat(width)));
    }
}
