//! Which process a packet came from: from its addresses to the socket, and from the socket to the process that has it open.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use netwright_route::Family;
use netwright_route::socket_diagnosis::{Destroy, Find, List, Socket, SocketState, Transport};
use netwright_sys::Connection;

use crate::{Process, Protocol};

/// Finds processes of one sandbox or control group. Any thread may ask; it takes tens of microseconds where the process had sockets before.
#[derive(Debug)]
pub struct Attribution(Mutex<Finder>);

impl Attribution {
    /// For the network namespace with this identity ([`netwright_sys::Namespace::identity`]), which `sockets`, of the protocol
    /// `NETLINK_SOCK_DIAG`, and the process `helper` are in.
    #[must_use]
    pub fn new(sockets: Connection, namespace: (u64, u64), helper: u32) -> Self {
        let processes = Processes { namespace, ..Processes::default() };
        Attribution(Mutex::new(Finder { sockets, helper, processes }))
    }

    /// For the processes of a control group of version 2 that has this directory, in the network namespace of the calling process, which
    /// `sockets` is in. Where no socket tells whose a packet is, the group's only process has sent it.
    #[must_use]
    pub fn of_group(sockets: Connection, namespace: (u64, u64), directory: PathBuf) -> Self {
        let processes = Processes { namespace, group: Some(directory), ..Processes::default() };
        Attribution(Mutex::new(Finder { sockets, helper: std::process::id(), processes }))
    }

    /// The process that sent a packet, where its socket is still open. Of a ping, the source's port is its identifier.
    #[must_use]
    pub fn process(
        &self,
        protocol: Protocol,
        source: SocketAddr,
        destination: SocketAddr,
    ) -> Option<Process> {
        let mut finder = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Finder { sockets, helper, processes } = &mut *finder;
        let owner =
            inode(sockets, *helper, protocol, source, destination).and_then(|inode| processes.owner(inode));
        if owner.is_some() || processes.group.is_none() {
            return owner;
        }
        let led_here = inodes_from(sockets, protocol, source);
        led_here.into_iter().find_map(|inode| processes.owner(inode)).or_else(|| processes.only())
    }

    /// The sockets of a control group's processes, with their own addresses.
    pub(crate) fn sockets_of(&self, group: &Path) -> Vec<(Protocol, SocketAddr)> {
        self.all_of(group).into_iter().map(|(protocol, socket)| (protocol, socket.local)).collect()
    }

    /// Its TCP connections: their own ends and the other ones, by the families that their packets have.
    pub(crate) fn connections_of(&self, group: &Path) -> Vec<(SocketAddr, SocketAddr)> {
        let canonical = |end: SocketAddr| SocketAddr::new(end.ip().to_canonical(), end.port());
        let is_connected =
            |socket: &Socket| !matches!(socket.state, SocketState::LISTENING | SocketState::CLOSED);
        let all = self.all_of(group).into_iter().filter(|(protocol, _)| *protocol == Protocol::Tcp);
        let connected = all.filter(|(_, socket)| is_connected(socket));
        connected.map(|(_, socket)| (canonical(socket.local), canonical(socket.remote))).collect()
    }

    fn all_of(&self, group: &Path) -> Vec<(Protocol, Socket)> {
        let owned: HashSet<u32> = processes_of(group).into_iter().flat_map(sockets_of_process).collect();
        let sockets = &mut self.0.lock().unwrap_or_else(PoisonError::into_inner).sockets;
        let mut found = Vec::new();
        for (protocol, transport) in [(Protocol::Tcp, Transport::TCP), (Protocol::Udp, Transport::UDP)] {
            for family in [Family::IPV4, Family::IPV6] {
                let all = sockets.dump_all(&List { family, transport }).unwrap_or_default();
                let own = all.into_iter().filter(|socket| owned.contains(&socket.inode));
                found.extend(own.map(|socket| (protocol, socket)));
            }
        }
        found
    }

    /// Ends a connected socket, where the kernel can.
    pub(crate) fn end(&self, protocol: Protocol, source: SocketAddr, destination: SocketAddr) {
        let Some(transport) = transport(protocol) else { return };
        let mut finder = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let end = Destroy { transport, local: source, remote: destination };
        // Where there is none, as with datagrams to many, or the kernel cannot, what is sent is refused all the same.
        let _ = finder.sockets.acknowledge(&end);
    }
}

#[derive(Debug)]
struct Finder {
    sockets: Connection,
    helper: u32,
    processes: Processes,
}

fn inode(
    sockets: &mut Connection,
    helper: u32,
    protocol: Protocol,
    source: SocketAddr,
    destination: SocketAddr,
) -> Option<u32> {
    let Some(transport) = transport(protocol) else { return ping_inode(helper, source) };
    let socket = sockets.query(&Find { transport, local: source, remote: destination }).ok()?;
    (socket.inode != 0).then_some(socket.inode)
}

/// The sockets that can have sent something from here, wherever to: what the filter leads elsewhere arrives there with another
/// destination than its socket knows.
fn inodes_from(sockets: &mut Connection, protocol: Protocol, source: SocketAddr) -> Vec<u32> {
    let Some(transport) = transport(protocol) else { return Vec::new() };
    let is_source = |socket: &Socket| {
        let ip = socket.local.ip().to_canonical();
        let port = socket.local.port();
        port == source.port() && socket.inode != 0 && (ip == source.ip() || ip.is_unspecified())
    };
    // IPv6 sockets speak IPv4, too
    let families = if source.is_ipv4() { &[Family::IPV4, Family::IPV6][..] } else { &[Family::IPV6] };
    let all =
        families.iter().flat_map(|&family| sockets.dump_all(&List { family, transport }).unwrap_or_default());
    all.filter(is_source).map(|socket| socket.inode).collect()
}

fn transport(protocol: Protocol) -> Option<Transport> {
    match protocol {
        Protocol::Tcp => Some(Transport::TCP),
        Protocol::Udp => Some(Transport::UDP),
        Protocol::Icmp => None,
    }
}

/// Sockets of pings are in a list of text alone.
fn ping_inode(helper: u32, source: SocketAddr) -> Option<u32> {
    let file = if source.is_ipv4() { "icmp" } else { "icmp6" };
    let list = fs::read_to_string(format!("/proc/{helper}/net/{file}")).ok()?;
    list.lines().skip(1).find_map(|line| ping_socket(line, source.port()))
}

/// The inode in a line of `/proc/net/icmp`, where the socket's identifier is this one.
fn ping_socket(line: &str, identifier: u16) -> Option<u32> {
    const LOCAL: usize = 1;
    const INODE: usize = 9;
    let (_, port) = line.split_whitespace().nth(LOCAL)?.rsplit_once(':')?;
    let fits = u16::from_str_radix(port, 16) == Ok(identifier);
    line.split_whitespace().nth(INODE).filter(|_| fits)?.parse().ok()
}

/// More sockets than this are not remembered.
const SOCKETS: usize = 1 << 16;
/// More processes than this are not looked at before all others.
const RECENT: usize = 16;
/// In a second, looking through processes takes no longer than this: a flood of packets costs the packets' names only.
const BUDGET: Duration = Duration::from_millis(250);

/// Who has which sockets open.
#[derive(Debug, Default)]
struct Processes {
    namespace: (u64, u64),
    /// Where they are listed, if not among all.
    group: Option<PathBuf>,
    /// Processes by the inodes of sockets.
    owners: HashMap<u32, u32>,
    /// Processes that sockets were found in, the last one first.
    recent: VecDeque<u32>,
    second: Option<Instant>,
    spent: Duration,
}

impl Processes {
    fn owner(&mut self, inode: u32) -> Option<Process> {
        if let Some(process) = self.owners.get(&inode).and_then(|&id| Process::of(id)) {
            return Some(process);
        }
        let begin = Instant::now();
        if self.second.is_none_or(|second| begin.duration_since(second) > Duration::from_secs(1)) {
            (self.second, self.spent) = (Some(begin), Duration::ZERO);
        }
        if self.spent > BUDGET {
            return None;
        }
        let found = self.search(inode);
        self.spent += begin.elapsed();
        Process::of(found?)
    }

    fn search(&mut self, inode: u32) -> Option<u32> {
        let recent: Vec<u32> = self.recent.iter().copied().collect();
        let found = recent.iter().copied().find(|&id| self.look_into(id, inode)).or_else(|| {
            let others = self.ids().into_iter().filter(|id| !recent.contains(id));
            others.into_iter().find(|&id| self.look_into(id, inode))
        })?;
        self.recent.retain(|&id| id != found);
        self.recent.truncate(RECENT - 1);
        self.recent.push_front(found);
        Some(found)
    }

    /// The youngest first: what was started last is what is busy.
    fn ids(&self) -> Vec<u32> {
        let mut ids = self.group.as_deref().map_or_else(all_processes, processes_of);
        ids.sort_unstable_by(|a, b| b.cmp(a));
        ids
    }

    /// The process that is alone in its group.
    fn only(&self) -> Option<Process> {
        match processes_of(self.group.as_deref()?)[..] {
            [id] => Process::of(id),
            _ => None,
        }
    }

    /// Whether a process of the sandbox has the socket; its other sockets are remembered, too.
    fn look_into(&mut self, id: u32, inode: u32) -> bool {
        let process = Path::new("/proc").join(id.to_string());
        if namespace_of(&process) != Some(self.namespace) {
            return false;
        }
        let mut found = false;
        for socket in sockets_of_process(id) {
            if self.owners.len() >= SOCKETS {
                self.owners.clear();
            }
            self.owners.insert(socket, id);
            found |= socket == inode;
        }
        found
    }
}

/// All processes that there are.
pub(crate) fn all_processes() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The processes of a control group of version 2 and of those below it.
pub(crate) fn processes_of(directory: &Path) -> Vec<u32> {
    let list = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
    let mut ids: Vec<u32> = list.lines().filter_map(|line| line.parse().ok()).collect();
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let below = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    ids.extend(below.flat_map(|entry| processes_of(&entry.path())));
    ids
}

/// The identity of a process's network namespace.
pub(crate) fn namespace_of(process: &Path) -> Option<(u64, u64)> {
    let stat = rustix::fs::stat(process.join("ns/net")).ok()?;
    Some((stat.st_dev, stat.st_ino))
}

/// The numbers of a process's sockets.
pub(crate) fn sockets_of_process(id: u32) -> Vec<u32> {
    let descriptors = fs::read_dir(format!("/proc/{id}/fd")).into_iter().flatten().flatten();
    descriptors.filter_map(|entry| socket_inode(&fs::read_link(entry.path()).ok()?)).collect()
}

/// The number in `socket:[4711]`.
pub(crate) fn socket_inode(link: &Path) -> Option<u32> {
    link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

impl Process {
    /// The process of a number, if it is there.
    pub(crate) fn of(id: u32) -> Option<Process> {
        let command = fs::read(format!("/proc/{id}/comm")).ok()?;
        Some(Process { id, command: String::from_utf8_lossy(command.trim_ascii_end()).into_owned() })
    }
}

#[cfg(test)]
mod tests;
