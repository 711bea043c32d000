//! Batches: changes that the kernel makes all together or not at all.

mod elements;
mod step;

use netwright_wire::{MessageFlags, MessageMark, Transaction, Unsendable, Value, Writer};

pub use elements::WriteElement;
pub use step::Step;

use crate::{
    ByHandle, Chain, ChainAttrs, ChainRef, Deletable, Family, Flowtable, Item, MessageKind, NetfilterHeader,
    Rule, RuleAttrs, SetRef, TableRef, control, subsystem,
};

/// Changes in the order in which they are made, written into one buffer.
///
/// ```
/// use netwright_netfilter::{Batch, Chain, Family, Rule, Table, raw::*};
/// let mut batch = Batch::new();
/// batch.add(&Table::new(Family::INET, "filter"));
/// batch.add(&Chain::new(Family::INET, "filter", "web"));
/// batch.add(&Rule::new(Family::INET, "filter", "web", [counter(), verdict(Verdict::ACCEPT)]));
/// let messages = batch.messages();
/// assert!(!batch.finish().unwrap().is_empty());
/// assert_eq!(messages, 5);
/// assert_eq!(batch.step(3).unwrap().to_string(), "add rule inet filter web");
/// ```
///
/// Messages are numbered one after the other, the batch's begin is the first. What refuses a message names its number, so
/// [`Batch::step`] says what it was: it decodes the message's own bytes, nothing else is kept.
#[derive(Clone, Debug)]
pub struct Batch {
    writer: Writer,
    places: Vec<Place>,
    first: u32,
    generation: bool,
    end: Option<usize>,
    tag: u32,
    flags: MessageFlags,
    next_id: u32,
}

/// Where a message starts, and what its maker says about it.
#[derive(Clone, Copy, Debug)]
struct Place {
    offset: u32,
    tag: u32,
}

/// The tag of messages without one.
const UNTAGGED: u32 = u32::MAX;
/// Bytes from the begin of a batch to the number of its generation.
const GENERATION_OFFSET: usize = 16 + NetfilterHeader::SIZE + 4;
/// Bytes from the begin of a message to its number.
const SEQUENCE_OFFSET: usize = 8;
const BATCH_GENID: u16 = 1;

impl Default for Batch {
    fn default() -> Self {
        Batch::new()
    }
}

impl Transaction for Batch {
    fn messages(&self) -> u32 {
        Batch::messages(self)
    }

    fn finish(&mut self) -> Result<&[u8], Unsendable> {
        Batch::finish(self)
    }

    fn told(&self, index: usize, offset: Option<u32>) -> Option<(String, Option<String>)> {
        let step = self.step(index)?.at(offset);
        Some((step.to_string(), step.part()))
    }
}

impl Batch {
    /// A batch that is made whatever else has changed.
    #[must_use]
    pub fn new() -> Self {
        Batch::start(1, None)
    }

    /// A batch that is refused with `ERESTART` if the ruleset's generation is another by then.
    #[must_use]
    pub fn for_generation(generation: u32) -> Self {
        Batch::start(1, Some(generation))
    }

    /// Numbers the messages from another number than 1 on. To be called before anything is added.
    #[must_use]
    pub fn numbered_from(self, first: u32) -> Self {
        let generation = self.generation.then(|| self.generation()).flatten();
        Batch { flags: self.flags, tag: self.tag, ..Batch::start(first, generation) }
    }

    fn start(first: u32, generation: Option<u32>) -> Self {
        let mut batch = Batch {
            writer: Writer::new(),
            places: Vec::new(),
            first,
            generation: generation.is_some(),
            end: None,
            tag: UNTAGGED,
            flags: MessageFlags::empty(),
            next_id: 1,
        };
        let mark = batch.begin_control(control::BATCH_BEGIN);
        if let Some(generation) = generation {
            batch.writer.attribute::<netwright_wire::Big, u32>(BATCH_GENID, &generation);
        }
        batch.writer.end_message(mark);
        batch
    }

    /// The generation that the batch is for, where it is for one.
    #[must_use]
    pub fn generation(&self) -> Option<u32> {
        let bytes = self.writer.bytes().get(GENERATION_OFFSET..)?.first_chunk()?;
        self.generation.then(|| u32::from_be_bytes(*bytes))
    }

    /// Makes it a batch that is refused with `ERESTART` if the ruleset's generation is another by then.
    pub fn require_generation(&mut self, generation: u32) {
        let rest = self.places.get(1).map_or(self.writer.len(), |place| place.offset as usize);
        let behind = self.writer.bytes().get(rest..).unwrap_or_default().to_vec();
        self.writer.truncate(0);
        let tag = std::mem::replace(&mut self.tag, UNTAGGED);
        let places = std::mem::take(&mut self.places);
        let mark = self.begin_control(control::BATCH_BEGIN);
        self.writer.attribute::<netwright_wire::Big, u32>(BATCH_GENID, &generation);
        self.writer.end_message(mark);
        let (before, after) = (rest as u32, self.writer.len() as u32);
        let moved = |place: Place| Place { offset: place.offset - before + after, ..place };
        self.places.extend(places.into_iter().skip(1).map(moved));
        self.writer.push(&behind);
        self.end = self.end.map(|end| end - before as usize + after as usize);
        (self.tag, self.generation) = (tag, true);
    }

    /// Asks for replies about what is made from here on, with the handles that the kernel gives.
    pub fn echo(&mut self, on: bool) {
        self.flags.set(MessageFlags::ECHO, on);
    }

    /// Marks what is added from here on, for [`Step::tag`]: with a place in a source text, for example. `u32::MAX` is the
    /// same as `None`.
    pub fn tag(&mut self, tag: Option<u32>) {
        self.tag = tag.unwrap_or(UNTAGGED);
    }

    /// A number for a set, chain or rule that the same batch refers to; no number comes twice.
    pub fn allocate_id(&mut self) -> u32 {
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        id
    }

    /// The number that [`Batch::allocate_id`] gives next.
    #[must_use]
    pub fn next_id(&self) -> u32 {
        self.next_id
    }

    /// Has [`Batch::allocate_id`] go on from a number: where messages of another batch were or will be copied.
    pub fn continue_ids(&mut self, next: u32) {
        self.next_id = next;
    }

    /// Whether replies are asked for about what is added now.
    #[must_use]
    pub fn echoes(&self) -> bool {
        self.flags.contains(MessageFlags::ECHO)
    }

    /// The number that the next message gets.
    #[must_use]
    pub fn next_message(&self) -> usize {
        self.places.len() - usize::from(self.end.is_some())
    }

    /// Appends messages of another batch, with their tags, by their numbers. What they call each other by stays.
    pub fn copy(&mut self, from: &Batch, messages: std::ops::Range<usize>) {
        self.reopen();
        for index in messages {
            let Some(place) = from.places.get(index) else { return };
            let end = from.places.get(index + 1).map_or(from.writer.len(), |next| next.offset as usize);
            let Some(bytes) = from.writer.bytes().get(place.offset as usize..end) else { return };
            let offset = u32::try_from(self.writer.len()).unwrap_or(u32::MAX);
            let sequence = self.first.wrapping_add(self.places.len() as u32);
            self.places.push(Place { offset, ..*place });
            let (head, rest) = bytes.split_at(SEQUENCE_OFFSET.min(bytes.len()));
            self.writer.push(head);
            self.writer.push(&sequence.to_ne_bytes());
            self.writer.push(rest.get(4..).unwrap_or_default());
        }
    }

    /// Whether nothing would change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.len() <= 1
    }

    /// How many messages there are, with the batch's begin and end.
    #[must_use]
    pub fn messages(&self) -> u32 {
        self.places.len() as u32 + u32::from(self.end.is_none())
    }

    /// How many bytes there are so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.writer.len()
    }

    /// Ends the batch and gives the bytes that a socket sends as one datagram. What is added later goes before the end.
    pub fn finish(&mut self) -> Result<&[u8], Unsendable> {
        self.writer.check()?;
        if self.end.is_none() {
            self.end = Some(self.writer.len());
            let mark = self.begin_control(control::BATCH_END);
            self.writer.end_message(mark);
        }
        Ok(self.writer.bytes())
    }

    /// Adds a thing; where it is there already, the kernel checks that it is the same. A rule goes to the end of its
    /// chain, or behind the rule that its position names.
    pub fn add<T: Item>(&mut self, item: &T) {
        let append =
            if T::KINDS.new == MessageKind::NEW_RULE { MessageFlags::APPEND } else { MessageFlags::empty() };
        self.define(item, MessageFlags::CREATE | append);
    }

    /// Adds a thing that must not be there yet.
    pub fn create<T: Item>(&mut self, item: &T) {
        self.define(item, MessageFlags::CREATE | MessageFlags::EXCLUSIVE);
    }

    /// Puts a rule at the start of its chain, or before the rule that its position names.
    pub fn insert(&mut self, rule: &Rule) {
        self.define(rule, MessageFlags::CREATE);
    }

    /// Puts a rule in the place of the one whose handle it has.
    pub fn replace(&mut self, rule: &Rule) {
        let mark = self.begin(MessageKind::NEW_RULE, rule.family, MessageFlags::REPLACE);
        rule.write_replacement(&mut self.writer);
        self.writer.end_message(mark);
    }

    /// Deletes a thing, which must be there.
    pub fn delete<T: Deletable>(&mut self, thing: &T) {
        self.refer(T::Item::KINDS.delete, thing);
    }

    /// Deletes a thing if it is there; kernels before 6.3 do not know this.
    pub fn destroy<T: Deletable>(&mut self, thing: &T) {
        self.refer(T::Item::KINDS.destroy, thing);
    }

    /// Takes devices from a chain, those of its hook; it stays, even without any.
    pub fn delete_chain_devices(&mut self, chain: &Chain) {
        self.write(MessageKind::DELETE_CHAIN, chain.family, &chain.without_devices());
    }

    /// Takes devices from a flow table, those that it has here; it stays, even without any.
    pub fn delete_flowtable_devices(&mut self, table: &Flowtable) {
        self.write(MessageKind::DELETE_FLOWTABLE, table.family, &table.without_devices());
    }

    /// Gives a chain another name; the kernel finds it by its handle alone.
    pub fn rename_chain(&mut self, chain: &ByHandle<Chain>, name: &str) {
        let (table, name) = (chain.table().map(str::to_owned), Some(name.to_owned()));
        let attrs = ChainAttrs { table, name, handle: Some(chain.handle), ..Default::default() };
        self.write(MessageKind::NEW_CHAIN, Deletable::family(chain), &attrs);
    }

    /// Deletes all tables of a family, or of all of them ([`Family::UNSPECIFIED`]).
    pub fn flush_ruleset(&mut self, family: Family) {
        let mark = self.begin(MessageKind::DELETE_TABLE, family, MessageFlags::empty());
        self.writer.end_message(mark);
    }

    /// Deletes all rules of a table.
    pub fn flush_table(&mut self, table: impl Into<TableRef>) {
        let table = table.into();
        let attrs = RuleAttrs { table: Some(table.name), ..Default::default() };
        self.write(MessageKind::DELETE_RULE, table.family, &attrs);
    }

    /// Deletes all rules of a chain.
    pub fn flush_chain(&mut self, chain: impl Into<ChainRef>) {
        let chain = chain.into();
        let (table, name) = (Some(chain.table.name), Some(chain.name));
        let attrs = RuleAttrs { table, chain: name, ..Default::default() };
        self.write(MessageKind::DELETE_RULE, chain.table.family, &attrs);
    }

    /// Deletes all elements of a set.
    pub fn flush_set(&mut self, set: impl Into<SetRef>) {
        let set = set.into();
        self.write(MessageKind::DELETE_ELEMENTS, set.table.family, &set.without_elements());
    }

    /// A message by its number, counted from 0, which is the batch's begin.
    #[must_use]
    pub fn step(&self, index: usize) -> Option<Step<'_>> {
        Step::read(self, index)
    }

    fn define<T: Item>(&mut self, item: &T, flags: MessageFlags) {
        let mark = self.begin(T::KINDS.new, item.family(), flags);
        item.write_definition(&mut self.writer);
        self.writer.end_message(mark);
    }

    fn refer<T: Deletable>(&mut self, kind: MessageKind, thing: &T) {
        let mark = self.begin(kind, thing.family(), MessageFlags::empty());
        thing.write_deletion(&mut self.writer);
        self.writer.end_message(mark);
    }

    fn write<T: Value>(&mut self, kind: MessageKind, family: Family, attributes: &T) {
        let mark = self.begin(kind, family, MessageFlags::empty());
        attributes.write::<netwright_wire::Big>(&mut self.writer);
        self.writer.end_message(mark);
    }

    /// Starts a message, before the batch's end if that is written already.
    fn begin(&mut self, kind: MessageKind, family: Family, flags: MessageFlags) -> MessageMark {
        self.reopen();
        let flags = MessageFlags::REQUEST | self.flags | flags;
        self.begin_at(kind.number(), flags, NetfilterHeader::new(family))
    }

    /// Takes the end away.
    fn reopen(&mut self) {
        if let Some(end) = self.end.take() {
            self.writer.truncate(end);
            self.places.pop();
        }
    }

    fn begin_control(&mut self, kind: u16) -> MessageMark {
        let header = NetfilterHeader { resource: subsystem::NFTABLES, ..Default::default() };
        self.begin_at(kind, MessageFlags::REQUEST, header)
    }

    fn begin_at(&mut self, kind: u16, flags: MessageFlags, header: NetfilterHeader) -> MessageMark {
        let sequence = self.first.wrapping_add(self.places.len() as u32);
        let offset = u32::try_from(self.writer.len()).unwrap_or(u32::MAX);
        self.places.push(Place { offset, tag: self.tag });
        let mark = self.writer.begin_message(kind, flags, sequence);
        header.write::<netwright_wire::Big>(&mut self.writer);
        mark
    }
}

#[cfg(test)]
mod tests;
