//! Text to syntax tree.
//!
//! [`parse`] reads a whole text with everything that it includes, and reports all that is wrong with it at once. The tree
//! ([`ast`]) keeps what the writer wrote; what the words mean is the evaluation's business.

pub mod ast;
mod lexer;
mod parser;
mod scope;
mod words;

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, SourceId, SourceMap};
use ast::{Command, Definition, DefinitionId};
use parser::Parser;

pub(crate) use words::is_name;
pub use words::words_after;

/// What parsing yields, errors or not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// The commands, in order. A command that could not be read is left out; of a table, a chain or a set only the lines that
    /// could not be read are.
    pub commands: Vec<Command>,
    /// What variables stand for.
    pub definitions: Vec<Definition>,
    /// Variables that are visible at the end, outside of all blocks.
    pub variables: BTreeMap<String, DefinitionId>,
    /// What is wrong; empty when everything was understood.
    pub diagnostics: Vec<Diagnostic>,
}

impl Parsed {
    /// What a variable stands for.
    #[must_use]
    pub fn definition(&self, id: DefinitionId) -> Option<&Definition> {
        self.definitions.get(id.0 as usize)
    }
}

/// Where included texts come from; the parser itself reads no files.
pub trait Loader {
    /// The texts that a pattern names, each with its own name, in the order of the C locale.
    ///
    /// A pattern with `*`, `?` or `[]` may name none at all; without them a missing file is an error. `from` is the name of the
    /// text that holds the `include`.
    ///
    /// # Errors
    /// Why there is nothing to read, as the end of a sentence (`there is no such file`).
    fn load(&mut self, pattern: &str, from: &str) -> Result<Vec<(String, String)>, String>;
}

/// A [`Loader`] that has nothing: each `include` is an error.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoIncludes;

impl Loader for NoIncludes {
    fn load(&mut self, _pattern: &str, _from: &str) -> Result<Vec<(String, String)>, String> {
        Err("no other file can be read here".to_string())
    }
}

/// A variable that is bound from outside (`nft -D name=value`).
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// The name without `$`.
    pub name: &'a str,
    /// The value, as it would stand behind `define name =`.
    pub value: &'a str,
}

/// Reads a text. See [`parse_with`] for variables from outside.
pub fn parse(sources: &mut SourceMap, id: SourceId, loader: &mut dyn Loader) -> Parsed {
    parse_with(sources, id, loader, &[])
}

/// Reads a text as [`parse`] does, in which a closing brace also ends the line before it: host files may have a whole table
/// on one line. nft wants a `;` there.
pub fn parse_on_one_line(sources: &mut SourceMap, id: SourceId, loader: &mut dyn Loader) -> Parsed {
    let mut parser = Parser::new(sources, loader);
    parser.on_one_line = true;
    parser.run(id);
    parser.into_parsed()
}

/// Reads a text in which some variables are defined already.
pub fn parse_with(
    sources: &mut SourceMap,
    id: SourceId,
    loader: &mut dyn Loader,
    bindings: &[Binding<'_>],
) -> Parsed {
    let bound: Vec<SourceId> = bindings
        .iter()
        .map(|binding| {
            sources.add(format!("${}", binding.name), format!("define {} = {}", binding.name, binding.value))
        })
        .collect();
    parse_behind(sources, &bound, id, loader)
}

/// Reads a text behind others that define variables, which it can use.
pub fn parse_behind(
    sources: &mut SourceMap,
    before: &[SourceId],
    id: SourceId,
    loader: &mut dyn Loader,
) -> Parsed {
    let mut parser = Parser::new(sources, loader);
    for &source in before {
        parser.run_definitions(source);
    }
    parser.run(id);
    parser.into_parsed()
}

#[cfg(test)]
mod tests;
