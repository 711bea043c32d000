//! A world that a flow has gone through, made as it was before, so that no other flow can tell.

use netwright_netfilter::Family;
use netwright_netfilter::conntrack::{Conntrack, DeleteConntrack, ListConntrack};
use netwright_route::link::kind::Bridge;
use netwright_route::link::{self, Change};
use netwright_route::neighbour::{List as NeighbourList, NeighbourState};
use netwright_route::{Delete, LinkId};
use netwright_sys::{Cause, Connection, Result, protocol};

use super::{NEW_CONNECTIONS, World};

/// A connection that hears of new connections from now on.
pub(super) fn listen() -> Option<Connection> {
    let connection = Connection::open(protocol::NETFILTER).ok()?;
    let _ = connection.socket().reserve_receive(1 << 20);
    connection.socket().join(NEW_CONNECTIONS).ok()?;
    Some(connection)
}

impl World {
    /// Takes back what packets have left behind: connections, neighbours, where bridges think that somebody is, and what the
    /// firewall remembers. Where that cannot be, the world is spent.
    pub(crate) fn restore(&mut self) -> Result<()> {
        self.restore_kernel()?;
        if self.firewall.has_remembered(&mut self.netfilter)? {
            self.firewall.load(&mut self.netfilter)?;
        }
        Ok(())
    }

    /// The same, and loads the firewall in any case.
    pub(crate) fn restore_all(&mut self) -> Result<()> {
        self.restore_kernel()?;
        self.firewall.load(&mut self.netfilter)
    }

    fn restore_kernel(&mut self) -> Result<()> {
        self.forget_connections()?;
        self.forget_neighbours()?;
        for &bridge in &self.bridges {
            let change = Change::kind(Bridge::default().flush(()));
            if self.route.acknowledge(&link::Set { link: LinkId::new(bridge), change: &change }).is_err() {
                self.spent = Some("a bridge does not forget where machines are");
            }
        }
        Ok(())
    }

    /// Deletes the connections that came since this was done last.
    pub(crate) fn forget_connections(&mut self) -> Result<()> {
        let tracked = self.tracked()?;
        if tracked.is_empty() {
            return Ok(());
        }
        let gone: Vec<DeleteConntrack<'_>> = tracked.iter().map(DeleteConntrack).collect();
        let failures = self.netfilter.send_many(&gone)?;
        if failures.iter().any(|failure| !failure.error.is_not_found()) {
            self.spent = Some("connections cannot be deleted");
        }
        Ok(())
    }

    /// The connections that came since this was asked last.
    pub(crate) fn tracked(&mut self) -> Result<Vec<Conntrack>> {
        let mut found = Vec::new();
        let Some(connection) = &mut self.connections else {
            self.spent = Some("the kernel does not tell of connections");
            return Ok(found);
        };
        let result = connection.notifications(|message| {
            if let Ok(Some(entry)) = Conntrack::read(message) {
                found.push(entry);
            }
        });
        let missed =
            |error: &netwright_sys::Error| matches!(error.cause(), Cause::Overrun | Cause::Truncated { .. });
        match result {
            // there were more than could be heard of
            Err(error) if missed(&error) => {
                // of what is lost while the queue is not empty the kernel does not tell again
                while connection.notifications(|_| ()).is_err_and(|error| missed(&error)) {}
                self.netfilter.dump_all(&ListConntrack(Family::UNSPECIFIED))
            }
            other => other.map(|()| found),
        }
    }

    /// Deletes the neighbours that the host has learnt of.
    pub(crate) fn forget_neighbours(&mut self) -> Result<()> {
        let all = self.route.dump_all(&NeighbourList::default())?;
        let learnt =
            |state: NeighbourState| !state.intersects(NeighbourState::PERMANENT | NeighbourState::NO_ARP);
        let gone: Vec<_> = all.iter().filter(|neighbour| learnt(neighbour.state)).map(Delete).collect();
        if !gone.is_empty() {
            self.route.send_many(&gone)?;
        }
        Ok(())
    }
}
