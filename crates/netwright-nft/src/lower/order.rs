//! Rules that are named by their place in a chain, as a batch goes on: the rules that it adds, moves and removes count.

use std::collections::HashMap;

use netwright_netfilter::{Batch, Family, Item, MessageKind, NetfilterHeader, Rule as KernelRule, RuleAttrs};
use netwright_wire::{Message, MessageFlags};

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

/// The rules of a chain.
#[derive(Clone, Debug)]
enum Rules {
    Known(Vec<Number>),
    /// What the batch has done, in a chain whose rules nobody has asked for yet.
    Since(Vec<Change>),
}

#[derive(Clone, Copy, Debug)]
enum Change {
    /// What was put beside what, and its number.
    Put(Operation, Option<Number>, u32),
    Taken(Number),
}

impl Rules {
    fn change(&mut self, change: Change) {
        match self {
            Rules::Known(rules) => change.apply(rules),
            Rules::Since(changes) => changes.push(change),
        }
    }

    /// The rules, where `before` are those that the kernel has.
    fn known(&mut self, before: impl IntoIterator<Item = Number>) -> &[Number] {
        if let Rules::Since(changes) = self {
            let mut rules = before.into_iter().collect();
            changes.iter().for_each(|change| change.apply(&mut rules));
            *self = Rules::Known(rules);
        }
        match self {
            Rules::Known(rules) => rules,
            Rules::Since(_) => &[],
        }
    }
}

impl Change {
    fn apply(self, rules: &mut Vec<Number>) {
        match self {
            Change::Put(operation, beside, id) => place(rules, operation, beside, Number::Id(id)),
            Change::Taken(number) => rules.retain(|one| *one != number),
        }
    }
}

/// The rules of the chains whose rules are named by their place.
#[derive(Clone, Debug, Default)]
pub struct Order {
    chains: HashMap<Place, Rules>,
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
    pub fn of(commands: &[Command]) -> Self {
        let mut order = Order::default();
        for command in commands {
            match &command.target {
                Target::Rule { family, table, chain, anchor: Some(Anchor::Index(_)), .. } => {
                    order.begin(*family, table, chain);
                }
                Target::Selection(Selection {
                    family,
                    table: Some(table),
                    chain: Some(chain),
                    index,
                    ..
                }) if index.is_some() => {
                    order.begin(*family, table, chain);
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

    fn begin(&mut self, family: Family, table: &str, chain: &str) -> &mut Rules {
        let place = (family, table.to_owned(), chain.to_owned());
        self.chains.entry(place).or_insert_with(|| Rules::Since(Vec::new()))
    }

    fn chain(&mut self, rule: &KernelRule) -> Option<&mut Rules> {
        if self.every {
            return Some(self.begin(rule.family, &rule.table, &rule.chain));
        }
        if self.chains.is_empty() {
            return None;
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
        let mut chain = self.chain(&rule);
        let beside = match anchor {
            None => None,
            Some(Anchor::Handle(handle)) => Some(Number::Handle(handle)),
            Some(Anchor::Index(index)) => Some(at(chain.as_deref_mut(), &rule, index, catalog)?),
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
            chain.change(Change::Put(operation, beside, id));
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

    /// Notes what a message does that is in the batch already.
    pub fn note(&mut self, message: &Message<'_>) {
        match MessageKind::of(message) {
            Some(MessageKind::NEW_RULE) => {
                let Ok(Some(rule)) = KernelRule::read(message) else { return };
                let flags = message.header.flags;
                let operation = match () {
                    () if flags.contains(MessageFlags::REPLACE) => Operation::Replace,
                    () if flags.contains(MessageFlags::APPEND) => Operation::Add,
                    () => Operation::Insert,
                };
                let handle = if operation == Operation::Replace { rule.handle } else { rule.position };
                let beside = handle.map(Number::Handle).or(rule.position_id.map(Number::Id));
                if let (Some(chain), Some(id)) = (self.chain(&rule), rule.id) {
                    chain.change(Change::Put(operation, beside, id));
                }
            }
            Some(
                kind @ (MessageKind::DELETE_RULE | MessageKind::DELETE_CHAIN | MessageKind::DELETE_TABLE),
            ) => {
                let Ok(NetfilterHeader { family, .. }) = message.fixed() else { return };
                let Ok(gone) = RuleAttrs::read_attributes(message.bytes_after(NetfilterHeader::SIZE)) else {
                    return;
                };
                let meant = |place: &Place| {
                    (family == Family::UNSPECIFIED || family == place.0)
                        && gone.table.as_ref().is_none_or(|table| *table == place.1)
                        && gone.chain.as_ref().is_none_or(|chain| *chain == place.2)
                };
                let handle = gone.handle.filter(|_| kind == MessageKind::DELETE_RULE);
                for (_, rules) in self.chains.iter_mut().filter(|(place, _)| meant(place)) {
                    match handle {
                        Some(handle) => rules.change(Change::Taken(Number::Handle(handle))),
                        None => *rules = Rules::Known(Vec::new()),
                    }
                }
            }
            _ => {}
        }
    }

    /// The handle of the rule that is to be deleted.
    pub(super) fn take(&mut self, selection: &Selection, catalog: &Catalog) -> Result<u64> {
        let (table, chain) = (selection.table.as_deref(), selection.chain.as_deref());
        let (table, name) = (table.unwrap_or_default(), chain.unwrap_or_default());
        let rule = KernelRule::new(selection.family, table, name, []);
        let mut chain = self.chain(&rule);
        let number = match (selection.handle, selection.index) {
            (Some(handle), _) => Number::Handle(handle),
            (None, Some(index)) => at(chain.as_deref_mut(), &rule, index, catalog)?,
            (None, None) => return Err(Error::new("which rule? write `handle NUMBER` behind the chain")),
        };
        chain.iter_mut().for_each(|chain| chain.change(Change::Taken(number)));
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
                *rules = Rules::Known(Vec::new());
            }
        }
    }
}

/// The rule at a place of the chain that a rule is of.
fn at(chain: Option<&mut Rules>, of: &KernelRule, index: u64, catalog: &Catalog) -> Result<Number> {
    let KernelRule { family, table, chain: name, .. } = of;
    let handles = catalog.table(*family, table).and_then(|table| table.rules.get(name));
    let before = handles.into_iter().flatten().map(|handle| Number::Handle(*handle));
    let found = chain.and_then(|chain| chain.known(before).get(usize::try_from(index).ok()?));
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
