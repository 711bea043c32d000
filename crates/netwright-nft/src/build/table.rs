//! Tables, chains and stateful objects.

use std::time::Duration;

use netwright_netfilter::{ChainPolicy, ChainRef, Family, Hook, ObjectRef, TableFlags, TableRef, expression};

use super::{Definition, Invalid, Wanted, written};
use crate::ir::{self, ChainHook, Entity, ObjectData, ObjectKind, Selection, Statement, Target, Verdict};
use crate::table::vocabulary;

/// A table: as an order to make it, and as a name for one that is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    table: ir::Table,
}

impl Table {
    /// A table of a family.
    #[must_use]
    pub fn new(family: Family, name: impl Into<String>) -> Self {
        Table { table: ir::Table { family, name: name.into(), ..ir::Table::default() } }
    }

    /// Its chains see no packets (`flags dormant`).
    #[must_use]
    pub fn dormant(mut self) -> Self {
        self.table.flags |= TableFlags::DORMANT.bits();
        self
    }

    /// A comment on it.
    #[must_use]
    pub fn comment(mut self, comment: impl Into<String>) -> Self {
        self.table.comment = Some(comment.into());
        self
    }

    /// Family of its packets.
    #[must_use]
    pub fn family(&self) -> Family {
        self.table.family
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.table.name
    }

    /// What refers to it.
    #[must_use]
    pub fn reference(&self) -> TableRef {
        TableRef::new(self.table.family, self.table.name.clone())
    }

    pub(super) fn place(&self) -> (Family, String) {
        (self.table.family, self.table.name.clone())
    }
}

impl Definition for Table {
    type Handle = Self;

    fn define(self) -> (Result<Wanted, Invalid>, Self) {
        let written = written::named("table", &self.table.name, self.table.comment.as_ref());
        (written.map(|()| Target::Table(self.table.clone()).into()), self)
    }

    fn selection(&self) -> Option<Selection> {
        let name = Some(self.table.name.clone());
        Some(Selection { table: name.clone(), name, ..Selection::all(Entity::Table, self.table.family) })
    }
}

/// When a chain at a hook is called: lower comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority(pub i32);

impl Priority {
    /// Before connection tracking.
    #[doc(alias = "NF_IP_PRI_RAW")]
    pub const RAW: Priority = Priority(-300);
    /// Where packets are changed.
    #[doc(alias = "NF_IP_PRI_MANGLE")]
    pub const MANGLE: Priority = Priority(-150);
    /// Where destinations are translated.
    #[doc(alias = "NF_IP_PRI_NAT_DST")]
    pub const DSTNAT: Priority = Priority(-100);
    /// Where packets are filtered.
    #[doc(alias = "NF_IP_PRI_FILTER")]
    pub const FILTER: Priority = Priority(0);
    /// Behind the filter.
    #[doc(alias = "NF_IP_PRI_SECURITY")]
    pub const SECURITY: Priority = Priority(50);
    /// Where sources are translated.
    #[doc(alias = "NF_IP_PRI_NAT_SRC")]
    pub const SRCNAT: Priority = Priority(100);
}

impl From<i32> for Priority {
    fn from(number: i32) -> Self {
        Priority(number)
    }
}

/// A chain: as an order to make it, and as a name for one that is there.
#[derive(Clone, Debug)]
pub struct Chain {
    chain: ir::Chain,
    invalid: Option<Invalid>,
}

impl Chain {
    /// A chain that rules jump to.
    #[must_use]
    pub fn new(table: &Table, name: impl Into<String>) -> Self {
        let (family, table) = table.place();
        Chain { chain: ir::Chain { family, table, name: name.into(), ..ir::Chain::default() }, invalid: None }
    }

    /// A chain that the kernel calls at a hook, of type `filter`.
    #[must_use]
    pub fn base(table: &Table, name: impl Into<String>, hook: Hook, priority: impl Into<Priority>) -> Self {
        let mut made = Chain::new(table, name);
        let Some(number) = hook.number(table.family()) else {
            let (name, family) = (hook.name().unwrap_or("of this number"), table.family());
            made.invalid = Some(Invalid::new(format!("the family {family} has no hook {name}")));
            return made;
        };
        let hook = ir::Hook { number, priority: priority.into().0 };
        made.chain.hook = Some(ChainHook { chain_type: "filter".into(), hook, devices: Vec::new() });
        made
    }

    /// It translates addresses (`type nat`): called for the first packet of each connection.
    #[must_use]
    pub fn nat(self) -> Self {
        self.of_type("nat")
    }

    /// Packets are routed again behind it (`type route`), at the hook output.
    #[must_use]
    pub fn route(self) -> Self {
        self.of_type("route")
    }

    fn of_type(self, chain_type: &str) -> Self {
        self.with_hook("type", |hook| chain_type.clone_into(&mut hook.chain_type))
    }

    /// The interfaces whose packets it sees, at ingress and egress.
    #[must_use]
    pub fn devices<S: Into<String>>(self, names: impl IntoIterator<Item = S>) -> Self {
        self.with_hook("device", |hook| hook.devices = names.into_iter().map(Into::into).collect())
    }

    fn with_hook(mut self, what: &str, change: impl FnOnce(&mut ChainHook)) -> Self {
        match &mut self.chain.hook {
            Some(hook) => change(hook),
            None => {
                let name = &self.chain.name;
                self.invalid
                    .get_or_insert(Invalid::new(format!("chain {name} has no hook, so it has no {what}")));
            }
        }
        self
    }

    /// What becomes of packets at its end; accepted where nothing is said.
    #[must_use]
    pub fn policy(mut self, policy: ChainPolicy) -> Self {
        match policy {
            ChainPolicy::ACCEPT => self.chain.policy = Some(Verdict::Accept),
            ChainPolicy::DROP => self.chain.policy = Some(Verdict::Drop),
            other => {
                let name = &self.chain.name;
                self.invalid.get_or_insert(Invalid::new(format!(
                    "chain {name} has no policy {other}: accept or drop"
                )));
            }
        }
        self.with_hook("policy", |_| ())
    }

    /// A comment on it.
    #[must_use]
    pub fn comment(mut self, comment: impl Into<String>) -> Self {
        self.chain.comment = Some(comment.into());
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.chain.name
    }

    /// What refers to it.
    #[must_use]
    pub fn reference(&self) -> ChainRef {
        ChainRef::new(self.chain.family, self.chain.table.clone(), self.chain.name.clone())
    }

    /// Family and name of its table.
    #[must_use]
    pub fn table(&self) -> (Family, &str) {
        (self.chain.family, &self.chain.table)
    }
}

impl Definition for Chain {
    type Handle = Self;

    fn define(self) -> (Result<Wanted, Invalid>, Self) {
        let wanted = match &self.invalid {
            Some(invalid) => Err(invalid.clone()),
            None => written::named("chain", &self.chain.name, self.chain.comment.as_ref())
                .map(|()| Target::Chain(Box::new(self.chain.clone())).into()),
        };
        (wanted, self)
    }

    fn selection(&self) -> Option<Selection> {
        let (table, name) = (Some(self.chain.table.clone()), Some(self.chain.name.clone()));
        Some(Selection {
            table,
            chain: name.clone(),
            name,
            ..Selection::all(Entity::Chain, self.chain.family)
        })
    }
}

/// A stateful object that rules share: as an order to make it, and as a name for one that is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    object: ir::Object,
    kind: ObjectKind,
    invalid: Option<Invalid>,
}

impl Object {
    fn new(table: &Table, name: String, kind: ObjectKind, data: ObjectData) -> Self {
        let (family, table) = table.place();
        let object = ir::Object { family, table, name, data, comment: None, handle: None };
        Object { object, kind, invalid: None }
    }

    fn stateful(table: &Table, name: String, kind: ObjectKind, statement: Statement) -> Self {
        Object::new(table, name, kind, ObjectData::Statement(Box::new(statement)))
    }

    /// A counter, from zero.
    #[must_use]
    pub fn counter(table: &Table, name: impl Into<String>) -> Self {
        let counter = Statement::Counter(ir::Counter::default());
        Object::stateful(table, name.into(), ObjectKind::COUNTER, counter)
    }

    /// A quota.
    #[must_use]
    pub fn quota(table: &Table, name: impl Into<String>, quota: ir::Quota) -> Self {
        Object::stateful(table, name.into(), ObjectKind::QUOTA, Statement::Quota(quota))
    }

    /// A limit.
    #[must_use]
    pub fn limit(table: &Table, name: impl Into<String>, limit: ir::Limit) -> Self {
        Object::stateful(table, name.into(), ObjectKind::LIMIT, Statement::Limit(limit))
    }

    /// A helper of connection tracking (`ftp`, `sip` …) for a protocol.
    #[must_use]
    pub fn ct_helper(
        table: &Table,
        name: impl Into<String>,
        helper: impl Into<String>,
        protocol: super::Protocol,
    ) -> Self {
        let data = ObjectData::CtHelper { helper: helper.into(), l4proto: protocol.0, l3proto: None };
        Object::new(table, name.into(), ObjectKind::CT_HELPER, data)
    }

    /// What it is answered with in the place of servers.
    #[must_use]
    pub fn synproxy(table: &Table, name: impl Into<String>, synproxy: ir::Synproxy) -> Self {
        Object::stateful(table, name.into(), ObjectKind::SYNPROXY, Statement::Synproxy(synproxy))
    }

    /// How long connection tracking keeps connections of a protocol (TCP or UDP) in which state, by the language's name
    /// of the state (`established`, `unreplied` …); in seconds, the rest is cut off. A state that the protocol does not
    /// have is told when the object is added.
    #[must_use]
    pub fn ct_timeout(
        table: &Table,
        name: impl Into<String>,
        protocol: super::Protocol,
        policy: &[(&str, Duration)],
    ) -> Self {
        let states = vocabulary::timeout_states(protocol.0);
        let number = |&(word, time): &(&str, Duration)| {
            let state = states.iter().find(|state| state.name == word);
            let seconds = u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
            state.map(|state| (state.number, seconds)).ok_or_else(|| {
                let known: Vec<&str> = states.iter().map(|state| state.name).collect();
                Invalid::new(format!("{protocol} has no state {word:?}, but {}", known.join(", ")))
            })
        };
        let policy: Result<Vec<_>, Invalid> = policy.iter().map(number).collect();
        let (policy, invalid) = match policy {
            Ok(policy) => (policy, None),
            Err(invalid) => (Vec::new(), Some(invalid)),
        };
        let data = ObjectData::CtTimeout { l4proto: protocol.0, l3proto: None, policy };
        Object { invalid, ..Object::new(table, name.into(), ObjectKind::CT_TIMEOUT, data) }
    }

    /// Connections that are expected beside one, at most so many at once: to a port of TCP or UDP, for so long (in
    /// milliseconds, the rest is cut off).
    #[must_use]
    pub fn ct_expectation(
        table: &Table,
        name: impl Into<String>,
        protocol: super::Protocol,
        port: u16,
        timeout: Duration,
        most: u8,
    ) -> Self {
        let timeout = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
        let data = ObjectData::CtExpectation {
            l4proto: protocol.0,
            l3proto: None,
            dport: port,
            timeout,
            size: most,
        };
        Object::new(table, name.into(), ObjectKind::CT_EXPECTATION, data)
    }

    /// A security context of SELinux.
    #[must_use]
    pub fn secmark(table: &Table, name: impl Into<String>, context: impl Into<String>) -> Self {
        Object::new(table, name.into(), ObjectKind::SECMARK, ObjectData::Secmark(context.into()))
    }

    /// A comment on it.
    #[must_use]
    pub fn comment(mut self, comment: impl Into<String>) -> Self {
        self.object.comment = Some(comment.into());
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.object.name
    }

    /// What refers to it.
    #[must_use]
    pub fn reference(&self) -> ObjectRef {
        let table = TableRef::new(self.object.family, self.object.table.clone());
        table.object(expression::ObjectKind(self.kind.0), self.object.name.clone())
    }

    /// What kind it is.
    #[must_use]
    pub fn kind(&self) -> ObjectKind {
        self.kind
    }
}

impl Definition for Object {
    type Handle = Self;

    fn define(self) -> (Result<Wanted, Invalid>, Self) {
        let wanted = match &self.invalid {
            Some(invalid) => Err(invalid.clone()),
            None => {
                let noun = self.kind.name().unwrap_or("object");
                written::named(noun, &self.object.name, self.object.comment.as_ref())
                    .map(|()| Target::Object(Box::new(self.object.clone())).into())
            }
        };
        (wanted, self)
    }

    fn selection(&self) -> Option<Selection> {
        let (table, name) = (Some(self.object.table.clone()), Some(self.object.name.clone()));
        Some(Selection { table, name, ..Selection::all(Entity::Object(self.kind), self.object.family) })
    }
}

macro_rules! from {
    ($( $built:ty => $reference:ty ),*) => {$(
        impl From<&$built> for $reference {
            fn from(built: &$built) -> Self {
                built.reference()
            }
        }
    )*};
}

from! { Table => TableRef, Chain => ChainRef, Object => ObjectRef }
