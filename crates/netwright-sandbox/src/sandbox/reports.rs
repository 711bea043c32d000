//! From what the relay reports to events: who it was, by which name the address is known, and why it was refused.

use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use crate::relay::{Packet, Report, Reporter};
use crate::resolver::KnownNames;
use crate::{Action, Attribution, Decision, Destination, Event, Policy, Process, Protocol, Rule};

/// Makes events of reports.
#[derive(Debug)]
pub(crate) struct Reports {
    attribution: Attribution,
    policy: Mutex<Arc<Policy>>,
    /// Known as soon as there is a resolver.
    names: OnceLock<Arc<KnownNames>>,
    events: Sender<Event>,
}

impl Reports {
    pub(crate) fn new(attribution: Attribution, policy: Policy, events: Sender<Event>) -> Arc<Self> {
        let policy = Mutex::new(Arc::new(policy));
        Arc::new(Reports { attribution, policy, names: OnceLock::new(), events })
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

    /// What there is to say of a packet that no rule decides about, as if it were refused.
    pub(crate) fn undecided(&self, packet: &Packet<'_>) -> Event {
        self.of_packet(Action::Blocked, packet)
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
        event.reason = match (action, protocol) {
            (Action::Blocked, Some(protocol)) => self.why(&event, protocol),
            (Action::Blocked, None) => {
                format!("no rule can allow protocol {}", packet.protocol_number())
            }
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
            time: SystemTime::now(),
            action,
            process,
            name: self.names.get().and_then(|names| names.of(address)),
            address: Some(address),
            port: has_port.then_some(destination.port()),
            protocol,
            reason,
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
        why(&policy, policy.decide(&destination))
    }
}

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
