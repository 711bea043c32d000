//! Records judged in memory, without any kernel.

use netwright_netfilter::bytecode::{Form, bytecode, element, set_layout};
use netwright_netfilter::{Batch, Element, Expression, Family, MessageKind, Set, SetAttrs};
use netwright_nft::catalog::Catalog;
use netwright_nft::ir::Command;
use netwright_nft::lift::{self, Dump};
use netwright_nft::print;
use netwright_nft::table::PrintOptions;
use netwright_wire::{Attributes, Big, Value as _, Writer};
use serde_json::{Value, json};

use super::language::{batch, messages, told};
use super::material::{Chain, Payload, Record, Table};
use super::memory::Memory;
use super::{Check, Doubts, Findings, Language, Score};

/// Judges all records.
#[must_use]
pub fn judge(records: &[Record], doubts: Doubts) -> Score {
    let language = Language::of_records();
    let mut score = Score::new(doubts);
    for record in records {
        let mut findings = Findings::default();
        for table in &record.tables {
            match (record.is_right(), record.refused_by_nft()) {
                (true, _) => right(&language, record, table, &mut findings),
                (false, true) => wrong(&language, record, table, &mut findings),
                // Only a kernel can refuse it.
                (false, false) => {}
            }
        }
        score.count(&record.file, &record.id, record.text(), findings);
    }
    score
}

fn wrong(language: &Language, record: &Record, table: &Table, findings: &mut Findings) {
    let refused = match compile(language, &record.context(table), &record.test(table), 1) {
        Ok(_) => Err(format!("{}: accepted", table.family)),
        Err(Refused::Context(why)) => Err(format!("{}: its context: {why}", table.family)),
        Err(Refused::Test(_)) => Ok(()),
    };
    findings.note(Check::Rejected, refused);
}

fn right(language: &Language, record: &Record, table: &Table, findings: &mut Findings) {
    let family = table.family.as_str();
    let context = record.context(table);
    let sent = record.messages(family).unwrap_or_default();
    let compiled = compile(language, &context, &record.test(table), first_id(&sent));
    let mut compiled = match compiled {
        Ok(compiled) => {
            findings.note(Check::Accepted, Ok(()));
            compiled
        }
        Err(why) => return findings.note(Check::Accepted, Err(format!("{family}: {}", why.text()))),
    };
    let Some(rule) = &record.rule else { return };
    let mut memory = Memory::default();
    let read = memory.add(&mut compiled.context).and_then(|()| memory.add(&mut compiled.test));
    if read.is_none() {
        return findings.note(Check::Bytecode, Err(format!("{family}: our own messages cannot be read")));
    }
    if let Some(expected) = record.payload.get(family) {
        same_bytecode(memory.dump(), table, expected, findings);
    }
    findings.note(
        Check::Wire,
        same_messages(&mut compiled.test, &sent, table.chains.len())
            .map_err(|why| format!("{family}: {why}")),
    );
    if let Some(statements) = &record.json {
        let again = compile_json(language, &context, &rules_as_json(table, statements), first_id(&sent));
        let same = replayed(memory.dump(), again);
        findings.note(Check::JsonIn, same.map_err(|why| format!("{family}: {statements}\n    {why}")));
    }
    let listing = told(memory.dump());
    if let Some(wanted) = &record.json_listing {
        for json in listed_as_json(language, &language.options, &listing) {
            findings.compare(Check::JsonOut, &in_order(json), &in_order(wanted.clone()));
        }
    }
    let with_state = PrintOptions { stateless: false, ..language.options };
    for json in listed_as_json(language, &with_state, &listing).iter().take(usize::from(record.replays())) {
        let again = compile_json(language, &context, &rules_as_json(table, json), first_id(&sent));
        let same = replayed(memory.dump(), again);
        findings.note(Check::JsonReplay, same.map_err(|why| format!("{family}: {json}\n    {why}")));
    }
    if let Some(listing) = record.listing_nft.get(family) {
        for ours in listed(language, memory.dump()) {
            findings.compare(Check::Listing, &ours, listing);
            // What is listed as it was written compiles as it did.
            if record.replays() && ours != *rule {
                let again = compile(language, &context, &record.rules(table, &ours), first_id(&sent));
                findings.note(
                    Check::Replay,
                    replayed(memory.dump(), again).map_err(|why| format!("{family}: {ours}\n    {why}")),
                );
            }
        }
    }
}

/// What a text becomes behind its context.
struct Compiled {
    context: Batch,
    test: Batch,
}

enum Refused {
    Context(String),
    Test(String),
}

impl Refused {
    fn text(&self) -> String {
        match self {
            Refused::Context(why) => format!("its context: {why}"),
            Refused::Test(why) => why.clone(),
        }
    }
}

fn compile(language: &Language, context: &str, test: &str, first: u32) -> Result<Compiled, Refused> {
    compile_by(language, context, first, |catalog| language.compile(test, catalog))
}

fn compile_json(language: &Language, context: &str, test: &str, first: u32) -> Result<Compiled, Refused> {
    compile_by(language, context, first, |catalog| language.compile_json(test, catalog))
}

fn compile_by(
    language: &Language,
    context: &str,
    first: u32,
    test: impl FnOnce(&Catalog) -> Result<(Vec<Command>, Catalog), String>,
) -> Result<Compiled, Refused> {
    let (commands, catalog) = language.compile(context, &Catalog::default()).map_err(Refused::Context)?;
    let context = batch(&commands, &catalog, 1).map_err(Refused::Context)?;
    let (commands, catalog) = test(&catalog).map_err(Refused::Test)?;
    let test = batch(&commands, &catalog, first).map_err(Refused::Test)?;
    Ok(Compiled { context, test })
}

/// Commands that put a rule into each chain, as JSON.
fn rules_as_json(table: &Table, statements: &Value) -> String {
    let add = |chain: &Chain| {
        let rule =
            json!({"family": table.family, "table": table.name, "chain": chain.name, "expr": statements});
        json!({"add": {"rule": rule}})
    };
    json!({"nftables": table.chains.iter().map(add).collect::<Vec<_>>()}).to_string()
}

/// The rules that are listed, in whichever chain.
fn listed(language: &Language, dump: &Dump) -> Vec<String> {
    let tables = lift::ruleset(dump).tables;
    let rules = tables.iter().flat_map(|table| &table.chains).flat_map(|chain| &chain.rules);
    rules.map(|rule| print::rule(rule, &language.options, &language.names)).collect()
}

/// JSON with its keys in one order, whichever order the features of a build keep them in.
fn in_order(mut json: Value) -> String {
    json.sort_all_objects();
    json.to_string()
}

/// The same as JSON.
fn listed_as_json(language: &Language, options: &PrintOptions, dump: &Dump) -> Vec<Value> {
    let tables = lift::ruleset(dump).tables;
    let rules = tables.iter().flat_map(|table| {
        let family = table.table.family;
        table.chains.iter().flat_map(|chain| &chain.rules).map(move |rule| (family, &rule.statements))
    });
    let text = |(family, statements): (Family, &Vec<_>)| {
        netwright_nft::json::statements(family, statements, options, &language.names).to_string()
    };
    rules.map(text).map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text))).collect()
}

fn same_bytecode(dump: &Dump, table: &Table, expected: &Payload, findings: &mut Findings) {
    let chains = table.chains.iter().map(|chain| chain.name.as_str());
    for chain in chains {
        let Some(rule) = dump.rules.iter().find(|rule| rule.chain == chain) else {
            findings
                .note(Check::Bytecode, Err(format!("{}: there is no rule in chain {chain}", table.family)));
            continue;
        };
        let expected: String = expected.expressions.iter().map(|line| format!("{line}\n")).collect();
        let printed: String =
            bytecode(&rule.expressions, Form::Bytes).iter().map(|line| nameless(line) + "\n").collect();
        findings.compare(Check::Bytecode, &printed, &expected);
    }
    let anonymous = dump.sets.iter().filter(|(set, _)| set.name.starts_with("__"));
    let first: Vec<_> = anonymous.take(expected.sets.len()).collect();
    for (number, wanted) in expected.sets.iter().enumerate() {
        let have = first.get(number).map(|(set, elements)| lines(dump, set, elements)).unwrap_or_default();
        let mut wanted = wanted.elements.clone();
        wanted.sort();
        findings.compare(Check::Bytecode, &have.join("\n"), &wanted.join("\n"));
    }
}

/// The lines of a set's elements, sorted.
fn lines(dump: &Dump, set: &Set, elements: &[Element]) -> Vec<String> {
    let layout = dump.rules.iter().find_map(|rule| set_layout(&rule.expressions, set)).unwrap_or_default();
    let line = |one: &Element| element(one, &layout, Form::Bytes).trim().to_owned();
    let mut lines: Vec<String> = elements.iter().map(line).collect();
    lines.sort();
    lines
}

/// A line with the pattern in the place of the names that we gave.
fn nameless(line: &str) -> String {
    let word = |word: &str| match word.trim_end_matches(|c: char| c.is_ascii_digit()) {
        pattern if word.starts_with("__") && pattern != word => format!("{pattern}%d"),
        _ => word.to_owned(),
    };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// The number of the first set that is sent.
fn first_id(sent: &[(&str, Vec<u8>)]) -> u32 {
    let sets = sent.iter().filter(|(kind, _)| *kind == "newset");
    let id = |(_, bytes): &(&str, Vec<u8>)| SetAttrs::read::<Big>(bytes.get(4..)?).ok()?.id;
    sets.filter_map(id).next().unwrap_or(1)
}

/// Whether the messages are those that nft sends. A rule that goes into several chains is sent once for each; the last one is recorded.
fn same_messages(test: &mut Batch, sent: &[(&str, Vec<u8>)], chains: usize) -> Result<(), String> {
    let ours = messages(test);
    let ours = ours.get(..ours.len() / chains.max(1)).unwrap_or_default();
    if ours.len() != sent.len() {
        return Err(format!("{} messages, and nft sends {}", ours.len(), sent.len()));
    }
    for (&(kind, ours), (_, theirs)) in ours.iter().zip(sent) {
        if parts(kind, ours) != parts(kind, theirs) {
            return Err(format!(
                "{}\n    have {}\n    want {}",
                kind.name().unwrap_or(""),
                hex(ours),
                hex(theirs)
            ));
        }
    }
    Ok(())
}

/// A message cut where order or content are a tool's own choice: its family, its attributes, its elements sorted, no userdata of sets.
fn parts(kind: MessageKind, message: &[u8]) -> Option<Vec<(u16, Vec<u8>)>> {
    const LIST_ELEMENTS: u16 = 3;
    const SET_USERDATA: u16 = 13;
    const RULE_CHAIN: u16 = 2;
    const RULE_EXPRESSIONS: u16 = 4;
    let mut cut = vec![(0, message.get(..1)?.to_vec())];
    for attribute in Attributes::new(message.get(4..)?) {
        let attribute = attribute.ok()?;
        match (kind, attribute.kind) {
            (MessageKind::NEW_SET, SET_USERDATA) | (MessageKind::NEW_RULE, RULE_CHAIN) => {}
            (MessageKind::NEW_ELEMENTS, LIST_ELEMENTS) => {
                let mut elements: Vec<Vec<u8>> = Vec::new();
                for element in Attributes::new(attribute.payload) {
                    elements.push(element.ok()?.payload.to_vec());
                }
                elements.sort();
                cut.extend(elements.into_iter().map(|element| (LIST_ELEMENTS, element)));
            }
            (MessageKind::NEW_RULE, RULE_EXPRESSIONS) => {
                for expression in Attributes::new(attribute.payload) {
                    let expression = expression.ok()?.payload;
                    cut.push((
                        RULE_EXPRESSIONS,
                        without_id(expression).unwrap_or_else(|| expression.to_vec()),
                    ));
                }
            }
            (_, number) => cut.push((number, attribute.payload.to_vec())),
        }
    }
    Some(cut)
}

/// An expression that refers to a named set, without the number that it may have besides.
fn without_id(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut expression = <Expression as netwright_wire::Value>::read::<Big>(bytes).ok()?;
    let (name, id) = match &mut expression {
        Expression::Lookup(lookup) => (lookup.set.as_deref()?, &mut lookup.set_id),
        Expression::ObjectReference(reference) => (reference.set.as_deref()?, &mut reference.set_id),
        Expression::DynamicSet(update) => (update.set.as_deref()?, &mut update.set_id),
        _ => return None,
    };
    if name.starts_with("__") {
        return None;
    }
    *id = None;
    let mut writer = Writer::new();
    netwright_wire::Value::write::<Big>(&expression, &mut writer);
    Some(writer.bytes().to_vec())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a listing becomes the same expressions and elements again, as text.
fn replayed(first: &Dump, again: Result<Compiled, Refused>) -> Result<(), String> {
    let mut again = again.map_err(|why| why.text())?;
    let mut memory = Memory::default();
    let read = memory.add(&mut again.context).and_then(|()| memory.add(&mut again.test));
    read.ok_or("our own messages cannot be read")?;
    let (have, want) = (code(&told(memory.dump())), code(&told(first)));
    match have == want {
        true => Ok(()),
        false => Err(format!("have {have}\n    want {want}")),
    }
}

/// The expressions of all rules and the elements of all anonymous sets, as text.
fn code(dump: &Dump) -> String {
    let rules = dump.rules.iter().flat_map(|rule| bytecode(&rule.expressions, Form::Bytes));
    let anonymous = dump.sets.iter().filter(|(set, _)| set.name.starts_with("__"));
    let elements = anonymous.flat_map(|(set, elements)| lines(dump, set, elements));
    rules.chain(elements).collect::<Vec<_>>().join(" ")
}
