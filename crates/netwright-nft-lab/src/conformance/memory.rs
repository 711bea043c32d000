//! What a kernel would have, made from messages without one.

use std::collections::HashMap;

use netwright_netfilter::{
    Batch, Chain, ChainPolicy, Data, Element, ElementListAttrs, Expression, Flowtable, Item, MessageKind,
    NetfilterHeader, Object, Rule, Set, Table,
};
use netwright_nft::lift::Dump;
use netwright_wire::{Big, Message, Messages, Value as _};

/// What a kernel would have after some batches that only add, with names for what has none. As in the kernel, a table or chain that is
/// added again stays as it was, and a base chain accepts what no rule decides on unless its policy says otherwise.
#[derive(Debug, Default)]
pub struct Memory {
    dump: Dump,
    /// Names by number of what the batch at hand has made.
    names: HashMap<u32, String>,
    made: usize,
}

impl Memory {
    /// What it would list.
    #[must_use]
    pub fn dump(&self) -> &Dump {
        &self.dump
    }

    /// Adds what a batch adds; `None` where one of its messages cannot be read.
    pub fn add(&mut self, batch: &mut Batch) -> Option<()> {
        self.names.clear();
        let mut all = Messages::new(batch.finish().ok()?);
        all.try_for_each(|message| self.message(&message.ok()?))
    }

    /// Adds what a message adds; `None` where it cannot be read.
    pub fn message(&mut self, message: &Message<'_>) -> Option<()> {
        match MessageKind::of(message) {
            Some(MessageKind::NEW_TABLE) => {
                let table = Table::read(message).ok()??;
                let same = |one: &Table| (one.family, &one.name) == (table.family, &table.name);
                if !self.dump.tables.iter().any(same) {
                    self.dump.tables.push(table);
                }
            }
            Some(MessageKind::NEW_CHAIN) => {
                let mut chain = Chain::read(message).ok()??;
                self.call(&mut chain.name, chain.id);
                if let Some(base) = &mut chain.base {
                    base.policy.get_or_insert(ChainPolicy::ACCEPT);
                }
                let same = |one: &Chain| {
                    (one.family, &one.table, &one.name) == (chain.family, &chain.table, &chain.name)
                };
                if !self.dump.chains.iter().any(same) {
                    self.dump.chains.push(chain);
                }
            }
            Some(MessageKind::NEW_RULE) => {
                let mut rule = Rule::read(message).ok()??;
                self.known(&mut rule.chain, rule.chain_id);
                rule.expressions.iter_mut().for_each(|expression| self.expression(expression));
                self.dump.rules.push(rule);
            }
            Some(MessageKind::NEW_SET) => {
                let mut set = Set::read(message).ok()??;
                self.call(&mut set.name, set.id);
                self.dump.sets.push((set, Vec::new()));
            }
            Some(MessageKind::NEW_ELEMENTS) => {
                let (header, bytes) = NetfilterHeader::split(message).ok()?;
                let list = ElementListAttrs::read::<Big>(bytes).ok()?;
                let (table, mut name) = (list.table?, list.set?);
                self.known(&mut name, list.set_id);
                let mut elements = list.elements.unwrap_or_default().0;
                elements.iter_mut().for_each(|element| self.element(element));
                let mut sets = self.dump.sets.iter_mut();
                let here = |set: &Set| set.family == header.family && set.table == table && set.name == name;
                sets.find(|(set, _)| here(set))?.1.extend(elements);
            }
            Some(MessageKind::NEW_OBJECT) => self.dump.objects.push(Object::read(message).ok()??),
            Some(MessageKind::NEW_FLOWTABLE) => self.dump.flowtables.push(Flowtable::read(message).ok()??),
            _ => {}
        }
        Some(())
    }

    /// Gives a name to what has none of its own.
    fn call(&mut self, name: &mut String, id: Option<u32>) {
        if name.is_empty() || name.contains('%') {
            let pattern = name.strip_suffix("%d").unwrap_or("__chain");
            *name = format!("{pattern}{}", self.made);
            self.made += 1;
        }
        if let Some(id) = id {
            self.names.insert(id, name.clone());
        }
    }

    fn known(&self, name: &mut String, id: Option<u32>) {
        if let Some(known) = id.and_then(|id| self.names.get(&id)) {
            known.clone_into(name);
        }
    }

    fn expression(&self, expression: &mut Expression) {
        match expression {
            Expression::Lookup(lookup) => {
                lookup.set.iter_mut().for_each(|name| self.known(name, lookup.set_id));
            }
            Expression::ObjectReference(reference) => {
                reference.set = reference.set.take().map(|name| {
                    let mut name = name.to_string();
                    self.known(&mut name, reference.set_id);
                    name.into()
                });
            }
            Expression::Immediate(immediate) => immediate.data.iter_mut().for_each(|data| self.data(data)),
            _ => {}
        }
    }

    fn element(&self, element: &mut Element) {
        element.data.iter_mut().for_each(|data| self.data(data));
    }

    /// The name of the chain that a verdict leads to by number.
    fn data(&self, data: &mut Data) {
        if let Data::Verdict(verdict) = data
            && let Some(known) = verdict.chain_id.and_then(|id| self.names.get(&id))
        {
            verdict.chain = Some(known.clone());
        }
    }
}
