//! What a transaction made: the kernel's replies, typed, in the words of nft, and as the JSON document that it was asked
//! with.

use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Write};

use netwright_netfilter::request::{Find, FindGeneration};
use netwright_netfilter::{Batch, Generation, SetRef};
use netwright_nft::diagnostic::{SourceId, SourceMap, Span};
use netwright_nft::ir::Command;
use netwright_nft::json::Node;
use netwright_nft::json::reader::{self, Located, Value};
use netwright_sys::{Connection, Error};
use netwright_wire::{Header, Message};

use super::event::{self, Event};
use super::style::Style;
use super::watch::Watch;
use crate::Result;

/// What a transaction made.
#[derive(Clone, Debug, PartialEq)]
pub struct Echo {
    /// What was made or replaced, in the order in which it was.
    pub events: Vec<Event>,
    /// For each event the command that it is of, counted from 0 among those that change something.
    pub commands: Vec<Option<usize>>,
    /// The ruleset's generation after the transaction, and the process that asks for it.
    pub generation: Generation,
    /// Whether `events` has gaps, since the kernel told more than the receive buffer holds. Everything is committed all
    /// the same.
    pub replies_lost: bool,
    /// Whether the kernel told the generation along with the replies: where it was asked to tell of the first message.
    generation_told: bool,
    /// Where the commands were written.
    spans: Vec<Option<Span>>,
}

/// Replies as they come.
pub(super) struct Replies {
    /// For each message of the batch its command.
    tags: Vec<Option<u32>>,
    replies: Vec<(usize, Header, Vec<u8>)>,
}

impl Replies {
    pub(super) fn to(batch: &Batch) -> Self {
        let tags = (0..batch.messages() as usize).map(|index| batch.step(index).and_then(|step| step.tag));
        Replies { tags: tags.collect(), replies: Vec::new() }
    }

    pub(super) fn take(&mut self, index: usize, message: &Message<'_>) {
        self.replies.push((index, message.header, message.payload.to_vec()));
    }

    /// `None` where nothing was made.
    pub(super) fn finish(
        self,
        replies_lost: bool,
        connection: &mut Connection,
        commands: &[Command],
    ) -> Result<Option<Echo>> {
        if self.replies.is_empty() && !replies_lost {
            return Ok(None);
        }
        let mut find = |set: &SetRef| connection.query(&Find(set.clone())).ok();
        let mut echo = Echo {
            events: Vec::new(),
            commands: Vec::new(),
            generation: Generation::default(),
            replies_lost,
            generation_told: false,
            spans: commands.iter().map(|command| command.span).collect(),
        };
        let mut watch = Watch::default();
        let mut last = None;
        for (index, header, payload) in &self.replies {
            let tag = self.tags.get(*index).copied().flatten().map(|tag| tag as usize);
            if tag != last {
                watch.end_run(&mut find, &mut |event| echo.push(event, last));
                last = tag;
            }
            let message = Message { header: *header, payload };
            watch
                .take(&message, &mut find, &mut |event| echo.push(event, tag))
                .map_err(|error| Error::new("read what was made", error))?;
        }
        watch.end_run(&mut find, &mut |event| echo.push(event, last));
        if echo.events.is_empty() {
            return Ok(None);
        }
        if echo.generation == Generation::default() {
            echo.generation = connection.query(&FindGeneration)?;
        }
        Ok(Some(echo))
    }
}

impl Echo {
    fn push(&mut self, event: Event, command: Option<usize>) {
        if let Event::Generation(generation) = event {
            self.generation = generation;
            self.generation_told = true;
            return;
        }
        self.events.push(event);
        self.commands.push(command);
    }

    /// The kernel's number for what each command made.
    fn handles(&self) -> HashMap<usize, u64> {
        let made = self.events.iter().zip(&self.commands).filter_map(|(event, command)| match event {
            Event::Made(changed) | Event::Created(changed) => Some(((*command)?, changed.handle()?)),
            _ => None,
        });
        made.collect()
    }

    /// Writes it as nft does with `-e`. In JSON it is one document: the one that the commands were read from, with the
    /// handles of what they made, where they were read from JSON; else a list of what was made.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut impl Write, style: Style<'_>) -> fmt::Result {
        if !style.json {
            self.events.iter().try_for_each(|event| event.write(out, style))?;
            return match self.generation_told {
                true => event::generation(&self.generation, out),
                false => Ok(()),
            };
        }
        let nodes = self.events.iter().flat_map(|event| event.nodes(style));
        writeln!(out, "{}", Node::single("nftables", nodes.collect::<Vec<_>>()))
    }
}

/// Writes the document that commands were read from as nft does with `-j -e`: in its own form, with the handles of what
/// was made, and without a line's end.
///
/// # Errors
/// Those of `out`.
pub(super) fn write_document(
    out: &mut impl Write,
    sources: &SourceMap,
    source: SourceId,
    echo: Option<&Echo>,
) -> fmt::Result {
    let Some(text) = sources.get(source).map(|source| source.text()) else { return Ok(()) };
    let handles = echo.map(Echo::handles).unwrap_or_default();
    let mut by_place = BTreeMap::new();
    for (command, handle) in &handles {
        let span = echo.and_then(|echo| echo.spans.get(*command).copied().flatten());
        if let Some(span) = span.filter(|span| span.source == source) {
            by_place.insert(span.start, *handle);
        }
    }
    let document = reader::read(source, text);
    DocumentWriter { text, handles: by_place }.document(&document.root, out)
}

/// Verbs whose handle stands beside the thing and not in it, as with nft.
const BESIDE: [&str; 2] = ["create", "replace"];
/// Verbs by which rules are made, whose own handle is that of another rule.
const MAKING: [&str; 4] = ["add", "insert", "create", "replace"];

struct DocumentWriter<'a> {
    text: &'a str,
    /// Handles of what was made, by the place of the command.
    handles: BTreeMap<u32, u64>,
}

impl DocumentWriter<'_> {
    fn document(&self, root: &Located, out: &mut impl Write) -> fmt::Result {
        let Value::Object(entries) = &root.value else { return self.value(root, out) };
        out.write_str("{")?;
        for (index, entry) in entries.iter().enumerate() {
            out.write_str(if index > 0 { ", " } else { "" })?;
            write!(out, "{}: ", Node::from(entry.key.as_str()))?;
            match &entry.node.value {
                Value::Array(commands) if entry.key == "nftables" => {
                    out.write_str("[")?;
                    for (index, command) in commands.iter().enumerate() {
                        out.write_str(if index > 0 { ", " } else { "" })?;
                        self.command(command, out)?;
                    }
                    out.write_str("]")?;
                }
                _ => self.value(&entry.node, out)?,
            }
        }
        out.write_str("}")
    }

    fn command(&self, command: &Located, out: &mut impl Write) -> fmt::Result {
        let handle = self.handles.get(&command.span.start).copied();
        let Value::Object(entries) = &command.value else { return self.value(command, out) };
        let [entry] = entries.as_slice() else { return self.value(command, out) };
        write!(out, "{{{}: ", Node::from(entry.key.as_str()))?;
        match &entry.node.value {
            Value::Object(things) if MAKING.contains(&entry.key.as_str()) => {
                let beside = BESIDE.contains(&entry.key.as_str());
                out.write_str("{")?;
                for (index, thing) in things.iter().enumerate() {
                    out.write_str(if index > 0 { ", " } else { "" })?;
                    write!(out, "{}: ", Node::from(thing.key.as_str()))?;
                    self.thing(&thing.node, thing.key == "rule", handle.filter(|_| !beside), out)?;
                }
                if let Some(handle) = handle.filter(|_| beside) {
                    write!(out, ", \"handle\": {handle}")?;
                }
                out.write_str("}")?;
            }
            _ => self.thing(&entry.node, false, handle, out)?,
        }
        out.write_str("}")
    }

    /// A thing with its handle at the end; the handle that a rule is put beside is left out.
    fn thing(&self, node: &Located, rule: bool, handle: Option<u64>, out: &mut impl Write) -> fmt::Result {
        let Value::Object(entries) = &node.value else { return self.value(node, out) };
        out.write_str("{")?;
        let kept = entries.iter().filter(|entry| entry.key != "handle" || !rule && handle.is_none());
        let mut separator = "";
        for entry in kept {
            write!(out, "{separator}{}: ", Node::from(entry.key.as_str()))?;
            self.value(&entry.node, out)?;
            separator = ", ";
        }
        if let Some(handle) = handle {
            write!(out, "{separator}\"handle\": {handle}")?;
        }
        out.write_str("}")
    }

    fn value(&self, node: &Located, out: &mut impl Write) -> fmt::Result {
        match &node.value {
            Value::Null => out.write_str("null"),
            Value::Boolean(value) => write!(out, "{value}"),
            Value::Integer(number) => write!(out, "{number}"),
            Value::Float => {
                let range = node.span.start as usize..node.span.end as usize;
                out.write_str(self.text.get(range).unwrap_or("null"))
            }
            Value::String(text) => write!(out, "{}", Node::from(text.as_str())),
            Value::Array(items) => {
                out.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    out.write_str(if index > 0 { ", " } else { "" })?;
                    self.value(item, out)?;
                }
                out.write_str("]")
            }
            Value::Object(entries) => {
                out.write_str("{")?;
                for (index, entry) in entries.iter().enumerate() {
                    let comma = if index > 0 { ", " } else { "" };
                    write!(out, "{comma}{}: ", Node::from(entry.key.as_str()))?;
                    self.value(&entry.node, out)?;
                }
                out.write_str("}")
            }
        }
    }
}
