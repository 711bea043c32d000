//! From what the relay reports to events: who it was, by which name the address is known, and why it was refused.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use netwright_confine::{RefusedSocket, SocketReporter};

use crate::own::OwnAddresses;
use crate::relay::{Packet, Report, Reporter};
use crate::resolver::KnownNames;
use crate::{
    Action, AddressKind, Attribution, Decision, Destination, Event, FileUse, Policy, Process, Protocol, Rule,
};

/// Makes events of reports.
#[derive(Debug)]
pub(crate) struct Reports {
    attribution: Attribution,
    own: OwnAddresses,
    policy: Mutex<Arc<Policy>>,
    /// Known as soon as there is a resolver.
    names: OnceLock<Arc<KnownNames>>,
    events: Sender<Event>,
}

impl Reports {
    pub(crate) fn new(
        attribution: Attribution,
        own: OwnAddresses,
        policy: Policy,
        events: Sender<Event>,
    ) -> Arc<Self> {
        let policy = Mutex::new(Arc::new(policy));
        Arc::new(Reports { attribution, own, policy, names: OnceLock::new(), events })
    }

    /// What a relay reports to.
    pub(crate) fn reporter(self: &Arc<Self>) -> Reporter {
        let reports = Arc::clone(self);
        Reporter::new(move |report| reports.hear(report))
    }

    /// Finds processes for the resolver, which sends events by itself.
    pub(crate) fn process(
        &self,
        protocol: Protocol,
        source: SocketAddr,
        destination: SocketAddr,
    ) -> Option<Process> {
        self.attribution.process(protocol, source, destination)
    }

    pub(crate) fn know(&self, names: Arc<KnownNames>) {
        let _ = self.names.set(names); // there is one resolver
    }

    pub(crate) fn policy_changed(&self, policy: Policy) {
        *self.policy.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
    }

    /// Tells of sockets of the file system that were refused. What the command leaves running may be refused some when nobody hears of it any more.
    pub(crate) fn socket_reporter(self: &Arc<Self>) -> SocketReporter {
        let reports = Arc::downgrade(self);
        SocketReporter::new(move |RefusedSocket { process, path }| {
            let Some(reports) = reports.upgrade() else { return };
            if NAME_SERVICES.iter().any(|service| path.starts_with(service)) {
                return;
            }
            let event = Event {
                process: Process::of(process),
                path: Some(path),
                ..Event::new(Action::Blocked, SOCKET)
            };
            reports.tell(event);
        })
    }

    /// Tells of a file that was used, or not to be used.
    pub(crate) fn file(&self, action: Action, process: u32, path: PathBuf, file_use: FileUse) {
        let reason = match (action, file_use) {
            (Action::Blocked, FileUse::Read) => "it is not among what may be read",
            (Action::Blocked, FileUse::Write) => "it is not among what may be written",
            _ => "files are not confined while it is learned which ones are used",
        };
        self.tell(Event {
            process: Process::of(process),
            path: Some(path),
            file_use: Some(file_use),
            ..Event::new(action, reason)
        });
    }

    /// Tells that a process went out of the control group that a policy binds.
    pub(crate) fn left_the_group(&self, process: u32, is_back: bool) {
        let reason = match is_back {
            true => {
                "it left the control group that the policy binds, and was put back: what it sent meanwhile was not bound"
            }
            false => {
                "it left the control group that the policy binds, and could not be put back: it is not bound any more"
            }
        };
        self.tell(Event { process: Process::of(process), ..Event::new(Action::Failed, reason) });
    }

    /// Tells of a process with sockets that the policy does not bind.
    pub(crate) fn has_unbound_sockets(&self, process: u32) {
        const REASON: &str = "it has sockets that the policy does not bind, as they have marks of their own (SO_MARK) or cannot be reached";
        self.tell(Event { process: Process::of(process), ..Event::new(Action::Failed, REASON) });
    }

    /// Tells that what crashes leaves the sandbox.
    pub(crate) fn core_dumps_leave(&self, socket: &str) {
        self.tell(Event::new(
            Action::Failed,
            format!("when something crashes inside, the kernel tells the program outside that listens at {socket}, with its memory (kernel.core_pattern)"),
        ));
    }

    /// What there is to say of a packet that no rule decides about, as if it were refused.
    pub(crate) fn undecided(&self, packet: &Packet<'_>) -> Event {
        self.of_packet(Action::Blocked, packet)
    }

    /// Whether a name that an address was given out for lets it through.
    pub(crate) fn allows_by_name(&self, policy: &Policy, protocol: Protocol, to: SocketAddr) -> bool {
        let address = to.ip().to_canonical();
        let names = self.names.get().map(|names| names.all_of(address)).unwrap_or_default();
        names.into_iter().any(|name| {
            let by_name = Destination { name: Some(name), address: Some(address), port: to.port(), protocol };
            matches!(policy.decide(&by_name), Decision::Allowed(_))
        })
    }

    /// Tells that flows that the policy does not allow any more may be open.
    pub(crate) fn cannot_cut(&self, error: &netwright_sys::Error) {
        let reason = format!("what was open before the policy changed may still be: {error}");
        self.tell(Event::new(Action::Failed, reason));
    }

    /// The sockets of a control group's processes.
    pub(crate) fn sockets_of(&self, group: &Path) -> Vec<(Protocol, SocketAddr)> {
        self.attribution.sockets_of(group)
    }

    /// Ends a socket, and tells of it.
    pub(crate) fn cut(&self, protocol: Protocol, source: SocketAddr, destination: SocketAddr) {
        self.hear(Report::Cut { protocol, source, destination });
        self.attribution.end(protocol, source, destination);
    }

    pub(crate) fn tell(&self, event: Event) {
        let _ = self.events.send(event); // nobody may listen any more
    }

    pub(crate) fn hear(&self, report: Report<'_>) {
        let event = match report {
            Report::Refused(packet) => self.of_packet(Action::Blocked, &packet),
            Report::Seen(packet) => self.of_packet(Action::Allowed, &packet),
            Report::Unable { protocol, source, destination, reason } => {
                let process = self.process(protocol, source, destination);
                self.event(Action::Blocked, Some(protocol), destination, process, reason)
            }
            Report::Cut { protocol, source, destination } => {
                let process = self.process(protocol, source, destination);
                self.event(Action::Blocked, Some(protocol), destination, process, CUT.to_owned())
            }
            Report::Failed { protocol, source, destination, reason } => {
                let process = self.process(protocol, source, destination);
                let reason = if is_link_local(destination) { NO_LINK.to_owned() } else { reason };
                self.event(Action::Failed, Some(protocol), destination, process, reason)
            }
        };
        self.tell(event);
    }

    fn of_packet(&self, action: Action, packet: &Packet<'_>) -> Event {
        let (protocol, destination) = (packet.protocol(), packet.destination());
        let process = protocol.and_then(|protocol| self.process(protocol, packet.source(), destination));
        let mut event = self.event(action, protocol, destination, process, String::new());
        event.source = Some(packet.source().ip()).filter(|source| !self.own.has(*source));
        event.reason = match (action, protocol) {
            (Action::Blocked, _) if event.source.is_some() => FOREIGN.into(),
            (Action::Blocked, Some(protocol)) => self.why(&event, protocol),
            (Action::Blocked, None) => match packet.icmp_type() {
                Some(kind) => format!("no rule can allow ICMP messages of type {kind}"),
                None => format!("no rule can allow protocol {}", packet.protocol_number()),
            },
            _ => "a rule allows it".into(),
        };
        event
    }

    fn event(
        &self,
        action: Action,
        protocol: Option<Protocol>,
        destination: SocketAddr,
        process: Option<Process>,
        reason: String,
    ) -> Event {
        let address = destination.ip().to_canonical();
        let has_port = matches!(protocol, Some(Protocol::Tcp | Protocol::Udp));
        Event {
            process,
            name: self.names.get().and_then(|names| names.of(address)),
            address: Some(address),
            port: has_port.then_some(destination.port()),
            protocol,
            ..Event::new(action, reason)
        }
    }

    /// Why the filter refused it, from the policy that it was made of.
    pub(crate) fn why(&self, event: &Event, protocol: Protocol) -> String {
        let policy = Arc::clone(&self.policy.lock().unwrap_or_else(PoisonError::into_inner));
        let destination = Destination {
            name: event.name.clone(),
            address: event.address,
            port: event.port.unwrap_or_default(),
            protocol,
        };
        match policy.decide(&destination) {
            Decision::Unmatched if policy.is_too_near(&destination) => {
                format!("it is {}, which `internet` leaves out", AddressKind::Local)
            }
            decision => why(&policy, decision),
        }
    }
}

/// Sockets of services by which libraries find names and users, and without which they find them all the same: nobody wants to hear of them.
const NAME_SERVICES: [&str; 4] =
    ["/run/nscd", "/run/systemd/resolve", "/run/systemd/userdb", "/var/run/nscd"];
/// Why a socket of the file system is refused.
const SOCKET: &str = "it is a socket of others, which must be named";
/// Why a connection or flow ended that was open.
const CUT: &str = "the changed policy does not allow it any more, so it was cut";
/// Why something is refused wherever it goes.
const FOREIGN: &str = "its source is not one of its own addresses";
/// Why nothing is carried to where only neighbours on a link are.
const NO_LINK: &str = "it is a link-local address, and a sandbox has none of the host's links";

fn is_link_local(destination: SocketAddr) -> bool {
    matches!(destination.ip(), IpAddr::V6(address) if address.is_unicast_link_local())
}

/// The end of a sentence that says why something is refused.
fn why(policy: &Policy, decision: Decision) -> String {
    let rule = |rule: Option<&Rule>| rule.map(|rule| format!(" `{rule}`")).unwrap_or_default();
    match decision {
        Decision::Denied(place) => format!("the rule{} denies it", rule(policy.deny.get(place))),
        Decision::Unmatched => "no rule allows it".into(),
        Decision::Special(kind) => format!("it is {kind}, which a rule must name"),
        Decision::PublicResolver => "it is a public name server, which a rule must name".into(),
        Decision::NameServerPort => {
            "the port is a name server's, which a rule must list with the address".into()
        }
        Decision::Allowed(place) => {
            format!(
                "the rule{} allows its name, whose answers did not lead there lately",
                rule(policy.allow.get(place))
            )
        }
        Decision::Own => "it is one of the sandbox's own".into(),
    }
}
