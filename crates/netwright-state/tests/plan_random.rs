//! Plans over hosts at random, against a simulated kernel.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::kernel::{Kernel, comparable};
use common::random::{CARDS, Random, firewall, host};
use netwright_route::{Family, Protocol, Route, Rule, Table};
use netwright_state::model::Host;
use netwright_state::{
    ApplyError, OWN_PROTOCOL, Owners, Progress, Record, Report, Ruleset, Wish, apply, bring, plan,
};

const HOSTS: u64 = 600;

/// A host that is accepted.
fn some_host(random: &mut Random) -> (Host, String) {
    loop {
        let text = host(random);
        if let Ok(host) = common::try_host(&text) {
            return (host, text);
        }
    }
}

/// A namespace in which others have been before.
fn used(random: &mut Random) -> Kernel {
    let mut kernel = Kernel::with(CARDS);
    let up = netwright_route::link::LinkFlags::UP;
    kernel.at("eth0").unwrap().flags |= up;
    let eth0 = kernel.at("eth0").unwrap().id();
    let address: netwright_route::Address = "192.0.2.200/24".parse().unwrap();
    if random.chance(2) {
        let address = address.on(eth0);
        kernel
            .run(&netwright_state::Action::Address(netwright_state::step::Verb::Add, Box::new(address)))
            .unwrap();
    }
    if random.chance(2) {
        let route = Route::to("172.16.0.0/12".parse().unwrap()).dev(eth0).protocol(Protocol::STATIC);
        kernel
            .run(&netwright_state::Action::Route(netwright_state::step::Verb::Add, Box::new(route)))
            .unwrap();
    }
    if random.chance(2) {
        let rule = Rule::lookup(Table(77)).priority(77).family(Family::IPV4);
        kernel.state.rules.push(Rule { protocol: Some(Protocol::BOOT), ..rule });
    }
    if random.chance(2) {
        let mut foreign = firewall(random);
        foreign.tables.retain_mut(|table| {
            table.table.name.insert_str(0, "their");
            table.chains.iter_mut().for_each(|chain| chain.table.clone_from(&table.table.name));
            table.sets.iter_mut().for_each(|set| set.table.clone_from(&table.table.name));
            true
        });
        kernel.state.firewall = foreign;
    }
    kernel
}

fn owner() -> Owners {
    Owners { own: Record::new("random"), ..Owners::default() }
}

fn quiet(_: Progress<'_>) {}

/// Brings a host, and keeps what was made for it.
fn done(
    host: &Host,
    firewall: &Ruleset,
    owners: &mut Owners,
    kernel: &mut Kernel,
) -> Result<Report, ApplyError> {
    let report = bring(Wish { host, firewall, owners: &*owners }, kernel, &mut quiet)?;
    owners.own = report.record.clone();
    Ok(report)
}

/// Some hosts cannot be had: a route over a link that is declared to be down, for one.
fn is_possible(kernel: &Kernel, host: &Host, firewall: &Ruleset, owners: &Owners) -> bool {
    done(host, firewall, &mut owners.clone(), &mut kernel.clone()).is_ok()
}

fn is_sound(host: &Host) -> bool {
    let down = |name: &str| host.link(name).is_some_and(|link| !link.up);
    let parent_down = |link: &netwright_state::model::Link| link.up && link.parent().is_some_and(down);
    let routes = host.routes.iter().flat_map(|route| route.hops().map(|(dev, _)| dev));
    !routes.flatten().any(down) && !host.links.iter().any(parent_down)
}

#[test]
fn applying_twice_changes_nothing() {
    let mut applied = 0;
    for seed in 0..HOSTS {
        let mut random = Random::new(seed);
        let mut kernel = used(&mut random);
        let mut owners = owner();
        for _ in 0..3 {
            let (host, text) = some_host(&mut random);
            let rules = firewall(&mut random);
            if !is_sound(&host) {
                continue;
            }
            let before = kernel.clone();
            let owners_before = owners.clone();
            let result = done(&host, &rules, &mut owners, &mut kernel);
            if let Err(ApplyError::Impossible(_)) = result {
                // vlan7 cannot move to another card
                continue;
            }
            applied += 1;
            if let Err(error) = result {
                let first = plan(&host, &rules, &before.state, &owners_before);
                panic!("seed {seed}: {error}\n{text}\nthe plan was\n{first}\nlog {:#?}", kernel.log);
            }
        }
    }
    assert!(applied > HOSTS, "{applied}");
}

/// What others made and no host declared is as it was, when netwright has nothing more to declare.
#[test]
fn what_others_made_stays() {
    for seed in 0..HOSTS {
        let mut random = Random::new(seed);
        let mut kernel = used(&mut random);
        let foreign = kernel.clone();
        let (host, text) = some_host(&mut random);
        let rules = firewall(&mut random);
        let mut owners = owner();
        if !is_sound(&host) || !is_possible(&kernel, &host, &rules, &owners) {
            continue;
        }
        done(&host, &rules, &mut owners, &mut kernel).unwrap();
        done(&Host::default(), &Ruleset::default(), &mut owners, &mut kernel)
            .unwrap_or_else(|error| panic!("seed {seed}: {error}\n{text}"));
        let left = comparable(&kernel.state);
        // Links are changed in place, and what has another originator by order of the host file is not its own.
        // Routes do not outlive a link that is declared to be down.
        let eth0_stays_up = host.link("eth0").is_none_or(|link| link.up);
        let is_over_eth0 = |line: &str| line.starts_with("Route") && line.contains("eth0");
        for line in comparable(&foreign.state).iter().filter(|line| !line.starts_with("eth")) {
            if is_over_eth0(line) && !eth0_stays_up {
                continue;
            }
            assert!(left.contains(line), "seed {seed}: {line} is gone from {left:#?}\n{text}");
        }
        for link in ["br0", "v0", "v1", "d0", "vlan7"] {
            assert!(kernel.state.link(link).is_none(), "seed {seed}: {link} is left");
        }
        assert!(kernel.state.firewall.tables.iter().all(|table| table.owner.is_none()), "seed {seed}");
        let own = |protocol: Option<Protocol>| protocol == Some(OWN_PROTOCOL);
        assert!(!kernel.state.routes.iter().any(|route| own(route.protocol)), "seed {seed}");
        assert!(!kernel.state.rules.iter().any(|rule| own(rule.protocol)), "seed {seed}");
    }
}

#[test]
fn a_failed_step_takes_the_others_back() {
    let mut went_back = 0;
    for seed in 0..HOSTS {
        let mut random = Random::new(seed);
        let mut kernel = used(&mut random);
        let (first, _) = some_host(&mut random);
        let rules = firewall(&mut random);
        let mut owners = owner();
        if is_sound(&first) && is_possible(&kernel, &first, &rules, &owners) {
            done(&first, &rules, &mut owners, &mut kernel).unwrap();
        }
        let (second, text) = some_host(&mut random);
        let rules = firewall(&mut random);
        let before = comparable(&kernel.state);
        let steps = plan(&second, &rules, &kernel.state, &owners);
        if !is_sound(&second) || steps.steps.is_empty() || steps.errors().count() > 0 {
            continue;
        }
        kernel.fails_in = Some(random.below(steps.steps.iter().map(|step| step.actions.len()).sum()));
        kernel.log.clear();
        let state = kernel.state.clone();
        let wish = Wish { host: &second, firewall: &rules, owners: &owners };
        let error = match apply(wish, &steps, &state, &mut kernel, &mut quiet) {
            Err(error @ (ApplyError::Step { .. } | ApplyError::Different { .. })) => error,
            other => panic!("seed {seed}: {other:?}\n{text}\n{steps}"),
        };
        assert!(error.is_undone(), "seed {seed}: {error}\n{text}\n{steps}\n{:#?}", kernel.log);
        let after = comparable(&kernel.state);
        let lost: Vec<_> = before.iter().filter(|line| !after.contains(line)).collect();
        let new: Vec<_> = after.iter().filter(|line| !before.contains(line)).collect();
        assert!(
            lost.is_empty() && new.is_empty(),
            "seed {seed}: lost {lost:#?}, new {new:#?}\n{steps}\n{:#?}",
            kernel.log
        );
        went_back += 1;
    }
    assert!(went_back > HOSTS / 4, "{went_back}");
}
