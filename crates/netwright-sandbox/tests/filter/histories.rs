//! Whatever leaves was allowed in the direction in which it was opened, whatever packets came before: forged ones, answers to nothing, and those of an
//! earlier policy.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use netwright_lab::{Failure, Lab, Outcome, ensure, random::Random};
use netwright_route::link::{AddressGeneration, Change, Get, Set};
use netwright_route::{Add, Address, Prefix, Route};
use netwright_sandbox::relay::Packet;
use netwright_sandbox::{Destination, Filter, Policy, Protocol};
use netwright_sys::{Connection, Namespace, Tun, protocol};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{self, AddressFamily, SendFlags, SocketFlags, SocketType, ipproto};

use super::{install, policy, routed};

const OWN: [&str; 2] = ["192.0.2.1", "2001:db8::1"];
const PEERS: [&str; 7] =
    ["203.0.113.5", "203.0.113.6", "8.8.8.8", "10.0.0.9", "2001:db8:9::5", "2001:db8:a::6", "fd00::7"];
const PORTS: [u16; 5] = [53, 80, 443, 5000, 40_000];
const RULES: [&str; 10] = [
    "203.0.113.5:443/tcp",
    "203.0.113.0/24:5000/udp",
    "[2001:db8:9::/48]:443",
    "[2001:db8:a::6]:5000/udp",
    "8.8.8.8:53/udp",
    "10.0.0.9:80/tcp",
    "internet:80/tcp",
    "icmp",
    "fd00::7",
    "any:40000",
];
const TCP: u8 = 6;
const UDP: u8 = 17;
const SCTP: u8 = 132;
/// Flags of TCP: the first segment, its answer, later ones, the end, a reset.
const FLAGS: [u8; 5] = [0x02, 0x12, 0x10, 0x11, 0x04];
/// How many packets are sent in all, if `NETWRIGHT_PACKETS` does not say; they are others with another `NETWRIGHT_PACKETS_SEED`.
const PACKETS: u64 = 6000;
/// After so many the policy is another one.
const AT_ONCE: u64 = 60;

/// The host whose only way out ends here.
struct World {
    tun: OwnedFd,
    raw: [OwnedFd; 2],
    own: [IpAddr; 2],
    peers: Vec<IpAddr>,
}

pub(super) fn whatever_leaves_was_allowed_when_it_was_opened(_: &mut Lab) -> Outcome {
    netwright_lab::tunnels()?;
    let world = World::new()?;
    let number = |name: &str, usual| {
        std::env::var(name).ok().and_then(|told| told.parse::<u64>().ok()).unwrap_or(usual)
    };
    let mut random = Random::new(number("NETWRIGHT_PACKETS_SEED", 0x9));
    let mut policy = random_policy(&mut random)?;
    let mut options = routed()?;
    options.own = world.own.to_vec();
    let mut filter = install(&policy, &options)?;
    let (mut left, mut total) = (BTreeMap::<String, usize>::new(), BTreeMap::<&str, usize>::new());
    for number in 0..number("NETWRIGHT_PACKETS", PACKETS) {
        if number % AT_ONCE == 0 {
            world.settle()?;
            world.check(&policy, &mut left)?;
            policy = random_policy(&mut random)?;
            change(&mut filter, &policy)?;
        }
        let kind = world.step(&mut random)?;
        *total.entry(kind).or_default() += 1;
        world.check(&policy, &mut left)?;
    }
    world.settle()?;
    world.check(&policy, &mut left)?;
    println!("sent: {total:?}; left: {left:?}");
    for kind in ["tcp ipv4", "tcp ipv6", "udp ipv4", "udp ipv6", "icmp ipv4", "icmp ipv6"] {
        ensure!(left.get(kind).is_some_and(|count| *count > 10), "almost nothing left by {kind}: {left:?}");
    }
    Ok(())
}

/// Puts another policy in force, as a reload does it: flows that it does not allow are forgotten.
fn change(filter: &mut Filter, policy: &Policy) -> Outcome {
    filter.replace(policy)?;
    for flow in filter.flows()? {
        if !filter.keeps(flow.protocol, flow.destination) {
            filter.forget(&flow)?;
        }
    }
    Ok(())
}

fn random_policy(random: &mut Random) -> Result<Policy, Failure> {
    let allow: Vec<&str> = RULES.into_iter().filter(|_| random.one_in(3)).collect();
    let deny: Vec<&str> = RULES.into_iter().filter(|_| random.one_in(12)).collect();
    policy(&allow, &deny)
}

impl World {
    fn new() -> Result<Self, Failure> {
        let here = Namespace::current()?;
        let (tun, name) = Tun { name: "tun0".into(), ..Tun::default() }.open(&here)?;
        let mut route = Connection::open(protocol::ROUTE)?;
        let link = route.query(&Get::by_name(&name))?.id();
        // no address but those that are given, from which the kernel would look for routers
        let bare = Change { address_generation: Some(AddressGeneration::NONE), ..Change::default() };
        route.acknowledge(&Set { link, change: &bare })?;
        route.acknowledge(&Set { link, change: &Change::up() })?;
        let own = OWN.map(|text| text.parse::<IpAddr>());
        let [Ok(one), Ok(other)] = own else { return Err(Failure::wrong("no address")) };
        for own in [one, other] {
            let mut address = Address::new(own, if own.is_ipv4() { 32 } else { 128 }).on(link);
            address.flags = netwright_route::address::AddressFlags::NO_DUPLICATE_DETECTION;
            route.acknowledge(&Add(&address))?;
            let all = if own.is_ipv4() { Prefix::ALL_IPV4 } else { Prefix::ALL_IPV6 };
            route.acknowledge(&Add(&Route::to(all).dev(link)))?;
        }
        let raw = |family, protocol| {
            net::socket_with(family, SocketType::RAW, SocketFlags::empty(), Some(protocol))
        };
        let raw = [raw(AddressFamily::INET, ipproto::RAW)?, raw(AddressFamily::INET6, ipproto::RAW)?];
        let peers = PEERS.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
        Ok(World { tun, raw, own: [one, other], peers })
    }

    /// Sends a packet, or lets one arrive; of which kind.
    fn step(&self, random: &mut Random) -> Result<&'static str, Failure> {
        let peer = *random.pick(&self.peers);
        let own = if peer.is_ipv4() { self.own[0] } else { self.own[1] };
        let others: Vec<IpAddr> =
            self.peers.iter().copied().filter(|other| other.is_ipv4() == peer.is_ipv4()).collect();
        let (kind, source, destination, arrives) = match random.below(10) {
            0..=3 => ("own source", own, peer, false),
            4 => ("foreign source, to elsewhere", *random.pick(&others), peer, false),
            5 => ("foreign source, to itself", peer, own, false),
            6 => ("itself", own, own, false),
            7..=8 => ("arrived", peer, own, true),
            _ => ("arrived, from itself as it says", own, own, true),
        };
        let packet = packet(random, source, destination);
        if arrives {
            // one that cannot be is dropped
            let _ = rustix::io::write(&self.tun, &packet);
        } else {
            let raw = &self.raw[usize::from(peer.is_ipv6())];
            let _ = net::sendto(raw, &packet, SendFlags::DONTWAIT, &SocketAddr::new(destination, 0));
        }
        Ok(kind)
    }

    /// Waits until nothing is on its way any more.
    fn settle(&self) -> Outcome {
        std::thread::sleep(Duration::from_millis(3));
        Ok(())
    }

    /// Looks at what has left.
    fn check(&self, policy: &Policy, left: &mut BTreeMap<String, usize>) -> Outcome {
        let mut buffer = [0; 2048];
        while self.has_packet()? {
            let length = rustix::io::read(&self.tun, &mut buffer)?;
            let bytes = buffer.get(..length).unwrap_or_default();
            let packet =
                Packet::read(bytes).ok_or_else(|| Failure::wrong(format_args!("{bytes:x?} left")))?;
            let destination = packet.destination();
            ensure!(
                self.own.contains(&packet.source().ip()),
                "{} left for {destination}, which is no source of its own",
                packet.source()
            );
            let protocols = match packet.protocol() {
                Some(protocol) => vec![protocol],
                // an error about what came back
                None if matches!(packet.protocol_number(), 1 | 58) => Protocol::ALL.to_vec(),
                None => Vec::new(),
            };
            let is_error = packet.protocol().is_none();
            let ports: Vec<u16> = if is_error { PORTS.to_vec() } else { vec![destination.port()] };
            let is_allowed = protocols.iter().any(|&protocol| {
                ports.iter().any(|&port| {
                    let to = Destination { name: None, address: Some(destination.ip()), port, protocol };
                    policy.decide(&to).is_allowed()
                })
            });
            ensure!(
                is_allowed,
                "protocol {} left for {destination}, which {:?} does not allow",
                packet.protocol_number(),
                policy.allow.iter().map(ToString::to_string).collect::<Vec<_>>()
            );
            let family = if destination.is_ipv4() { "ipv4" } else { "ipv6" };
            let protocol = packet.protocol().map_or("error".to_owned(), |protocol| protocol.to_string());
            *left.entry(format!("{protocol} {family}")).or_default() += 1;
        }
        Ok(())
    }

    fn has_packet(&self) -> Result<bool, Failure> {
        let mut ready = [PollFd::from_borrowed_fd(self.tun.as_fd(), PollFlags::IN)];
        Ok(poll(&mut ready, Some(&Timespec::default()))? > 0)
    }
}

/// A packet of any protocol between two addresses.
fn packet(random: &mut Random, source: IpAddr, destination: IpAddr) -> Vec<u8> {
    let (from, to) = (*random.pick(&PORTS), *random.pick(&PORTS));
    let ports = [from.to_be_bytes(), to.to_be_bytes()].concat();
    let is_ipv4 = source.is_ipv4();
    let (protocol, mut payload, checksum_at) = match random.below(8) {
        0..=2 => {
            let sequence = [0, 0, 0, *random.pick(&[1_u8, 2]), 0, 0, 0, *random.pick(&[0_u8, 2])];
            let rest = [0x50, *random.pick(&FLAGS), 0x20, 0, 0, 0, 0, 0];
            (TCP, [ports.as_slice(), &sequence, &rest].concat(), Some(16))
        }
        3..=5 => (UDP, [ports.as_slice(), &[0, 9, 0, 0], b"x"].concat(), Some(6)),
        6 => {
            let echo = if is_ipv4 { [8, 0] } else { [128, 129] };
            (if is_ipv4 { 1 } else { 58 }, vec![*random.pick(&echo), 0, 0, 0, 0, 7, 0, 1], Some(2))
        }
        _ => (SCTP, [ports.as_slice(), &[0; 12]].concat(), None),
    };
    let octets = |address: IpAddr| match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let addresses = [octets(source), octets(destination)].concat();
    let length = payload.len() as u16;
    if let Some(at) = checksum_at {
        let pseudo = [addresses.as_slice(), &u32::from(length).to_be_bytes(), &[0, 0, 0, protocol]].concat();
        let pseudo = if protocol == 1 { Vec::new() } else { pseudo };
        let sum = checksum(&[pseudo.as_slice(), &payload].concat());
        payload[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    }
    if is_ipv4 {
        let mut head = vec![0x45, 0];
        head.extend((20 + length).to_be_bytes());
        head.extend([0, 1, 0, 0, 64, protocol, 0, 0]);
        head.extend(&addresses);
        let sum = checksum(&head);
        head[10..12].copy_from_slice(&sum.to_be_bytes());
        return [head, payload].concat();
    }
    let mut head = vec![0x60, 0, 0, 0];
    head.extend(length.to_be_bytes());
    head.extend([protocol, 64]);
    [head, addresses, payload].concat()
}

fn checksum(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or_default());
    let mut sum: u32 = bytes.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
