//! What the kernel refused: which word of the order is at fault, and what is there instead.

use std::io;

use netwright::netfilter::request::{List, tables};
use netwright::netfilter::{Chain, Family};
use netwright::{Error, Net};
use netwright_nft::diagnostic::{Diagnostic, SourceMap, Span, nearest};
use netwright_nft::ir::{ChainTarget, Command, Entity, Statement, Target, Verdict};

use crate::failure::words;

/// A refusal of an order at a place, as it is told: with the words that nft has for it, which programs look for.
pub(super) fn diagnostic(
    command: &Command,
    place: Span,
    error: &Error,
    net: &Net,
    sources: &SourceMap,
) -> Diagnostic {
    let span = sources.written(command.span.unwrap_or(place));
    let message = match error.errno() {
        Some(errno) => format!("Could not process rule: {}", words(&io::Error::from_raw_os_error(errno.0))),
        None => error.to_string(),
    };
    let fault = error.is_not_found().then(|| missing(command, net)).flatten();
    let fault = fault.unwrap_or_else(|| Fault { word: None, said: error.to_string(), help: None });
    let place = fault.word.and_then(|word| word_in(sources, span, &word)).unwrap_or(sources.written(place));
    let help: Vec<String> = fault.help.into_iter().chain(error.help().map(str::to_owned)).collect();
    Diagnostic { help, ..Diagnostic::error(place, message).label(fault.said) }
}

/// What is at fault.
struct Fault {
    word: Option<String>,
    said: String,
    help: Option<String>,
}

impl Fault {
    fn missing(noun: &str, place: &str, word: &str, known: &[String]) -> Self {
        let near = nearest(word, known.iter().map(String::as_str));
        Fault {
            word: Some(word.to_owned()),
            said: format!("there is no {noun} {place}{word}"),
            help: near.map(|near| format!("did you mean `{near}`?")),
        }
    }
}

/// The table or chain that an order names and that is not there.
fn missing(command: &Command, net: &Net) -> Option<Fault> {
    let (family, table) = table_of(&command.target)?;
    let all = net.nft().list(tables()).ok()?;
    let known: Vec<String> = all.into_iter().filter(|one| one.family == family).map(|one| one.name).collect();
    if !known.iter().any(|one| one == table) {
        return Some(Fault::missing("table", &format!("{family} "), table, &known));
    }
    let chains = net.nft().list(List::<Chain>::new(family).in_table(table)).ok()?;
    let known: Vec<String> = chains.into_iter().map(|chain| chain.name).collect();
    let wanted = chains_of(&command.target);
    let absent = wanted.into_iter().find(|chain| !known.iter().any(|one| one == chain))?;
    Some(Fault::missing("chain", &format!("{family} {table} "), absent, &known))
}

fn table_of(target: &Target) -> Option<(Family, &str)> {
    match target {
        Target::Selection(selection) => Some((selection.family, selection.table.as_deref()?)),
        Target::Chain(chain) => Some((chain.family, &chain.table)),
        Target::ChainName { family, table, .. } | Target::Rule { family, table, .. } => {
            Some((*family, table))
        }
        Target::Set(set) | Target::Elements { set, .. } | Target::PackedElements { set, .. } => {
            Some((set.family, &set.table))
        }
        Target::Object(object) => Some((object.family, &object.table)),
        Target::Flowtable(table) => Some((table.family, &table.table)),
        _ => None,
    }
}

/// The chains that an order needs.
fn chains_of(target: &Target) -> Vec<&str> {
    match target {
        Target::Rule { chain, rule, .. } => {
            let jumps = rule.statements.iter().filter_map(|statement| match statement {
                Statement::Verdict(Verdict::Jump(to) | Verdict::Goto(to)) => match to {
                    ChainTarget::Named(name) => Some(name.as_str()),
                    _ => None,
                },
                _ => None,
            });
            std::iter::once(chain.as_str()).chain(jumps).collect()
        }
        Target::Selection(selection) if selection.entity == Entity::Chain => {
            selection.name.as_deref().into_iter().collect()
        }
        Target::Selection(selection) => selection.chain.as_deref().into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Where a word stands in an order; the last place, since names come behind what they are of.
pub(super) fn word_in(sources: &SourceMap, span: Span, word: &str) -> Option<Span> {
    let text = sources.snippet(span);
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let bounded = |&(at, _): &(usize, &str)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let behind = text.get(at + word.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(inside) && !behind.is_some_and(inside)
    };
    let (at, _) = text.match_indices(word).filter(bounded).last()?;
    let start = span.start + at as u32;
    Some(Span { start, end: start + word.len() as u32, ..span })
}
