//! What goes to the kernel, shown on the way: `--debug`.

use std::io::{self, Write};

use netwright::netfilter::bytecode::{Form, Part, SetLayout, bytecode, element, set_layout};
use netwright::netfilter::userdata::Userdata;
use netwright::netfilter::{
    Batch, Chain, Element, ElementListAttrs, Expression, Flowtable, Item, MessageKind, NetfilterHeader,
    Object, Rule, Set, Step,
};
use netwright_nft::diagnostic::nearest;
use netwright_nft::ir::{Command, MapTarget, Target, TypeSpec};

use crate::failure::Failure;
use crate::output;

mod message;

/// What `--debug` shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Debug {
    /// Expressions and elements, as text.
    netlink: bool,
    /// Messages, byte for byte.
    messages: bool,
}

/// Levels that show how nft itself works.
const INNER: [&str; 5] = ["scanner", "parser", "eval", "proto-ctx", "segtree"];
const LEVELS: [&str; 8] = ["scanner", "parser", "eval", "netlink", "mnl", "proto-ctx", "segtree", "all"];

impl Debug {
    /// Reads the levels, each argument with one or several.
    pub(super) fn read(arguments: &[String]) -> Result<Self, Failure> {
        let mut debug = Debug::default();
        for level in arguments.iter().flat_map(|argument| argument.split(',')) {
            match level {
                "netlink" => debug.netlink = true,
                "mnl" => debug.messages = true,
                "all" => debug = Debug { netlink: true, messages: true },
                inner if INNER.contains(&inner) => {
                    output::message(&format!("note: there is nothing to show for the debug level `{inner}`"));
                }
                unknown => {
                    let near = nearest(unknown, LEVELS).map(|near| format!("did you mean `{near}`?"));
                    let help = near.unwrap_or_else(|| format!("the levels are {}", LEVELS.join(", ")));
                    return Err(Failure::said(format!("`{unknown}` is no debug level")).with_help(Some(help)));
                }
            }
        }
        Ok(debug)
    }

    /// Shows a batch; `commands` are the orders that its messages are tagged with.
    pub(super) fn show(self, batch: &Batch, commands: &[Command], out: &mut impl Write) -> io::Result<()> {
        let shown = Shown { batch, commands };
        for step in
            (0..batch.messages() as usize).map_while(|index| batch.step(index).map(|step| (index, step)))
        {
            let (index, step) = step;
            if self.netlink {
                shown.step(index, &step, out)?;
            }
            if self.messages {
                message::write(&step.message, out)?;
            }
        }
        Ok(())
    }
}

struct Shown<'a> {
    batch: &'a Batch,
    commands: &'a [Command],
}

impl Shown<'_> {
    fn step(&self, index: usize, step: &Step<'_>, out: &mut impl Write) -> io::Result<()> {
        let unreadable = |error| io::Error::other(format!("a message of the batch cannot be read: {error}"));
        match step.kind() {
            Some(MessageKind::NEW_RULE) => {
                Rule::read(&step.message).map_err(unreadable)?.map_or(Ok(()), |made| rule(&made, out))
            }
            Some(MessageKind::NEW_SET) => {
                Set::read(&step.message).map_err(unreadable)?.map_or(Ok(()), |made| set(&made, out))
            }
            Some(MessageKind::NEW_CHAIN) => {
                Chain::read(&step.message).map_err(unreadable)?.map_or(Ok(()), |made| chain(&made, out))
            }
            Some(MessageKind::NEW_OBJECT) => {
                Object::read(&step.message).map_err(unreadable)?.map_or(Ok(()), |made| object(&made, out))
            }
            Some(MessageKind::NEW_FLOWTABLE) => Flowtable::read(&step.message)
                .map_err(unreadable)?
                .map_or(Ok(()), |made| writeln!(out, "flow table {} {} use 0", made.table, made.name)),
            Some(
                MessageKind::NEW_ELEMENTS | MessageKind::DELETE_ELEMENTS | MessageKind::DESTROY_ELEMENTS,
            ) => {
                let bytes = step.message.bytes_after(NetfilterHeader::SIZE);
                let list = ElementListAttrs::read_attributes(bytes).map_err(unreadable)?;
                self.elements(index, step, &list, out)
            }
            _ => Ok(()),
        }
    }

    fn elements(
        &self,
        index: usize,
        step: &Step<'_>,
        list: &ElementListAttrs,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let family = step.message.fixed::<NetfilterHeader>().unwrap_or_default().family;
        let (name, table) = (list.set.as_deref().unwrap_or(""), list.table.as_deref().unwrap_or(""));
        writeln!(out, "family {} {name} {table} 0", family.0)?;
        let elements: &[Element] = list.elements.as_ref().map_or(&[], |elements| &elements.0);
        if elements.is_empty() {
            return Ok(());
        }
        let layout = self.layout(index, step, list).unwrap_or_default();
        for one in elements {
            write!(out, "\telement {}", element(one, &layout, Form::Bytes).trim_end())?;
        }
        writeln!(out)
    }

    /// How keys and data are composed: as the types of the order's set say, or the rule that brings the set along.
    fn layout(&self, index: usize, step: &Step<'_>, list: &ElementListAttrs) -> Option<SetLayout> {
        let command = self.commands.get(step.tag? as usize)?;
        match &command.target {
            Target::Set(set) | Target::Elements { set, .. } | Target::PackedElements { set, .. } => {
                let data = match &set.target {
                    Some(MapTarget::Values(values)) => parts(values),
                    _ => Vec::new(),
                };
                return Some(SetLayout { key: parts(&set.key), data });
            }
            _ => {}
        }
        let number = list.set_id;
        let set =
            self.neighbours(step.tag, 0..index).filter_map(|step| Set::read(&step.message).ok().flatten());
        let set = set.filter(|set| set.id == number).last()?;
        let rules = self.neighbours(step.tag, index..self.batch.messages() as usize);
        let mut rules = rules.filter_map(|step| Rule::read(&step.message).ok().flatten());
        rules.find_map(|rule| set_layout(&rule.expressions, &set))
    }

    /// The messages of the same order among those of a range.
    fn neighbours(&self, tag: Option<u32>, range: std::ops::Range<usize>) -> impl Iterator<Item = Step<'_>> {
        range.filter_map(|index| self.batch.step(index)).filter(move |step| step.tag == tag)
    }
}

fn parts(spec: &TypeSpec) -> Vec<Part> {
    spec.parts.iter().map(|part| Part { length: part.bytes(), host: part.is_host_number() }).collect()
}

fn rule(rule: &Rule, out: &mut impl Write) -> io::Result<()> {
    let Rule { family, table, chain, handle, position, .. } = rule;
    write!(out, "{family} {table} {chain}")?;
    for number in [handle, position].into_iter().flatten() {
        write!(out, " {number}")?;
    }
    writeln!(out)?;
    lines(&rule.expressions, out)?;
    match &rule.userdata {
        userdata if userdata.is_empty() => Ok(()),
        Userdata(bytes) => {
            let sum: u32 = bytes.iter().map(|&byte| u32::from(byte)).sum();
            writeln!(out, "  userdata len {} sum {sum:#x}", bytes.len())
        }
    }
}

fn lines(expressions: &[Expression], out: &mut impl Write) -> io::Result<()> {
    bytecode(expressions, Form::Bytes).iter().try_for_each(|line| writeln!(out, "  {line}"))
}

fn set(set: &Set, out: &mut impl Write) -> io::Result<()> {
    write!(out, "family {} {} {} {:x}", set.family.0, set.name, set.table, set.flags.bits())?;
    if let Some(size) = set.size() {
        write!(out, " size {size}")?;
    }
    writeln!(out)
}

fn chain(chain: &Chain, out: &mut impl Write) -> io::Result<()> {
    let name = if chain.name.is_empty() { "(null)" } else { &chain.name };
    writeln!(out, "{} {} {name} use 0", chain.family, chain.table)
}

fn object(object: &Object, out: &mut impl Write) -> io::Result<()> {
    let kind = object.data.kind().name().unwrap_or("object");
    writeln!(out, "table {} name {} use 0 [ {kind} ]", object.table, object.name)
}
