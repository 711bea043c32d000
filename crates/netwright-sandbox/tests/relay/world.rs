//! An inside with a relay, its host, and a neighbour with servers.

use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use netwright_confine::{Enclosure, EnclosureOptions, SocketRequest};
use netwright_lab::{Failure, Lab, Node};
use netwright_netfilter::Batch;
use netwright_nft::catalog::Catalog;
use netwright_nft::diagnostic::SourceMap;
use netwright_nft::evaluate::{self, Options};
use netwright_nft::lower;
use netwright_nft::syntax::{NoIncludes, parse};
use netwright_nft::table::{Names, Zone};
use netwright_route::address::AddressFlags;
use netwright_route::link::{Change, Set};
use netwright_route::route::RouteKind;
use netwright_route::{Add, Address, Family, LinkId, Prefix, Route, Rule as RoutingRule, Table};
use netwright_sandbox::constants::{OWN_IPV4, OWN_IPV6, SEEN_GROUP};
use netwright_sandbox::filter::{Filter, FilterOptions, Listeners, Mode};
use netwright_sandbox::relay::{Admission, Relay, RelayOptions, Report, Reporter};
use netwright_sandbox::{Policy, Protocol, Rule};
use netwright_sys::{Connection, protocol};
use rustix::net::connect;

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The neighbour's addresses.
pub(crate) fn servers() -> [IpAddr; 2] {
    Lab::NEIGHBOUR.map(|address| address.parse().unwrap_or(IpAddr::V4(OWN_IPV4)))
}

/// What a relay reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Refused { protocol: Option<Protocol>, source: SocketAddr, destination: SocketAddr },
    Seen { protocol: Option<Protocol>, destination: SocketAddr },
    Failed { protocol: Protocol, destination: SocketAddr, reason: String },
}

/// All of a test's world. What the policy lets through, the relay carries to the neighbour or the host.
pub(crate) struct World {
    pub(crate) neighbour: Node,
    pub(crate) enclosure: Arc<Enclosure>,
    pub(crate) relay: Relay,
    pub(crate) told: Receiver<Told>,
    _filter: Filter,
}

impl World {
    pub(crate) fn new(lab: &mut Lab, allow: &[&str]) -> Result<World, Failure> {
        let neighbour = lab.neighbour()?;
        let enclosure = Arc::new(Enclosure::create(&EnclosureOptions::default())?);
        configure(&mut enclosure.connection(protocol::ROUTE)?)?;
        let (sender, told) = channel();
        let reporter = Reporter::new(move |report| {
            let told = match report {
                Report::Refused(packet) => Told::Refused {
                    protocol: packet.protocol(),
                    source: packet.source(),
                    destination: packet.destination(),
                },
                Report::Failed { protocol, destination, reason, .. }
                | Report::Unable { protocol, destination, reason, .. } => {
                    Told::Failed { protocol, destination, reason }
                }
                Report::Cut { protocol, destination, .. } => {
                    Told::Failed { protocol, destination, reason: "cut".to_owned() }
                }
                Report::Seen(packet) => {
                    Told::Seen { protocol: packet.protocol(), destination: packet.destination() }
                }
            };
            let _ = sender.send(told);
        });
        let admission = Admission::new(|_, _| true);
        let keeps = admission.clone();
        let options =
            RelayOptions { enclosure: Arc::clone(&enclosure), ipv6: true, admission, keeps, reporter };
        let relay = Relay::start(&options)?;
        let ipv6 = relay.port_ipv6().ok_or_else(|| Failure::wrong("IPv6 is not relayed"))?;
        let listeners = Listeners { ipv4: relay.port_ipv4(), ipv6 };
        let allow = allow.iter().map(|rule| rule.parse::<Rule>()).collect::<Result<_, _>>()?;
        let policy = Policy { allow, ..Policy::default() };
        let connection = enclosure.connection(protocol::NETFILTER)?;
        let options =
            FilterOptions { seen_group: Some(SEEN_GROUP), ..FilterOptions::new(Mode::Relay(listeners)) };
        let filter = Filter::install(connection, &policy, options)?;
        Ok(World { neighbour, enclosure, relay, told, _filter: filter })
    }

    /// Lets nothing but the first segment of each connection from inside get to the relay, so that what comes of it comes of that one: who sends it again
    /// because nothing came is not heard, and fails some minutes later by another error.
    pub(crate) fn drop_repeated_segments(&self) -> Result<(), Failure> {
        let sets = [("ip", "ipv4_addr"), ("ip6", "ipv6_addr")].map(|(header, kind)| {
            (
                format!("set {header}_seen {{ type {kind} . inet_service; flags dynamic; size 65535; }}\n"),
                format!("{header} daddr . tcp sport @{header}_seen drop\nadd @{header}_seen {{ {header} daddr . tcp sport }}\n"),
            )
        });
        let (sets, rules): (String, String) = sets.into_iter().unzip();
        let text = format!(
            "table inet first {{
                {sets}
                chain once {{
                    {rules}
                }}
                chain output {{
                    type filter hook output priority filter - 10
                    meta mark 0 tcp flags & (fin | syn | rst | ack) == syn jump once
                }}
            }}"
        );
        let mut batch = compiled(&text)?;
        self.enclosure.connection(protocol::NETFILTER)?.commit("drop repeated segments", &mut batch)?;
        Ok(())
    }

    /// A listener of the neighbour.
    pub(crate) fn listen(&self, address: IpAddr) -> Result<(TcpListener, SocketAddr), Failure> {
        let listener = self.neighbour.run(|| TcpListener::bind((address, 0)))??;
        let at = listener.local_addr()?;
        Ok((listener, at))
    }

    /// A socket of the neighbour for datagrams.
    pub(crate) fn receive(&self, address: IpAddr) -> Result<(UdpSocket, SocketAddr), Failure> {
        let socket = self.neighbour.run(|| UdpSocket::bind((address, 0)))??;
        socket.set_read_timeout(Some(PATIENCE))?;
        let at = socket.local_addr()?;
        Ok((socket, at))
    }

    /// Connects from inside; the inner error is what the program inside would see.
    pub(crate) fn connect(&self, to: SocketAddr) -> Result<std::io::Result<TcpStream>, Failure> {
        let socket = self.enclosure.socket(&SocketRequest::tcp(to.is_ipv6()))?;
        Ok(connect(&socket, &to).map(|()| socket.into()).map_err(Into::into))
    }

    /// Connects from inside to a listener outside.
    pub(crate) fn pair(
        &self,
        listener: &TcpListener,
        to: SocketAddr,
    ) -> Result<(TcpStream, TcpStream), Failure> {
        let client = self.connect(to)??;
        let (server, _) = listener.accept()?;
        for stream in [&client, &server] {
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
        }
        Ok((client, server))
    }

    /// A socket inside for datagrams.
    pub(crate) fn datagram_socket(&self, ipv6: bool) -> Result<UdpSocket, Failure> {
        let socket = UdpSocket::from(self.enclosure.socket(&SocketRequest::udp(ipv6))?);
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(socket)
    }

    /// The next report that fits.
    pub(crate) fn hear(&self, fits: impl Fn(&Told) -> bool) -> Result<Told, Failure> {
        let end = Instant::now() + PATIENCE;
        loop {
            let told = self.told.recv_timeout(end.saturating_duration_since(Instant::now()));
            let told = told.map_err(|_| Failure::wrong("it was not reported"))?;
            if fits(&told) {
                return Ok(told);
            }
        }
    }
}

fn compiled(text: &str) -> Result<Batch, Failure> {
    let mut sources = SourceMap::default();
    let source = sources.add("commands", text);
    let parsed = parse(&mut sources, source, &mut NoIncludes);
    let (names, catalog) = (Names::new(), Catalog::of_nothing());
    let compiled =
        evaluate::compile(&sources, &parsed, &Options { names: &names, catalog: &catalog, zone: Zone::UTC });
    if let Some(wrong) = parsed.diagnostics.iter().chain(&compiled.diagnostics).next() {
        return Err(Failure::wrong(&wrong.message));
    }
    let mut batch = Batch::new();
    lower::batch(&compiled.commands, &compiled.catalog, &mut batch)
        .map_err(|failed| Failure::wrong(failed.error))?;
    Ok(batch)
}

/// Every destination is one of the inside's own.
fn configure(connection: &mut Connection) -> Result<(), Failure> {
    let lo = LinkId::named(1, "lo");
    connection.acknowledge(&Set { link: lo, change: &Change::up() })?;
    for (own, length, all) in
        [(IpAddr::V4(OWN_IPV4), 32, Prefix::ALL_IPV4), (IpAddr::V6(OWN_IPV6), 128, Prefix::ALL_IPV6)]
    {
        let mut address = Address::new(own, length).on(lo);
        address.flags = AddressFlags::NO_DUPLICATE_DETECTION;
        connection.acknowledge(&Add(&address))?;
        if own.is_ipv6() {
            // The kernel leaves it to a worker.
            let taken = Route::to(Prefix { address: own, length }).of_kind(RouteKind::LOCAL).dev(lo);
            connection.acknowledge(&Add(&taken))?;
        }
        let table = Table(1000);
        let route = Route::to(all).of_kind(RouteKind::LOCAL).dev(lo).table(table).preferred_source(own);
        connection.acknowledge(&Add(&route))?;
        connection.acknowledge(&Add(&RoutingRule::lookup(table).priority(32_800).family(Family::of(own))))?;
    }
    Ok(())
}
