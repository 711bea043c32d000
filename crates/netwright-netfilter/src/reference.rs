//! How what is there is named to the kernel: by reference, not by objects that are filled in by half.
//!
//! A reference has the name of one thing, or of a rule its handle. The kernel looks it up by that whatever is asked, so
//! each is written in one way: to find it ([`Find`](crate::request::Find)), to reset it
//! ([`Reset`](crate::request::Reset)), to delete it ([`Batch::delete`](crate::Batch::delete)). By a handle alone
//! ([`ByHandle`]) it deletes, and finds nothing: then the things of the table are listed.

use std::fmt;

use netwright_wire::Writer;

use crate::expression::ObjectKind;
use crate::{
    Chain, ChainAttrs, ElementListAttrs, Family, Flowtable, FlowtableAttrs, Item, Object, ObjectAttrs, Rule,
    RuleAttrs, Set, SetAttrs, Table, TableAttrs,
};

/// What the kernel finds one thing by. Shown, it is what the language calls it: `inet filter input`.
pub trait Reference: fmt::Display {
    /// What it refers to.
    type Item: Item;

    /// Family of its table.
    fn family(&self) -> Family;

    /// Writes the attributes that the kernel finds it by.
    fn write(&self, writer: &mut Writer);

    /// What the thing is called in sentences; of an object its kind.
    fn noun(&self) -> &'static str;
}

/// What can be deleted: references, handles, and things as they were listed, which are deleted by their handle, so that
/// nothing else that got the same name meanwhile goes.
pub trait Deletable {
    /// What is deleted.
    type Item: Item;

    /// Family of its table.
    fn family(&self) -> Family;

    /// Writes the attributes that the kernel finds it by.
    fn write_deletion(&self, writer: &mut Writer);
}

/// A table by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableRef {
    /// Its family.
    pub family: Family,
    /// Its name.
    pub name: String,
}

/// A chain by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainRef {
    /// Its table.
    pub table: TableRef,
    /// Its name.
    pub name: String,
}

/// A rule by its handle.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleRef {
    /// Its chain.
    pub chain: ChainRef,
    /// The number that the kernel gave it.
    pub handle: u64,
}

/// A set or map by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetRef {
    /// Its table.
    pub table: TableRef,
    /// Its name.
    pub name: String,
    /// Its number within a batch, where the same batch makes it: by that elements find a set without a name of its own.
    pub id: Option<u32>,
}

/// A stateful object by its kind and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// Its table.
    pub table: TableRef,
    /// Its kind; two of different kinds may have the same name.
    pub kind: ObjectKind,
    /// Its name.
    pub name: String,
}

/// A flow table by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowtableRef {
    /// Its table.
    pub table: TableRef,
    /// Its name.
    pub name: String,
}

impl TableRef {
    /// A table of a family.
    #[must_use]
    pub fn new(family: Family, name: impl Into<String>) -> Self {
        TableRef { family, name: name.into() }
    }

    /// A chain in it.
    #[must_use]
    pub fn chain(&self, name: impl Into<String>) -> ChainRef {
        ChainRef { table: self.clone(), name: name.into() }
    }

    /// A set or map in it.
    #[must_use]
    pub fn set(&self, name: impl Into<String>) -> SetRef {
        SetRef { table: self.clone(), name: name.into(), id: None }
    }

    /// An object in it.
    #[must_use]
    pub fn object(&self, kind: ObjectKind, name: impl Into<String>) -> ObjectRef {
        ObjectRef { table: self.clone(), kind, name: name.into() }
    }

    /// A flow table in it.
    #[must_use]
    pub fn flowtable(&self, name: impl Into<String>) -> FlowtableRef {
        FlowtableRef { table: self.clone(), name: name.into() }
    }
}

impl ChainRef {
    /// A chain in a table of a family.
    #[must_use]
    pub fn new(family: Family, table: impl Into<String>, name: impl Into<String>) -> Self {
        TableRef::new(family, table).chain(name)
    }

    /// A rule in it.
    #[must_use]
    pub fn rule(&self, handle: u64) -> RuleRef {
        RuleRef { chain: self.clone(), handle }
    }
}

impl SetRef {
    /// A set or map in a table of a family.
    #[must_use]
    pub fn new(family: Family, table: impl Into<String>, name: impl Into<String>) -> Self {
        TableRef::new(family, table).set(name)
    }

    /// The attributes of a message about its elements, without any.
    pub(crate) fn without_elements(&self) -> ElementListAttrs {
        let SetRef { table, name, id } = self;
        ElementListAttrs {
            table: Some(table.name.clone()),
            set: Some(name.clone()),
            set_id: *id,
            ..Default::default()
        }
    }
}

macro_rules! references {
    ($( $reference:ty => $item:ty, |$this:ident| $noun:expr, $family:expr, $attributes:expr; )*) => {$(
        impl Reference for $reference {
            type Item = $item;

            fn family(&self) -> Family {
                let $this = self;
                $family
            }

            fn write(&self, writer: &mut Writer) {
                let $this = self;
                $attributes.write_attributes(writer);
            }

            fn noun(&self) -> &'static str {
                let $this = self;
                let _ = $this;
                $noun
            }
        }

        impl Deletable for $reference {
            type Item = $item;

            fn family(&self) -> Family {
                Reference::family(self)
            }

            fn write_deletion(&self, writer: &mut Writer) {
                self.write(writer);
            }
        }
    )*};
}

references! {
    TableRef => Table, |it| Table::KINDS.noun, it.family, TableAttrs { name: Some(it.name.clone()), ..Default::default() };
    ChainRef => Chain, |it| Chain::KINDS.noun, it.table.family, ChainAttrs {
        table: Some(it.table.name.clone()),
        name: Some(it.name.clone()),
        ..Default::default()
    };
    RuleRef => Rule, |it| Rule::KINDS.noun, it.chain.table.family, RuleAttrs {
        table: Some(it.chain.table.name.clone()),
        chain: Some(it.chain.name.clone()),
        handle: Some(it.handle),
        ..Default::default()
    };
    SetRef => Set, |it| Set::KINDS.noun, it.table.family, SetAttrs {
        table: Some(it.table.name.clone()),
        name: Some(it.name.clone()),
        ..Default::default()
    };
    ObjectRef => Object, |it| it.kind.name().unwrap_or("object"), it.table.family, ObjectAttrs {
        table: Some(it.table.name.clone()),
        name: Some(it.name.clone()),
        kind: Some(it.kind),
        ..Default::default()
    };
    FlowtableRef => Flowtable, |it| Flowtable::KINDS.noun, it.table.family, FlowtableAttrs {
        table: Some(it.table.name.clone()),
        name: Some(it.name.clone()),
        ..Default::default()
    };
}

/// A thing by the number that the kernel gave it, for those whose name is not known. The kernel deletes by it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ByHandle<T> {
    family: Family,
    table: Option<String>,
    kind: Option<ObjectKind>,
    /// The number.
    pub handle: u64,
    thing: std::marker::PhantomData<fn() -> T>,
}

impl<T: Item> ByHandle<T> {
    fn new(family: Family, table: Option<String>, kind: Option<ObjectKind>, handle: u64) -> Self {
        ByHandle { family, table, kind, handle, thing: std::marker::PhantomData }
    }

    /// Family of its table.
    #[must_use]
    pub fn family(&self) -> Family {
        self.family
    }

    /// Its table; `None` for a table.
    #[must_use]
    pub fn table(&self) -> Option<&str> {
        self.table.as_deref()
    }

    /// Its kind, for objects.
    #[must_use]
    pub fn object_kind(&self) -> Option<ObjectKind> {
        self.kind
    }
}

impl ByHandle<Table> {
    /// A table of a family.
    #[must_use]
    pub fn table_of(family: Family, handle: u64) -> Self {
        ByHandle::new(family, None, None, handle)
    }
}

macro_rules! by_handle {
    ($( $(#[$meta:meta])* $function:ident($item:ty); )*) => {
        impl TableRef {$(
            $(#[$meta])*
            #[must_use]
            pub fn $function(&self, handle: u64) -> ByHandle<$item> {
                ByHandle::new(self.family, Some(self.name.clone()), None, handle)
            }
        )*

            /// The object of a kind that has this handle.
            #[must_use]
            pub fn object_by_handle(&self, kind: ObjectKind, handle: u64) -> ByHandle<Object> {
                ByHandle::new(self.family, Some(self.name.clone()), Some(kind), handle)
            }
        }
    };
}

by_handle! {
    /// The chain that has this handle.
    chain_by_handle(Chain);
    /// The set or map that has this handle.
    set_by_handle(Set);
    /// The flow table that has this handle.
    flowtable_by_handle(Flowtable);
}

macro_rules! deleted_by_handle {
    ($( $item:ty, |$this:ident| $attributes:expr; )*) => {$(
        impl Deletable for ByHandle<$item> {
            type Item = $item;

            fn family(&self) -> Family {
                self.family
            }

            fn write_deletion(&self, writer: &mut Writer) {
                let $this = self;
                $attributes.write_attributes(writer);
            }
        }
    )*};
}

deleted_by_handle! {
    Table, |it| TableAttrs { handle: Some(it.handle), ..Default::default() };
    Chain, |it| ChainAttrs { table: it.table.clone(), handle: Some(it.handle), ..Default::default() };
    Set, |it| SetAttrs { table: it.table.clone(), handle: Some(it.handle), ..Default::default() };
    Object, |it| ObjectAttrs {
        table: it.table.clone(),
        handle: Some(it.handle),
        kind: it.kind,
        ..Default::default()
    };
    Flowtable, |it| FlowtableAttrs { table: it.table.clone(), handle: Some(it.handle), ..Default::default() };
}

impl Table {
    /// What refers to it.
    #[must_use]
    pub fn reference(&self) -> TableRef {
        TableRef::new(self.family, self.name.clone())
    }

    /// What refers to it by the kernel's number, where that is known.
    #[must_use]
    pub fn by_handle(&self) -> Option<ByHandle<Table>> {
        self.handle.map(|handle| ByHandle::table_of(self.family, handle))
    }
}

impl Chain {
    /// What refers to it.
    #[must_use]
    pub fn reference(&self) -> ChainRef {
        ChainRef::new(self.family, self.table.clone(), self.name.clone())
    }

    /// What refers to it by the kernel's number, where that is known.
    #[must_use]
    pub fn by_handle(&self) -> Option<ByHandle<Chain>> {
        self.handle.map(|handle| TableRef::new(self.family, self.table.clone()).chain_by_handle(handle))
    }
}

impl Rule {
    /// What refers to it, where the kernel's number is known: rules have no names.
    #[must_use]
    pub fn reference(&self) -> Option<RuleRef> {
        let chain = || ChainRef::new(self.family, self.table.clone(), self.chain.clone());
        self.handle.map(|handle| chain().rule(handle))
    }
}

impl Set {
    /// What refers to it; in a batch also by the number that it has there.
    #[must_use]
    pub fn reference(&self) -> SetRef {
        SetRef { id: self.id, ..SetRef::new(self.family, self.table.clone(), self.name.clone()) }
    }

    /// What refers to it by the kernel's number, where that is known.
    #[must_use]
    pub fn by_handle(&self) -> Option<ByHandle<Set>> {
        self.handle.map(|handle| TableRef::new(self.family, self.table.clone()).set_by_handle(handle))
    }
}

impl Object {
    /// What refers to it.
    #[must_use]
    pub fn reference(&self) -> ObjectRef {
        TableRef::new(self.family, self.table.clone()).object(self.data.kind(), self.name.clone())
    }

    /// What refers to it by the kernel's number, where that is known.
    #[must_use]
    pub fn by_handle(&self) -> Option<ByHandle<Object>> {
        let table = || TableRef::new(self.family, self.table.clone());
        self.handle.map(|handle| table().object_by_handle(self.data.kind(), handle))
    }
}

impl Flowtable {
    /// What refers to it.
    #[must_use]
    pub fn reference(&self) -> FlowtableRef {
        TableRef::new(self.family, self.table.clone()).flowtable(self.name.clone())
    }

    /// What refers to it by the kernel's number, where that is known.
    #[must_use]
    pub fn by_handle(&self) -> Option<ByHandle<Flowtable>> {
        self.handle.map(|handle| TableRef::new(self.family, self.table.clone()).flowtable_by_handle(handle))
    }
}

macro_rules! from {
    ($( $item:ty => $reference:ty ),*) => {$(
        impl From<&$item> for $reference {
            fn from(item: &$item) -> Self {
                item.reference()
            }
        }

        impl From<&$reference> for $reference {
            fn from(reference: &$reference) -> Self {
                reference.clone()
            }
        }
    )*};
}

from! { Table => TableRef, Chain => ChainRef, Set => SetRef, Object => ObjectRef, Flowtable => FlowtableRef }

macro_rules! deletable_items {
    ($( $item:ty ),*) => {$(
        impl Deletable for $item {
            type Item = $item;

            fn family(&self) -> Family {
                self.family
            }

            fn write_deletion(&self, writer: &mut Writer) {
                match self.by_handle() {
                    Some(handle) => handle.write_deletion(writer),
                    None => self.reference().write(writer),
                }
            }
        }
    )*};
}

deletable_items! { Table, Chain, Set, Object, Flowtable }

impl fmt::Display for TableRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.family, self.name)
    }
}

macro_rules! named {
    ($( $reference:ty ),*) => {$(
        impl fmt::Display for $reference {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} {}", self.table, self.name)
            }
        }
    )*};
}

named! { ChainRef, SetRef, ObjectRef, FlowtableRef }

impl fmt::Display for RuleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} handle {}", self.chain, self.handle)
    }
}

#[cfg(test)]
mod tests;
