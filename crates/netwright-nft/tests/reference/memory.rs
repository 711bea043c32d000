//! What a kernel would have after batches that only add.

use std::collections::{BTreeMap, HashMap};

use netwright_netfilter::bytecode::{Form, bytecode, element, set_layout};
use netwright_netfilter::{
    Batch, Chain, ChainPolicy, Data, ElementListAttrs, Expression, Flowtable, Item, MessageKind,
    NetfilterHeader, Object, Rule, Set, Table,
};
use netwright_nft::lift::Dump;
use netwright_wire::{Big, Message, Messages, Value as _};

/// A dump that grows, with names for what has none of its own.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    dump: Dump,
    /// Names by number of what the batch has made.
    names: HashMap<u32, String>,
    made: usize,
}

impl Memory {
    /// The dump after a batch.
    pub(crate) fn of(batch: &mut Batch) -> Dump {
        let mut memory = Memory::default();
        for message in Messages::new(batch.finish().unwrap()) {
            memory.add(&message.unwrap()).expect("our own messages can be read");
        }
        memory.dump
    }

    fn add(&mut self, message: &Message<'_>) -> Option<()> {
        match MessageKind::of(message) {
            Some(MessageKind::NEW_TABLE) => {
                let table = Table::read(message).ok()??;
                if !self.dump.tables.iter().any(|one| (one.family, &one.name) == (table.family, &table.name))
                {
                    self.dump.tables.push(table);
                }
            }
            Some(MessageKind::NEW_CHAIN) => {
                let mut chain = Chain::read(message).ok()??;
                self.call(&mut chain.name, chain.id);
                chain.base.iter_mut().for_each(|base| {
                    base.policy.get_or_insert(ChainPolicy::ACCEPT);
                });
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
            Some(MessageKind::NEW_ELEMENTS) => self.elements(message)?,
            Some(MessageKind::NEW_OBJECT) => self.dump.objects.push(Object::read(message).ok()??),
            Some(MessageKind::NEW_FLOWTABLE) => self.dump.flowtables.push(Flowtable::read(message).ok()??),
            _ => {}
        }
        Some(())
    }

    fn elements(&mut self, message: &Message<'_>) -> Option<()> {
        let (header, bytes) = NetfilterHeader::split(message).ok()?;
        let list = ElementListAttrs::read::<Big>(bytes).ok()?;
        let (table, mut name) = (list.table?, list.set?);
        self.known(&mut name, list.set_id);
        let mut elements = list.elements.unwrap_or_default().0;
        elements.iter_mut().flat_map(|element| &mut element.data).for_each(|data| self.data(data));
        let mut sets = self.dump.sets.iter_mut();
        let here = |set: &Set| set.family == header.family && set.table == table && set.name == name;
        sets.find(|(set, _)| here(set))?.1.extend(elements);
        Some(())
    }

    fn call(&mut self, name: &mut String, id: Option<u32>) {
        if name.is_empty() || name.contains('%') {
            *name = format!("{}{}", name.strip_suffix("%d").unwrap_or("__chain"), self.made);
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
                lookup.set.iter_mut().for_each(|name| self.known(name, lookup.set_id))
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

    fn data(&self, data: &mut Data) {
        if let Data::Verdict(verdict) = data
            && let Some(known) = verdict.chain_id.and_then(|id| self.names.get(&id))
        {
            verdict.chain = Some(known.clone());
        }
    }
}

/// All that a dump holds as text, apart from names that the kernel gives and the order of what has none.
pub(crate) fn code(dump: &Dump) -> String {
    let mut rules: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for rule in &dump.rules {
        let place = format!("{} {} {}", rule.family, rule.table, nameless(&rule.chain));
        let lines = bytecode(&rule.expressions, Form::Bytes);
        rules.entry(place).or_default().extend(lines.iter().map(|line| nameless(line)));
    }
    let mut sets: Vec<String> = dump
        .sets
        .iter()
        .map(|(set, elements)| {
            let layout =
                dump.rules.iter().find_map(|rule| set_layout(&rule.expressions, set)).unwrap_or_default();
            let mut lines: Vec<String> =
                elements.iter().map(|one| nameless(element(one, &layout, Form::Bytes).trim())).collect();
            lines.sort();
            format!(
                "{} {} {} {:?} {:?} {:?} {:?} {:?} {lines:?}",
                set.family,
                set.table,
                nameless(&set.name),
                set.flags,
                set.key_type,
                set.data_type,
                set.timeout,
                set.description
            )
        })
        .collect();
    sets.sort();
    let mut objects: Vec<String> = dump.objects.iter().map(|one| format!("{one:?}")).collect();
    objects.sort();
    let chains: Vec<_> = dump.chains.iter().filter(|chain| !chain.name.starts_with("__")).collect();
    format!("{rules:#?}\n{sets:#?}\n{objects:#?}\n{:#?}\n{chains:#?}", dump.flowtables)
}

/// A line without the numbers of names that the kernel gives. The old keys for addresses of a connection are listed, and so
/// read again, as the new ones; they mean the same.
fn nameless(line: &str) -> String {
    let word = |word: &str| match word.trim_end_matches(|c: char| c.is_ascii_digit()) {
        pattern if word.starts_with("__") => pattern.to_owned(),
        _ => match word {
            "src_ip" | "src_ip6" => "src".to_owned(),
            "dst_ip" | "dst_ip6" => "dst".to_owned(),
            other => other.to_owned(),
        },
    };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}
