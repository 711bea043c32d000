//! `monitor`: changes of the ruleset, in the words of nft, as they happen.

use std::collections::HashMap;
use std::io::Write;

use netwright::netfilter::request::List;
use netwright::netfilter::{
    Chain, Element, ElementListAttrs, Family, Flowtable, Generation, Item, MessageKind, NetfilterHeader,
    Object, Rule, Set, SetAttrs, SetFlags, Table, group,
};
use netwright::wire::{Big, Malformed, Message, MessageFlags, Value};
use netwright::{Error, Net};
use netwright_nft::ir::{self, Command, Operation, TableContent, Target};
use netwright_nft::lift::{self, Scope};
use netwright_nft::print;
use serde_json::json;

use super::echo;
use super::listen::{ASKED, listen, lost};
use super::style::Style;
use super::thing::{element, in_table, keep, thing};
use super::unanswered::Unanswered;
use crate::failure::Failure;
use crate::output;

/// Tells of changes until nobody listens.
pub(super) fn follow(
    event: Option<&str>,
    object: Option<&str>,
    net: &Net,
    style: Style<'_>,
    out: &mut impl Write,
) -> Result<(), Unanswered> {
    let mut connection = listen(net, group::NFTABLES)?;
    let filter = Filter { event, object };
    let mut monitor = Monitor { filter, style, sets: sets(net)?, run: None, out };
    loop {
        let mut result = Ok(());
        let heard = connection.notifications(|message| {
            if result.is_ok() {
                result = monitor.take(message);
            }
        });
        result?;
        monitor.out.flush()?;
        if lost(heard)? {
            monitor.run = None;
            monitor.sets = sets(net)?;
            continue;
        }
        connection.socket().wait(None)?;
    }
}

/// What is told.
struct Filter<'a> {
    event: Option<&'a str>,
    object: Option<&'a str>,
}

impl Filter<'_> {
    fn wants(&self, made: bool, noun: &str) -> bool {
        self.event.is_none_or(|event| (event == "new") == made)
            && self.object.is_none_or(|object| object == "ruleset" || object == noun)
    }
}

/// The sets of a table by name; of those without a name of their own the elements too.
type Sets = HashMap<String, (Set, Vec<Element>)>;

fn sets(net: &Net) -> Result<HashMap<(Family, String), Sets>, Error> {
    let mut sets = HashMap::<_, Sets>::new();
    for set in net.nft().list(List::<Set>::new(Family::UNSPECIFIED))? {
        let table = sets.entry((set.family, set.table.clone())).or_default();
        table.insert(set.name.clone(), (set, Vec::new()));
    }
    Ok(sets)
}

/// Elements of one set that came or went one after the other: the two ends of an interval come as two messages.
struct Run {
    made: bool,
    family: Family,
    table: String,
    set: String,
    elements: Vec<Element>,
}

struct Monitor<'a, W> {
    filter: Filter<'a>,
    style: Style<'a>,
    /// The sets that rules and elements refer to, by family and name of the table.
    sets: HashMap<(Family, String), Sets>,
    run: Option<Run>,
    out: &'a mut W,
}

impl<W: Write> Monitor<'_, W> {
    fn take(&mut self, message: &Message<'_>) -> Result<(), Failure> {
        let malformed = |error: Malformed| Error::new(ASKED, error);
        let Some(kind) = MessageKind::of(message) else { return Ok(()) };
        if [MessageKind::NEW_ELEMENTS, MessageKind::DELETE_ELEMENTS].contains(&kind) {
            return self.elements(message, kind == MessageKind::NEW_ELEMENTS);
        }
        self.end_run()?;
        if kind == MessageKind::NEW_GENERATION {
            return self.generation(&Generation::read(message).map_err(malformed)?);
        }
        if let Some((made, raw)) = change::<Table>(message, kind).map_err(malformed)? {
            self.table(made, &raw)
        } else if let Some((made, raw)) = change::<Chain>(message, kind).map_err(malformed)? {
            self.chain(made, &raw)
        } else if let Some((made, raw)) = change::<Rule>(message, kind).map_err(malformed)? {
            self.rule(made, &raw, message.header.flags.contains(MessageFlags::APPEND))
        } else if let Some((made, raw)) = set_change(message, kind).map_err(malformed)? {
            self.set(made, raw)
        } else if let Some((made, raw)) = change::<Object>(message, kind).map_err(malformed)? {
            self.object(made, &raw)
        } else if let Some((made, raw)) = change::<Flowtable>(message, kind).map_err(malformed)? {
            self.flowtable(made, &raw)
        } else {
            Ok(())
        }
    }

    fn generation(&mut self, generation: &Generation) -> Result<(), Failure> {
        if self.style.json || self.filter.event.is_some() || self.filter.object.is_some() {
            return Ok(());
        }
        write!(self.out, "# new generation {}", generation.id)?;
        if let Some(process) = generation.process {
            let name = generation.process_name.as_deref().unwrap_or_default();
            write!(self.out, " by process {process} ({})", output::plain(name))?;
        }
        Ok(writeln!(self.out)?)
    }

    fn table(&mut self, made: bool, raw: &Table) -> Result<(), Failure> {
        if !made {
            self.sets.remove(&(raw.family, raw.name.clone()));
        }
        let table = lift::table(raw);
        let content = TableContent { table: table.clone(), ..TableContent::default() };
        let gone = format!("delete table {} {}{}", raw.family, raw.name, self.handle(raw.handle));
        let told = Told { made, noun: "tables", target: Target::Table(table), handle: raw.handle, gone };
        self.tell(told, content)
    }

    fn chain(&mut self, made: bool, raw: &Chain) -> Result<(), Failure> {
        let chain = lift::chain(raw);
        let content = TableContent { chains: vec![chain.clone()], ..in_table(raw.family, &raw.table) };
        let gone = format!("delete chain {} {} {}", raw.family, raw.table, raw.name);
        let target = Target::Chain(Box::new(chain));
        self.tell(Told { made, noun: "chains", target, handle: raw.handle, gone }, content)
    }

    fn set(&mut self, made: bool, raw: Set) -> Result<(), Failure> {
        let set = lift::set(&raw, &[]);
        let content = TableContent { sets: vec![set.clone()], ..in_table(raw.family, &raw.table) };
        let gone = format!("delete set {} {} {}", raw.family, raw.table, raw.name);
        let target = Target::Set(Box::new(set));
        let told = Told { made, noun: "sets", target, handle: raw.handle, gone };
        let anonymous = raw.flags.contains(SetFlags::ANONYMOUS);
        let table = self.sets.entry((raw.family, raw.table.clone())).or_default();
        if made {
            table.insert(raw.name.clone(), (raw, Vec::new()));
        } else {
            table.remove(&raw.name);
        }
        if anonymous { Ok(()) } else { self.tell(told, content) }
    }

    fn object(&mut self, made: bool, raw: &Object) -> Result<(), Failure> {
        let object = lift::object(raw);
        let noun = object.kind().name().unwrap_or("object");
        let gone = format!("delete {noun} {} {} {}", raw.family, raw.table, raw.name);
        let content = TableContent { objects: vec![object.clone()], ..in_table(raw.family, &raw.table) };
        let target = Target::Object(Box::new(object));
        self.tell(Told { made, noun: "objects", target, handle: raw.handle, gone }, content)
    }

    fn flowtable(&mut self, made: bool, raw: &Flowtable) -> Result<(), Failure> {
        let flowtable = lift::flowtable(raw);
        let options = netwright_nft::table::PrintOptions { handles: false, ..*self.style.options };
        let gone = format!("delete {}", echo::flowtable(&flowtable, &options, self.style.names));
        let content =
            TableContent { flowtables: vec![flowtable.clone()], ..in_table(raw.family, &raw.table) };
        let target = Target::Flowtable(flowtable);
        self.tell(Told { made, noun: "flowtables", target, handle: raw.handle, gone }, content)
    }

    fn rule(&mut self, made: bool, raw: &Rule, appended: bool) -> Result<(), Failure> {
        if !self.filter.wants(made, "rules") {
            return Ok(());
        }
        let mut scope = Scope::default();
        for (set, elements) in
            self.sets.get(&(raw.family, raw.table.clone())).iter().flat_map(|sets| sets.values())
        {
            scope.add_set(set, elements);
        }
        let rule = lift::rule(raw, &scope);
        let verb = match (made, appended) {
            (true, true) => "add",
            (true, false) => "insert",
            (false, _) => "delete",
        };
        let chain = format!("{} {} {}", raw.family, raw.table, raw.chain);
        if self.style.json {
            let (family, table, name) = (raw.family, raw.table.clone(), raw.chain.clone());
            let chain = ir::Chain { family, table, name, rules: vec![rule], ..ir::Chain::default() };
            let content = TableContent { chains: vec![chain], ..in_table(raw.family, &raw.table) };
            return self.json(verb, content, |_, _| true);
        }
        if !made {
            let handle = raw.handle.unwrap_or_default();
            return Ok(writeln!(self.out, "delete rule {chain} handle {handle}")?);
        }
        let options = netwright_nft::table::PrintOptions { handles: false, ..*self.style.options };
        let text = print::rule(&rule, &options, self.style.names);
        let place = raw.position.map(|position| format!("handle {position} ")).unwrap_or_default();
        Ok(writeln!(self.out, "{verb} rule {chain} {place}{text}{}", self.handle(raw.handle))?)
    }

    fn elements(&mut self, message: &Message<'_>, made: bool) -> Result<(), Failure> {
        let read = || {
            let (header, bytes) = NetfilterHeader::split(message)?;
            Ok((header.family, ElementListAttrs::read::<Big>(bytes)?))
        };
        let (family, list) = read().map_err(|error: Malformed| Error::new(ASKED, error))?;
        let (table, set) = (list.table.unwrap_or_default(), list.set.unwrap_or_default());
        let elements = list.elements.unwrap_or_default().0;
        match &mut self.run {
            Some(run) if (run.made, run.family, &run.table, &run.set) == (made, family, &table, &set) => {
                run.elements.extend(elements);
                Ok(())
            }
            _ => {
                self.end_run()?;
                self.run = Some(Run { made, family, table, set, elements });
                Ok(())
            }
        }
    }

    /// Tells of the elements that came together.
    fn end_run(&mut self) -> Result<(), Failure> {
        let Some(Run { made, family, table, set, elements }) = self.run.take() else { return Ok(()) };
        let known = self.sets.get_mut(&(family, table)).and_then(|sets| sets.get_mut(&set));
        let Some((raw, content)) = known else { return Ok(()) };
        if raw.flags.contains(SetFlags::ANONYMOUS) {
            content.extend(elements);
            return Ok(());
        }
        if !self.filter.wants(made, "elements") {
            return Ok(());
        }
        let mut set = lift::set(raw, &elements);
        let verb = if made { "add" } else { "delete" };
        for one in std::mem::take(&mut set.elements) {
            if self.style.json {
                if let Some((noun, thing)) = element(&set, one, self.style)? {
                    writeln!(self.out, "{}", json!({ verb: { noun: thing } }))?;
                }
            } else {
                let line = echo::elements(verb, &set, &[one], self.style.options, self.style.names);
                writeln!(self.out, "{line}")?;
            }
        }
        Ok(())
    }

    fn tell(&mut self, told: Told, content: TableContent) -> Result<(), Failure> {
        let Told { made, noun, target, handle, gone } = told;
        if !self.filter.wants(made, noun) {
            return Ok(());
        }
        if self.style.json {
            const REFERENCE: [&str; 4] = ["family", "table", "name", "handle"];
            let verb = if made { "add" } else { "delete" };
            // of chains and flow tables the kernel tells to the end what they were
            let whole = made || matches!(noun, "chains" | "flowtables");
            return self.json(verb, content, |_, name| whole || REFERENCE.contains(&name));
        }
        if !made {
            return Ok(writeln!(self.out, "{gone}")?);
        }
        let command = Command { operation: Operation::Add, target, span: None, elements: Vec::new() };
        let line = echo::line(&command, self.style.options, self.style.names).unwrap_or_default();
        Ok(writeln!(self.out, "{line}{}", self.handle(handle))?)
    }

    /// Writes the last thing of a content, with the members that are wanted of it.
    fn json(
        &mut self,
        verb: &str,
        content: TableContent,
        wanted: impl Fn(bool, &str) -> bool,
    ) -> Result<(), Failure> {
        if let Some((noun, mut thing)) = thing(content, self.style)? {
            keep(&mut thing, |name| wanted(verb != "delete", name));
            writeln!(self.out, "{}", json!({ verb: { noun: thing } }))?;
        }
        Ok(())
    }

    fn handle(&self, handle: Option<u64>) -> String {
        let handle = handle.filter(|_| self.style.options.handles);
        handle.map(|handle| format!(" # handle {handle}")).unwrap_or_default()
    }
}

/// A thing that came or went.
struct Told {
    made: bool,
    /// What a filter calls its kind.
    noun: &'static str,
    target: Target,
    handle: Option<u64>,
    /// The line that tells that it went.
    gone: String,
}

/// What a message tells of a kind of thing: whether it is there now, and what it is.
fn change<T: Item>(message: &Message<'_>, kind: MessageKind) -> Result<Option<(bool, T)>, Malformed> {
    let Some(made) = is_made::<T>(kind) else { return Ok(None) };
    let (header, bytes) = NetfilterHeader::split(message)?;
    let thing = T::from_attributes(header.family, T::Attributes::read::<Big>(bytes)?)?;
    Ok(Some((made, thing)))
}

/// As [`change`]; of a set that is gone only its name is told.
fn set_change(message: &Message<'_>, kind: MessageKind) -> Result<Option<(bool, Set)>, Malformed> {
    let Some(made) = is_made::<Set>(kind) else { return Ok(None) };
    let (header, bytes) = NetfilterHeader::split(message)?;
    let mut attributes = SetAttrs::read::<Big>(bytes)?;
    if !made {
        attributes.key_length = attributes.key_length.or(Some(0));
    }
    Ok(Some((made, Set::from_attributes(header.family, attributes)?)))
}

fn is_made<T: Item>(kind: MessageKind) -> Option<bool> {
    match kind {
        kind if kind == T::KINDS.new => Some(true),
        kind if kind == T::KINDS.delete || kind == T::KINDS.destroy => Some(false),
        _ => None,
    }
}
