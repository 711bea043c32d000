//! Variables: which definition a name means at a place.

use std::collections::BTreeMap;

use super::ast::DefinitionId;

/// The definitions visible at a place: one map for each block that is open, outermost first.
#[derive(Debug)]
pub(super) struct Scopes {
    blocks: Vec<BTreeMap<String, DefinitionId>>,
}

impl Default for Scopes {
    fn default() -> Self {
        Scopes { blocks: vec![BTreeMap::new()] }
    }
}

impl Scopes {
    pub(super) fn enter(&mut self) {
        self.blocks.push(BTreeMap::new());
    }

    pub(super) fn leave(&mut self) {
        self.blocks.pop();
    }

    /// The definitions outside of all blocks.
    pub(super) fn into_outermost(self) -> BTreeMap<String, DefinitionId> {
        self.blocks.into_iter().next().unwrap_or_default()
    }

    /// The definition that a name means here.
    pub(super) fn lookup(&self, name: &str) -> Option<DefinitionId> {
        self.blocks.iter().rev().find_map(|block| block.get(name).copied())
    }

    /// The definition of the innermost block alone.
    pub(super) fn local(&self, name: &str) -> Option<DefinitionId> {
        self.blocks.last().and_then(|block| block.get(name).copied())
    }

    pub(super) fn define(&mut self, name: String, id: DefinitionId) {
        if let Some(block) = self.blocks.last_mut() {
            block.insert(name, id);
        }
    }

    /// Forgets a definition of the innermost block, where there is one.
    pub(super) fn undefine(&mut self, name: &str) {
        if let Some(block) = self.blocks.last_mut() {
            block.remove(name);
        }
    }

    /// Names that mean something here, for a suggestion: not more than it makes sense to compare.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.blocks.iter().rev().flat_map(|block| block.keys().map(String::as_str)).take(1000)
    }
}
