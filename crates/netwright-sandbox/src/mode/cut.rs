//! Rules of the host that appear while packets of a sandbox are routed past them, or would be led elsewhere by them: the sandbox gets nothing out then, until
//! they are gone.

use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use netwright_netfilter::{Batch, Family, MessageKind, NetfilterHeader, TableRef, group as changes};
use netwright_route::LinkId;
use netwright_route::message::group;
use netwright_sys::{Connection, Result, protocol};
use netwright_wire::{Attributes, Message};

use super::{TABLE_PREFIX, obstacle, table};
use crate::follow::Follower;
use crate::{Action, Event};

const ASKED: &str = "follow the rules of this host";
/// After how long it is tried again what could not be done.
const AGAIN: Duration = Duration::from_secs(1);

/// Where it is told that rules have changed. It is opened before they are read, so that no change is missed.
#[derive(Debug)]
pub(super) struct Changes {
    rules: Connection,
    routing: Connection,
}

impl Changes {
    pub(super) fn listen() -> Result<Self> {
        let rules = Connection::open(protocol::NETFILTER)?;
        rules.socket().join(changes::NFTABLES)?;
        let routing = Connection::open(protocol::ROUTE)?;
        for group in [group::IPV4_RULE, group::IPV6_RULE] {
            routing.socket().join(group)?;
        }
        Ok(Changes { rules, routing })
    }

    /// Watches the rules from now on, and tells of what comes of it.
    pub(super) fn watch(self, link: LinkId, events: &Sender<Event>) -> Result<[Follower; 2]> {
        let watch = Arc::new(Mutex::new(Watch::of(link, events)?));
        let look = || {
            let watch = Arc::clone(&watch);
            Box::new(move || watch.lock().unwrap_or_else(PoisonError::into_inner).look())
        };
        Ok([
            Follower::start("netwright-rules", ASKED, self.rules, false, matters, look())?,
            Follower::start("netwright-routing", ASKED, self.routing, false, |_| true, look())?,
        ])
    }
}

/// Whether a notification is about chains and rules, and not of a sandbox's.
fn matters(message: &Message<'_>) -> bool {
    let of_rules = [
        MessageKind::NEW_TABLE,
        MessageKind::DELETE_TABLE,
        MessageKind::NEW_CHAIN,
        MessageKind::DELETE_CHAIN,
        MessageKind::NEW_RULE,
        MessageKind::DELETE_RULE,
    ];
    MessageKind::of(message).is_some_and(|kind| of_rules.contains(&kind)) && !is_of_sandbox(message)
}

/// Of all of these the first attribute is the table's name.
fn is_of_sandbox(message: &Message<'_>) -> bool {
    const TABLE: u16 = 1;
    let name = Attributes::new(message.bytes_after(NetfilterHeader::SIZE)).find(TABLE).ok().flatten();
    name.is_some_and(|name| name.payload.starts_with(TABLE_PREFIX.as_bytes()))
}

/// Who cuts a sandbox off, by a table that ends with the connection.
struct Watch {
    link: LinkId,
    table: String,
    /// The table belongs to it.
    connection: Connection,
    /// Whether the table is there.
    is_cut: bool,
    /// What was told last.
    told: Option<String>,
    events: Sender<Event>,
}

impl Watch {
    fn of(link: LinkId, events: &Sender<Event>) -> Result<Self> {
        let table = format!("{}_cut", table::name_of(&link));
        let connection = Connection::open(protocol::NETFILTER)?;
        Ok(Watch { link, table, connection, is_cut: false, told: None, events: events.clone() })
    }

    /// Cuts the sandbox off, or lets it out again, as the host's rules say now.
    fn look(&mut self) -> Option<Duration> {
        let found = obstacle::stands_now();
        let stands = match &found {
            Ok(found) => found.as_ref().map(|what| format!("its packets {what}")),
            Err(error) => Some(format!("it cannot be told what becomes of its packets: {error}")),
        };
        let done = match (&stands, self.is_cut) {
            (Some(_), false) => self.cut(),
            (None, true) => self.mend(),
            _ => Ok(()),
        };
        let text = match (&done, &stands) {
            (Err(error), Some(what)) => Some(format!("{what}, and it could not be cut off: {error}")),
            (Err(error), None) => Some(format!("it could not be let out again: {error}")),
            (Ok(()), Some(what)) => Some(format!(
                "nothing gets out any more, as the host's rules have changed: {what} (`--mode relay` meets them)"
            )),
            (Ok(()), None) => None,
        };
        if text != self.told {
            let (action, text) = match &text {
                Some(text) => (Action::Failed, text.clone()),
                None => (Action::Allowed, "the host's rules let its packets out again".to_owned()),
            };
            let _ = self.events.send(Event::new(action, text)); // nobody may listen any more
        }
        self.told = text;
        (found.is_err() || done.is_err()).then_some(AGAIN)
    }

    fn cut(&mut self) -> Result<()> {
        let name = self.link.name().unwrap_or_default();
        let text = format!(
            "table inet {} {{
                flags owner
                chain prerouting {{
                    type filter hook prerouting priority raw - 10
                    iifname \"{name}\" drop
                }}
            }}",
            self.table
        );
        table::commit(&mut self.connection, &text, &self.link)?;
        self.is_cut = true;
        Ok(())
    }

    fn mend(&mut self) -> Result<()> {
        let mut batch = Batch::new();
        batch.delete(&TableRef::new(Family::INET, self.table.as_str()));
        self.connection.commit("let a sandbox out again", &mut batch)?;
        self.is_cut = false;
        Ok(())
    }
}
