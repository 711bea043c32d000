//! Policy rules, compared with what `ip -j rule` says of them.

use netwright::route::rule::{List, Mark, PortRange, RuleAction, RuleFlags, UserRange};
use netwright::route::{Family, Protocol, Table};
use netwright::{Net, PolicyRule as Rule};
use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq};
use serde_json::Value;

use crate::common::pair;

#[track_caller]
fn seen(ip: &Oracle, family: &str, priority: u32) -> Result<Value, Failure> {
    Ok(ip.json(&format!("{family} -d rule show pref {priority}"))?.get(0).cloned().unwrap_or_default())
}

#[track_caller]
fn listed(net: &Net, priority: u32) -> Result<Rule, Failure> {
    let mut rules = net.rules().list()?.into_iter().filter(|rule| rule.priority == Some(priority));
    rules.next().ok_or_else(|| Failure::wrong(format_args!("there is no rule with priority {priority}")))
}

pub(crate) fn rules_are_added_listed_and_deleted(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    pair(&net)?;
    for (family, flag, from, to, length) in [
        (Family::IPV4, "-4", "10.0.0.0/8", "192.0.2.0/24", 8),
        (Family::IPV6, "-6", "fd00::/8", "2001:db8::/32", 8),
    ] {
        let rule = Rule {
            type_of_service: 0x10,
            users: Some(UserRange { start: 0, end: 0 }),
            ip_protocol: Some(6),
            source_ports: Some(PortRange { start: 1000, end: 2000 }),
            destination_ports: Some(PortRange { start: 443, end: 443 }),
            suppress_prefix_length: Some(0),
            ..Rule::lookup(Table(1_000_000))
                .from(from.parse()?)
                .to(to.parse()?)
                .mark(Mark { value: 1, mask: 0xff })
                .incoming("d0")
                .priority(100)
        };
        net.rules().add(rule.clone())?;
        let read = listed(&net, 100)?;
        let expected = Rule {
            family,
            protocol: Some(Protocol::UNSPECIFIED),
            flags: read.flags,
            unknown: read.unknown.clone(),
            ..rule.clone()
        };
        ensure_eq!(read, expected);
        let shown = seen(&ip, flag, 100)?;
        ensure_eq!(shown["srclen"], length);
        ensure_eq!(shown["dst"], to.split('/').next().unwrap_or_default());
        ensure_eq!(shown["fwmark"], "0x1");
        ensure_eq!(shown["fwmask"], "0xff");
        ensure_eq!(shown["iif"], "d0");
        ensure_eq!(shown["table"], "1000000");
        ensure_eq!(shown["tos"], "0x10");
        ensure_eq!(shown["ipproto"], "tcp");
        ensure_eq!(shown["sport_start"], 1000);
        ensure_eq!(shown["sport_end"], 2000);
        ensure_eq!(shown["dport"], 443);
        ensure_eq!(shown["suppress_prefixlen"], 0);
        ensure_eq!(shown["protocol"], "unspec");
        ensure_eq!(shown["uid_start"], 0);
        let error = net.rules().add(rule.clone()).err().ok_or(Failure::wrong("added twice"))?;
        ensure!(error.is_exists(), "{error}");
        net.rules().delete(rule.clone())?;
        ensure_eq!(seen(&ip, flag, 100)?, Value::Null);
        let error = net.rules().delete(rule).err().ok_or(Failure::wrong("deleted twice"))?;
        ensure!(
            error.is_not_found() && error.to_string().starts_with("cannot delete rule 100: from "),
            "{error}"
        );
    }
    Ok(())
}

pub(crate) fn every_action_and_inversion(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    for (priority, action) in
        [(10, RuleAction::BLACKHOLE), (11, RuleAction::UNREACHABLE), (12, RuleAction::PROHIBIT)]
    {
        net.rules().add(Rule::new(action).priority(priority).family(Family::IPV6))?;
        ensure_eq!(listed(&net, priority)?.action, action);
        ensure_eq!(seen(&ip, "-6", priority)?["action"], action.to_string());
    }
    net.rules().add(Rule { target: Some(500), ..Rule::new(RuleAction::GOTO).priority(20) })?;
    let read = listed(&net, 20)?;
    ensure!(read.target == Some(500) && read.flags.contains(RuleFlags::UNRESOLVED));
    ensure_eq!(seen(&ip, "-4", 20)?["goto"], 500);
    net.rules().add(Rule::new(RuleAction::NOP).priority(500))?;
    ensure!(!listed(&net, 20)?.flags.contains(RuleFlags::UNRESOLVED));
    ensure!(seen(&ip, "-4", 500)?.to_string().contains("nop"));

    let inverted = Rule {
        flags: RuleFlags::INVERT,
        ..Rule::lookup(Table::MAIN).from("10.0.0.0/8".parse()?).priority(30)
    };
    net.rules().add(inverted)?;
    ensure!(listed(&net, 30)?.flags.contains(RuleFlags::INVERT));
    ensure!(seen(&ip, "-4", 30)?.get("not").is_some());
    net.rules().add(Rule::lookup(Table(7)).outgoing("nowhere0").priority(31))?;
    let read = listed(&net, 31)?;
    ensure!(
        read.outgoing.as_deref() == Some("nowhere0") && read.flags.contains(RuleFlags::OUTGOING_DETACHED)
    );
    ensure_eq!(seen(&ip, "-4", 31)?["oif"], "nowhere0");
    net.rules().add(Rule::lookup(Table(8)))?;
    ensure_eq!(listed(&net, 19)?.table, Some(Table(8)));
    Ok(())
}

pub(crate) fn the_kernel_filters_by_family(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    net.rules().add(Rule::lookup(Table(9)).priority(100))?;
    for (family, line) in [(Family::IPV4, "-4 rule show"), (Family::IPV6, "-6 rule show")] {
        let ours = net.rules().filter(List { family })?;
        ensure_eq!(ip.json(line)?.as_array().map(Vec::len), Some(ours.len()));
        ensure!(ours.iter().all(|rule| rule.family == family));
        let priorities: Vec<_> = ours.iter().filter_map(|rule| rule.priority).collect();
        let shown = ip.json(line)?;
        let theirs: Vec<_> =
            shown.as_array().into_iter().flatten().filter_map(|rule| rule["priority"].as_u64()).collect();
        ensure!(priorities.iter().map(|&priority| u64::from(priority)).eq(theirs));
    }
    ensure_eq!(net.rules().list()?.len(), 6);
    Ok(())
}

pub(crate) fn many_at_once_and_hostile_ones(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let mut rules: Vec<Rule> = (0..300)
        .map(|number| Rule::lookup(Table(1000 + number)).mark(number).priority(1000 + number))
        .collect();
    rules.push(Rule::lookup(Table(1)).incoming(&"x".repeat(16)).priority(1));
    rules.push(Rule::lookup(Table(1)).incoming("cut\0off").priority(1));
    rules.push(Rule::lookup(Table(1)).from("10.0.0.0/8".parse()?).to("fd00::/8".parse()?).priority(1));
    rules.push(Rule {
        source_ports: Some(PortRange { start: 9, end: 8 }),
        ..Rule::lookup(Table(1)).priority(1)
    });
    let refused = net.rules().add_all(&rules)?;
    ensure_eq!(refused.iter().map(|failure| failure.index).collect::<Vec<_>>(), [300, 301, 302, 303]);
    ensure_eq!(ip.json("-4 rule show")?.as_array().map(Vec::len), Some(303));
    rules.truncate(300);
    ensure_eq!(net.rules().delete_all(&rules)?, []);
    ensure_eq!(ip.json("-4 rule show")?.as_array().map(Vec::len), Some(3));
    Ok(())
}
