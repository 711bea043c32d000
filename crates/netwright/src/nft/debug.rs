//! What goes to the kernel and comes from it, in the words of nft: bytecode, and messages byte for byte.

use std::io::{self, Write};

use netwright_netfilter::bytecode::{Form, Part, SetLayout, bytecode, element, set_layout};
use netwright_netfilter::userdata::Userdata;
use netwright_netfilter::{
    Batch, Chain, ChainPolicy, Element, ElementListAttrs, Expression, Flowtable, Item, MessageKind,
    NetfilterHeader, Object, ObjectData, Rule, Ruleset, Set, SetPolicy, Step,
};
use netwright_nft::ir::{self, Command, MapTarget, Target, TypeSpec};
use netwright_nft::lift;

mod message;

/// What is shown of what is sent and received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Debug {
    /// Expressions and elements, as text.
    pub netlink: bool,
    /// Messages, byte for byte.
    pub messages: bool,
}

impl Debug {
    /// Whether anything is shown.
    #[must_use]
    pub fn is_on(self) -> bool {
        self.netlink || self.messages
    }

    /// Shows a batch; `commands` are those that its messages are tagged with.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_sent(self, batch: &Batch, commands: &[Command], out: &mut impl Write) -> io::Result<()> {
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

    /// Shows what was received for an answer.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_received(self, ruleset: &Ruleset, out: &mut impl Write) -> io::Result<()> {
        if !self.netlink {
            return Ok(());
        }
        ruleset.chains.iter().try_for_each(|one| listed_chain(one, out))?;
        for (one, _) in &ruleset.sets {
            write!(out, "family {} {} {} {:x}", one.family.0, one.name, one.table, one.flags.bits())?;
            let count = one.count.map(|count| format!(" count {count}")).unwrap_or_default();
            writeln!(out, "{count}")?;
        }
        ruleset.objects.iter().try_for_each(|one| object(one, out))?;
        for (set, elements) in ruleset.sets.iter().filter(|(_, elements)| !elements.is_empty()) {
            writeln!(out, "{} {} @{}", set.family, set.table, set.name)?;
            // as they lie in memory
            let mut layout = layout_of(&lift::set(set, &[]));
            layout.key.iter_mut().chain(&mut layout.data).for_each(|part| part.host = false);
            for one in elements {
                writeln!(out, "\telement {}", element(one, &layout, Form::Bytes).trim_end())?;
            }
        }
        ruleset.rules.iter().try_for_each(|one| rule(one, out))
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
            Target::Set(set) => return Some(layout_of(set)),
            Target::Elements { set, .. } | Target::PackedElements { set, .. } => return Some(layout_of(set)),
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

/// How keys and data of a set are composed.
fn layout_of(set: &ir::Set) -> SetLayout {
    let data = match &set.target {
        Some(MapTarget::Values(values)) => parts(values),
        _ => Vec::new(),
    };
    SetLayout { key: parts(&set.key), data }
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
    if let Some(timeout) = set.timeout {
        write!(out, " timeout {timeout}ms")?;
    }
    if let Some(interval) = set.collection_interval {
        write!(out, " gc_interval {interval}ms")?;
    }
    if let Some(SetPolicy(policy @ 1..)) = set.policy {
        write!(out, " policy {policy}")?;
    }
    if let Some(size) = set.size() {
        write!(out, " size {size}")?;
    }
    writeln!(out)
}

fn chain(chain: &Chain, out: &mut impl Write) -> io::Result<()> {
    let name = if chain.name.is_empty() { "(null)" } else { &chain.name };
    writeln!(out, "{} {} {name} use 0", chain.family, chain.table)
}

/// A chain as it was received.
fn listed_chain(chain: &Chain, out: &mut impl Write) -> io::Result<()> {
    write!(out, "{} {} {} use {}", chain.family, chain.table, chain.name, chain.uses.unwrap_or_default())?;
    if let Some(base) = &chain.base {
        let hook = base.hook.name().unwrap_or("unknown");
        write!(out, " type {} hook {hook} prio {}", base.kind, base.priority)?;
        let policy = base.policy.unwrap_or(ChainPolicy::ACCEPT);
        write!(out, " policy {} packets 0 bytes 0", policy.name().unwrap_or("unknown"))?;
        write!(out, " flags {}", chain.flags.unwrap_or_default().bits())?;
    }
    writeln!(out)
}

fn object(object: &Object, out: &mut impl Write) -> io::Result<()> {
    write!(out, "table {} name {} use 0 ", object.table, object.name)?;
    let same = match &object.data {
        ObjectData::Counter(counter) => Some(Expression::Counter(counter.clone())),
        ObjectData::Quota(quota) => Some(Expression::Quota(quota.clone())),
        ObjectData::Limit(limit) => Some(Expression::Limit(limit.clone())),
        _ => None,
    };
    match same.and_then(|same| bytecode(&[same], Form::Bytes).pop()) {
        Some(line) => writeln!(out, "{line}"),
        None => writeln!(out, "[ {} ]", object.data.kind().name().unwrap_or("object").replace(' ', "_")),
    }
}
