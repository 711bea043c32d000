//! Orders to the messages of a batch.

use netwright_netfilter::expression::ObjectKind as KernelObjectKind;
use netwright_netfilter::{
    Batch, ByHandle, Chain as KernelChain, ChainFlags, Deletable, Item, Rule as KernelRule, SetRef, TableRef,
    Userdata, WriteElement,
};

use super::rule::{AnonymousChain, Code, Scope};
use super::{Error, Order, Result, object, packed, set};
use crate::catalog::Catalog;
use crate::ir::{
    Anchor, Chain, Command, Element, Entity, Flowtable, Operation, PackedElements, Rule, Selection, Set,
    Target, data_parts,
};

/// An order that cannot be lowered.
#[derive(Clone, Debug, PartialEq)]
pub struct Failed {
    /// Which of the orders, from 0.
    pub command: usize,
    /// Why.
    pub error: Error,
}

/// Appends orders that change something to a batch. Every message is tagged with the number of its order, from 0, so that a
/// refusal of the kernel can be pointed at where the order was written.
///
/// # Errors
/// An order changes nothing (a list), or cannot be expressed.
pub fn batch(commands: &[Command], catalog: &Catalog, batch: &mut Batch) -> std::result::Result<(), Failed> {
    let mut order = Order::of(commands);
    for (index, command) in commands.iter().enumerate() {
        batch.tag(u32::try_from(index).ok());
        self::command(command, catalog, &mut order, batch)
            .map_err(|error| Failed { command: index, error })?;
    }
    batch.tag(None);
    Ok(())
}

/// Appends one order that changes something to a batch, with the tag that the batch has. The order of rules is the same
/// for all orders of a batch.
///
/// # Errors
/// As for [`batch`].
pub fn command(command: &Command, catalog: &Catalog, order: &mut Order, batch: &mut Batch) -> Result<()> {
    Lowering { batch, catalog, order }.command(command)
}

struct Lowering<'a> {
    batch: &'a mut Batch,
    catalog: &'a Catalog,
    order: &'a mut Order,
}

impl<'a> Lowering<'a> {
    fn command(&mut self, command: &Command) -> Result<()> {
        let operation = command.operation;
        match &command.target {
            Target::Selection(selection) => self.selection(operation, selection),
            Target::Table(table) => self.define(operation, &object::table(table)?),
            Target::Chain(chain) => self.chain(operation, chain),
            Target::ChainName { family, table, chain, to } => {
                let handle = self.catalog.chain_handle(*family, table, chain);
                let Some(handle) = handle else {
                    return Err(Error::new(format!("the handle of chain `{chain}` is not known")));
                };
                self.batch.rename_chain(&TableRef::new(*family, table.clone()).chain_by_handle(handle), to);
                Ok(())
            }
            Target::Rule { family, table, chain, anchor, rule, .. } => {
                let scope = Scope { family: *family, table, catalog: self.catalog };
                self.rule(operation, &scope, chain, *anchor, rule)
            }
            Target::Set(set) => self.set(operation, set),
            Target::Elements { set, elements } => self.elements(operation, set, elements),
            Target::PackedElements { set, elements } => self.packed(operation, set, elements),
            Target::Object(made) => {
                let scope = Scope { family: made.family, table: &made.table, catalog: self.catalog };
                self.define(operation, &object::object(&scope, made)?)
            }
            Target::Flowtable(table) => self.flowtable(operation, table),
            Target::Hooks { .. }
            | Target::Changes { .. }
            | Target::Description { .. }
            | Target::Exchange { .. } => {
                Err(Error::new("this order changes nothing, so it is no part of a batch"))
            }
        }
    }

    fn define<T: Item + Deletable>(&mut self, operation: Operation, item: &T) -> Result<()> {
        match operation {
            Operation::Add => self.batch.add(item),
            Operation::Create => self.batch.create(item),
            Operation::Insert
            | Operation::Replace
            | Operation::Delete
            | Operation::Destroy
            | Operation::Flush
            | Operation::Rename
            | Operation::List
            | Operation::Reset
            | Operation::Get
            | Operation::Monitor
            | Operation::Describe
            | Operation::Import
            | Operation::Export => return self.end(operation, item),
        }
        Ok(())
    }

    fn end(&mut self, operation: Operation, thing: &impl Deletable) -> Result<()> {
        match operation {
            Operation::Delete => self.batch.delete(thing),
            Operation::Destroy => self.batch.destroy(thing),
            Operation::Add
            | Operation::Create
            | Operation::Insert
            | Operation::Replace
            | Operation::Flush
            | Operation::Rename
            | Operation::List
            | Operation::Reset
            | Operation::Get
            | Operation::Monitor
            | Operation::Describe
            | Operation::Import
            | Operation::Export => return Err(Error::new("this cannot be done with it")),
        }
        Ok(())
    }

    /// A chain; where it is to be deleted with devices, it is they that go and not the chain.
    fn chain(&mut self, operation: Operation, chain: &Chain) -> Result<()> {
        let kernel = object::chain(chain)?;
        match (operation, &kernel.base) {
            (_, Some(base)) if base.kind.is_empty() && base.devices.is_empty() && base.policy.is_none() => {
                return Err(Error::new(format!("no devices of chain `{}` are named", chain.name)));
            }
            (Operation::Delete, Some(base)) if !base.devices.is_empty() => {
                self.batch.delete_chain_devices(&kernel)
            }
            (Operation::Destroy, Some(base)) if !base.devices.is_empty() => return Err(destroyed_devices()),
            _ => return self.define(operation, &kernel),
        }
        Ok(())
    }

    /// As for chains.
    fn flowtable(&mut self, operation: Operation, table: &Flowtable) -> Result<()> {
        let kernel = object::flowtable(table);
        match operation {
            Operation::Delete if !kernel.devices.is_empty() => self.batch.delete_flowtable_devices(&kernel),
            Operation::Destroy if !kernel.devices.is_empty() => return Err(destroyed_devices()),
            Operation::Add
            | Operation::Create
            | Operation::Insert
            | Operation::Replace
            | Operation::Delete
            | Operation::Destroy
            | Operation::Flush
            | Operation::Rename
            | Operation::List
            | Operation::Reset
            | Operation::Get
            | Operation::Monitor
            | Operation::Describe
            | Operation::Import
            | Operation::Export => return self.define(operation, &kernel),
        }
        Ok(())
    }

    fn rule(
        &mut self,
        operation: Operation,
        scope: &Scope<'_>,
        chain: &str,
        anchor: Option<Anchor>,
        rule: &Rule,
    ) -> Result<()> {
        let mut kernel = self.kernel_rule(scope, rule)?;
        kernel.chain = chain.to_owned();
        self.order.put(operation, kernel, anchor, self.catalog, self.batch)
    }

    /// A rule with the sets and chains that it brings along, which go before it.
    fn kernel_rule(&mut self, scope: &Scope<'_>, rule: &Rule) -> Result<KernelRule> {
        let code = super::rule::rule_with(scope, rule, &mut || self.batch.allocate_id())?;
        let Code { sets, chains, expressions, .. } = code;
        for anonymous in &sets {
            let (made, list) = set::anonymous(scope, anonymous)?;
            self.batch.add(&made);
            self.batch.add_elements(&made, &list);
        }
        for AnonymousChain { id, rules } in chains {
            let flags = Some(ChainFlags::BINDING);
            let named = KernelChain::new(scope.family, scope.table, "");
            self.batch.add(&KernelChain { id: Some(id), flags, ..named });
            // Once something jumps to it, nothing can be added to it: so its rules come first.
            for rule in &rules {
                let kernel = self.kernel_rule(scope, rule)?;
                self.batch.add(&KernelRule { chain_id: Some(id), ..kernel });
            }
        }
        let mut kernel = KernelRule::new(scope.family, scope.table, "", expressions);
        if let Some(text) = &rule.comment {
            kernel.userdata = Userdata::comment(text).map_err(|error| Error::new(error.to_string()))?;
        }
        Ok(kernel)
    }

    fn set(&mut self, operation: Operation, set: &Set) -> Result<()> {
        let scope = Scope { family: set.family, table: &set.table, catalog: self.catalog };
        let id = self.batch.allocate_id();
        let kernel = set::definition(&scope, set, Some(id))?;
        self.define(operation, &kernel)?;
        if !set.elements.is_empty() {
            let list = set::elements(&scope, set, &set.elements)?;
            self.batch.add_elements(&kernel, &list);
        }
        Ok(())
    }

    fn elements(&mut self, operation: Operation, set: &Set, elements: &[Element]) -> Result<()> {
        if let Some(plain) = PackedElements::plain(set, elements) {
            return self.packed(operation, set, &plain);
        }
        let scope = Scope { family: set.family, table: &set.table, catalog: self.catalog };
        let kernel = SetRef::new(set.family, set.table.clone(), set.name.clone());
        let list = match operation {
            Operation::Delete | Operation::Destroy => set::elements_to_delete(&scope, set, elements)?,
            Operation::Add
            | Operation::Create
            | Operation::Insert
            | Operation::Replace
            | Operation::Flush
            | Operation::Rename
            | Operation::List
            | Operation::Reset
            | Operation::Get
            | Operation::Monitor
            | Operation::Describe
            | Operation::Import
            | Operation::Export => set::elements(&scope, set, elements)?,
        };
        self.send(operation, &kernel, list)
    }

    fn packed(&mut self, operation: Operation, set: &Set, elements: &PackedElements) -> Result<()> {
        let kernel = SetRef::new(set.family, set.table.clone(), set.name.clone());
        let below = !matches!(operation, Operation::Delete | Operation::Destroy);
        let parts = &set.key.parts;
        if elements.last.is_some() {
            return self.send(operation, &kernel, packed::intervals(parts, elements, below));
        }
        let keys = packed::keys(parts, data_parts(set), elements);
        match below {
            true => self.send(operation, &kernel, keys),
            // they go by their key, whatever the map holds for it
            false => self.send(operation, &kernel, keys.map(packed::Plain::key_alone)),
        }
    }

    fn send(
        &mut self,
        operation: Operation,
        set: &SetRef,
        elements: impl IntoIterator<Item = impl WriteElement>,
    ) -> Result<()> {
        match operation {
            Operation::Add => self.batch.add_elements(set, elements),
            Operation::Create => self.batch.create_elements(set, elements),
            Operation::Delete => self.batch.delete_elements(set, elements),
            Operation::Destroy => self.batch.destroy_elements(set, elements),
            Operation::Insert
            | Operation::Replace
            | Operation::Flush
            | Operation::Rename
            | Operation::List
            | Operation::Reset
            | Operation::Get
            | Operation::Monitor
            | Operation::Describe
            | Operation::Import
            | Operation::Export => {
                return Err(Error::new("this order changes nothing, so it is no part of a batch"));
            }
        }
        Ok(())
    }

    /// Removes what is there.
    fn selection(&mut self, operation: Operation, selection: &Selection) -> Result<()> {
        let table = TableRef::new(selection.family, selection.table.clone().unwrap_or_default());
        let name = || selection.name.clone().unwrap_or_default();
        self.order.empty(selection);
        if operation == Operation::Flush {
            return self.flush(selection, &table);
        }
        match (selection.entity, selection.handle) {
            (Entity::Table, None) => self.end(operation, &table),
            (Entity::Table, Some(handle)) => self.end(operation, &ByHandle::table_of(table.family, handle)),
            (Entity::Chain, None) => self.end(operation, &table.chain(name())),
            (Entity::Chain, Some(handle)) => self.end(operation, &table.chain_by_handle(handle)),
            (Entity::Set | Entity::Map | Entity::Meter, None) => self.end(operation, &table.set(name())),
            (Entity::Set | Entity::Map | Entity::Meter, Some(handle)) => {
                self.end(operation, &table.set_by_handle(handle))
            }
            (Entity::Flowtable, None) => self.end(operation, &table.flowtable(name())),
            (Entity::Flowtable, Some(handle)) => self.end(operation, &table.flowtable_by_handle(handle)),
            (Entity::Object(kind), None) => {
                self.end(operation, &table.object(KernelObjectKind(kind.0), name()))
            }
            (Entity::Object(kind), Some(handle)) => {
                self.end(operation, &table.object_by_handle(KernelObjectKind(kind.0), handle))
            }
            (Entity::Rule, _) => {
                let chain = table.chain(selection.chain.clone().unwrap_or_default());
                let handle = self.order.take(selection, self.catalog)?;
                self.end(operation, &chain.rule(handle))
            }
            (Entity::Ruleset, _) => Err(Error::new("a ruleset is flushed, not deleted")),
        }
    }

    fn flush(&mut self, selection: &Selection, table: &TableRef) -> Result<()> {
        let name = || selection.name.clone().unwrap_or_default();
        match selection.entity {
            Entity::Ruleset => self.batch.flush_ruleset(table.family),
            Entity::Table => self.batch.flush_table(table),
            Entity::Chain => self.batch.flush_chain(table.chain(name())),
            Entity::Set | Entity::Map | Entity::Meter => self.batch.flush_set(table.set(name())),
            Entity::Rule | Entity::Flowtable | Entity::Object(_) => {
                return Err(Error::new("this cannot be flushed"));
            }
        }
        Ok(())
    }
}

fn destroyed_devices() -> Error {
    Error::new("single devices are not destroyed: write `delete`")
}

impl Command {
    /// Whether the order changes something; the others are for the caller to answer.
    #[must_use]
    pub fn is_change(&self) -> bool {
        matches!(
            self.operation,
            Operation::Add
                | Operation::Create
                | Operation::Insert
                | Operation::Replace
                | Operation::Delete
                | Operation::Destroy
                | Operation::Flush
                | Operation::Rename
        )
    }
}
