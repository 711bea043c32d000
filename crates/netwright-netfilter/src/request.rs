//! Questions to the kernel.

mod reset;

use std::fmt;
use std::marker::PhantomData;

use netwright_wire::{Attributes, Big, Dump, Malformed, Message, Query, Request, Subject, Value, Writer};

use crate::expression::ObjectKind;
use crate::item::lacks;
use crate::{
    ByHandle, Chain, ChainRef, Element, ElementListAttrs, ElementListView, ElementViews, Elements, Family,
    Flowtable, Generation, InFamily, Item, MessageKind, NetfilterHeader, Object, Reference, Rule, Set,
    SetRef, Table,
};

pub use reset::Reset;

/// `NETLINK_NETFILTER`.
pub(crate) const NETFILTER: i32 = 12;

/// All things of a kind: `List::<Chain>::new(Family::INET).in_table("filter")`.
#[derive(Clone, Debug)]
#[must_use = "a question says nothing until it is asked"]
pub struct List<T> {
    family: Family,
    table: Option<String>,
    chain: Option<String>,
    object_kind: Option<ObjectKind>,
    reset: bool,
    things: PhantomData<fn() -> T>,
}

impl<T: Item> List<T> {
    /// All of a family, or of all families ([`Family::UNSPECIFIED`]).
    pub fn new(family: Family) -> Self {
        List { family, table: None, chain: None, object_kind: None, reset: false, things: PhantomData }
    }
}

impl<T: Item> List<T> {
    /// Those among which the thing with a handle is.
    pub fn around(handle: &ByHandle<T>) -> Self {
        List { table: handle.table().map(str::to_owned), ..List::new(handle.family()) }
    }
}

impl List<Rule> {
    /// Those in one chain.
    pub fn in_chain(chain: &ChainRef) -> Self {
        List { chain: Some(chain.name.clone()), ..List::new(chain.table.family).in_table(&chain.table.name) }
    }

    /// Their counters and quotas start anew; kernels before 6.2 do not know this.
    pub fn reset(self) -> Self {
        List { reset: true, ..self }
    }
}

impl List<Object> {
    /// Those of one kind.
    pub fn of_kind(self, kind: ObjectKind) -> Self {
        List { object_kind: Some(kind), ..self }
    }

    /// They start anew.
    pub fn reset(self) -> Self {
        List { reset: true, ..self }
    }
}

/// A thing that is in a table.
pub trait InTable: Item {}

impl InTable for Chain {}
impl InTable for Rule {}
impl InTable for Set {}
impl InTable for Object {}
impl InTable for Flowtable {}

impl<T: InTable> List<T> {
    /// Those in one table.
    pub fn in_table(self, table: impl Into<String>) -> Self {
        List { table: Some(table.into()), ..self }
    }
}

const TABLE: u16 = 1;
const RULE_CHAIN: u16 = 2;
const ELEMENT_SET: u16 = 2;
const OBJECT_KIND: u16 = 3;

impl<T: Item> Subject for List<T> {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = self.object_kind.and_then(ObjectKind::name).unwrap_or(T::KINDS.noun);
        write!(f, "list the {noun}s of ")?;
        match (&self.table, &self.chain) {
            (Some(table), Some(chain)) => write!(f, "chain {} {table} {chain}", self.family),
            (Some(table), None) => write!(f, "table {} {table}", self.family),
            _ if self.family == Family::UNSPECIFIED => f.write_str("all families"),
            _ => write!(f, "family {}", self.family),
        }
    }
}

impl<T: Item> Request for List<T> {
    const PROTOCOL: i32 = NETFILTER;

    fn kind(&self) -> u16 {
        match (self.reset, T::KINDS.get) {
            (true, MessageKind::GET_RULE) => MessageKind::GET_RULE_RESET,
            (true, MessageKind::GET_OBJECT) => MessageKind::GET_OBJECT_RESET,
            (_, kind) => kind,
        }
        .number()
    }

    fn write(&self, writer: &mut Writer) {
        NetfilterHeader::new(self.family).write::<Big>(writer);
        if let Some(table) = &self.table {
            writer.attribute::<Big, String>(TABLE, table);
        }
        if let Some(chain) = &self.chain {
            writer.attribute::<Big, String>(RULE_CHAIN, chain);
        }
        if let Some(kind) = &self.object_kind {
            writer.attribute::<Big, ObjectKind>(OBJECT_KIND, kind);
        }
    }
}

impl<T: Item> Dump for List<T> {
    type View<'a> = InFamily<<T::Attributes as Value>::View<'a>>;
    type Output = T;

    /// The kernel does not heed the table in every question, so it is heeded here.
    fn view<'a>(&self, message: &Message<'a>) -> Result<Option<Self::View<'a>>, Malformed> {
        if let Some(table) = &self.table {
            let found = Attributes::new(message.bytes_after(NetfilterHeader::SIZE)).find(TABLE)?;
            if found.map(|found| found.big::<String>()).transpose()?.is_none_or(|found| found != **table) {
                return Ok(None);
            }
        }
        T::view(message)
    }

    fn own(&self, view: Self::View<'_>) -> Result<T, Malformed> {
        T::own(view)
    }
}

/// One thing by what refers to it: `Find(TableRef::new(Family::INET, "filter"))`.
#[derive(Clone, Debug)]
pub struct Find<R>(pub R);

impl<R: Reference> Subject for Find<R> {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "look up {} {}", self.0.noun(), self.0)
    }
}

impl<R: Reference> Request for Find<R> {
    const PROTOCOL: i32 = NETFILTER;

    fn kind(&self) -> u16 {
        R::Item::KINDS.get.number()
    }

    fn write(&self, writer: &mut Writer) {
        NetfilterHeader::new(self.0.family()).write::<Big>(writer);
        self.0.write(writer);
    }
}

impl<R: Reference> Query for Find<R> {
    type Output = R::Item;

    fn read(&self, message: &Message<'_>) -> Result<R::Item, Malformed> {
        R::Item::read(message)?.ok_or(lacks("the answer about one thing"))
    }
}

/// The elements of a set. Each view is a message with many of them.
#[derive(Clone, Debug, Default)]
pub struct ListElements {
    /// Set or map.
    pub set: SetRef,
    /// Whether their counters and quotas start anew; kernels before 6.5 do not know this.
    pub reset: bool,
}

impl ListElements {
    /// The elements of this set.
    #[must_use]
    pub fn of(set: impl Into<SetRef>) -> Self {
        ListElements { set: set.into(), reset: false }
    }
}

impl Subject for ListElements {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "list the elements of set {}", self.set)
    }
}

impl Request for ListElements {
    const PROTOCOL: i32 = NETFILTER;

    fn kind(&self) -> u16 {
        let kind = if self.reset { MessageKind::GET_ELEMENTS_RESET } else { MessageKind::GET_ELEMENTS };
        kind.number()
    }

    fn write(&self, writer: &mut Writer) {
        NetfilterHeader::new(self.set.table.family).write::<Big>(writer);
        // not by way of owned attributes, which would allocate
        writer.attribute::<Big, String>(TABLE, &self.set.table.name);
        writer.attribute::<Big, String>(ELEMENT_SET, &self.set.name);
    }
}

/// The elements in a message of the kind [`MessageKind::NEW_ELEMENTS`]; `None` where it is of another.
fn elements_in<'a>(message: &Message<'a>) -> Result<Option<ElementViews<'a>>, Malformed> {
    if MessageKind::of(message) != Some(MessageKind::NEW_ELEMENTS) {
        return Ok(None);
    }
    let view = ElementListView::new(message.bytes_after(NetfilterHeader::SIZE));
    Ok(Some(view.elements()?.unwrap_or(ElementViews::none())))
}

impl Dump for ListElements {
    type View<'a> = ElementViews<'a>;
    type Output = Vec<Element>;

    fn view<'a>(&self, message: &Message<'a>) -> Result<Option<ElementViews<'a>>, Malformed> {
        elements_in(message)
    }

    fn own(&self, view: ElementViews<'_>) -> Result<Vec<Element>, Malformed> {
        view.map(|element| Element::own(element?)).collect()
    }
}

/// One element of a set, or the range that a key lies in.
#[derive(Clone, Debug, Default)]
pub struct FindElement {
    /// Set or map.
    pub set: SetRef,
    /// The element's key.
    pub element: Element,
}

impl Subject for FindElement {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "look up an element of set {}", self.set)
    }
}

impl Request for FindElement {
    const PROTOCOL: i32 = NETFILTER;

    fn kind(&self) -> u16 {
        MessageKind::GET_ELEMENTS.number()
    }

    fn write(&self, writer: &mut Writer) {
        NetfilterHeader::new(self.set.table.family).write::<Big>(writer);
        let elements = Some(Elements(vec![self.element.clone()]));
        ElementListAttrs { elements, ..self.set.without_elements() }.write_attributes(writer);
    }
}

impl Query for FindElement {
    type Output = Element;

    fn read(&self, message: &Message<'_>) -> Result<Element, Malformed> {
        let mut elements = elements_in(message)?.ok_or(lacks("the answer about an element"))?;
        Element::own(elements.next().ok_or(lacks("the answer about an element"))??)
    }
}

/// The ruleset's generation.
#[derive(Clone, Copy, Debug, Default)]
pub struct FindGeneration;

impl Subject for FindGeneration {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ask for the ruleset's generation")
    }
}

impl Request for FindGeneration {
    const PROTOCOL: i32 = NETFILTER;

    fn kind(&self) -> u16 {
        MessageKind::GET_GENERATION.number()
    }

    fn write(&self, writer: &mut Writer) {
        NetfilterHeader::default().write::<Big>(writer);
    }
}

impl Query for FindGeneration {
    type Output = Generation;

    fn read(&self, message: &Message<'_>) -> Result<Generation, Malformed> {
        Generation::read(message)
    }
}

/// All tables of all families.
pub fn tables() -> List<Table> {
    List::new(Family::UNSPECIFIED)
}
