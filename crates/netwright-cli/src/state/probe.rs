//! What must still answer once a host file is applied.

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::str::FromStr;
use std::time::{Duration, Instant};

use netwright::Net;
use netwright::route::neighbour::NeighbourState;

use crate::ssh;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(100);

/// What must answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    /// The gateways of the default routes.
    Gateway,
    /// A server.
    Tcp(SocketAddr),
    /// The other end of this ssh session.
    Ssh,
}

impl FromStr for Probe {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "gateway" => Ok(Probe::Gateway),
            "ssh" => Ok(Probe::Ssh),
            other => match other.strip_prefix("tcp ").or_else(|| other.strip_prefix("tcp:")) {
                Some(address) => address.trim().parse().map(Probe::Tcp).map_err(|_| {
                    format!("`{}` is no address with a port, such as 192.0.2.1:22", address.trim())
                }),
                None => Err("it is `gateway`, `tcp ADDRESS:PORT` or `ssh`".to_owned()),
            },
        }
    }
}

impl Probe {
    /// Whether it answers; else why not.
    pub(crate) fn try_out(&self, net: &Net) -> Result<(), String> {
        match self {
            Probe::Gateway => gateway(net),
            Probe::Tcp(address) => net
                .namespace()
                .run(|| TcpStream::connect_timeout(address, PATIENCE))
                .map_err(|error| error.to_string())?
                .map(drop)
                .map_err(|error| format!("{address} does not answer: {error}")),
            Probe::Ssh => ssh_session(net),
        }
    }
}

/// Asks for the hardware address of each gateway anew, and waits for one to answer.
fn gateway(net: &Net) -> Result<(), String> {
    let routes = net.routes().list().map_err(|error| error.to_string())?;
    let default = routes.iter().filter(|route| route.is_default() && route.effective_table().0 == 254);
    let gateways: Vec<(IpAddr, u32)> = default
        .flat_map(|route| {
            let single = route.gateway.zip(route.link);
            single.into_iter().chain(route.next_hops.iter().filter_map(|hop| hop.gateway.zip(hop.link)))
        })
        .map(|(gateway, link)| (gateway, link.index))
        .collect();
    if gateways.is_empty() {
        return Err("there is no default route with a gateway".to_owned());
    }
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        for (gateway, _) in &gateways {
            // a datagram that nobody wants makes the kernel look for the neighbour
            let ask = || -> std::io::Result<()> {
                let any: IpAddr = if gateway.is_ipv4() { [0, 0, 0, 0].into() } else { [0_u16; 8].into() };
                let socket = std::net::UdpSocket::bind((any, 0))?;
                socket.send_to(&[0], (*gateway, 9)).map(drop)
            };
            let _ = net.namespace().run(ask);
        }
        let neighbours = net.neighbours().list().map_err(|error| error.to_string())?;
        let known = NeighbourState::REACHABLE | NeighbourState::PERMANENT | NeighbourState::NO_ARP;
        let answers = neighbours.iter().any(|found| {
            let asked = gateways
                .iter()
                .any(|(gateway, link)| found.destination == Some(*gateway) && found.link.index == *link);
            asked && found.state.intersects(known)
        });
        if answers {
            return Ok(());
        }
        std::thread::sleep(PAUSE);
    }
    let gateways: Vec<String> = gateways.iter().map(|(gateway, _)| gateway.to_string()).collect();
    Err(format!("no gateway answers: {}", gateways.join(", ")))
}

/// What this command has said must have been taken by the other end of its session.
fn ssh_session(net: &Net) -> Result<(), String> {
    let session = ssh::session().ok_or("this does not run in an ssh session")?;
    let start = Instant::now();
    let mut last = "the connection is gone".to_owned();
    while start.elapsed() < PATIENCE {
        match ssh::is_answered(net, &session) {
            Ok(true) => return Ok(()),
            Ok(false) => last = format!("{} does not take what is sent", session.client.ip()),
            Err(error) => last = error,
        }
        std::thread::sleep(PAUSE);
    }
    Err(last)
}
