//! Changes that are made all together or not at all.

use std::ops::{Deref, DerefMut};

use netwright_netfilter::{
    Chain, Element, ElementListAttrs, Flowtable, Item, MessageKind, Object, Rule, Set, Table,
};
use netwright_nft::build::{Addition, Definition, Invalid, Placement, Removal};
use netwright_nft::catalog::Catalog;
use netwright_nft::diagnostic::{SourceMap, Span};
use netwright_nft::evaluate::{Compiled, Options, compile};
use netwright_nft::ir::{Command, Operation, PackedElements, Target};
use netwright_nft::lower;
use netwright_nft::syntax::Parsed;
use netwright_sys::{Cause, Connection, Error, Namespace, Outcome, Refusal, protocol};
use netwright_wire::{Malformed, Message};

use super::known::{self, Wanted};
use super::{Names, Text, text};
use crate::Result;
use crate::driver::Driver;

/// Changes in the order in which they are made. Nothing happens before [`Batch::commit`].
///
/// What was built ([`nft`](crate::nft)), text, and things as the kernel has them go into the same batch. What has no
/// meaning fails the whole batch: [`Batch::commit`] tells it and changes nothing.
///
/// ```no_run
/// use netwright::nft::{Chain, Family, Rule, Set, Table, ip};
/// use std::net::Ipv4Addr;
///
/// let net = netwright::Net::open()?;
/// let mut batch = net.nft().batch();
/// let table = Table::new(Family::IPV4, "filter");        // it is there already
/// let blocked = batch.add(Set::new(&table, "blocked").element(Ipv4Addr::new(192, 0, 2, 66)));
/// batch.insert(Rule::in_chain(&Chain::new(&table, "input")).is_in(ip::SADDR, &blocked).drop());
/// batch.flush(&Chain::new(&table, "old"));
/// batch.delete(&Chain::new(&table, "old"));
/// batch.commit()?;
/// # Ok::<(), netwright::Error>(())
/// ```
///
/// It is a [`netwright_netfilter::Batch`] with a way to the kernel: what that can do, this can.
#[derive(Debug)]
pub struct Batch<'n, D> {
    driver: &'n D,
    batch: netwright_netfilter::Batch,
    /// What the batch itself makes, and what was asked of the kernel.
    catalog: Catalog,
    names: Names,
    interfaces_known: bool,
    sources: SourceMap,
    /// The orders of texts; their messages are tagged with the number of the order.
    orders: Vec<Command>,
    /// The first thing that went wrong.
    failed: Option<Error>,
}

/// What a transaction made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Committed {
    /// What was made while [`echo`](netwright_netfilter::Batch::echo) was on, with the kernel's handles, each with the
    /// number of its message in the batch.
    pub made: Vec<(usize, Made)>,
    /// Whether `made` has gaps, since the kernel told more than the receive buffer holds. Everything is committed all
    /// the same.
    pub replies_lost: bool,
}

/// A thing that was made.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum Made {
    Table(Table),
    Chain(Chain),
    Rule(Rule),
    Set(Set),
    Elements(Vec<Element>),
    Object(Object),
    Flowtable(Flowtable),
}

impl<'n, D: Driver> Batch<'n, D> {
    pub(super) fn new(driver: &'n D, batch: netwright_netfilter::Batch) -> Self {
        Batch {
            driver,
            batch,
            catalog: Catalog::default(),
            names: Names::new(),
            interfaces_known: false,
            sources: SourceMap::default(),
            orders: Vec::new(),
            failed: None,
        }
    }

    /// Adds a thing, unless it is there already, and gives back what refers to it. A rule goes to the end of its chain, or
    /// behind the one that it names.
    pub fn add<T: Addition>(&mut self, thing: T) -> T::Handle {
        self.append(Operation::Add, thing)
    }

    /// Adds a thing that must not be there yet, and gives back what refers to it.
    pub fn create<T: Addition>(&mut self, thing: T) -> T::Handle {
        self.append(Operation::Create, thing)
    }

    fn append<T: Addition>(&mut self, operation: Operation, thing: T) -> T::Handle {
        let (added, handle) = thing.append(operation, &mut self.catalog, &mut self.batch);
        self.note(added);
        handle
    }

    /// Puts a rule at the start of its chain, or before the one that it names ([`Rule::at`](super::Rule::at)).
    pub fn insert(&mut self, rule: impl Placement) {
        let placed = rule.place(Operation::Insert, &mut self.catalog, &mut self.batch);
        self.note(placed);
    }

    /// Puts a rule in the place of the one that it names ([`Rule::at`](super::Rule::at)).
    pub fn replace(&mut self, rule: impl Placement) {
        let placed = rule.place(Operation::Replace, &mut self.catalog, &mut self.batch);
        self.note(placed);
    }

    /// Deletes a thing, which must be there.
    pub fn delete(&mut self, thing: impl Removal) {
        let deleted = thing.append_end(Operation::Delete, &mut self.catalog, &mut self.batch);
        self.note(deleted);
    }

    /// Deletes a thing if it is there; kernels before 6.3 do not know this.
    pub fn destroy(&mut self, thing: impl Removal) {
        let destroyed = thing.append_end(Operation::Destroy, &mut self.catalog, &mut self.batch);
        self.note(destroyed);
    }

    /// Deletes what is in a thing: the rules of a table or chain, the elements of a set.
    pub fn flush(&mut self, thing: &impl Definition) {
        let Some(selection) = thing.selection() else {
            return self.note(Err(Invalid("there is nothing in this to flush".into())));
        };
        let (operation, target) = (Operation::Flush, Target::Selection(selection));
        let command = Command { operation, target, span: None, elements: Vec::new() };
        let lowered = lower::command(&command, &self.catalog, &mut self.batch);
        self.note(lowered.map_err(|error| Invalid(error.message)));
    }

    /// Keeps the first thing that went wrong.
    fn note(&mut self, result: std::result::Result<(), Invalid>) {
        if let (Err(invalid), None) = (result, &self.failed) {
            self.failed = Some(Error::new("build the batch", Cause::Invalid(invalid.0)));
        }
    }

    /// Names that texts may use for numbers: users, marks and so on. The usual protocols and services are known, and the
    /// interfaces of the namespace.
    pub fn names(&mut self) -> &mut Names {
        &mut self.names
    }

    /// Adds what a text orders. It can refer to what the batch makes before it and to what the kernel has, which is then
    /// asked.
    ///
    /// An error tells all that has no meaning, each with line and column; the batch then has failed as a whole.
    pub fn extend<'b>(&'b mut self, text: Text) -> D::Output<'b, ()>
    where
        D: 'b,
    {
        let driver = self.driver;
        driver.run(protocol::NETFILTER, move |connection| {
            let taken = self.take(&text, connection, driver.namespace());
            if let (Err(error), None) = (&taken, &self.failed) {
                self.failed = Some(error.clone());
            }
            taken
        })
    }

    fn take(&mut self, text: &Text, connection: &mut Connection, namespace: &Namespace) -> Result<()> {
        if let Some(variable) = text.missing() {
            let what = format!("the variable ${variable} has no value");
            return Err(Error::new("read the rules", Cause::Invalid(what)));
        }
        let parsed = text.read(&mut self.sources)?;
        text::refuse(&parsed.diagnostics, &self.sources)?;
        let mut compiled = self.compile(&parsed);
        let wanted = Wanted::of(&compiled);
        // What is not understood may be the name of an interface.
        let interfaces = !compiled.diagnostics.is_empty() && !self.interfaces_known;
        if interfaces {
            known::interfaces(namespace, &mut self.names)?;
            self.interfaces_known = true;
        }
        if !wanted.is_empty() {
            known::add_made(&self.batch, &mut self.catalog);
            known::add(connection, &wanted, &mut self.catalog)?;
        }
        if interfaces || !wanted.is_empty() {
            compiled = self.compile(&parsed);
        }
        text::refuse(&compiled.diagnostics, &self.sources)?;
        self.catalog = compiled.catalog;
        compiled.commands.into_iter().try_for_each(|command| self.order(command))
    }

    fn compile(&self, parsed: &Parsed) -> Compiled {
        compile(&self.sources, parsed, &Options { names: &self.names, catalog: &self.catalog, zone: 0 })
    }

    /// An order of a text.
    fn order(&mut self, mut command: Command) -> Result<()> {
        self.batch.tag(u32::try_from(self.orders.len()).ok());
        let lowered = lower::command(&command, &self.catalog, &mut self.batch);
        self.batch.tag(None);
        let told = lowered.map_err(|error| {
            let span = match (&command.target, error.statement) {
                (Target::Rule { spans, .. }, Some(at)) => spans.get(at).copied().or(command.span),
                _ => command.span,
            };
            let place = span.and_then(|span| self.sources.locate(span));
            let place = place.map(|place| format!("{place}: ")).unwrap_or_default();
            Error::new("read the rules", Cause::Invalid(format!("{place}{}", error.message)))
        });
        // Long lists are told as a whole, so they need not be kept.
        if let Target::PackedElements { elements, .. } = &mut command.target {
            *elements = PackedElements::default();
        }
        self.orders.push(command);
        told
    }

    /// Makes all changes, or none: then the error names the first that the kernel refused, and the line where it was
    /// written as text.
    pub fn commit(self) -> D::Output<'n, Committed> {
        let driver = self.driver;
        let mut sending = self.sending();
        driver.run(protocol::NETFILTER, move |connection| sending.commit(connection))
    }

    /// Has the kernel try all changes and take them back: an error where [`Batch::commit`] would have one.
    pub fn check(self) -> D::Output<'n, ()> {
        let driver = self.driver;
        let mut sending = self.sending();
        driver.run(protocol::NETFILTER, move |connection| sending.check(connection))
    }

    fn sending(self) -> Sending {
        let Batch { batch, sources, orders, catalog, failed, .. } = self;
        Sending { batch, sources, orders, catalog, failed }
    }
}

/// A batch on its way.
struct Sending {
    batch: netwright_netfilter::Batch,
    sources: SourceMap,
    orders: Vec<Command>,
    catalog: Catalog,
    failed: Option<Error>,
}

impl Sending {
    fn commit(&mut self, connection: &mut Connection) -> Result<Committed> {
        self.fail()?;
        if self.batch.is_empty() {
            return Ok(Committed::default());
        }
        let (mut made, mut malformed) = (Vec::new(), None);
        let messages = self.batch.messages();
        let bytes = self.batch.finish().map_err(|error| Error::new("commit the batch", error))?;
        let outcome = connection.transact(bytes, messages, |index, message| match read_made(message) {
            Ok(thing) => made.extend(thing.map(|thing| (index, thing))),
            Err(error) => malformed = Some(error),
        })?;
        match (outcome, malformed) {
            (Outcome::Refused(refusals), _) => Err(self.refused(refusals)),
            (_, Some(error)) => Err(Error::new("read what the committed batch made", error)),
            (Outcome::Committed { replies_lost }, None) => Ok(Committed { made, replies_lost }),
        }
    }

    /// The kernel takes back what it did for a batch that has no end.
    fn check(&mut self, connection: &mut Connection) -> Result<()> {
        const END: usize = 20;
        self.fail()?;
        if self.batch.is_empty() {
            return Ok(());
        }
        let messages = self.batch.messages().saturating_sub(1);
        let bytes = self.batch.finish().map_err(|error| Error::new("check the batch", error))?;
        let bytes = bytes.get(..bytes.len().saturating_sub(END)).unwrap_or_default();
        match connection.transact(bytes, messages, |_, _| {})? {
            Outcome::Refused(refusals) => Err(self.refused(refusals)),
            Outcome::Committed { .. } => Ok(()),
        }
    }

    fn fail(&mut self) -> Result<()> {
        self.failed.take().map_or(Ok(()), Err)
    }

    /// The error for the first message that was refused.
    fn refused(&mut self, refusals: Vec<Refusal>) -> Error {
        let bytes = self.batch.finish().map(<[u8]>::to_vec).unwrap_or_default();
        let first = refusals.into_iter().min_by_key(|refusal| refusal.index);
        let Some(Refusal { index, error, .. }) = first else {
            return Error::new("commit the batch", Cause::NoAnswer);
        };
        let Some(step) = self.batch.step(index) else { return Error::new("commit the batch", error) };
        let step = step.at(error.extended.offset);
        let order = step.tag.and_then(|tag| self.orders.get(tag as usize));
        let place = order.and_then(|order| lower::place(order, &self.catalog, &step));
        let place = place.map(|span| self.sources.written(span));
        let asked = match place.and_then(|span| self.sources.locate(span)) {
            Some(place) => format!("{step} ({place})"),
            None => step.to_string(),
        };
        Error::new(asked, error).with_sent(&bytes).with_part(step.part()).with_tag(step.tag)
    }
}

impl<D> Deref for Batch<'_, D> {
    type Target = netwright_netfilter::Batch;

    fn deref(&self) -> &Self::Target {
        &self.batch
    }
}

impl<D> DerefMut for Batch<'_, D> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.batch
    }
}

/// Where what the kernel refused was written: a statement, an element or an order. For errors of a batch that
/// consists of these orders and nothing else.
#[must_use]
pub fn place_of(error: &Error, commands: &[Command], catalog: &Catalog) -> Option<Span> {
    let Cause::Kernel(refusal) = error.cause() else { return None };
    let mut batch = netwright_netfilter::Batch::new();
    lower::batch(commands, catalog, &mut batch).ok()?;
    let steps = (0..batch.messages() as usize).map_while(|index| batch.step(index));
    let step = steps.into_iter().find(|step| step.message.header.sequence == refusal.sequence)?;
    let command = commands.get(step.tag? as usize)?;
    lower::place(command, catalog, &step.at(refusal.extended.offset))
}

fn read_made(message: &Message<'_>) -> std::result::Result<Option<Made>, Malformed> {
    Ok(match MessageKind::of(message) {
        Some(MessageKind::NEW_TABLE) => Table::read(message)?.map(Made::Table),
        Some(MessageKind::NEW_CHAIN) => Chain::read(message)?.map(Made::Chain),
        Some(MessageKind::NEW_RULE) => Rule::read(message)?.map(Made::Rule),
        Some(MessageKind::NEW_SET) => Set::read(message)?.map(Made::Set),
        Some(MessageKind::NEW_OBJECT) => Object::read(message)?.map(Made::Object),
        Some(MessageKind::NEW_FLOWTABLE) => Flowtable::read(message)?.map(Made::Flowtable),
        Some(MessageKind::NEW_ELEMENTS) => {
            let bytes = message.bytes_after(netwright_netfilter::NetfilterHeader::SIZE);
            let elements = ElementListAttrs::read_attributes(bytes)?.elements;
            elements.map(|elements| Made::Elements(elements.0))
        }
        _ => None,
    })
}
