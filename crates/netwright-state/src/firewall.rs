//! Brings the firewall's texts together: included files and inline rules.

use std::path::Path;

use netwright_nft::diagnostic::{Diagnostic, SourceId, SourceMap, Span};

use crate::model::{FirewallSet, FirewallSource, Host};

/// Fills [`Host::firewall_sources`].
pub(crate) fn gather(
    host: &mut Host,
    sources: &mut SourceMap,
    source: SourceId,
    name: &str,
    files: &mut dyn FnMut(&str) -> Result<String, String>,
    found: &mut Vec<Diagnostic>,
) {
    let firewall = &host.firewall;
    let mut seen: Vec<(String, Span)> = Vec::new();
    for (index, include) in firewall.include.iter().enumerate() {
        let span = firewall.place.item("include", index).unwrap_or(firewall.place.span);
        let path = beside(name, include);
        if let Some((_, first)) = seen.iter().find(|(known, _)| *known == path) {
            found.push(
                Diagnostic::error(span, format!("`{include}` is included twice")).also(*first, "first here"),
            );
            continue;
        }
        match files(&path) {
            Ok(text) => {
                let source = sources.add(path.clone(), text);
                host.firewall_sources.push(FirewallSource { name: path.clone(), source, span });
            }
            Err(reason) => found.push(Diagnostic::error(span, format!("cannot read `{path}`: {reason}"))),
        }
        seen.push((path, span));
    }
    if let Some(rules) = &firewall.rules {
        let span = firewall.place.key("rules").unwrap_or(firewall.place.span);
        host.firewall_sources.push(inline(sources, source, name, rules, span));
    }
    // behind the rules, which declare the sets
    for set in &firewall.sets {
        let span = set.place.key("elements").unwrap_or(set.place.span);
        let Some(file) = set.file() else {
            if !set.is_kept() {
                let message = format!("`{}` says nothing of elements", set.elements);
                let help = "Write \"@PATH\" for those that stand in a file, or \"kept\" to keep what programs put in.";
                found.push(Diagnostic::error(span, message).help(help));
            }
            continue;
        };
        let path = beside(name, file);
        match files(&path) {
            Ok(text) => {
                let source = sources.add(path.clone(), elements(set, &text));
                host.firewall_sources.push(FirewallSource { name: path, source, span });
            }
            Err(reason) => found.push(Diagnostic::error(span, format!("cannot read `{path}`: {reason}"))),
        }
    }
}

/// The lines of a file as a command that puts them into a set. Each stays on its line.
fn elements(set: &FirewallSet, text: &str) -> String {
    const START: &str = "add element ";
    // what was kept of an apply is such a command already
    if text.starts_with(START) {
        return text.to_owned();
    }
    let mut lines: Vec<&str> = text.lines().map(|line| without_comment(line).trim_end()).collect();
    lines.iter_mut().for_each(|line| *line = line.trim_end_matches(','));
    let Some(last) = lines.iter().rposition(|line| !line.trim().is_empty()) else { return "\n".to_owned() };
    let mut command = String::with_capacity(text.len() + lines.len() + 64);
    command.push_str(&format!("{START}{} {} {{ ", set.table, set.name));
    for (place, line) in lines.iter().enumerate().take(last + 1) {
        command.push_str(line);
        command.push_str(match (line.trim().is_empty(), place == last) {
            (_, true) => " }",
            (true, false) => "",
            (false, false) => ",",
        });
        command.push('\n');
    }
    command
}

/// A line up to a `#` that is in no string.
fn without_comment(line: &str) -> &str {
    let mut quoted = false;
    let end = line.char_indices().find(|(_, c)| {
        quoted ^= *c == '"';
        *c == '#' && !quoted
    });
    end.and_then(|(end, _)| line.get(..end)).unwrap_or(line)
}

/// A path as seen from the directory of another file.
fn beside(file: &str, path: &str) -> String {
    let directory = Path::new(file).parent().unwrap_or(Path::new(""));
    directory.join(path).to_string_lossy().into_owned()
}

fn inline(sources: &mut SourceMap, host: SourceId, name: &str, rules: &str, span: Span) -> FirewallSource {
    let text = sources.get(host).map_or("", |source| source.text());
    let start = span.start as usize;
    let literal = text.get(start..span.end as usize).and_then(|raw| raw.find(rules));
    let (name, text) = match literal.and_then(|at| text.get(..start + at)) {
        Some(before) => {
            let blanks = before.chars().map(|c| if c == '\n' { '\n' } else { ' ' });
            (name.to_owned(), blanks.chain(rules.chars()).collect())
        }
        None => (format!("{name} (firewall.rules)"), rules.to_owned()),
    };
    let source = sources.add(name.clone(), text);
    FirewallSource { name, source, span }
}
