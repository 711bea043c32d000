//! What `netwright test` sends, and what shall become of it.

mod ends;
mod outcome;
mod packet;

use std::net::IpAddr;

use crate::model::{Link, Links, MacAddress, Neighbour, Route, Rule};
use crate::scalar::{Between, InterfaceName, Many, Ports, StationMac};
use crate::section::{section, tables};

pub use self::ends::{Addresses, Endpoint, FlowSource, FlowTarget};
pub use self::outcome::{ConntrackState, Expect, Refusal, RefusalPattern};
pub use self::packet::{Bytes, Counts, Delay, Dscp, IcmpProbe, Owner, ProbeProtocol, TcpFlags};

/// Ports from the first to the last.
pub type PortRange = std::ops::RangeInclusive<u16>;

section! {
    /// A packet or connection to send, and what shall become of it. Each flow starts from the declared state, whatever
    /// other flows leave behind, unless it says which ones it follows. Lists, ranges and networks make a matrix: all
    /// that they name together is sent, and all of it must become what is expected.
    pub struct Flow as "a flow" {
        /// A name for the table of results.
        required "name" => name: String,
        /// Who sends: "LINK ADDRESS" is a neighbour with that address behind that link, "LINK NETWORK" those of a network, "LINK"
        /// anybody behind the link, "host" the host itself, "host ADDRESS" the host from that address. One, or a list.
        required "from" => from: Vec<FlowSource> as Many<FlowSource>,
        /// Where it is sent to: an address, a network, "host" for the addresses of the host, "LINK ADDRESS" for somebody
        /// behind a certain port of a bridge. One, or a list.
        required "to" => to: Vec<FlowTarget> as Many<FlowTarget>,
        /// A TCP connection to this port; a number, a range such as "1-1024", or a list of them.
        defaulted "tcp" => tcp: Vec<PortRange> as Many<Ports>,
        /// A UDP datagram to this port, and its answer; as for `tcp`.
        defaulted "udp" => udp: Vec<PortRange> as Many<Ports>,
        /// An ICMP (or ICMPv6) message: true for an echo request, the number or name of a type, "TYPE/CODE", or a list.
        defaulted "icmp" => icmp: Vec<IcmpProbe> as Many<IcmpProbe>,
        /// A packet of another protocol, by number or name ("gre", "esp", "sctp", …), or a list.
        defaulted "protocol" => protocol: Vec<ProbeProtocol> as Many<ProbeProtocol>,
        /// The source port; any when not set. As for `tcp`.
        defaulted "source-port" => source_port: Vec<PortRange> as Many<Ports>,
        /// A single TCP segment with these flags in place of a connection: "syn", "syn,ack", "none".
        optional "flags" => flags: TcpFlags,
        /// Time to live, or hop limit; 64 when not set.
        optional "ttl" => ttl: u8,
        /// The DSCP field, by number or name ("ef", "cs1", "af11").
        optional "dscp" => dscp: Dscp,
        /// VLAN tags of its frames besides those of the link, from the outermost to the innermost: a number, or a list.
        defaulted "vlan" => vlan: Vec<u16> as Many<Between<0, 4095>>,
        /// The sender's hardware address, where it is another than its own.
        optional "mac" => mac: MacAddress as StationMac,
        /// What the packet carries, as text, or as bytes in hexadecimal after "0x".
        optional "payload" => payload: Bytes,
        /// What the receiver answers; as for `payload`.
        optional "answer" => answer: Bytes,
        /// Sends it in fragments of so many bytes above IP at the most.
        optional "fragment" => fragment: u16 as Between<8, 1480>,
        /// The user whose process at the host sends it, by name or number.
        optional "user" => user: Owner,
        /// The group whose process at the host sends it, by name or number.
        optional "group" => group: Owner,
        /// The control group (version 2) whose process at the host sends it: its path below /sys/fs/cgroup.
        optional "cgroup" => cgroup: String,
        /// How often it is sent, one after the other, each time as a new connection. `expect` and what is seen are
        /// those of the last time; the earlier ones are not judged, and their connections stay open.
        defaulted "times" => times: u32 as Between<1, 100000> = 1,
        /// The flow, or list of flows, that is sent before in the same world: it meets what they leave behind.
        defaulted "after" => after: Vec<String> as Many<String>,
        /// Packets that are sent one after the other in the same world, in place of a single one. Each has the keys of the flow,
        /// and takes those that it does not set from it.
        list "steps" => steps: FlowStep,
        /// What shall become of it: "accept", "arrive", "drop", "reject", "reject" and how ("reject tcp-reset",
        /// "reject icmp admin-prohibited", "reject icmp 3/13"), "refuse" (dropped or rejected), or "no-path".
        defaulted "expect" => expect: Expect = Expect::Accept,
        /// The source that the receiver sees, with or without a port: other than the sender's own after source NAT.
        optional "seen-from" => seen_from: Endpoint,
        /// Where it arrives, with or without a port: other than `to` after destination NAT.
        optional "arrives-at" => arrives_at: Endpoint,
        /// The link that it leaves the host by; of a bridge, the port.
        optional "leaves-by" => leaves_by: String as InterfaceName,
        /// What decides: "FILE:LINE", the rule's comment, or a part of its text. One, or a list of all that must.
        defaulted "decided-by" => decided_by: Vec<String> as Many<String>,
        /// How many packets named counters count because of it.
        optional "counters" => counters: Counts,
        /// The packet's mark at its last rule.
        optional "mark" => mark: u32,
        /// The connection's mark.
        optional "ct-mark" => ct_mark: u32,
        /// What connection tracking thinks of the packet.
        optional "ct-state" => ct_state: ConntrackState,
        /// The beginning of a line that a rule writes to the log because of it.
        optional "log" => log: String,
        /// DSCP as the receiver sees it.
        optional "arrives-with-dscp" => arrives_with_dscp: Dscp,
    }
}

section! {
    /// One of several packets of a flow. What it does not set is the flow's.
    pub struct FlowStep as "a step" {
        /// Time that passes before it is sent: timeouts come so much nearer.
        optional "wait" => wait: Delay,
        /// Whether the receiver of the packet before sends it back to its sender, as a part of the same connection.
        defaulted "back" => back: bool,
        /// Who sends.
        defaulted "from" => from: Vec<FlowSource> as Many<FlowSource>,
        /// Where it is sent to.
        defaulted "to" => to: Vec<FlowTarget> as Many<FlowTarget>,
        /// A TCP connection to this port.
        defaulted "tcp" => tcp: Vec<PortRange> as Many<Ports>,
        /// A UDP datagram to this port.
        defaulted "udp" => udp: Vec<PortRange> as Many<Ports>,
        /// An ICMP (or ICMPv6) message. An error is about the packet before.
        defaulted "icmp" => icmp: Vec<IcmpProbe> as Many<IcmpProbe>,
        /// A packet of another protocol.
        defaulted "protocol" => protocol: Vec<ProbeProtocol> as Many<ProbeProtocol>,
        /// The source port.
        defaulted "source-port" => source_port: Vec<PortRange> as Many<Ports>,
        /// A single TCP segment with these flags. It belongs to the connection of the segment before, if that is of the flow too.
        optional "flags" => flags: TcpFlags,
        /// Time to live, or hop limit.
        optional "ttl" => ttl: u8,
        /// The DSCP field.
        optional "dscp" => dscp: Dscp,
        /// The sender's hardware address.
        optional "mac" => mac: MacAddress as StationMac,
        /// What the packet carries.
        optional "payload" => payload: Bytes,
        /// What the receiver answers.
        optional "answer" => answer: Bytes,
        /// Sends it in fragments of so many bytes above IP at the most.
        optional "fragment" => fragment: u16 as Between<8, 1480>,
        /// How often it is sent.
        optional "times" => times: u32 as Between<1, 100000>,
        /// What shall become of it; whatever it is when not set, but for the last step, of which the flow says it.
        optional "expect" => expect: Expect,
    }
}

section! {
    /// Nothing gets from here to there but what the flows expect to be accepted or to arrive. All ports and protocols are tried between
    /// one sender and one destination of each family, and between all addresses at which the ruleset makes a difference the ports
    /// at which it does.
    pub struct Only as "an [[only]]" {
        /// A name for the table of results; made of `from` and `to` when not set.
        optional "name" => name: String,
        /// Who sends; as for a flow.
        required "from" => from: Vec<FlowSource> as Many<FlowSource>,
        /// Where to: "host", a link for everybody behind it, an address or a network; as for a flow.
        required "to" => to: Vec<FlowTarget> as Many<FlowTarget>,
        /// Whether a flow names its very sender and destination alone: where it is false, it stands for all addresses behind the same
        /// links that the ruleset does not tell from those, and "host" for all addresses of the host.
        defaulted "exact" => exact: bool,
    }
}

section! {
    /// What is there only in the simulated host of `netwright test`, and never applied: what comes by DHCP, or later.
    pub struct TestOnly as "[test]" {
        /// Links, and more addresses of links.
        defaulted "link" => links: Vec<Link> as Links,
        /// Routes.
        list "route" => routes: Route,
        /// Policy rules.
        list "rule" => rules: Rule,
        /// Neighbours.
        list "neighbour" => neighbours: Neighbour,
    }
}

tables! { Flow FlowStep Only }

impl Flow {
    /// Whether it names exactly one packet: a sender, a destination and what is sent, each a single one.
    #[must_use]
    pub fn is_single(&self) -> bool {
        let ports = |ranges: &[PortRange]| ranges.iter().map(|range| range.clone().count()).sum::<usize>();
        let what = ports(&self.tcp) + ports(&self.udp) + self.icmp.len() + self.protocol.len();
        let one = |addresses: &Addresses| matches!(addresses, Addresses::One(_));
        let from = match self.from.as_slice() {
            [FlowSource::Host(_)] => true,
            [FlowSource::Behind { addresses, .. }] => one(addresses),
            _ => false,
        };
        let to = match self.to.as_slice() {
            [FlowTarget::Host] => true,
            [FlowTarget::At { addresses, .. }] => one(addresses),
            _ => false,
        };
        from && to && what == 1 && ports(&self.source_port) <= 1
    }

    /// The addresses that it speaks of, one by one.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        let from = self.from.iter().filter_map(FlowSource::address);
        let to = self.to.iter().filter_map(FlowTarget::address);
        let ends = [self.seen_from, self.arrives_at].into_iter().flatten().map(|end| end.address);
        from.chain(to).chain(ends)
    }
}
