//! Servers on the host itself, which nothing in a sandbox may reach unless it is allowed to.

use std::io::Read;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::running::Running;
use super::tcp::{Service, echo, start};
use super::{HOST, Record, http};
use netwright_lab::Failure;

/// Port of the echo servers on the host's loopback and uplink addresses, over TCP and UDP.
pub const ECHO_PORT: u16 = 7777;
/// Port of the web servers there.
pub const WEB_PORT: u16 = 7780;
/// Name of the host's abstract sockets: for streams, and with `-datagram` behind it.
pub const ABSTRACT: &str = "netwright-lab";

/// Servers on a host's addresses and abstract names, which belong to its network namespace.
#[derive(Debug)]
pub struct HostServers {
    _running: Vec<Running>,
}

impl HostServers {
    /// Starts them in the namespace of the calling thread.
    pub fn start(record: &Record) -> Result<Self, Failure> {
        let addresses = ["127.0.0.1".parse()?, "::1".parse()?].into_iter().chain(HOST);
        let (mut listeners, mut sockets) = (Vec::<(_, Service)>::new(), Vec::new());
        for address in addresses {
            listeners.push((TcpListener::bind((address, ECHO_PORT))?, echo));
            listeners.push((TcpListener::bind((address, WEB_PORT))?, http::serve));
            sockets.push(UdpSocket::bind((address, ECHO_PORT))?);
        }
        let streams = UnixListener::bind_addr(&SocketAddr::from_abstract_name(ABSTRACT)?)?;
        let name = format!("{ABSTRACT}-datagram");
        let packets = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
        let running = vec![
            start(listeners, record)?,
            datagrams(sockets, record)?,
            unix_streams(streams, format!("@{ABSTRACT}"), record)?,
            unix_datagrams(packets, format!("@{name}"), record)?,
        ];
        Ok(HostServers { _running: running })
    }
}

/// Sockets in the file system, which all labs of this process share: what came to them is told apart by its contents.
#[derive(Clone, Debug)]
pub struct SharedSockets {
    /// What they saw.
    pub record: Record,
    _running: Arc<Vec<Running>>,
}

impl SharedSockets {
    /// Listens at all paths, for datagrams where a path says `datagram` or `journal`. Folders that are missing are made.
    pub fn listen<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Result<Self, Failure> {
        let (record, mut running) = (Record::default(), Vec::new());
        for path in paths {
            let path = path.as_ref();
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let _ = std::fs::remove_file(path);
            let shown = path.display().to_string();
            running.push(if shown.contains("datagram") || shown.contains("journal") {
                unix_datagrams(UnixDatagram::bind(path)?, shown, &record)?
            } else {
                unix_streams(UnixListener::bind(path)?, shown, &record)?
            });
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666))?;
        }
        Ok(SharedSockets { record, _running: Arc::new(running) })
    }
}

fn datagrams(sockets: Vec<UdpSocket>, record: &Record) -> Result<Running, Failure> {
    let (record, mut buffer) = (record.clone(), [0; 2048]);
    Ok(Running::start("host-datagrams", sockets, move |socket| {
        let (Ok(at), Ok((length, from))) = (socket.local_addr(), socket.recv_from(&mut buffer)) else {
            return;
        };
        let payload = buffer.get(..length).unwrap_or_default();
        record.bytes("host udp", at, payload);
        let _ = socket.send_to(payload, from);
    })?)
}

fn unix_datagrams(socket: UnixDatagram, at: String, record: &Record) -> Result<Running, Failure> {
    let (record, mut buffer) = (record.clone(), [0; 2048]);
    Ok(Running::start("unix-datagrams", vec![socket], move |socket| {
        let length = socket.recv(&mut buffer).unwrap_or_default();
        record.bytes("unix datagram", &at, buffer.get(..length).unwrap_or_default());
    })?)
}

fn unix_streams(listener: UnixListener, at: String, record: &Record) -> Result<Running, Failure> {
    /// How long a client may think before it says anything.
    const SILENCE: Duration = Duration::from_secs(2);
    let record = record.clone();
    Ok(Running::start("unix-streams", vec![listener], move |listener| {
        let Ok((mut connection, _)) = listener.accept() else { return };
        let mut buffer = [0; 256];
        let _ = connection.set_read_timeout(Some(SILENCE));
        let length = connection.read(&mut buffer).unwrap_or_default();
        record.bytes("unix stream", &at, buffer.get(..length).unwrap_or_default());
    })?)
}
