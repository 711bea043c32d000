//! Named sets and maps.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use netwright_netfilter::{SetFlags, SetRef};

use super::key::{Data, Fields, Key, Member};
use super::written::{self, milliseconds};
use super::{Definition, Invalid, Table, Wanted};
use crate::ir::{
    self, Element, Entity, MapTarget, PackedElements, SetPolicy, Statement, Target, TypePart, TypeSpec,
};

/// A named set of keys `K`: as an order to make it, and as a name for what is there.
///
/// ```
/// use netwright_nft::build::{Family, Set, Table, prefix};
/// use std::net::Ipv4Addr;
///
/// let table = Table::new(Family::IPV4, "filter");
/// let blocked = Set::<Ipv4Addr>::new(&table, "blocked")
///     .intervals()
///     .element(Ipv4Addr::new(192, 0, 2, 66))
///     .element(prefix(Ipv4Addr::new(198, 51, 100, 0), 24));
/// # let _ = blocked;
/// ```
#[derive(Clone, Debug)]
pub struct Set<K> {
    inner: Inner,
    keys: PhantomData<fn() -> K>,
}

/// A named map from keys `K` to values `V`: as an order to make it, and as a name for what is there.
#[derive(Clone, Debug)]
pub struct Map<K, V> {
    inner: Inner,
    types: PhantomData<fn() -> (K, V)>,
}

/// Elements of a set or map that is there, to add or delete.
#[derive(Clone, Debug)]
pub struct Elements {
    inner: Inner,
}

/// A set with the first thing that was wrong.
#[derive(Clone, Debug)]
struct Inner {
    /// Without its elements.
    set: ir::Set,
    elements: Vec<Element>,
    /// Those before them: long lists of plain elements are kept as their bytes.
    packed: PackedElements,
    invalid: Option<Invalid>,
}

/// The types of what a map holds.
pub(super) fn data_parts(target: &MapTarget) -> &[TypePart] {
    match target {
        MapTarget::Values(spec) => &spec.parts,
        _ => &[],
    }
}

impl Inner {
    fn new(table: &Table, name: String, key: Result<TypeSpec, Invalid>, target: Option<MapTarget>) -> Self {
        let (key, invalid) = match key {
            Ok(key) => (key, None),
            Err(invalid) => (TypeSpec::default(), Some(invalid)),
        };
        let flags = if target.is_some() { SetFlags::MAP } else { SetFlags::empty() }.bits();
        let (family, table) = table.place();
        let set = ir::Set { family, table, name, key, target, flags, ..ir::Set::default() };
        Inner { set, elements: Vec::new(), packed: PackedElements::default(), invalid }
    }

    fn flag(&mut self, flag: SetFlags) {
        self.set.flags |= flag.bits();
        if flag == SetFlags::INTERVAL && self.set.key.parts.len() > 1 {
            self.set.flags |= SetFlags::CONCAT.bits();
        }
    }

    fn push(&mut self, element: Result<Element, Invalid>) {
        let written = |element: Element| written::comment(element.comment.as_ref()).map(|()| element);
        match element.and_then(written) {
            Ok(element) => {
                let plain = self.elements.is_empty() && !self.packed.is_empty();
                if !(plain && self.packed.push(&self.set, &element)) {
                    self.elements.push(element);
                }
                if self.packed.is_empty() && self.elements.len() == PackedElements::LONG {
                    self.pack();
                }
            }
            Err(invalid) => self.wrong(invalid),
        }
    }

    fn wrong(&mut self, invalid: Invalid) {
        self.invalid.get_or_insert(invalid.within(format_args!("set {}", self.set.name)));
    }

    /// Keeps the elements as their bytes, where all are plain.
    fn pack(&mut self) {
        let mut packed = PackedElements::default();
        if self.elements.iter().all(|element| packed.push(&self.set, element)) {
            self.elements.clear();
            self.packed = packed;
        }
    }

    /// The elements: those that stay as their bytes, or all of them singly.
    fn take_elements(&mut self) -> (Option<PackedElements>, Vec<Element>) {
        let mut packed = std::mem::take(&mut self.packed);
        let mut rest = std::mem::take(&mut self.elements);
        if packed.is_empty() {
            return (None, rest);
        }
        let intervals = self.set.flags & SetFlags::INTERVAL.bits() != 0;
        let settled = rest.is_empty()
            && packed.fits(&self.set)
            && match self.set.key.parts.as_slice() {
                [part] if intervals => packed.put_in_order(part, self.set.auto_merge),
                _ => true,
            };
        if settled {
            return (Some(packed), rest);
        }
        let mut all: Vec<Element> = packed.elements(&self.set).collect();
        all.append(&mut rest);
        (None, all)
    }

    fn key<K>(&self, member: impl Member<K>) -> Result<Element, Invalid> {
        Ok(Element { key: Some(member.member(&self.set.key.parts)?), ..Element::default() })
    }

    fn pair<K, V>(&self, key: impl Member<K>, value: impl Member<V>) -> Result<Element, Invalid> {
        let parts = self.set.target.as_ref().map(data_parts).unwrap_or_default();
        let data = Some(value.member(parts)?);
        Ok(Element { data, ..self.key(key)? })
    }

    /// Elements alone, for the same set.
    fn emptied(&self) -> Inner {
        Inner {
            set: self.set.clone(),
            elements: Vec::new(),
            packed: PackedElements::default(),
            invalid: self.invalid.clone(),
        }
    }

    fn wanted(&mut self) -> Result<Wanted, Invalid> {
        match self.invalid.take() {
            Some(invalid) => Err(invalid),
            None => {
                let noun = if self.set.target.is_some() { "map" } else { "set" };
                written::name(noun, &self.set.name)?;
                written::comment(self.set.comment.as_ref())
                    .map_err(|invalid| invalid.within(format_args!("{noun} {}", self.set.name)))?;
                let (packed, elements) = self.take_elements();
                let target = Target::Set(Box::new(ir::Set { elements, ..self.set.clone() }));
                Ok(Wanted { packed, ..Wanted::from(target) })
            }
        }
    }

    fn selection(&self) -> ir::Selection {
        let entity = if self.set.target.is_some() { Entity::Map } else { Entity::Set };
        ir::Selection {
            table: Some(self.set.table.clone()),
            name: Some(self.set.name.clone()),
            ..ir::Selection::all(entity, self.set.family)
        }
    }
}

/// What sets and maps share.
macro_rules! properties {
    () => {
        /// Its name.
        #[must_use]
        pub fn name(&self) -> &str {
            &self.inner.set.name
        }

        /// What refers to it.
        #[must_use]
        pub fn reference(&self) -> SetRef {
            let set = &self.inner.set;
            SetRef::new(set.family, set.table.clone(), set.name.clone())
        }

        /// It in the terms of the language, without its elements.
        #[must_use]
        pub fn declaration(&self) -> ir::Set {
            self.inner.set.clone()
        }

        /// Keys may be prefixes and ranges (`flags interval`).
        #[must_use]
        pub fn intervals(mut self) -> Self {
            self.inner.flag(SetFlags::INTERVAL);
            self
        }

        /// Overlapping and adjacent intervals become one (`auto-merge`).
        #[must_use]
        pub fn auto_merge(mut self) -> Self {
            self.inner.set.auto_merge = true;
            self
        }

        /// It never changes once a rule uses it (`flags constant`).
        #[must_use]
        pub fn constant(mut self) -> Self {
            self.inner.flag(SetFlags::CONSTANT);
            self
        }

        /// Rules may add to it (`flags dynamic`).
        #[must_use]
        pub fn dynamic(mut self) -> Self {
            self.inner.flag(SetFlags::EVAL);
            self
        }

        /// Elements may be given a time to live (`flags timeout`).
        #[must_use]
        pub fn timeouts(mut self) -> Self {
            self.inner.flag(SetFlags::TIMEOUT);
            self
        }

        /// Elements live so long where they do not say otherwise.
        #[must_use]
        pub fn timeout(mut self, timeout: Duration) -> Self {
            self.inner.flag(SetFlags::TIMEOUT);
            match milliseconds(timeout) {
                Ok(timeout) => self.inner.set.timeout = Some(timeout),
                Err(invalid) => self.inner.wrong(invalid),
            }
            self
        }

        /// It holds so many elements at the most.
        #[must_use]
        pub fn size(mut self, elements: u32) -> Self {
            self.inner.set.size = Some(elements);
            self
        }

        /// What the kernel optimises it for.
        #[must_use]
        pub fn policy(mut self, policy: SetPolicy) -> Self {
            self.inner.set.policy = Some(policy);
            self
        }

        /// Each element counts packets and bytes.
        #[must_use]
        pub fn counter(mut self) -> Self {
            self.inner.set.statements.push(Statement::Counter(ir::Counter::default()));
            self
        }

        /// A comment on it.
        #[must_use]
        pub fn comment(mut self, comment: impl Into<String>) -> Self {
            self.inner.set.comment = Some(comment.into());
            self
        }
    };
}

impl<K> Set<K> {
    /// A set whose keys have a type with a name (`type ipv4_addr . inet_service`).
    #[must_use]
    pub fn new(table: &Table, name: impl Into<String>) -> Self
    where
        K: Key,
    {
        let key = TypeSpec { parts: K::parts(), type_of: None };
        Set { inner: Inner::new(table, name.into(), Ok(key), None), keys: PhantomData }
    }

    /// A set whose keys have the type of fields (`typeof ip saddr . tcp dport`).
    #[must_use]
    pub fn type_of(table: &Table, name: impl Into<String>, fields: impl Fields<Value = K>) -> Self {
        Set { inner: Inner::new(table, name.into(), type_of(&fields), None), keys: PhantomData }
    }

    properties!();

    /// With an element.
    #[must_use]
    pub fn element(self, key: impl Member<K>) -> Self {
        self.element_with(key, Element::default())
    }

    /// With an element and what belongs to it beside its key: timeout, comment, statements.
    #[must_use]
    pub fn element_with(mut self, key: impl Member<K>, beside: Element) -> Self {
        let element = self.inner.key(key).map(|Element { key, .. }| Element { key, ..beside });
        self.inner.push(element);
        self
    }

    /// With elements.
    #[must_use]
    pub fn elements<M: Member<K>>(mut self, keys: impl IntoIterator<Item = M>) -> Self {
        for key in keys {
            let element = self.inner.key(key);
            self.inner.push(element);
        }
        self
    }

    /// Elements alone, to add to the set where it is there already, or to delete from it.
    #[must_use]
    pub fn only<M: Member<K>>(&self, keys: impl IntoIterator<Item = M>) -> Elements {
        let set: Set<K> = Set { inner: self.inner.emptied(), keys: PhantomData };
        Elements { inner: set.elements(keys).inner }
    }
}

impl<K, V> Map<K, V> {
    /// A map whose keys and values have types with names; to [`Verdict`](crate::ir::Verdict)s, it decides.
    #[must_use]
    pub fn new(table: &Table, name: impl Into<String>) -> Self
    where
        K: Key,
        V: Data,
    {
        let key = TypeSpec { parts: K::parts(), type_of: None };
        Map { inner: Inner::new(table, name.into(), Ok(key), Some(V::target())), types: PhantomData }
    }

    /// A map whose keys have the type of fields.
    #[must_use]
    pub fn type_of(table: &Table, name: impl Into<String>, fields: impl Fields<Value = K>) -> Self
    where
        V: Data,
    {
        Map { inner: Inner::new(table, name.into(), type_of(&fields), Some(V::target())), types: PhantomData }
    }

    properties!();

    /// With an element.
    #[must_use]
    pub fn element(mut self, key: impl Member<K>, value: impl Member<V>) -> Self {
        let element = self.inner.pair(key, value);
        self.inner.push(element);
        self
    }

    /// With elements.
    #[must_use]
    pub fn elements<M: Member<K>, D: Member<V>>(mut self, pairs: impl IntoIterator<Item = (M, D)>) -> Self {
        for (key, value) in pairs {
            let element = self.inner.pair(key, value);
            self.inner.push(element);
        }
        self
    }

    /// Elements alone, to add to the map where it is there already, or to delete from it.
    #[must_use]
    pub fn only<M: Member<K>, D: Member<V>>(&self, pairs: impl IntoIterator<Item = (M, D)>) -> Elements {
        let map: Map<K, V> = Map { inner: self.inner.emptied(), types: PhantomData };
        Elements { inner: map.elements(pairs).inner }
    }
}

fn type_of(fields: &impl Fields) -> Result<TypeSpec, Invalid> {
    Ok(TypeSpec { parts: fields.parts()?, type_of: Some(Box::new(fields.expression()?)) })
}

impl<K> Definition for Set<K> {
    type Handle = Self;

    fn define(mut self) -> (Result<Wanted, Invalid>, Self) {
        (self.inner.wanted(), self)
    }

    fn selection(&self) -> Option<ir::Selection> {
        Some(self.inner.selection())
    }
}

impl<K, V> Definition for Map<K, V> {
    type Handle = Self;

    fn define(mut self) -> (Result<Wanted, Invalid>, Self) {
        (self.inner.wanted(), self)
    }

    fn selection(&self) -> Option<ir::Selection> {
        Some(self.inner.selection())
    }
}

impl Definition for Elements {
    type Handle = ();

    fn define(mut self) -> (Result<Wanted, Invalid>, ()) {
        let wanted = match self.inner.invalid.take() {
            Some(invalid) => Err(invalid),
            None => {
                let (packed, elements) = self.inner.take_elements();
                let (sets, set) = (vec![self.inner.set.clone()], Arc::new(self.inner.set));
                let target = match packed {
                    Some(elements) => Target::PackedElements { set, elements },
                    None => Target::Elements { set, elements },
                };
                Ok(Wanted { sets, ..Wanted::from(target) })
            }
        };
        (wanted, ())
    }

    fn selection(&self) -> Option<ir::Selection> {
        None
    }
}

impl<K> From<&Set<K>> for SetRef {
    fn from(set: &Set<K>) -> Self {
        set.reference()
    }
}

impl<K, V> From<&Map<K, V>> for SetRef {
    fn from(map: &Map<K, V>) -> Self {
        map.reference()
    }
}
