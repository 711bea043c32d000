//! What commands make of a ruleset.

use std::fmt;

use netwright_netfilter::Family;
use netwright_nft::diagnostic::{Diagnostic, Span};
use netwright_nft::ir::{
    self, Anchor, Chain, Command, Element, Entity, Object, Operation, Rule, Selection, Target,
};

use super::compare::element_key;
use super::{RulePlace, Ruleset, Table};

/// A command that has no place in what is desired, or is about something that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// What is wrong, as a sentence without a full stop.
    pub message: String,
    /// Where the command was written.
    pub span: Option<Span>,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Unfit {}

impl From<Unfit> for Diagnostic {
    fn from(unfit: Unfit) -> Self {
        Diagnostic::error(unfit.span.unwrap_or_default(), unfit.message)
    }
}

type Outcome = Result<(), String>;

impl Ruleset {
    /// What commands make of an empty ruleset: what they declare. A `flush ruleset` in front, as files for `nft` have
    /// it, is therefore without effect; nothing that is not declared is ever flushed.
    ///
    /// # Errors
    /// All commands that show, reset or watch something, or are about what is not declared before them.
    pub fn declared(commands: &[Command]) -> Result<Ruleset, Vec<Unfit>> {
        let mut ruleset = Ruleset::default();
        let unfit: Vec<_> = commands.iter().filter_map(|command| ruleset.execute(command).err()).collect();
        if unfit.is_empty() { Ok(ruleset) } else { Err(unfit) }
    }

    /// Carries a command out.
    ///
    /// # Errors
    /// As for [`declared`](Ruleset::declared).
    pub fn execute(&mut self, command: &Command) -> Result<(), Unfit> {
        let done = match command.operation {
            Operation::Add | Operation::Create | Operation::Insert => self.make(command),
            Operation::Replace => self.replace(command),
            Operation::Delete | Operation::Destroy => {
                let done = self.delete(&command.target);
                if command.operation == Operation::Destroy { Ok(()) } else { done }
            }
            Operation::Flush => self.flush(&command.target),
            Operation::Rename => self.rename(&command.target),
            _ => Err("only commands that make or remove something have a place here".to_owned()),
        };
        done.map_err(|message| Unfit { message, span: command.span })
    }

    fn table_mut(&mut self, family: Family, name: &str) -> Result<&mut Table, String> {
        let missing = || format!("table {family} {name} is not there");
        let position = self.position(family, name).ok_or_else(missing)?;
        self.tables.get_mut(position).ok_or_else(missing)
    }

    fn make(&mut self, command: &Command) -> Outcome {
        match &command.target {
            Target::Table(table) => self.make_table(table, command.span),
            Target::Chain(chain) => make_chain(self.table_mut(chain.family, &chain.table)?, chain),
            Target::Rule { family, table, chain, anchor, rule, spans } => {
                let table = self.table_mut(*family, table)?;
                let before = command.operation == Operation::Insert;
                let position = put_rule(chain_mut(table, chain)?, *anchor, before, rule)?;
                let place = RulePlace { rule: command.span, statements: spans.clone() };
                table.rule_places.insert(chain, position, place);
                Ok(())
            }
            Target::Set(set) => {
                let table = self.table_mut(set.family, &set.table)?;
                match table.sets.iter_mut().find(|found| found.name == set.name) {
                    Some(found) => put_elements(found, &set.elements),
                    None => table.sets.push((**set).clone()),
                }
                Ok(())
            }
            Target::Elements { set, elements } => {
                put_elements(set_mut(self.table_mut(set.family, &set.table)?, &set.name)?, elements);
                Ok(())
            }
            Target::PackedElements { set, elements } => {
                let elements: Vec<_> = elements.elements(set).collect();
                put_elements(set_mut(self.table_mut(set.family, &set.table)?, &set.name)?, &elements);
                Ok(())
            }
            Target::Object(object) => {
                let table = self.table_mut(object.family, &object.table)?;
                if !table.objects.iter().any(|found| same_name(found, object)) {
                    table.objects.push((**object).clone());
                }
                Ok(())
            }
            Target::Flowtable(flowtable) => {
                let table = self.table_mut(flowtable.family, &flowtable.table)?;
                match table.flowtables.iter_mut().find(|found| found.name == flowtable.name) {
                    Some(found) => put_devices(&mut found.devices, &flowtable.devices),
                    None => table.flowtables.push(flowtable.clone()),
                }
                Ok(())
            }
            _ => Err("this cannot be made".to_owned()),
        }
    }

    fn make_table(&mut self, table: &ir::Table, place: Option<Span>) -> Outcome {
        match self.table_mut(table.family, &table.name) {
            Ok(found) => found.table.flags = table.flags,
            Err(_) => self.tables.push(Table { table: table.clone(), place, ..Table::default() }),
        }
        Ok(())
    }

    fn replace(&mut self, command: &Command) -> Outcome {
        let Target::Rule { family, table, chain, anchor: Some(anchor), rule, spans } = &command.target else {
            return Err("only a rule can be replaced".to_owned());
        };
        let table = self.table_mut(*family, table)?;
        let found = chain_mut(table, chain)?;
        let position = position_of(found, *anchor)?;
        let old = found.rules.get_mut(position).ok_or("the rule is not there")?;
        *old = Rule { handle: old.handle, ..rule.clone() };
        let place = RulePlace { rule: command.span, statements: spans.clone() };
        table.rule_places.replace(chain, position, place);
        Ok(())
    }

    fn delete(&mut self, target: &Target) -> Outcome {
        match target {
            Target::Selection(selection) => self.delete_selection(selection),
            Target::Table(table) => self.delete_table(table.family, Some(&table.name), None),
            Target::Elements { set, elements } => {
                let found = set_mut(self.table_mut(set.family, &set.table)?, &set.name)?;
                let gone: std::collections::HashSet<_> = elements.iter().map(element_key).collect();
                found.elements.retain(|element| !gone.contains(&element_key(element)));
                Ok(())
            }
            Target::PackedElements { set, elements } => {
                let elements = elements.elements(set).collect();
                self.delete(&Target::Elements { set: set.clone(), elements })
            }
            Target::Chain(_) | Target::Flowtable(_) => {
                Err("devices of a chain or flow table cannot be taken away here".to_owned())
            }
            _ => Err("this cannot be deleted".to_owned()),
        }
    }

    fn delete_table(&mut self, family: Family, name: Option<&str>, handle: Option<u64>) -> Outcome {
        let meant = |table: &Table| {
            table.table.family == family
                && name.is_none_or(|name| table.table.name == name)
                && (name.is_some() || handle.is_some() && table.table.handle == handle)
        };
        let position = self.tables.iter().position(meant).ok_or("the table is not there")?;
        self.tables.remove(position);
        Ok(())
    }

    fn delete_selection(&mut self, selection: &Selection) -> Outcome {
        let Selection { entity, family, handle, index, .. } = selection;
        let name = selection.name.as_deref();
        if *entity == Entity::Table {
            return self.delete_table(*family, name.or(selection.table.as_deref()), *handle);
        }
        let table = self.table_mut(*family, selection.table.as_deref().unwrap_or_default())?;
        let meant = |found: &str, number: Option<u64>| {
            name.map_or(handle.is_some() && number == *handle, |name| found == name)
        };
        let gone = match entity {
            Entity::Rule => {
                let name = selection.chain.as_deref().unwrap_or_default();
                let chain = chain_mut(table, name)?;
                let anchor = handle.map(Anchor::Handle).or(index.map(Anchor::Index));
                let position = position_of(chain, anchor.ok_or("no rule is named")?)?;
                chain.rules.remove(position);
                table.rule_places.remove(name, position);
                true
            }
            Entity::Chain => {
                let name = name.or(selection.chain.as_deref());
                let meant = |chain: &Chain| name.map_or(chain.handle == *handle, |name| chain.name == name);
                if let Some(name) = name {
                    table.rule_places.clear(name);
                }
                remove(&mut table.chains, meant)
            }
            Entity::Set | Entity::Map | Entity::Meter => {
                remove(&mut table.sets, |set| meant(&set.name, set.handle))
            }
            Entity::Flowtable => remove(&mut table.flowtables, |found| meant(&found.name, found.handle)),
            Entity::Object(kind) => remove(&mut table.objects, |object| {
                kind_of(object) == Some(kind.0) && meant(&object.name, object.handle)
            }),
            Entity::Ruleset | Entity::Table => false,
        };
        if gone { Ok(()) } else { Err("what is to be deleted is not there".to_owned()) }
    }

    fn flush(&mut self, target: &Target) -> Outcome {
        let Target::Selection(Selection { entity, family, table, chain, name, .. }) = target else {
            return Err("this cannot be flushed".to_owned());
        };
        let of_family = |found: Family| *family == Family::UNSPECIFIED || found == *family;
        match entity {
            Entity::Ruleset => self.tables.retain(|table| !of_family(table.table.family)),
            Entity::Table => {
                let name = name.as_deref().or(table.as_deref());
                for found in &mut self.tables {
                    if of_family(found.table.family) && name.is_none_or(|name| found.table.name == name) {
                        found.chains.iter_mut().for_each(|chain| chain.rules.clear());
                        found.rule_places.clear_all();
                    }
                }
            }
            Entity::Chain => {
                let table = self.table_mut(*family, table.as_deref().unwrap_or_default())?;
                let name = chain.as_deref().or(name.as_deref()).unwrap_or_default();
                chain_mut(table, name)?.rules.clear();
                table.rule_places.clear(name);
            }
            Entity::Set | Entity::Map | Entity::Meter => {
                let table = self.table_mut(*family, table.as_deref().unwrap_or_default())?;
                set_mut(table, name.as_deref().unwrap_or_default())?.elements.clear();
            }
            _ => return Err("this cannot be flushed".to_owned()),
        }
        Ok(())
    }

    fn rename(&mut self, target: &Target) -> Outcome {
        let Target::ChainName { family, table, chain, to } = target else {
            return Err("only a chain can be renamed".to_owned());
        };
        let table = self.table_mut(*family, table)?;
        chain_mut(table, chain)?.name.clone_from(to);
        table.rule_places.rename(chain, to);
        Ok(())
    }
}

fn remove<T>(list: &mut Vec<T>, meant: impl Fn(&T) -> bool) -> bool {
    let position = list.iter().position(meant);
    position.map(|position| list.remove(position)).is_some()
}

fn chain_mut<'t>(table: &'t mut Table, name: &str) -> Result<&'t mut Chain, String> {
    let missing = format!("chain {name} is not there in table {}", table.name());
    table.chains.iter_mut().find(|chain| chain.name == name).ok_or(missing)
}

fn set_mut<'t>(table: &'t mut Table, name: &str) -> Result<&'t mut ir::Set, String> {
    let missing = format!("set {name} is not there in table {}", table.name());
    table.sets.iter_mut().find(|set| set.name == name).ok_or(missing)
}

fn make_chain(table: &mut Table, chain: &Chain) -> Outcome {
    match table.chains.iter_mut().find(|found| found.name == chain.name) {
        None => table.chains.push(chain.clone()),
        Some(found) => {
            if chain.policy.is_some() {
                found.policy.clone_from(&chain.policy);
            }
            match (&chain.hook, &mut found.hook) {
                (Some(more), Some(hook)) if more.chain_type.is_empty() => {
                    put_devices(&mut hook.devices, &more.devices);
                }
                (Some(hook), _) => found.hook = Some(hook.clone()),
                (None, _) => {}
            }
            found.rules.extend_from_slice(&chain.rules);
        }
    }
    Ok(())
}

/// Adds the devices that are not there yet.
fn put_devices(devices: &mut Vec<String>, more: &[String]) {
    let new: Vec<String> = more.iter().filter(|device| !devices.contains(device)).cloned().collect();
    devices.extend(new);
}

fn position_of(chain: &Chain, anchor: Anchor) -> Result<usize, String> {
    match anchor {
        Anchor::Handle(handle) => chain.rules.iter().position(|rule| rule.handle == Some(handle)),
        Anchor::Index(index) => usize::try_from(index).ok().filter(|&index| index < chain.rules.len()),
    }
    .ok_or_else(|| format!("the rule is not there in chain {}", chain.name))
}

/// Puts a rule into a chain and tells where it is now.
fn put_rule(chain: &mut Chain, anchor: Option<Anchor>, before: bool, rule: &Rule) -> Result<usize, String> {
    let position = match (anchor, before) {
        (None, true) => 0,
        (None, false) => chain.rules.len(),
        (Some(anchor), true) => position_of(chain, anchor)?,
        (Some(anchor), false) => position_of(chain, anchor)? + 1,
    };
    chain.rules.insert(position, rule.clone());
    Ok(position)
}

/// Adds those elements whose keys are not there yet.
fn put_elements(set: &mut ir::Set, elements: &[Element]) {
    let known: std::collections::HashSet<_> = set.elements.iter().map(element_key).collect();
    set.elements.extend(elements.iter().filter(|element| !known.contains(&element_key(element))).cloned());
}

fn same_name(found: &Object, other: &Object) -> bool {
    found.name == other.name && kind_of(found) == kind_of(other)
}

/// The kind of an object (`NFT_OBJECT_*`).
pub(super) fn kind_of(object: &Object) -> Option<u32> {
    use ir::{ObjectData, ObjectKind, Statement};
    Some(match &object.data {
        ObjectData::Statement(statement) => {
            match **statement {
                Statement::Counter(_) => ObjectKind::COUNTER,
                Statement::Quota(_) => ObjectKind::QUOTA,
                Statement::Limit(_) => ObjectKind::LIMIT,
                Statement::ConnectionLimit { .. } => ObjectKind::CONNLIMIT,
                Statement::Synproxy(_) => ObjectKind::SYNPROXY,
                _ => return None,
            }
            .0
        }
        ObjectData::CtHelper { .. } => ObjectKind::CT_HELPER.0,
        ObjectData::CtTimeout { .. } => ObjectKind::CT_TIMEOUT.0,
        ObjectData::CtExpectation { .. } => ObjectKind::CT_EXPECTATION.0,
        ObjectData::Secmark(_) => ObjectKind::SECMARK.0,
        ObjectData::Other(kind, _) => *kind,
    })
}
