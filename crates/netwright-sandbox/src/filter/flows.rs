//! Flows that were let through, as conntrack knows them: those that a changed policy does not allow are found and forgotten.

use std::net::SocketAddr;
use std::ops::ControlFlow;

use netwright_netfilter::Family;
use netwright_netfilter::conntrack::{Conntrack, DeleteConntrack, ListConntrack};
use netwright_sys::Result;
use netwright_wire::Errno;

use super::{Filter, attached};
use crate::Protocol;
use crate::constants::ALLOWED_FLOW;
use crate::relay::number;

/// A flow in the direction in which it was opened. Two are the same by that alone: what else conntrack knows of one changes all the time.
#[derive(Clone, Debug)]
pub struct Flow {
    /// By which protocol.
    pub protocol: Protocol,
    /// Who opened it; of an echo request, the port is its identifier.
    pub source: SocketAddr,
    /// Where to.
    pub destination: SocketAddr,
    entry: Conntrack,
}

impl Flow {
    fn of(entry: Conntrack) -> Option<Self> {
        let original = entry.original()?;
        let (source, destination) = original.source_and_destination()?;
        let ports = original.protocol.as_ref()?;
        let protocol = match ports.number? {
            number::TCP => Protocol::Tcp,
            number::UDP => Protocol::Udp,
            number::ICMP | number::ICMPV6 => Protocol::Icmp,
            _ => return None,
        };
        let identifier = ports.icmp_id.or(ports.icmpv6_id);
        let source_port = ports.source_port.or(identifier).unwrap_or_default();
        let destination_port = ports.destination_port.unwrap_or_default();
        Some(Flow {
            protocol,
            source: SocketAddr::new(source, source_port),
            destination: SocketAddr::new(destination, destination_port),
            entry,
        })
    }
}

impl PartialEq for Flow {
    fn eq(&self, other: &Self) -> bool {
        let opened = |flow: &Flow| (flow.protocol, flow.source, flow.destination);
        opened(self) == opened(other)
    }
}

impl Eq for Flow {}

impl Filter {
    /// The flows that it has let through. Of the host's, where it binds a control group of it, all flows: conntrack does not know whose they are.
    ///
    /// # Errors
    /// The kernel does not list them.
    pub fn flows(&mut self) -> Result<Vec<Flow>> {
        let of_inside = !matches!(self.options.mode, super::Mode::Attached(_));
        let mut flows = Vec::new();
        self.connection.dump(&ListConntrack(Family::UNSPECIFIED), |entry| {
            if !of_inside || entry.attributes.mark == Some(ALLOWED_FLOW) {
                flows.extend(Flow::of(entry));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(flows)
    }

    /// Lets conntrack forget a flow: what follows of it is judged as if it were new.
    ///
    /// # Errors
    /// The kernel does not.
    pub fn forget(&mut self, flow: &Flow) -> Result<()> {
        let ends = (flow.source, flow.destination);
        if flow.protocol == Protocol::Tcp && self.options.connections.contains(&ends) {
            self.load(&attached::forgotten(&self.options.table, ends))?;
            self.options.connections.retain(|known| *known != ends);
        }
        match self.connection.acknowledge(&DeleteConntrack(&flow.entry)) {
            Err(error) if error.errno() == Some(Errno::ENOENT) => Ok(()), // it has ended
            result => result,
        }
    }
}

#[cfg(test)]
mod tests;
