//! Text to syntax tree.

pub mod ast;

use crate::diagnostic::Diagnostic;
use ast::{Command, Definition, DefinitionId};

/// What parsing yields, errors or not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// The commands, in order; those with errors are left out.
    pub commands: Vec<Command>,
    /// What variables stand for.
    pub definitions: Vec<Definition>,
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
