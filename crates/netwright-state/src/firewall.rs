//! Brings the firewall's texts together: included files and inline rules.

use std::path::Path;

use netwright_nft::diagnostic::{Diagnostic, SourceId, SourceMap, Span};

use crate::model::{FirewallSource, Host};

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
