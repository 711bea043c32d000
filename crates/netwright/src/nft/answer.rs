//! Answers to what scripts ask: listings, elements, resets, hooks, descriptions.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};

use netwright_netfilter::expression::ObjectKind as KernelObjectKind;
use netwright_netfilter::{self as kernel, Family, SetFlags, TableRef};
use netwright_nft::diagnostic::{nearest, suggestion};
use netwright_nft::ir::{
    Command, Entity, Object, ObjectKind, Operation, Ruleset, Selection, Set, Table, TableContent, Target,
};
use netwright_nft::json;
use netwright_nft::lift::{self, Stored};
use netwright_nft::print;
use netwright_sys::{Connection, Namespace};

use super::describe::Description;
use super::hooks::Hooks;
use super::monitor::Filter;
use super::read::{self, Part, Wanted, Whole};
use super::style::{Style, as_text};
use super::{ask, elements, hooks, owners, reset};
use crate::Error;

/// The answer to a command that asks something.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Answer {
    /// A ruleset, or a part of it.
    Listing(Listed),
    /// What packets pass, hook by hook.
    Hooks(Hooks),
    /// What a type or an expression is.
    Description(Description),
    /// Changes are to be told as they happen: the caller opens a [`Monitor`](super::Monitor).
    Monitor {
        /// Which.
        filter: Filter,
        /// Whether in JSON, where the command says so.
        json: Option<bool>,
    },
    /// The ways of packets are to be told: the caller opens a [`TraceMonitor`](super::TraceMonitor).
    Trace,
    /// A ruleset in JSON is to be run, which the caller has.
    Import,
}

/// A ruleset or a part of it, and what of it is shown.
#[derive(Clone, Debug)]
pub struct Listed {
    ruleset: Ruleset,
    /// Rules and elements that are not in the ruleset.
    stored: Stored,
    /// What of it is shown.
    pub shape: Shape,
}

/// What is shown of a ruleset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shape {
    /// Everything.
    Whole,
    /// Everything, and in JSON whatever the style says.
    Json,
    /// The names of tables.
    TableNames,
    /// Things of one kind, in tables that are named and nothing else.
    Parts,
}

/// Why a command gets no answer.
pub(super) enum Unanswered {
    /// The kernel could not be asked.
    Failed(Error),
    /// What it is about is not there, or it is no question that can be answered: what, and what to do.
    Unknown(String, Option<String>),
    /// What is named is not there: the name, a sentence about it, and what to do.
    Missing(String, String, Option<String>),
}

impl From<Error> for Unanswered {
    fn from(error: Error) -> Self {
        Unanswered::Failed(error)
    }
}

/// Finds answers.
pub(super) struct Answering<'a> {
    pub(super) connection: &'a mut Connection,
    pub(super) namespace: &'a Namespace,
    /// Whether elements of sets with a name are left out.
    pub(super) terse: bool,
    /// Whether nothing may change: what would start anew is only shown.
    pub(super) check: bool,
    /// Where what was received is kept.
    pub(super) received: Option<&'a mut Vec<kernel::Ruleset>>,
}

impl Answering<'_> {
    pub(super) fn answer(&mut self, command: &Command) -> Result<Answer, Unanswered> {
        let unknown = |message: &str, help: Option<&str>| {
            Err(Unanswered::Unknown(message.to_owned(), help.map(str::to_owned)))
        };
        match (command.operation, &command.target) {
            (Operation::List, Target::Selection(selection)) => self.list(selection).map(Answer::Listing),
            (Operation::Reset, Target::Selection(selection)) => self.reset(selection).map(Answer::Listing),
            (operation @ (Operation::Get | Operation::Reset), Target::Elements { set, elements }) => {
                self.elements(set, elements, operation == Operation::Reset && !self.check)
            }
            (operation @ (Operation::Get | Operation::Reset), Target::PackedElements { set, elements }) => {
                let list: Vec<_> = elements.elements(set).collect();
                self.elements(set, &list, operation == Operation::Reset && !self.check)
            }
            (Operation::Export | Operation::Import, Target::Exchange { format: Some(format) })
                if format != "json" =>
            {
                unknown(&format!("there is no format `{format}`"), Some("the only format is `json`"))
            }
            (Operation::Import, Target::Exchange { .. }) => Ok(Answer::Import),
            (Operation::Export, Target::Exchange { .. }) => {
                let everything = Wanted { family: Family::UNSPECIFIED, table: None, part: Part::All };
                let (ruleset, stored) = self.read(&everything)?;
                Ok(Answer::Listing(Listed { ruleset, stored, shape: Shape::Json }))
            }
            (Operation::Monitor, Target::Changes { event, object, format }) => {
                let json = match format.as_deref() {
                    None => None,
                    Some("json") => Some(true),
                    Some(other) => {
                        let help = "leave it out, or say `json`";
                        return unknown(&format!("there is no format `{other}`"), Some(help));
                    }
                };
                if object.as_deref() == Some("trace") {
                    return Ok(Answer::Trace);
                }
                let made = event.as_deref().map(|event| event == "new");
                let kind = object.clone().filter(|kind| kind != "ruleset");
                Ok(Answer::Monitor { filter: Filter { made, kind }, json })
            }
            (Operation::List, Target::Hooks { family, device }) => {
                Ok(Answer::Hooks(hooks::list(*family, device.as_deref(), self.connection, self.namespace)?))
            }
            (Operation::Describe, Target::Description { expression, parts }) => {
                Ok(Answer::Description(Description { expression: expression.clone(), parts: parts.clone() }))
            }
            _ => unknown("this cannot be answered", None),
        }
    }

    fn read(&mut self, wanted: &Wanted) -> Result<(Ruleset, Stored), Error> {
        if let Some(received) = &mut self.received {
            let raw = read::read(self.connection, self.namespace, wanted)?;
            let mut ruleset = lift::ruleset(&raw);
            owners::name(&raw.tables, &mut ruleset, self.namespace);
            received.push(raw);
            return Ok((ruleset, Stored::default()));
        }
        let Whole { ruleset: raw, elements, rules } =
            read::read_stored(self.connection, self.namespace, wanted)?;
        let tables = raw.tables.clone();
        let (mut ruleset, stored) = Stored::ruleset(raw, elements, rules);
        owners::name(&tables, &mut ruleset, self.namespace);
        Ok((ruleset, stored))
    }

    fn list(&mut self, selection: &Selection) -> Result<Listed, Unanswered> {
        let (family, table) = (selection.family, selection.table.clone());
        let everything = if self.terse { Part::AllButElements } else { Part::All };
        let one = selection.name.clone().or_else(|| selection.chain.clone());
        let (part, shape) = match (selection.entity, &one) {
            (Entity::Table, _) if table.is_none() => (Part::Tables, Shape::TableNames),
            (Entity::Ruleset | Entity::Table, _) => (everything, Shape::Whole),
            (Entity::Rule, None) => (everything, Shape::Whole),
            (Entity::Rule | Entity::Chain, Some(name)) => (Part::Chain(name.clone()), Shape::Parts),
            (Entity::Chain, None) => (Part::Chains, Shape::Parts),
            (Entity::Set | Entity::Map | Entity::Meter, Some(name)) => {
                (Part::Set(name.clone(), !self.terse), Shape::Parts)
            }
            (Entity::Set | Entity::Map | Entity::Meter, None) => (Part::Sets(!self.terse), Shape::Parts),
            (Entity::Object(kind), _) => (Part::Objects(KernelObjectKind(kind.0)), Shape::Parts),
            (Entity::Flowtable, _) => (Part::Flowtables, Shape::Parts),
        };
        let (ruleset, stored) = self.read(&Wanted { family, table, part })?;
        self.shown(ruleset, stored, selection, shape, false)
    }

    /// The part that is meant, or an error where there is none.
    fn shown(
        &mut self,
        ruleset: Ruleset,
        stored: Stored,
        selection: &Selection,
        shape: Shape,
        reset: bool,
    ) -> Result<Listed, Unanswered> {
        if let Some(table) = &selection.table
            && ruleset.tables.is_empty()
        {
            return Err(self.missing(Entity::Table, TableRef::new(selection.family, table), table));
        }
        if shape != Shape::Parts {
            return Ok(Listed { ruleset, stored, shape });
        }
        let entity = if selection.entity == Entity::Rule { Entity::Chain } else { selection.entity };
        let one = selection.name.as_deref().or(selection.chain.as_deref());
        let parts = ruleset.tables.into_iter().filter_map(|content| part(content, entity, one));
        let tables: Vec<TableContent> = parts.collect();
        match one {
            // as with nft, an object that is not there has nothing that starts anew
            Some(_) if reset && matches!(entity, Entity::Object(_)) => {
                Ok(Listed { ruleset: Ruleset { tables }, stored, shape })
            }
            Some(one) if tables.is_empty() => {
                let table = TableRef::new(selection.family, selection.table.clone().unwrap_or_default());
                Err(self.missing(entity, table, one))
            }
            _ => Ok(Listed { ruleset: Ruleset { tables }, stored, shape }),
        }
    }

    fn missing(&mut self, entity: Entity, table: TableRef, name: &str) -> Unanswered {
        let known = ask::names(self.connection, &table, entity).unwrap_or_default();
        let help = match known.iter().any(|one| one == name) {
            true => Some("it is there, and of another kind: a `set`, a `map`, or a `meter`".to_owned()),
            false => nearest(name, known.iter().map(String::as_str)).map(suggestion),
        };
        let noun = match entity {
            Entity::Table => {
                let message = format!("there is no table {table}");
                return Unanswered::Missing(name.to_owned(), message, help);
            }
            Entity::Chain => "chain",
            Entity::Set => "set",
            Entity::Map => "map",
            Entity::Meter => "meter",
            Entity::Flowtable => "flow table",
            Entity::Object(kind) => kind.name().unwrap_or("object"),
            Entity::Ruleset | Entity::Rule => "rule",
        };
        Unanswered::Missing(name.to_owned(), format!("there is no {noun} `{name}` in table {table}"), help)
    }

    fn reset(&mut self, selection: &Selection) -> Result<Listed, Unanswered> {
        let raw = reset::ruleset(selection, !self.check, self.connection, self.namespace)?;
        let ruleset = lift::ruleset(&raw);
        let whole = matches!(selection.entity, Entity::Rule if selection.chain.is_none());
        let shape = if whole { Shape::Whole } else { Shape::Parts };
        if let Some(received) = &mut self.received {
            received.push(raw);
        }
        self.shown(ruleset, Stored::default(), selection, shape, true)
    }

    fn elements(
        &mut self,
        set: &Set,
        wanted: &[netwright_nft::ir::Element],
        reset: bool,
    ) -> Result<Answer, Unanswered> {
        let set = elements::find(set, wanted, reset, self.connection)?;
        let content = TableContent { sets: vec![set.clone()], ..named(set.family, &set.table) };
        let ruleset = Ruleset { tables: vec![content] };
        Ok(Answer::Listing(Listed { ruleset, stored: Stored::default(), shape: Shape::Parts }))
    }
}

fn named(family: Family, name: &str) -> TableContent {
    let table = Table { family, name: name.to_owned(), ..Table::default() };
    TableContent { table, ..TableContent::default() }
}

/// The table with the things that are meant alone. As with nft, a table without any is named all the same where all chains,
/// sets or flow tables are asked for.
fn part(content: TableContent, entity: Entity, one: Option<&str>) -> Option<TableContent> {
    let TableContent { table, mut chains, mut sets, mut flowtables, mut objects } = content;
    let meant = |name: &str| one.is_none_or(|one| one == name);
    let mut content = named(table.family, &table.name);
    match entity {
        Entity::Chain => {
            chains.retain(|chain| meant(&chain.name));
            content.chains = chains;
        }
        Entity::Set | Entity::Map | Entity::Meter => {
            sets.retain(|set| is_kind(set, entity) && meant(&set.name));
            content.sets = sets;
        }
        Entity::Flowtable => {
            flowtables.retain(|table| meant(&table.name));
            content.flowtables = flowtables;
        }
        Entity::Object(kind) => {
            objects.retain(|object| is_meant(object, kind) && meant(&object.name));
            content.objects = objects;
        }
        Entity::Ruleset | Entity::Table | Entity::Rule => {}
    }
    let empty = content.chains.is_empty()
        && content.sets.is_empty()
        && content.flowtables.is_empty()
        && content.objects.is_empty();
    let named = !matches!(entity, Entity::Object(_)) && one.is_none();
    (!empty || named).then_some(content)
}

fn is_meant(object: &Object, kind: ObjectKind) -> bool {
    object.kind() == kind
}

fn is_kind(set: &Set, entity: Entity) -> bool {
    match entity {
        Entity::Map => set.target.is_some(),
        Entity::Meter => SetFlags::from_bits_retain(set.flags).contains(SetFlags::EVAL),
        _ => set.target.is_none(),
    }
}

impl Answer {
    /// Writes it as nft does; what is followed as it happens writes nothing.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, style: Style<'_>, out: &mut impl Write) -> io::Result<()> {
        match self {
            Answer::Listing(listed) => listed.write(style, out),
            Answer::Hooks(hooks) => hooks.write(style, out),
            Answer::Description(description) => as_text(out, |out| description.write(out, style.names)),
            Answer::Monitor { .. } | Answer::Trace | Answer::Import => Ok(()),
        }
    }
}

impl Listed {
    /// Tables with what was asked of them.
    #[must_use]
    pub fn ruleset(&self) -> Cow<'_, Ruleset> {
        if self.stored.is_empty() {
            return Cow::Borrowed(&self.ruleset);
        }
        let mut ruleset = self.ruleset.clone();
        self.stored.fill(&mut ruleset);
        Cow::Owned(ruleset)
    }

    /// The tables that iptables, ip6tables or ebtables have made rules in, which only they can change.
    pub fn managed_by_iptables(&self) -> impl Iterator<Item = &Table> {
        let managed = self.ruleset.tables.iter().filter(|content| content.is_managed_by_iptables());
        managed.map(|content| &content.table)
    }

    /// Writes it as nft lists it.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, style: Style<'_>, out: &mut impl Write) -> io::Result<()> {
        let Style { options, names, json } = style;
        let Listed { ruleset, stored, shape } = self;
        match shape {
            // JSON has the parts without their tables
            Shape::Parts if json => {
                as_text(out, |out| json::write_parts_with(out, ruleset, stored, options, names))
            }
            shape if json || *shape == Shape::Json => {
                as_text(out, |out| json::write_ruleset_with(out, ruleset, stored, options, names))
            }
            Shape::Whole | Shape::Json => {
                as_text(out, |out| print::write_ruleset_with(out, ruleset, stored, options, names))
            }
            Shape::TableNames => ruleset.tables.iter().try_for_each(|content| {
                writeln!(out, "table {} {}", content.table.family, content.table.name)
            }),
            // there are no empty lines between things of one kind
            Shape::Parts => as_text(out, |out| {
                let mut out = WithoutEmptyLines { out, at_start: true };
                ruleset.tables.iter().try_for_each(|content| {
                    print::write_table_with(&mut out, content, stored, options, names)
                })
            }),
        }
    }
}

/// Text, without its lines that have nothing in them.
struct WithoutEmptyLines<'o, W> {
    out: &'o mut W,
    at_start: bool,
}

impl<W: fmt::Write> fmt::Write for WithoutEmptyLines<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for line in text.split_inclusive('\n') {
            if line != "\n" || !self.at_start {
                self.out.write_str(line)?;
            }
            self.at_start = line.ends_with('\n');
        }
        Ok(())
    }
}
