//! Rules that are named by their place in a chain, as a batch goes on: the rules that it adds, moves and removes count.

use std::collections::HashMap;

use netwright_netfilter::{Batch, Family, Rule as KernelRule};

use super::{Error, Result};
use crate::catalog::Catalog;
use crate::ir::{Anchor, Command, Entity, Operation, Selection, Target};

/// Family, table and name of a chain.
type Place = (Family, String, String);

/// What a rule is named by within a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    /// It was there before.
    Handle(u64),
    /// The batch adds it.
    Id(u32),
}

/// The rules of the chains whose rules are named by their place.
#[derive(Clone, Debug, Default)]
pub struct Order {
    chains: HashMap<Place, Vec<Number>>,
    /// Whether any chain may turn out to be one of them.
    every: bool,
}

impl Order {
    /// For a batch whose orders come one by one: every rule gets a number, since a later order may count it.
    #[must_use]
    pub fn open() -> Self {
        Order { chains: HashMap::new(), every: true }
    }

    /// For a batch that consists of these orders.
    #[must_use]
    pub fn of(commands: &[Command], catalog: &Catalog) -> Self {
        let mut order = Order::default();
        for command in commands {
            match &command.target {
                Target::Rule { family, table, chain, anchor: Some(Anchor::Index(_)), .. } => {
                    order.begin(*family, table, chain, catalog);
                }
                Target::Selection(Selection {
                    family,
                    table: Some(table),
                    chain: Some(chain),
                    index,
                    ..
                }) if index.is_some() => {
                    order.begin(*family, table, chain, catalog);
                }
                Target::Selection(_)
                | Target::Table(_)
                | Target::Chain(_)
                | Target::ChainName { .. }
                | Target::Rule { .. }
                | Target::Set(_)
                | Target::Elements { .. }
                | Target::PackedElements { .. }
                | Target::Object(_)
                | Target::Flowtable(_)
                | Target::Hooks { .. }
                | Target::Changes { .. }
                | Target::Description { .. }
                | Target::Exchange { .. } => {}
            }
        }
        order
    }

    fn begin(&mut self, family: Family, table: &str, chain: &str, catalog: &Catalog) -> &mut Vec<Number> {
        self.chains.entry((family, table.to_owned(), chain.to_owned())).or_insert_with(|| {
            let rules = catalog.table(family, table).and_then(|table| table.rules.get(chain));
            rules.into_iter().flatten().map(|handle| Number::Handle(*handle)).collect()
        })
    }

    fn chain(&mut self, rule: &KernelRule, catalog: &Catalog) -> Option<&mut Vec<Number>> {
        if self.every {
            return Some(self.begin(rule.family, &rule.table, &rule.chain, catalog));
        }
        self.chains.get_mut(&(rule.family, rule.table.clone(), rule.chain.clone()))
    }

    /// Gives a rule its place, and a number by which later orders find it; appends it to the batch.
    pub(super) fn put(
        &mut self,
        operation: Operation,
        mut rule: KernelRule,
        anchor: Option<Anchor>,
        catalog: &Catalog,
        batch: &mut Batch,
    ) -> Result<()> {
        let name = rule.chain.clone();
        let chain = self.chain(&rule, catalog);
        let beside = match anchor {
            None => None,
            Some(Anchor::Handle(handle)) => Some(Number::Handle(handle)),
            Some(Anchor::Index(index)) => Some(at(chain.as_deref(), &name, index)?),
        };
        match (operation, beside) {
            (Operation::Replace, Some(Number::Handle(handle))) => rule.handle = Some(handle),
            (Operation::Replace, _) => {
                return Err(Error::new("a rule that the same batch adds cannot be replaced in it"));
            }
            (_, Some(Number::Handle(handle))) => rule.position = Some(handle),
            (_, Some(Number::Id(id))) => rule.position_id = Some(id),
            (_, None) => {}
        }
        if let Some(chain) = chain {
            let id = batch.allocate_id();
            rule.id = Some(id);
            place(chain, operation, beside, Number::Id(id));
        }
        match operation {
            Operation::Add => batch.add(&rule),
            Operation::Create => batch.create(&rule),
            Operation::Insert => batch.insert(&rule),
            Operation::Replace => batch.replace(&rule),
            Operation::Delete
            | Operation::Destroy
            | Operation::Flush
            | Operation::Rename
            | Operation::List
            | Operation::Reset
            | Operation::Get
            | Operation::Monitor
            | Operation::Describe
            | Operation::Import
            | Operation::Export => return Err(Error::new("this cannot be done with a rule")),
        }
        Ok(())
    }

    /// The handle of the rule that is to be deleted.
    pub(super) fn take(&mut self, selection: &Selection, catalog: &Catalog) -> Result<u64> {
        let (table, chain) = (selection.table.as_deref(), selection.chain.as_deref());
        let (table, name) = (table.unwrap_or_default(), chain.unwrap_or_default());
        let rule = KernelRule::new(selection.family, table, name, []);
        let mut chain = self.chain(&rule, catalog);
        let number = match (selection.handle, selection.index) {
            (Some(handle), _) => Number::Handle(handle),
            (None, Some(index)) => at(chain.as_deref(), name, index)?,
            (None, None) => return Err(Error::new("which rule? write `handle NUMBER` behind the chain")),
        };
        chain.iter_mut().for_each(|chain| chain.retain(|one| *one != number));
        match number {
            Number::Handle(handle) => Ok(handle),
            Number::Id(_) => Err(Error::new("a rule that the same batch adds cannot be deleted in it")),
        }
    }

    /// Forgets the rules of what is flushed or deleted.
    pub(super) fn empty(&mut self, selection: &Selection) {
        let (table, chain) = match selection.entity {
            Entity::Ruleset => (None, None),
            Entity::Table => (selection.table.as_deref(), None),
            Entity::Chain => {
                (selection.table.as_deref(), selection.name.as_deref().or(selection.chain.as_deref()))
            }
            Entity::Rule
            | Entity::Set
            | Entity::Map
            | Entity::Meter
            | Entity::Flowtable
            | Entity::Object(_) => return,
        };
        let all = selection.family == Family::UNSPECIFIED;
        for ((family, of, name), rules) in &mut self.chains {
            let meant = (all || *family == selection.family)
                && table.is_none_or(|table| table == of)
                && chain.is_none_or(|chain| chain == name);
            if meant {
                rules.clear();
            }
        }
    }
}

/// The rule at a place.
fn at(chain: Option<&Vec<Number>>, name: &str, index: u64) -> Result<Number> {
    let found = chain.and_then(|chain| chain.get(usize::try_from(index).ok()?));
    found.copied().ok_or_else(|| Error::missing(format!("chain `{name}` has no rule with the index {index}")))
}

/// Puts the number of a new rule among the others as the kernel puts the rule.
fn place(chain: &mut Vec<Number>, operation: Operation, beside: Option<Number>, new: Number) {
    let place = beside.and_then(|beside| chain.iter().position(|one| *one == beside));
    match (operation, beside, place) {
        (Operation::Insert, None, _) => chain.insert(0, new),
        (Operation::Insert, _, Some(at)) => chain.insert(at, new),
        (Operation::Replace, _, Some(at)) => chain.iter_mut().skip(at).take(1).for_each(|one| *one = new),
        (_, None, _) => chain.push(new),
        (_, _, Some(at)) => chain.insert(at + 1, new),
        // the kernel will refuse what is beside a rule that is not there
        (_, Some(_), None) => {}
    }
}
