//! The chains of a sandbox's own namespace.

use std::net::IpAddr;

use super::text::Text;
use super::{FilterOptions, Listeners, Mode, rules};
use crate::constants::{
    ASKED_GROUP, ASKED_MARK, HELD_GROUP, PING_GROUP, PING_MARK, RESOLVER, SUPERVISOR_MARK,
};
use crate::policy::Policy;

/// IPv4 options and the IPv6 header by which a packet goes elsewhere than its destination says (RFC 791, RFC 8200). Nothing of today
/// uses any option of IPv4.
const DETOURS: [&str; 2] = ["ip hdrlength > 5", "exthdr rt exists"];
/// What the kernel sends on its own account to keep groups and neighbours known. Nobody inside can make them: that takes a raw socket.
const HOUSEKEEPING: &str = "mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report";
const NEIGHBOURS: &str = "nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert";

/// A port without a transparent listener, so that `tproxy` finds connections alone.
const NOBODY_LISTENS: u16 = 1;

/// The hooks.
pub(super) fn chains(text: &mut Text, options: &FilterOptions) {
    untracked(text, "prerouting");
    untracked(text, "output");
    output(text, options);
    if options.listeners().is_some() {
        prerouting(text, options);
        if matches!(options.mode, Mode::Nat(_)) {
            echo_requests(text, options);
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
    let loopback = ["ip daddr 127.0.0.0/8", "ip6 daddr ::1"].map(str::to_owned);
    loopback.into_iter().chain(own).map(|place| format!("{place} goto {chain}")).collect()
}

/// TCP is judged by its first segment, and nobody inside can forge another: connections outlive the policy without being tracked.
fn untracked(text: &mut Text, hook: &str) {
    text.chain(&format!("untracked_{hook}"), |text| {
        text.line(format_args!("type filter hook {hook} priority raw; policy accept;"));
        text.line("meta l4proto tcp notrack");
    });
}

fn output(text: &mut Text, options: &FilterOptions) {
    text.chain("output", |text| {
        // Where the mark that the rules set leads somewhere else, the route is looked for again by chains of this type alone.
        let kind = if options.asks() { "route" } else { "filter" };
        text.line(format_args!("type {kind} hook output priority filter; policy drop;"));
        text.line(format_args!("meta mark {SUPERVISOR_MARK:#x} accept"));
        detours(text);
        text.line("tcp flags & (fin | syn | rst | ack) != syn accept");
        text.line("ct state established,related accept");
        text.lines(to_own(options, "own"));
        if matches!(options.mode, Mode::Nat(_)) {
            text.line(format_args!("icmpv6 type {{ {NEIGHBOURS} }} accept"));
        }
        text.line(format_args!("icmpv6 type {{ {NEIGHBOURS}, {HOUSEKEEPING} }} drop"));
        text.line("meta l4proto igmp drop");
        text.line("goto decide");
    });
}

/// What goes to the sandbox itself: free, but for ports that lead to the host.
pub(super) fn own(text: &mut Text, policy: &Policy, options: &FilterOptions) {
    let listeners = options.listeners();
    text.chain("own", |text| {
        text.line(format_args!("ip daddr {RESOLVER} accept"));
        if let Some(Listeners { ipv4, ipv6 }) = listeners {
            // They take a packet's destination for where it was to go, so nothing is sent to them directly.
            text.line(format_args!("meta l4proto {{ tcp, udp }} th dport {{ {ipv4}, {ipv6} }} goto refused"));
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
