//! Where rules may stand: the table of the language says what the kernel says, for each statement, family, chain type and hook.

use netwright::Net;
use netwright::nft::{Code, Family, Hook, Script};
use netwright_lab::{Lab, Outcome, ensure};
use netwright_nft::place::{self, Need};

/// What a table of a family has for rules to stand in: chain types with their hooks.
const CHAINS: &[(Family, &str, &[Hook])] = &[
    (Family::IPV4, "filter", ALL),
    (Family::IPV4, "nat", NAT),
    (Family::IPV4, "route", &[Hook::Output]),
    (Family::IPV6, "filter", ALL),
    (Family::IPV6, "nat", NAT),
    (Family::IPV6, "route", &[Hook::Output]),
    (Family::INET, "filter", ALL),
    (Family::INET, "filter", &[Hook::Ingress]),
    (Family::INET, "nat", NAT),
    (Family::BRIDGE, "filter", ALL),
    (Family::NETDEV, "filter", &[Hook::Ingress, Hook::Egress]),
    (Family::ARP, "filter", &[Hook::Input, Hook::Output]),
];
const ALL: &[Hook] = &[Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting];
const NAT: &[Hook] = &[Hook::Prerouting, Hook::Input, Hook::Output, Hook::Postrouting];

/// A rule that needs this and nothing else; `None` where the family has no such rule.
fn rule(need: &Need, family: Family) -> Option<String> {
    let ipv6 = family == Family::IPV6;
    let ip = if family == Family::INET { "ip " } else { "" };
    let address = if ipv6 { "2001:db8::1" } else { "192.0.2.1" };
    let routed = [Family::IPV4, Family::IPV6, Family::INET].contains(&family);
    let text = match *need {
        place::SNAT if routed => format!("snat {ip}to {address}"),
        place::DNAT if routed => format!("dnat {ip}to {address}"),
        place::MASQUERADE if routed => "masquerade".to_owned(),
        place::REDIRECT if routed => "redirect".to_owned(),
        place::REJECT if family != Family::ARP => "reject".to_owned(),
        place::TPROXY if routed => format!("meta l4proto tcp tproxy {ip}to :50080"),
        place::SYNPROXY if routed => "meta l4proto tcp synproxy mss 1460 wscale 7".to_owned(),
        place::DUPLICATE if routed => format!("dup to {address}"),
        place::DUPLICATE if family == Family::NETDEV => "dup to lo".to_owned(),
        place::FORWARD if family == Family::NETDEV => "fwd to lo".to_owned(),
        place::PACKET_TYPE_SET => "meta pkttype set host".to_owned(),
        place::BROUTE_SET if family == Family::BRIDGE => "meta broute set 1".to_owned(),
        place::FIB_DEVICE if family != Family::ARP => "fib saddr oif lo".to_owned(),
        place::FIB_TYPE_RECEIVED if family != Family::ARP => "fib daddr . iif type local".to_owned(),
        place::FIB_TYPE_ROUTED if family != Family::ARP => "fib daddr . oif type local".to_owned(),
        place::FIB_TYPE if family != Family::ARP => "fib daddr type local".to_owned(),
        place::SOCKET if routed => "socket transparent 1".to_owned(),
        place::OSF if routed => "osf name \"Linux\"".to_owned(),
        place::IPSEC_IN if routed => "ipsec in reqid 1".to_owned(),
        place::IPSEC_OUT if routed => "ipsec out reqid 1".to_owned(),
        place::ROUTE_MTU if routed => "rt mtu 1400".to_owned(),
        _ => return None,
    };
    Some(text)
}

pub(crate) fn rules_stand_where_the_table_says(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let (mut right, mut lacking, mut wrong) = (0, Vec::new(), Vec::new());
    let mut session = net.nft().session();
    let mut refused = |text: &str| session.run(Script::text(text)).map(|report| report.refusals);
    let chains = || {
        let each = |(family, kind, hooks): &(Family, &'static str, &'static [Hook])| {
            let (family, kind) = (*family, *kind);
            hooks.iter().map(move |hook| (family, kind, *hook))
        };
        CHAINS.iter().flat_map(each)
    };
    for (family, kind, hook) in chains() {
        let device = if matches!(hook, Hook::Ingress | Hook::Egress) { "device lo " } else { "" };
        let name = hook.name().unwrap_or_default();
        let chain = format!("chain {kind}-{name} {{ type {kind} hook {name} {device}priority 0; }}");
        ensure!(refused(&format!("table {family} t {{ {chain}; }}"))?.is_empty(), "{chain}");
    }
    let bridge = "add rule bridge t filter-prerouting meta ibrname br0";
    let has_bridge_keys = refused(bridge)?.is_empty();
    for need in place::ALL {
        let mut tried = 0;
        for (family, kind, hook) in chains() {
            let Some(rule) = rule(need, family) else { continue };
            tried += 1;
            if *need == place::BROUTE_SET && !has_bridge_keys {
                lacking.push(format!("{rule} in {family}"));
                continue;
            }
            let name = hook.name().unwrap_or_default();
            let text = format!("add rule {family} t {kind}-{name} {rule}");
            let refusals = refused(&text)?;
            let refusal = refusals.first();
            match (need.is_met(family, hook, kind), refusal.map(|refusal| refusal.code)) {
                (true, None) | (false, Some(Code::Place)) => right += 1,
                (_, Some(Code::Feature)) => lacking.push(format!("{rule} in {family}")),
                (met, _) => {
                    let said = refusal.map(|refusal| (refusal.code, refusal.diagnostic.message.clone()));
                    wrong.push(format!("{text}: the table says {met}, the kernel {said:?}"));
                }
            }
        }
        ensure!(tried > 0 || *need == place::FLOW_ADD, "nothing tries `{}`", need.word);
    }
    lacking.dedup();
    println!("{right} places are as the table says; this kernel lacks {lacking:?}");
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    ensure!(right > 200, "only {right} were tried");
    Ok(())
}
