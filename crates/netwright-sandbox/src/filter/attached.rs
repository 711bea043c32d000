//! The chains of a control group's filter in the namespace of the host.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::inside::detours;
use super::text::Text;
use super::{Attached, FilterOptions, rules};
use crate::constants::SUPERVISOR_MARK;
use crate::policy::{Policy, Undecided};

/// What the control group is called in the text: its number is known by this name.
pub(super) const GROUP: &str = "attached";

/// A set of flows of one family, told apart by both ends.
struct Flows {
    name: String,
    kind: String,
    /// Where the ends stand in a packet.
    tuple: String,
}

/// The sets of this name for IPv4 and IPv6, of flows of this protocol.
fn flows(name: &str, protocol: &str) -> [Flows; 2] {
    [("ipv4", "ip"), ("ipv6", "ip6")].map(|(family, header)| Flows {
        name: format!("{name}_{family}"),
        kind: format!("{family}_addr . inet_service . {family}_addr . inet_service"),
        tuple: format!("{header} saddr . {protocol} sport . {header} daddr . {protocol} dport"),
    })
}

/// Declares sets that packets fill, of what is forgotten after so many seconds.
fn filled(text: &mut Text, sets: &[Flows], seconds: u32) {
    for Flows { name, kind, .. } in sets {
        text.block(format_args!("set {name}"), |text| {
            text.line(format_args!("type {kind}"));
            text.line("flags dynamic, timeout");
            text.line(format_args!("timeout {seconds}s"));
            text.line("size 65535");
        });
    }
}

/// Connections whose first segment was refused.
fn told() -> [Flows; 2] {
    flows("told", "tcp")
}

/// Flows of datagrams that were let through. One that is silent for longer than the set remembers is judged anew.
fn opened() -> [Flows; 2] {
    flows("open", "udp")
}

/// Connections that were there before.
fn there_before() -> [Flows; 2] {
    flows("before", "tcp")
}

/// The refusal. A process that tries to connect is found only as long as it does, so the first segment is dropped and the supervisor answers
/// it. Where it cannot, the segment comes again a second later and is answered here.
pub(super) fn refused(text: &mut Text, log: &str) {
    let told = told();
    filled(text, &told, 10);
    text.chain("refused", |text| {
        text.lines(
            told.each_ref().map(|Flows { name, tuple, .. }| format!("{tuple} @{name} reject with tcp reset")),
        );
        text.line(log);
        text.lines(
            told.each_ref().map(|Flows { name, tuple, .. }| format!("add @{name} {{ {tuple} }} drop")),
        );
        text.line("meta l4proto tcp drop");
        text.line("reject with icmpx admin-prohibited");
    });
}

/// Where what is let through is noted. Where there is no room, nothing is noted, and what follows is judged anew.
pub(super) fn open(text: &mut Text) {
    filled(text, &opened(), 180);
}

/// Connections that were there before.
pub(super) fn before(text: &mut Text, connections: &[Ends]) {
    for (Flows { name, kind, .. }, ipv4) in there_before().into_iter().zip([true, false]) {
        let of_family = connections.iter().filter(|(own, _)| own.is_ipv4() == ipv4);
        let elements: BTreeSet<String> = of_family.map(|ends| element(*ends)).collect();
        text.block(format_args!("set {name}"), |text| {
            text.line(format_args!("type {kind}"));
            if !elements.is_empty() {
                let elements: Vec<String> = elements.into_iter().collect();
                text.line(format_args!("elements = {{ {} }}", elements.join(", ")));
            }
        });
    }
}

/// The text that takes away one of those.
pub(super) fn forgotten(table: &str, ends: Ends) -> String {
    let [ipv4, ipv6] = there_before();
    let name = if ends.0.is_ipv4() { ipv4.name } else { ipv6.name };
    format!("delete element inet {table} {name} {{ {} }}\n", element(ends))
}

/// Its own end, and the other one.
type Ends = (SocketAddr, SocketAddr);

fn element((own, other): Ends) -> String {
    format!("{} . {} . {} . {}", own.ip(), own.port(), other.ip(), other.port())
}

/// The note of what is let through.
pub(super) fn noted() -> impl Iterator<Item = String> {
    opened().into_iter().map(|Flows { name, tuple, .. }| format!("update @{name} {{ {tuple} }}"))
}

/// The refusal of what has a source that is not the host's: nothing is answered, since the answer would leave for there.
pub(super) fn foreign(text: &mut Text, log: &str) {
    text.chain("foreign", |text| text.lines([log, "drop"]));
}

/// What goes to the host's loopback, which is the resolver and what rules for the host allow, and the name servers that are asked directly.
pub(super) fn own(text: &mut Text, policy: &Policy, options: &FilterOptions, to: &Attached) {
    text.chain("own", |text| {
        text.line(format_args!("meta l4proto {{ tcp, udp }} th dport {} accept", to.resolver));
        text.lines(rules::host(&policy.deny, true, "goto refused"));
        text.lines(rules::host(&policy.allow, false, "goto allowed"));
        text.line(if options.undecided == Undecided::Allow { "goto allowed" } else { "goto refused" });
    });
    text.chain("questions", |text| {
        text.lines(rules::name_servers(policy));
        text.line(format_args!("meta l4proto {{ tcp, udp }} redirect to :{}", to.resolver));
    });
}

/// A link that is the loopback of those that belong to it. Links without a kind never match, so that it can only be an exception.
const IS_OWN_LOOPBACK: &str = "meta oifkind \"vrf\" ";

/// The hooks.
pub(super) fn chains(text: &mut Text, to: &Attached) {
    // What was made before its process came into the group has a mark.
    let group =
        [format!("socket cgroupv2 level {} \"{GROUP}\"", to.level), format!("socket mark {:#x}", to.mark())];
    // A socket that is bound to a link sends there what is for the host itself or from its loopback, with ports that the sender chose. What is
    // redirected to the resolver still has the link that it was meant for.
    text.chain("by_a_link", |text| {
        text.lines([IS_OWN_LOOPBACK.to_owned() + "return", "ct status & dnat != 0 return".to_owned()]);
        text.lines(
            ["ip saddr 127.0.0.0/8", "ip6 saddr ::1", "fib daddr type local"]
                .map(|own| format!("{own} goto foreign")),
        );
    });
    text.chain("attached", |text| {
        // Whatever answers a packet with another source would look like part of a flow that was opened from there.
        text.line("fib saddr type != local goto foreign");
        text.line("oifname != \"lo\" jump by_a_link");
        detours(text);
        // Answers to who came in, connections, and errors. What opens a connection is judged, and a flow of datagrams goes on where it was allowed:
        // that conntrack knows it may be due to another process of the host, which had the same port.
        text.line("ct state established ct direction reply accept");
        let goes_on = "tcp flags & (fin | syn | rst | ack) != syn";
        text.line(format_args!("ct state established {goes_on} accept"));
        text.lines(
            there_before().map(|Flows { name, tuple, .. }| format!("{goes_on} {tuple} @{name} accept")),
        );
        text.line("ct state established meta l4proto != { tcp, udp } accept");
        text.line("ct state related meta l4proto { icmp, icmpv6 } accept");
        text.lines(opened().map(|Flows { name, tuple, .. }| {
            format!("ct state established {tuple} @{name} update @{name} {{ {tuple} }} accept")
        }));
        text.lines(rules::LOOPBACK.map(|(_, place)| format!("{place} goto own")));
        text.line("goto decide");
    });
    text.chain("name_servers", |text| {
        text.line("type nat hook output priority dstnat; policy accept;");
        text.lines(
            group
                .iter()
                .map(|group| format!("meta l4proto {{ tcp, udp }} th dport 53 {group} goto questions")),
        );
    });
    text.chain("untracked", |text| {
        text.line("type filter hook output priority raw; policy accept;");
        text.line(format_args!("meta mark {SUPERVISOR_MARK:#x} meta l4proto tcp notrack"));
    });
    text.chain("output", |text| {
        text.line("type filter hook output priority filter; policy accept;");
        text.lines(group.iter().map(|group| format!("{group} goto attached")));
    });
    answers(text, to, &group);
    leaving(text, to);
}

/// Answers to what the group has asked. A datagram may have the source of a socket that somebody else has: a process is free to choose any address of the
/// host beside the port that it has at another one. What then comes back would tell whoever has that socket what was asked.
fn answers(text: &mut Text, to: &Attached, group: &[String]) {
    let resolver = ["ct reply ip saddr 127.0.0.1", "ct reply ip6 saddr ::1"];
    let resolver = resolver.map(|saddr| format!("{saddr} ct reply proto-src {}", to.resolver));
    let opened = opened().into_iter().zip(["ip", "ip6"]).map(|(Flows { name, .. }, header)| {
        format!("{header} daddr . udp dport . ct reply {header} saddr . ct reply proto-src @{name}")
    });
    let answers: Vec<String> = resolver.into_iter().chain(opened).collect();
    text.chain("answers", |text| {
        text.line("type filter hook input priority filter; policy accept;");
        text.lines(["meta l4proto != udp accept", "ct direction original accept"]);
        for answer in answers {
            text.lines(group.iter().map(|group| format!("{answer} {group} accept")));
            text.line(format_args!("{answer} drop"));
        }
    });
}

/// What leaves by a link although it is for the loopback. The kernel answers without a socket, and so for nobody's group, what comes for a connection that
/// has ended; and as what is sent to an address of a link counts as having come by that link, its answer to ::1 leaves there, where nobody may take it (RFC
/// 4291, 2.5.3). Questions whose socket is bound to a link go there although they were redirected to the resolver.
fn leaving(text: &mut Text, to: &Attached) {
    text.chain("leaving", |text| {
        text.line("type filter hook postrouting priority filter; policy accept;");
        text.line("oifname \"lo\" accept");
        text.line(format_args!("{IS_OWN_LOOPBACK}accept"));
        let to_resolver = format!("meta l4proto {{ tcp, udp }} th dport {}", to.resolver);
        text.lines(["ip daddr 127.0.0.0/8", "ip6 daddr ::1"].map(|own| format!("{own} {to_resolver} drop")));
        text.line("ct status & dnat != 0 accept"); // the host's own translation, which may give it another source later
        text.lines(["ip6 daddr ::1 drop", "ip6 saddr ::1 drop"]);
    });
}
