//! Changes that are made all together or not at all.

mod named;
mod redo;

use netwright_netfilter::SetRef;
use netwright_netfilter::request::Find;
use netwright_nft::build::{Addition, Definition, Invalid, Placement, Removal};
use netwright_nft::catalog::{self, Catalog};
use netwright_nft::diagnostic::SourceMap;
use netwright_nft::evaluate::{Compiled, Options, compile};
use netwright_nft::ir::{Command, Operation, PackedElements, Target};
use netwright_nft::lift;
use netwright_nft::lower::{self, Order};
use netwright_nft::syntax::Parsed;
use netwright_sys::{Cause, Connection, Error, Namespace, Refusal, protocol};

use self::redo::Redo;
use super::ask;
use super::engine::{self, Unlowered};
use super::refusal;
use super::send::{self, Made, Sent, read_made};
use super::{Names, Text, text};
use crate::Result;
use crate::driver::{Blocking, Driver, Lent};

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
/// What has no method here is written into the messages themselves: [`Batch::raw_mut`].
#[derive(Debug)]
pub struct Batch<'n, D = Blocking> {
    driver: &'n D,
    content: Content,
}

/// A batch without its way to the kernel.
#[derive(Debug, Default)]
struct Content {
    batch: netwright_netfilter::Batch,
    /// What the batch itself makes, and what was asked of the kernel.
    catalog: Catalog,
    /// The rules that texts may name by their place.
    order: Order,
    /// The generation that the meaning of texts depends on.
    generation: Option<u32>,
    /// What is needed to give these texts their meaning anew.
    redo: Option<Redo>,
    names: Names,
    interfaces_known: bool,
    sources: SourceMap,
    /// The commands of texts; their messages are tagged with the number of the command.
    commands: Vec<Command>,
    /// The first thing that went wrong.
    failed: Option<Error>,
}

/// What stays where the future that reads a text is dropped half-way: nobody knows what of the text is in the batch.
impl Lent for Content {
    fn away() -> Self {
        let dropped = Cause::Invalid("the future that read a text into it was dropped".into());
        Content { failed: Some(Error::new("build the batch", dropped)), ..Content::default() }
    }
}

/// What a transaction made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Committed {
    /// What was made while [`Batch::echo`] was on, with the kernel's handles, each with the
    /// number of its message in the batch.
    pub made: Vec<(usize, Made)>,
    /// Whether `made` has gaps, since the kernel told more than the receive buffer holds. Everything is committed all
    /// the same.
    pub replies_lost: bool,
}

impl<D> Batch<'_, D> {
    /// The messages so far.
    pub fn raw(&self) -> &netwright_netfilter::Batch {
        &self.content.batch
    }

    /// The messages so far, to add more as the kernel has them.
    pub fn raw_mut(&mut self) -> &mut netwright_netfilter::Batch {
        &mut self.content.batch
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.content.batch.is_empty()
    }

    /// Whether what is added from now on is to be told by [`Batch::commit`] as it was made, with handles.
    pub fn echo(&mut self, on: bool) {
        self.content.batch.echo(on);
    }
}

impl<'n, D: Driver> Batch<'n, D> {
    pub(super) fn new(driver: &'n D, batch: netwright_netfilter::Batch) -> Self {
        Batch { driver, content: Content { batch, order: Order::open(), ..Content::default() } }
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
        let Content { catalog, order, batch, .. } = &mut self.content;
        let (added, handle) = thing.append(operation, catalog, order, batch);
        self.note(added);
        handle
    }

    /// Puts a rule at the start of its chain, or before the one that it names ([`Rule::at`](super::Rule::at)).
    pub fn insert(&mut self, rule: impl Placement) {
        let Content { catalog, order, batch, .. } = &mut self.content;
        let placed = rule.place(Operation::Insert, catalog, order, batch);
        self.note(placed);
    }

    /// Puts a rule in the place of the one that it names ([`Rule::at`](super::Rule::at)).
    pub fn replace(&mut self, rule: impl Placement) {
        let Content { catalog, order, batch, .. } = &mut self.content;
        let placed = rule.place(Operation::Replace, catalog, order, batch);
        self.note(placed);
    }

    /// Deletes a thing, which must be there.
    pub fn delete(&mut self, thing: impl Removal) {
        let Content { catalog, order, batch, .. } = &mut self.content;
        let deleted = thing.append_end(Operation::Delete, catalog, order, batch);
        self.note(deleted);
    }

    /// Deletes a thing if it is there; kernels before 6.3 do not know this.
    pub fn destroy(&mut self, thing: impl Removal) {
        let Content { catalog, order, batch, .. } = &mut self.content;
        let destroyed = thing.append_end(Operation::Destroy, catalog, order, batch);
        self.note(destroyed);
    }

    /// Deletes what is in a thing: the rules of a table or chain, the elements of a set.
    pub fn flush(&mut self, thing: &impl Definition) {
        let Some(selection) = thing.selection() else {
            return self.note(Err(Invalid("there is nothing in this to flush".into())));
        };
        let (operation, target) = (Operation::Flush, Target::Selection(selection));
        let command = Command { operation, target, span: None, elements: Vec::new() };
        let Content { catalog, order, batch, .. } = &mut self.content;
        let lowered = lower::command(&command, catalog, order, batch);
        self.note(lowered.map_err(|error| Invalid(error.message)));
    }

    /// Keeps the first thing that went wrong.
    fn note(&mut self, result: std::result::Result<(), Invalid>) {
        if let (Err(invalid), None) = (result, &self.content.failed) {
            self.content.failed = Some(Error::new("build the batch", Cause::Invalid(invalid.0)));
        }
    }

    /// Names that texts may use for numbers: users, marks and so on. The usual protocols and services are known, and the
    /// interfaces of the namespace.
    pub fn names(&mut self) -> &mut Names {
        &mut self.content.names
    }

    /// Adds what a text orders. It can refer to what the batch makes before it and to what the kernel has, which is then
    /// asked.
    ///
    /// An error tells all that has no meaning, each with line and column; the batch then has failed as a whole.
    pub fn extend<'b>(&'b mut self, text: Text) -> D::Output<'b, ()>
    where
        D: 'b,
    {
        self.driver.lend(&mut self.content, move |driver, content| {
            let taken = driver
                .run(protocol::NETFILTER, |connection| content.take(&text, connection, driver.namespace()));
            if let (Err(error), None) = (&taken, &content.failed) {
                content.failed = Some(error.clone());
            }
            taken
        })
    }

    /// Makes all changes, or none: then the error names the first that the kernel refused, and the line where it was
    /// written as text.
    pub fn commit(self) -> D::Output<'n, Committed> {
        let mut content = self.content;
        self.driver.with(move |driver| {
            driver.run(protocol::NETFILTER, |connection| content.commit(connection, driver.namespace()))
        })
    }

    /// Has the kernel try all changes and take them back: an error where [`Batch::commit`] would have one.
    pub fn check(self) -> D::Output<'n, ()> {
        let mut content = self.content;
        self.driver.with(move |driver| {
            driver.run(protocol::NETFILTER, |connection| content.check(connection, driver.namespace()))
        })
    }
}

/// How often texts are given their meaning anew where the ruleset changes meanwhile.
const TRIES: u32 = 100;

impl Content {
    fn take(&mut self, text: &Text, connection: &mut Connection, namespace: &Namespace) -> Result<()> {
        if let Some(variable) = text.missing() {
            let what = format!("the variable ${variable} has no value");
            return Err(Error::new("read the rules", Cause::Invalid(what)));
        }
        let parsed = text.read(&mut self.sources)?;
        text::refuse(&parsed.diagnostics, &self.sources)?;
        // What is not understood may be the name of an interface.
        if !self.interfaces_known && !self.compile(&parsed).diagnostics.is_empty() {
            ask::interfaces(namespace, &mut self.names)?;
            self.interfaces_known = true;
        }
        add_made(&self.batch, 0..self.batch.next_message(), &mut self.catalog);
        let options =
            Options { names: &self.names, catalog: &self.catalog, zone: netwright_nft::table::Zone::UTC };
        let (compiled, answered) = engine::compile(&self.sources, &parsed, &options, connection)?;
        text::refuse(&compiled.diagnostics, &self.sources)?;
        let before = std::mem::replace(&mut self.catalog, compiled.catalog);
        let fleeting = answered.fleeting();
        if fleeting.is_some() && self.redo.is_none() {
            self.redo = Some(Redo::from(&self.batch, before, self.order.clone()));
        }
        self.generation = self.generation.or(fleeting);
        let start = redo::Start::of(&self.batch);
        compiled.commands.into_iter().try_for_each(|command| self.command(command))?;
        if let Some(redo) = &mut self.redo {
            redo.took(parsed, start, &self.batch);
        }
        Ok(())
    }

    /// The meaning without the kernel's help.
    fn compile(&self, parsed: &Parsed) -> Compiled {
        compile(
            &self.sources,
            parsed,
            &Options { names: &self.names, catalog: &self.catalog, zone: netwright_nft::table::Zone::UTC },
        )
    }

    /// A command of a text.
    fn command(&mut self, mut command: Command) -> Result<()> {
        let Content { catalog, order, batch, .. } = self;
        let lowered = engine::lower(self.commands.len(), &command, catalog, &[], order, batch);
        let told = lowered.map_err(|Unlowered { error, span }| {
            let place = span.and_then(|span| self.sources.locate(span));
            let place = place.map(|place| format!("{place}: ")).unwrap_or_default();
            Error::new("read the rules", Cause::Invalid(format!("{place}{}", error.message)))
        });
        // Long lists are told as a whole, so they need not be kept.
        if let Target::PackedElements { elements, .. } = &mut command.target {
            *elements = PackedElements::default();
        }
        self.commands.push(command);
        told
    }

    fn commit(&mut self, connection: &mut Connection, namespace: &Namespace) -> Result<Committed> {
        self.fail()?;
        if self.batch.is_empty() {
            return Ok(Committed::default());
        }
        let (mut made, mut malformed) = (Vec::new(), None);
        let sent = self.up_to_date(connection, |connection, batch| {
            send::commit(connection, batch, |index, message| match read_made(message) {
                Ok(thing) => made.extend(thing.map(|thing| (index, thing))),
                Err(error) => malformed = Some(error),
            })
        })?;
        match (sent, malformed) {
            (Sent::Outdated(refusal), _) => Err(self.refused(refusal, connection, namespace)),
            (Sent::Refused(refusals), _) => Err(self.refused(first(refusals)?, connection, namespace)),
            (_, Some(error)) => Err(Error::new("read what the committed batch made", error)),
            (Sent::Done { replies_lost }, None) => Ok(Committed { made, replies_lost }),
        }
    }

    fn check(&mut self, connection: &mut Connection, namespace: &Namespace) -> Result<()> {
        self.fail()?;
        if self.batch.is_empty() {
            return Ok(());
        }
        match self.up_to_date(connection, send::check)? {
            Sent::Outdated(refusal) => Err(self.refused(refusal, connection, namespace)),
            Sent::Refused(refusals) => Err(self.refused(first(refusals)?, connection, namespace)),
            Sent::Done { .. } => Ok(()),
        }
    }

    /// Sets that are there must be what those who refer to them by their Rust type take them for: the kernel would compare the
    /// first bytes of an address of IPv6 with a set of addresses of IPv4.
    fn compare_referred(&mut self, connection: &mut Connection) -> Result<()> {
        for set in self.catalog.take_referred() {
            let reference = SetRef::new(set.family, set.table.clone(), set.name.clone());
            // One that is not there, or that cannot be asked for, is told by the kernel when the batch is sent.
            let Ok(there) = connection.query(&Find(reference)) else { continue };
            let wrong = |what| Error::new("build the batch", Cause::Invalid(what));
            catalog::agree(&lift::set(&there, &[]), &set).map_err(wrong)?;
        }
        Ok(())
    }

    /// Sends the batch. What texts mean may depend on the ruleset as it was: where it is another by then, they are given their
    /// meaning anew. A batch that the caller wants for one generation is for that alone.
    fn up_to_date(
        &mut self,
        connection: &mut Connection,
        mut send: impl FnMut(&mut Connection, &mut netwright_netfilter::Batch) -> Result<Sent>,
    ) -> Result<Sent> {
        self.compare_referred(connection)?;
        let Some(mut generation) = self.generation.filter(|_| self.batch.generation().is_none()) else {
            return send(connection, &mut self.batch);
        };
        for _ in 1..TRIES {
            self.batch.require_generation(generation);
            let sent = send(connection, &mut self.batch)?;
            if !matches!(sent, Sent::Outdated(_)) {
                return Ok(sent);
            }
            generation = self.take_again(connection)?;
        }
        self.batch.require_generation(generation);
        send(connection, &mut self.batch)
    }

    fn fail(&mut self) -> Result<()> {
        self.failed.take().map_or(Ok(()), Err)
    }

    /// The error for a message that was refused.
    fn refused(&mut self, refusal: Refusal, connection: &mut Connection, namespace: &Namespace) -> Error {
        let Content { batch, sources, commands, catalog, .. } = self;
        refusal::error_of(batch, refusal, connection, namespace, |step| {
            let command = step.tag.and_then(|tag| commands.get(tag as usize))?;
            let place = lower::place(command, catalog, step)?;
            Some(sources.locate(sources.written(place))?.to_string())
        })
    }
}

fn first(refusals: Vec<Refusal>) -> Result<Refusal> {
    refusals.into_iter().next().ok_or_else(|| Error::new("commit the batch", Cause::NoAnswer))
}

/// Adds what a batch makes by messages of its own, which went past the catalogue.
fn add_made(batch: &netwright_netfilter::Batch, messages: std::ops::Range<usize>, catalog: &mut Catalog) {
    use netwright_netfilter::{Chain, Flowtable, Item, Object, Table};
    for step in messages.map_while(|index| batch.step(index)) {
        if let Ok(Some(table)) = Table::read(&step.message) {
            catalog.table_mut(table.family, &table.name);
        } else if let Ok(Some(chain)) = Chain::read(&step.message) {
            catalog.table_mut(chain.family, &chain.table).chains.entry(chain.name).or_default();
        } else if let Ok(Some(object)) = Object::read(&step.message) {
            let object = netwright_nft::lift::object(&object);
            let key = (object.kind().0, object.name);
            catalog.table_mut(object.family, &object.table).objects.insert(key);
        } else if let Ok(Some(flowtable)) = Flowtable::read(&step.message) {
            catalog.table_mut(flowtable.family, &flowtable.table).flowtables.insert(flowtable.name);
        }
    }
}
