use super::table::{NewSets, Numbers};
use super::*;
use crate::policy::{Rule, Target};

fn policy(allow: &[&str], deny: &[&str]) -> Policy {
    let rules = |texts: &[&str]| texts.iter().map(|text| text.parse::<Rule>().unwrap()).collect();
    Policy { allow: rules(allow), deny: rules(deny), ..Policy::default() }
}

/// Policies with each kind of rule.
fn policies() -> Vec<Policy> {
    let all = [
        "example.org:443",
        "*.example.org",
        "192.0.2.1",
        "10.0.0.0/8:5432/tcp",
        "2001:db8::/32",
        "any",
        "any:53",
        "internet:1-1000/udp",
        "lan",
        "host:5432",
        "icmp",
        "[2001:db8::1]:53,80",
        "example.net/icmp",
        "lan:53,853",
    ];
    let deny = [
        "ads.example.org",
        "10.9.0.0/16",
        "any:25",
        "internet:23/tcp",
        "lan:22",
        "host:6379",
        "2001:db8:bad::/48",
        "icmp",
        "192.0.2.66/udp",
    ];
    vec![policy(&[], &[]), policy(&all, &[]), policy(&all, &deny), policy(&[], &deny)]
}

fn modes() -> Vec<Mode> {
    let listeners = Listeners { ipv4: 5004, ipv6: 5006 };
    let attached = Attached { group: 7, level: 2, resolver: 5353 };
    vec![Mode::Relay(listeners), Mode::Nat(None), Mode::Nat(Some(listeners)), Mode::Attached(attached)]
}

fn sets(number: u32) -> NewSets {
    let addresses = ["192.0.2.1", "2001:db8::1", "192.0.2.2"].map(|address| address.parse().unwrap());
    NewSets { number, addresses: addresses.map(|address| (address, Duration::from_millis(1500))).into() }
}

#[test]
fn every_policy_compiles_in_every_mode() {
    for mode in modes() {
        for policy in policies() {
            for undecided in [Undecided::Refuse, Undecided::Allow, Undecided::Ask] {
                let connections: Vec<_> =
                    [["192.0.2.1:22", "192.0.2.9:1024"], ["[2001:db8::1]:22", "[2001:db8::9]:1024"]]
                        .map(|ends| (ends[0].parse().unwrap(), ends[1].parse().unwrap()))
                        .into();
                let options = FilterOptions {
                    undecided,
                    connections: connections.clone(),
                    ..FilterOptions::new(mode.clone())
                };
                let numbers = |new: Vec<NewSets>, gone| Numbers {
                    by_rule: policy
                        .allow
                        .iter()
                        .map(|rule| matches!(rule.target, Target::Name(_)).then_some(0))
                        .collect(),
                    new,
                    gone,
                };
                let texts = [
                    table::create(&options),
                    table::sets(&policy, &options, &[]).0,
                    table::chains(&policy, &options, &numbers(vec![sets(0), sets(1)], vec![])),
                    table::replacement(&policy, &options, &numbers(vec![sets(2)], vec![1])),
                ];
                let forgotten = connections.into_iter().map(|ends| attached::forgotten(&options.table, ends));
                let forgotten = forgotten.filter(|_| matches!(mode, Mode::Attached(_)));
                let mut catalog = Catalog::of_nothing();
                for text in texts.into_iter().chain(forgotten) {
                    match firewall::compiled(ASKED, &text, &options.names(), &catalog) {
                        Ok((_, known)) => catalog = known,
                        Err(error) => panic!("{error}\n{text}"),
                    }
                }
            }
        }
    }
}
