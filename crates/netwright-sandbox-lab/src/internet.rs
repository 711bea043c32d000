//! A simulated internet: a host with an uplink, and everything behind it in one namespace.
//!
//! The namespace behind the uplink holds every address there is (a local default route), so that every packet that
//! leaves the host arrives somewhere: servers on well-known ports answer at every address, and a [`Capture`] on the
//! uplink keeps all that the host sent. What got out of a sandbox is told by them, never by the program inside.

mod capture;
mod crowd;
pub mod dns;
mod http;
mod local;
mod postgres;
mod record;
mod running;
mod tcp;
mod udp;
pub mod zone;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netwright_route::route::{Lookup, RouteKind};
use netwright_route::{Add, Route, Table};

use netwright_lab::{Failure, Lab, Node, wait_until};

pub use capture::{Capture, Packet};
pub use crowd::CROWD_PORT;
pub use http::serve_files;
pub use local::{ABSTRACT, ECHO_PORT, HostServers, SharedSockets, WEB_PORT};
pub use postgres::ANSWER as DATABASE_ANSWER;
pub use record::{Record, Seen};

/// The host's addresses on its uplink.
pub const HOST: [IpAddr; 2] = [v4(10, 77, 0, 2), v6(0x77, 2)];
/// The first router's addresses.
pub const ROUTER: [IpAddr; 2] = [v4(10, 77, 0, 1), v6(0x77, 1)];
/// The host's name servers, which answer for all names of [`zone::RECORDS`].
pub const NAME_SERVERS: [IpAddr; 2] = [v4(198, 51, 100, 53), v6(0x53, 0x53)];
/// Name servers that anybody may ask, and that no policy of the suite allows.
pub const OTHER_NAME_SERVERS: [IpAddr; 5] = [
    v4(8, 8, 8, 8),
    v4(1, 1, 1, 1),
    v4(203, 0, 113, 53),
    v6(0xbad, 0x53),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8888)),
];
/// Where `good.example.org` is.
pub const GOOD: [IpAddr; 2] = [v4(198, 51, 100, 10), v6(0x10, 0x10)];
/// Where `evil.example.net` is, which no policy allows.
pub const EVIL: [IpAddr; 2] = [v4(203, 0, 113, 66), v6(0xbad, 0x66)];
/// A private network behind the router.
pub const PRIVATE: IpAddr = v4(10, 66, 0, 1);
/// The metadata service of clouds.
pub const METADATA: IpAddr = v4(169, 254, 169, 254);

const fn v4(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

/// An address of the documentation prefix 2001:db8::/32.
const fn v6(network: u16, host: u16) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, network, 0, 0, 0, 0, host))
}

/// The internet behind a lab's host.
#[derive(Debug)]
pub struct Internet {
    /// The namespace behind the uplink.
    pub node: Node,
    /// What the servers saw.
    pub record: Record,
    capture: Capture,
    _servers: Vec<running::Running>,
}

impl Internet {
    /// Connects the host by `eth0` and starts all servers.
    pub fn behind(lab: &mut Lab) -> Result<Self, Failure> {
        let mut node = lab.node("internet")?;
        let quiet = |node: &Node| -> Result<(), Failure> {
            let settings = netwright_sys::Sysctl::new(node.namespace());
            settings.write(&["ipv6", "conf", "default", "router_solicitations"], 0)?;
            settings.write(&["ipv6", "conf", "default", "dad_transmits"], 0)?;
            Ok(settings.write(&["ipv6", "conf", "default", "accept_ra"], 0)?)
        };
        quiet(&lab.host)?;
        quiet(&node)?;
        lab.host.connect("eth0", &mut node, "eth0")?;
        for (node, addresses) in [(&mut lab.host, HOST), (&mut node, ROUTER)] {
            for address in addresses {
                let length = if address.is_ipv4() { 24 } else { 64 };
                node.address("eth0", &format!("{address}/{length}"))?;
            }
        }
        for router in ROUTER {
            lab.host.route("default", &router.to_string())?;
        }
        // Before the kernel has a route to each other's addresses, which it adds some time after a link comes up, an answer would end at the route to
        // everything.
        for (node, addresses) in [(&mut lab.host, ROUTER), (&mut node, HOST)] {
            for address in addresses {
                wait_until("there is a route between the host and its router", || {
                    let lookup = Lookup { as_in_table: true, ..Lookup::to(address) };
                    let route = node.look(&lookup).ok();
                    Ok(route.filter(|route| route.kind == RouteKind::UNICAST && !route.is_default()))
                })?;
            }
        }
        let loopback = node.link("lo")?;
        for everything in ["0.0.0.0/0", "::/0"] {
            let mut route = Route::to(everything.parse()?).of_kind(RouteKind::LOCAL).dev(loopback);
            // Not in the table of local addresses, which comes before the route back to the host.
            route.table = Some(Table::MAIN);
            node.request(&Add(&route))?;
        }
        netwright_sys::Sysctl::new(node.namespace()).write(&["ipv4", "ip_unprivileged_port_start"], 0)?;
        // Servers for datagrams listen at single addresses, since they answer from them.
        for family in ["ipv4", "ipv6"] {
            netwright_sys::Sysctl::new(node.namespace()).write(&[family, "ip_nonlocal_bind"], 1)?;
        }
        let record = Record::default();
        let capture = Capture::start(&mut node)?;
        let servers = vec![
            node.run(|| tcp::serve(&record))??,
            node.run(|| udp::serve(&record))??,
            node.run(crowd::serve)??,
        ];
        capture.ready()?;
        Ok(Internet { node, record, capture, _servers: servers })
    }

    /// All packets that the host sent until now, but for those of its own neighbour discovery. To be called in the host's namespace.
    pub fn packets(&self) -> Result<Vec<Packet>, Failure> {
        self.capture.packets()
    }
}
