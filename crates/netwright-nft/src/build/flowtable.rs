//! Flow tables: past which connections go that need not be looked at any more.

use super::{Definition, Invalid, Priority, Table, Wanted, written};
use crate::ir::{self, Entity, Selection, Target};

/// A flow table: as an order to make it, and as a name for one that is there. Rules at forward put connections into it
/// with [`Rule::flow_add`](super::Rule::flow_add).
#[derive(Clone, Debug, PartialEq)]
pub struct Flowtable {
    flowtable: ir::Flowtable,
}

impl Flowtable {
    /// The number of the hook ingress in the family netdev (`NF_NETDEV_INGRESS`).
    const INGRESS: u32 = 0;

    /// A flow table at the ingress of interfaces.
    #[must_use]
    pub fn new<S: Into<String>>(
        table: &Table,
        name: impl Into<String>,
        priority: impl Into<Priority>,
        devices: impl IntoIterator<Item = S>,
    ) -> Self {
        let (family, table) = table.place();
        let hook = Some(ir::Hook { number: Self::INGRESS, priority: priority.into().0 });
        let devices = devices.into_iter().map(Into::into).collect();
        Flowtable {
            flowtable: ir::Flowtable {
                family,
                table,
                name: name.into(),
                hook,
                devices,
                ..ir::Flowtable::default()
            },
        }
    }

    /// Packets and bytes of its connections are counted.
    #[must_use]
    pub fn counter(mut self) -> Self {
        self.flowtable.counter = true;
        self
    }

    /// The network cards do the work.
    #[must_use]
    pub fn offload(mut self) -> Self {
        self.flowtable.offload = true;
        self
    }

    /// Family and name of its table.
    #[must_use]
    pub fn table(&self) -> (netwright_netfilter::Family, &str) {
        (self.flowtable.family, &self.flowtable.table)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.flowtable.name
    }
}

impl Definition for Flowtable {
    type Handle = Self;

    fn define(self) -> (Result<Wanted, Invalid>, Self) {
        let written = written::name("flow table", &self.flowtable.name);
        (written.map(|()| Target::Flowtable(self.flowtable.clone()).into()), self)
    }

    fn selection(&self) -> Option<Selection> {
        let (table, name) = (Some(self.flowtable.table.clone()), Some(self.flowtable.name.clone()));
        Some(Selection { table, name, ..Selection::all(Entity::Flowtable, self.flowtable.family) })
    }
}
