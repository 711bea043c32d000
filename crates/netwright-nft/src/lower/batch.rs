//! Orders to the messages of a batch.

use netwright_netfilter::expression::ObjectKind as KernelObjectKind;
use netwright_netfilter::{
    Batch, Chain as KernelChain, ChainFlags, Element as KernelElement, Family, Flowtable as KernelFlowtable,
    Item, Object as KernelObject, ObjectData as KernelData, Rule as KernelRule, Set as KernelSet,
    Table as KernelTable, Userdata,
};

use super::rule::{AnonymousChain, Code, Scope};
use super::{Error, Result, object, packed, set};
use crate::catalog::Catalog;
use crate::ir::{
    Anchor, Chain, Command, Element, Entity, Flowtable, Operation, PackedElements, Rule, Selection, Set,
    Target,
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
    for (index, command) in commands.iter().enumerate() {
        batch.tag(u32::try_from(index).ok());
        self::command(command, catalog, batch).map_err(|error| Failed { command: index, error })?;
    }
    batch.tag(None);
    Ok(())
}

/// Appends one order that changes something to a batch, with the tag that the batch has.
///
/// # Errors
/// As for [`batch`].
pub fn command(command: &Command, catalog: &Catalog, batch: &mut Batch) -> Result<()> {
    Lowering { batch, catalog }.command(command)
}

struct Lowering<'a> {
    batch: &'a mut Batch,
    catalog: &'a Catalog,
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
                let named = KernelChain::new(*family, table.clone(), to.clone());
                self.batch.rename_chain(&KernelChain { handle: Some(handle), ..named });
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

    fn define<T: Item>(&mut self, operation: Operation, item: &T) -> Result<()> {
        match operation {
            Operation::Add => self.batch.add(item),
            Operation::Create => self.batch.create(item),
            Operation::Delete => self.batch.delete(item),
            Operation::Destroy => self.batch.destroy(item),
            _ => return Err(Error::new("this cannot be done with it")),
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
            _ => return self.define(operation, &kernel),
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
        let handle = match anchor {
            None => None,
            Some(Anchor::Handle(handle)) => Some(handle),
            Some(Anchor::Index(index)) => Some(self.handle_at(scope, chain, index)?),
        };
        match operation {
            Operation::Replace => {
                kernel.handle = handle;
                self.batch.replace(&kernel);
            }
            Operation::Insert => {
                kernel.position = handle;
                self.batch.insert(&kernel);
            }
            Operation::Add | Operation::Create => {
                kernel.position = handle;
                self.define(operation, &kernel)?;
            }
            _ => return Err(Error::new("this cannot be done with a rule")),
        }
        Ok(())
    }

    fn handle_at(&self, scope: &Scope<'_>, chain: &str, index: u64) -> Result<u64> {
        let rules = scope.catalog.table(scope.family, scope.table).and_then(|table| table.rules.get(chain));
        rules
            .and_then(|handles| handles.get(usize::try_from(index).ok()?).copied())
            .ok_or_else(|| Error::new(format!("chain `{chain}` has no rule with the index {index}")))
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
        let scope = Scope { family: set.family, table: &set.table, catalog: self.catalog };
        let kernel = KernelSet::new(set.family, set.table.clone(), set.name.clone(), 0);
        let list = match operation {
            Operation::Delete | Operation::Destroy => set::elements_to_delete(&scope, set, elements)?,
            _ => set::elements(&scope, set, elements)?,
        };
        self.send(operation, &kernel, list)
    }

    fn packed(&mut self, operation: Operation, set: &Set, elements: &PackedElements) -> Result<()> {
        let kernel = KernelSet::new(set.family, set.table.clone(), set.name.clone(), 0);
        let below = !matches!(operation, Operation::Delete | Operation::Destroy);
        if elements.last.is_some() {
            self.send(operation, &kernel, packed::intervals(&set.key.parts, elements, below))
        } else {
            self.send(operation, &kernel, packed::keys(&set.key.parts, elements))
        }
    }

    fn send(
        &mut self,
        operation: Operation,
        set: &KernelSet,
        elements: impl IntoIterator<Item = KernelElement>,
    ) -> Result<()> {
        match operation {
            Operation::Add => self.batch.add_elements(set, elements),
            Operation::Create => self.batch.create_elements(set, elements),
            Operation::Delete => self.batch.delete_elements(set, elements),
            Operation::Destroy => self.batch.destroy_elements(set, elements),
            _ => return Err(Error::new("this order changes nothing, so it is no part of a batch")),
        }
        Ok(())
    }

    /// Removes what is there.
    fn selection(&mut self, operation: Operation, selection: &Selection) -> Result<()> {
        let (family, handle) = (selection.family, selection.handle);
        let table = selection.table.clone().unwrap_or_default();
        let name = selection.name.clone().unwrap_or_default();
        if operation == Operation::Flush {
            return self.flush(selection, family, table, name);
        }
        match selection.entity {
            Entity::Table => {
                self.define(operation, &KernelTable { handle, ..KernelTable::new(family, table) })
            }
            Entity::Chain => {
                self.define(operation, &KernelChain { handle, ..KernelChain::new(family, table, name) })
            }
            Entity::Set | Entity::Map | Entity::Meter => {
                self.define(operation, &KernelSet { handle, ..KernelSet::new(family, table, name, 0) })
            }
            Entity::Flowtable => {
                self.define(operation, &KernelFlowtable { family, table, name, handle, ..Default::default() })
            }
            Entity::Object(kind) => {
                let data = KernelData::Unknown { kind: KernelObjectKind(kind.0), data: Vec::new() };
                let named = KernelObject::new(family, table, name, data);
                self.define(operation, &KernelObject { handle, ..named })
            }
            Entity::Rule => {
                let chain = selection.chain.clone().unwrap_or_default();
                let scope = Scope { family, table: &table, catalog: self.catalog };
                let handle = match (handle, selection.index) {
                    (Some(handle), _) => handle,
                    (None, Some(index)) => self.handle_at(&scope, &chain, index)?,
                    (None, None) => {
                        return Err(Error::new("which rule? write `handle NUMBER` behind the chain"));
                    }
                };
                let named = KernelRule::new(family, table.clone(), chain, []);
                self.define(operation, &KernelRule { handle: Some(handle), ..named })
            }
            Entity::Ruleset => Err(Error::new("a ruleset is flushed, not deleted")),
        }
    }

    fn flush(&mut self, selection: &Selection, family: Family, table: String, name: String) -> Result<()> {
        match selection.entity {
            Entity::Ruleset => self.batch.flush_ruleset(family),
            Entity::Table => self.batch.flush_table(&KernelTable::new(family, table)),
            Entity::Chain => self.batch.flush_chain(&KernelChain::new(family, table, name)),
            Entity::Set | Entity::Map | Entity::Meter => {
                self.batch.flush_set(&KernelSet::new(family, table, name, 0));
            }
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
