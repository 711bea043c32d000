//! Whether a thing is as it was, however often others change the rest of the ruleset.

use netwright_netfilter::{ChainRef, SetRef};
use netwright_sys::{Connection, Namespace};

use super::{Listener, Part, Parts, Wanted, settled};
use crate::Result;

/// What shall be as it was.
#[derive(Clone, Debug)]
pub(in crate::nft) enum Thing {
    /// A set and its elements.
    Set(SetRef),
    /// The rules of a chain.
    Rules(ChainRef),
}

impl Thing {
    fn wanted(&self) -> Wanted {
        let (table, part) = match self {
            Thing::Set(set) => (&set.table, Part::Set(set.name.clone(), true)),
            Thing::Rules(chain) => (&chain.table, Part::Chain(chain.name.clone())),
        };
        Wanted { family: table.family, table: Some(table.name.clone()), part }
    }
}

/// Hears of what changes a thing.
pub(in crate::nft) struct Untouched {
    listener: Listener,
    parts: Parts,
    thing: Thing,
}

impl Untouched {
    /// From now on it is heard.
    pub(in crate::nft) fn open(
        connection: &mut Connection,
        namespace: &Namespace,
        thing: Thing,
    ) -> Result<Self> {
        let mut listener = Listener::open(namespace)?;
        listener.told = settled(connection)?;
        let parts = Parts::new(thing.wanted(), namespace, listener.told, false);
        Ok(Untouched { listener, parts, thing })
    }

    /// Whether no transaction behind a generation has changed the thing, up to another generation. Where it cannot be known, since
    /// what was told was lost, one may have.
    pub(in crate::nft) fn is_untouched(&mut self, behind: u32, until: u32) -> Result<bool> {
        Ok(self.listener.hear(Some(&mut self.parts), until)? && !self.parts.has_changed(&self.thing, behind))
    }
}
