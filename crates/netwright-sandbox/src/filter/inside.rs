//! The chains of a sandbox's own namespace.

use std::net::IpAddr;

use super::text::Text;
use super::{FilterOptions, Listeners, Mode, rules};
use crate::constants::{
    ALLOWED_FLOW, ASKED_GROUP, ASKED_MARK, HELD_GROUP, PING_GROUP, PING_MARK, RESOLVER, SUPERVISOR_MARK,
};
use crate::policy::Policy;

/// IPv4 options and the IPv6 header by which a packet goes elsewhere than its destination says (RFC 791, RFC 8200). Nothing of today
/// uses any option of IPv4.
const DETOURS: [&str; 2] = ["ip hdrlength > 5", "exthdr rt exists"];
/// A port without a transparent listener, so that `tproxy` finds connections alone.
const NOBODY_LISTENS: u16 = 1;

/// The hooks.
pub(super) fn chains(text: &mut Text, options: &FilterOptions) {
    untracked(text, "prerouting", "iifname");
    untracked(text, "output", "oifname");
    output(text, options);
    if matches!(options.mode, Mode::Nat(_)) {
        input(text);
    }
    // Containers of the command's own have their own way out, or none.
    text.chain("forward", |text| text.line("type filter hook forward priority filter; policy drop;"));
    if options.listeners().is_some() {
        prerouting(text, options);
        if matches!(options.mode, Mode::Nat(_)) {
            echo_requests(text, options);
            leaving(text);
        }
    }
}

/// Where packets leave by a link, the supervisor carries echo requests all the same: what they contain stays inside. A mark leads
/// them to the loopback.
fn echo_requests(text: &mut Text, options: &FilterOptions) {
    text.chain("unchanged", |text| text.line("accept"));
    text.chain("echo_requests", |text| {
        text.line("type route hook output priority mangle; policy accept;");
        text.line("meta l4proto tcp accept"); // most of what there is, and first for that reason
        text.line("meta mark != 0 accept");
        text.lines(to_own(options, "unchanged"));
        for echo in [rules::echo(true), rules::echo(false)] {
            text.line(format_args!("{echo} meta mark set {PING_MARK:#x}"));
        }
    });
}

/// What the supervisor is to carry, and what somebody is asked about first, is led to the loopback by its mark; but a socket that is bound to the link sends it
/// there all the same.
fn leaving(text: &mut Text) {
    text.chain("leaving", |text| {
        text.line("type filter hook postrouting priority filter; policy accept;");
        text.line(format_args!("oifname != \"lo\" meta mark {{ {PING_MARK:#x}, {ASKED_MARK:#x} }} drop"));
    });
}

/// The refusal of packets with a route of their own.
pub(super) fn detours(text: &mut Text) {
    text.lines(DETOURS.map(|detour| format!("{detour} goto refused")));
}

/// The way of what is for the sandbox itself to a chain.
fn to_own(options: &FilterOptions, chain: &str) -> Vec<String> {
    let own = options.own.iter().map(|address| match address {
        IpAddr::V4(address) => format!("ip daddr {address}"),
        IpAddr::V6(address) => format!("ip6 daddr {address}"),
    });
    let loopback = rules::LOOPBACK.map(|(_, place)| place.to_owned());
    loopback.into_iter().chain(own).map(|place| format!("{place} goto {chain}")).collect()
}

/// On the loopback, TCP is judged by its first segment: all of it ends at a listener of the sandbox or of the supervisor, which knows its
/// connections.
fn untracked(text: &mut Text, hook: &str, link: &str) {
    text.chain(&format!("untracked_{hook}"), |text| {
        text.line(format_args!("type filter hook {hook} priority raw; policy accept;"));
        text.line(format_args!("{link} \"lo\" meta l4proto tcp notrack"));
    });
}

/// Refuses what has another source than the sandbox's own addresses. An ordinary user may give IPv6 packets any (`IPV6_FREEBIND`), and what
/// answers such a packet would be an answer in the eyes of conntrack, too.
fn sources(text: &mut Text, options: &FilterOptions) {
    for (family, loopback, ipv4) in [("ip", "127.0.0.0/8", true), ("ip6", "::1", false)] {
        let own = options.own.iter().filter(|address| address.is_ipv4() == ipv4).map(ToString::to_string);
        let own: Vec<String> = [loopback.to_owned()].into_iter().chain(own).collect();
        text.line(format_args!("{family} saddr != {{ {} }} goto refused", own.join(", ")));
    }
}

fn output(text: &mut Text, options: &FilterOptions) {
    let routes = matches!(options.mode, Mode::Nat(_));
    text.chain("output", |text| {
        // Where the mark that the rules set leads somewhere else, the route is looked for again by chains of this type alone.
        let kind = if options.asks() { "route" } else { "filter" };
        text.line(format_args!("type {kind} hook output priority filter; policy drop;"));
        // What the supervisor sends inside goes to the sandbox, or by the loopback to the supervisor.
        text.line(format_args!("meta mark {SUPERVISOR_MARK:#x} oifname \"lo\" accept"));
        text.line(format_args!("meta mark {SUPERVISOR_MARK:#x} drop"));
        // The kernel's own, to keep groups and neighbours known.
        text.line("meta l4proto igmp drop");
        text.line("icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report } drop");
        text.line("icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } drop");
        sources(text, options);
        detours(text);
        text.line("oifname \"lo\" tcp flags & (fin | syn | rst | ack) != syn accept");
        // That conntrack knows a flow says nothing: it may have been opened from the other side, or be an answer to something forged.
        text.line(format_args!("ct mark {ALLOWED_FLOW:#x} ct direction original accept"));
        text.line(related());
        if routes {
            // A socket that is bound to the link sends there what is for the loopback; the host might have use for it (route_localnet).
            text.lines(to_own(options, "refused").into_iter().map(|line| format!("oifname != \"lo\" {line}")));
        }
        text.lines(to_own(options, "own"));
        text.line("goto decide");
    });
}

/// Nothing comes in by the link but answers to what was let out.
fn input(text: &mut Text) {
    text.chain("input", |text| {
        text.line("type filter hook input priority filter; policy drop;");
        text.line("iifname \"lo\" accept");
        text.line(format_args!("ct mark {ALLOWED_FLOW:#x} ct direction reply accept"));
        text.line(related());
    });
}

/// ICMP errors about flows that were let out.
fn related() -> String {
    format!("ct mark {ALLOWED_FLOW:#x} ct state related meta l4proto {{ icmp, icmpv6 }} accept")
}

/// What goes to the sandbox itself: free, but for ports that lead to the host.
pub(super) fn own(text: &mut Text, policy: &Policy, options: &FilterOptions) {
    let listeners = options.listeners();
    text.chain("own", |text| {
        text.line(format_args!("ip daddr {RESOLVER} accept"));
        if let Some(Listeners { ipv4, ipv6 }) = listeners {
            // They take a packet's destination for where it was to go, so nothing is sent to them directly.
            // Of the other family the same port may be one of the command's own.
            for (family, port) in [("ipv4", ipv4), ("ipv6", ipv6)] {
                text.line(format_args!(
                    "meta nfproto {family} meta l4proto {{ tcp, udp }} th dport {port} goto refused"
                ));
            }
        }
        text.lines(rules::host(&policy.deny, true, "goto refused"));
        let verdict = if listeners.is_some() { "goto relayed" } else { "goto refused" };
        text.lines(rules::host(&policy.allow, false, verdict));
        text.line("accept");
    });
    if listeners.is_some() {
        text.chain("arrived", |text| {
            text.line(format_args!("ip daddr {RESOLVER} accept"));
            text.lines(rules::host(&policy.allow, false, "goto redirected"));
            text.line("accept");
        });
    }
}

/// The way of packets to the supervisor: to its listeners, and of echo requests, to which nobody can listen, by the log.
///
/// While the kernel (seen on 6.18) replaces the request for a connection by the connection, it finds neither for a moment. What a
/// command on another processor sends just then would go to the listener, which resets the connection. So the supervisor
/// gets segments whose connection was not found, and sends them once more.
pub(super) fn redirected(text: &mut Text, listeners: Listeners) {
    text.chain("redirected", |text| {
        for (family, ip, port) in [("ipv4", "ip", listeners.ipv4), ("ipv6", "ip6", listeners.ipv6)] {
            let of_connection = format!("meta nfproto {family} tcp flags & (syn | ack) != syn");
            text.line(format_args!("{of_connection} tproxy {ip} to :{NOBODY_LISTENS} accept"));
            text.line(format_args!(
                "{of_connection} meta mark != {SUPERVISOR_MARK:#x} log group {HELD_GROUP} queue-threshold 1 drop"
            ));
            for protocol in ["tcp", "udp"] {
                text.line(format_args!(
                    "meta nfproto {family} meta l4proto {protocol} tproxy {ip} to :{port} accept"
                ));
            }
        }
        for echo in [rules::echo(true), rules::echo(false)] {
            text.line(format_args!("{echo} log group {PING_GROUP} queue-threshold 1 drop"));
        }
    });
}

/// What was let out to the loopback arrives there again: all of it is for the supervisor, but for what the sandbox sends to itself.
fn prerouting(text: &mut Text, options: &FilterOptions) {
    text.chain("prerouting", |text| {
        text.line("type filter hook prerouting priority mangle; policy accept;");
        text.line("iifname != \"lo\" accept");
        if options.asks() {
            text.line(format_args!(
                "meta mark {ASKED_MARK:#x} log group {ASKED_GROUP} queue-threshold 1 drop"
            ));
        }
        text.line("ct direction reply accept");
        text.lines(to_own(options, "arrived"));
        text.line("goto redirected");
    });
}
