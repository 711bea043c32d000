//! A judge of the simulation that shares nothing with it: the same generated hosts, built of plain namespaces by `ip` and `nft`,
//! tried with sockets, and watched by captures and `nft monitor trace`. Both must say the same of every flow: what became of
//! it, where it arrived and from whom, and which rule decided.
//!
//! `JUDGE_FLOWS` is how many flows are tried (300), `JUDGE_SEED` where the hosts start (1), `JUDGE_HOST` the only seed to try.

mod attempt;
mod capture;
mod generate;
#[path = "../shared/oracle.rs"]
mod oracle;
mod trace;
mod world;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use netwright_lab::random::Random;
use netwright_lab::{Failure, Lab, Oracle, Outcome as Result_, ensure, kernel_tests};
use netwright_simulate::{CaseReport, FlowReport, Options, Report};

use self::attempt::{Finding, Outcome, attempt};
use self::generate::{Flow, Host};
use self::world::{Tools, World};

kernel_tests! {
    the_simulation_and_plain_namespaces_agree,
}

/// Flows of each host.
const FLOWS: usize = 6;

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// How many flows of each class agreed.
#[derive(Default)]
struct Counts {
    classes: BTreeMap<String, usize>,
    /// With the host's seed.
    differences: Vec<(u64, String)>,
    hosts: usize,
    flows: usize,
    refused: usize,
}

fn the_simulation_and_plain_namespaces_agree(_: &mut Lab) -> Result_ {
    let wanted = variable("JUDGE_FLOWS", 300) as usize;
    let first = variable("JUDGE_SEED", 1);
    let only = std::env::var("JUDGE_HOST").ok().and_then(|text| text.parse::<u64>().ok());
    let tools = Tools { ip: Oracle::ip()?, nft: Oracle::nft()? };
    let counts = Mutex::new(Counts::default());
    let next = AtomicUsize::new(0);
    let workers = if only.is_some() { 1 } else { 8 };
    let work = || -> Result<(), Failure> {
        let lab = Lab::around_this_thread()?;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let done = counts.lock().map(|counts| counts.flows >= wanted).unwrap_or(true);
            if only.is_some() && number > 0 || only.is_none() && done {
                return Ok(());
            }
            let seed = only.unwrap_or(first.wrapping_mul(1_000_000).wrapping_add(number as u64));
            one_host(&lab, &tools, seed, only.is_some(), &counts)?;
        }
    };
    let results: Vec<Result<(), Failure>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers)
            .map(|_| {
                scope.spawn(|| {
                    // each in a namespace of its own, as tests have it
                    let place = netwright_sys::Namespace::create_anonymous()?;
                    place.run(work)?
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(Failure::wrong("a panic"))))
            .collect()
    });
    results.into_iter().collect::<Result<Vec<()>, Failure>>()?;
    let mut counts = counts.into_inner().map_err(|_| Failure::wrong("a panic"))?;
    // Eight hosts at once are many for a small machine: those that differed are judged again, alone.
    let mut seeds: Vec<u64> = counts.differences.iter().map(|(seed, _)| *seed).collect();
    seeds.dedup();
    let busy = std::mem::take(&mut counts.differences);
    for (_, difference) in &busy {
        println!("  while others were judged: {difference}");
    }
    let alone = Mutex::new(Counts::default());
    for seed in seeds {
        netwright_sys::Namespace::create_anonymous()?
            .run(|| one_host(&Lab::around_this_thread()?, &tools, seed, false, &alone))??;
    }
    counts.differences = alone.into_inner().map_err(|_| Failure::wrong("a panic"))?.differences;
    println!(
        "{} flows on {} hosts ({} rulesets were refused by nft):",
        counts.flows, counts.hosts, counts.refused
    );
    for (class, count) in &counts.classes {
        println!("  {count:5} {class}");
    }
    println!("  {} differences", counts.differences.len());
    let differences: Vec<String> = counts.differences.into_iter().map(|(_, difference)| difference).collect();
    ensure!(differences.is_empty(), "{}", differences.join("\n\n"));
    ensure!(only.is_some() || counts.flows >= wanted, "only {} flows were compared", counts.flows);
    Ok(())
}

fn one_host(lab: &Lab, tools: &Tools, seed: u64, shown: bool, counts: &Mutex<Counts>) -> Result<(), Failure> {
    let host = Host::generate(&mut Random::new(seed), FLOWS);
    let file = host.file(false);
    if shown {
        println!("{file}");
    }
    let report = oracle::simulate(Path::new("host.toml"), &file, Options::default(), &|_| true);
    let report = match report {
        Ok(report) => report,
        Err(Failure::Wrong(why)) if why.contains("could not be applied") => {
            if shown {
                println!("{why}");
            }
            let mut counts = counts.lock().map_err(|_| Failure::wrong("a panic"))?;
            counts.refused += 1;
            if std::env::var_os("JUDGE_REFUSED").is_some() {
                println!("{why}");
            }
            return Ok(());
        }
        Err(other) => return Err(other),
    };
    let mut disorder = out_of_order(&host, &report)?;
    for (index, flow) in host.flows.iter().enumerate() {
        let Some(case) = report.flows.get(index).and_then(|flow| flow.shown.first()) else { continue };
        let finding = {
            let world = World::build(lab, tools, &host, flow, &host.ruleset)?;
            attempt(&world, tools, &host, flow)?
        };
        if shown {
            println!("{index}: {flow:?}\n  judge: {finding:?}\n  ours: {:?}", case.verdict);
        }
        let mut differences = compare(flow, &finding, case);
        differences.extend(disorder.remove(&index));
        if differences.is_empty() {
            differences.extend(deciding(lab, tools, &host, flow, &finding, case)?);
        }
        let mut counts = counts.lock().map_err(|_| Failure::wrong("a panic"))?;
        counts.flows += 1;
        let family = if flow.to.is_ipv4() { "v4" } else { "v6" };
        *counts.classes.entry(format!("{family} {}: {}", flow.class, word(&finding.outcome))).or_default() +=
            1;
        for difference in differences {
            counts
                .differences
                .push((seed, format!("JUDGE_HOST={seed} flow {index} ({}): {difference}", case.packet)));
        }
    }
    counts.lock().map_err(|_| Failure::wrong("a panic"))?.hosts += 1;
    Ok(())
}

/// Flows of which something else is said where they are tried from the last to the first, and each in a world of its own.
fn out_of_order(host: &Host, report: &Report) -> Result<BTreeMap<usize, String>, Failure> {
    let mut fresh = Options::default();
    fresh.fresh = true;
    let file = host.file(true);
    let other = oracle::simulate(Path::new("host.toml"), &file, fresh, &|_| true)?;
    let told = |flow: &FlowReport| format!("{} by {}", flow.seen(), flow.decided());
    let mut found = BTreeMap::new();
    for (index, flow) in report.flows.iter().enumerate() {
        let Some(same) = other.flows.iter().find(|other| other.name == flow.name) else { continue };
        // lines are others, since flows are behind the rules
        if told(flow) != told(same) {
            found.insert(index, format!("{}, and reversed and alone {}", told(flow), told(same)));
        }
    }
    Ok(found)
}

fn word(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Accept => "accept".into(),
        Outcome::Arrived => "arrived".into(),
        Outcome::Drop => "drop".into(),
        Outcome::Reject(how) => format!("reject {how}"),
        Outcome::NoPath => "no-path".into(),
    }
}

/// What differs, but for what decided.
fn compare(flow: &Flow, finding: &Finding, case: &CaseReport) -> Vec<String> {
    let verdict = &case.verdict;
    let ours = match &verdict.outcome {
        netwright_simulate::Outcome::Reject(refusal) => format!("reject {}", numbers(*refusal)),
        other => other.as_str().to_owned(),
    };
    let theirs = word(&finding.outcome);
    if ours != theirs {
        let details = verdict.details.join("; ");
        return vec![format!("{ours} ({details}; {:?}), and it is {theirs}", verdict.outcome)];
    }
    let mut differences = Vec::new();
    if let Some((address, port)) = finding.at {
        let ours = verdict.arrived_at.map(|at| (at.ip(), at.port()));
        if ours != Some((address, port)) {
            differences.push(format!("arrived at {ours:?}, and it is {address} port {port}"));
        }
        let from = verdict.seen_from.map(|from| from.ip());
        if from != finding.from {
            differences.push(format!("seen from {from:?}, and it is {:?}", finding.from));
        }
    }
    let _ = flow;
    differences
}

/// A refusal as numbers, as captures have it.
fn numbers(refusal: netwright_state::model::Refusal) -> String {
    use netwright_state::model::Refusal;
    match refusal {
        Refusal::TcpReset => "tcp-reset".into(),
        Refusal::Icmp { kind, code } => format!("icmp {kind}/{code}"),
        Refusal::Icmpv6 { kind, code } => format!("icmpv6 {kind}/{code}"),
        Refusal::Local(number) => format!("error {number}"),
    }
}

/// What differs in what decided: a rule that dropped, or all rules without which it would not have arrived.
fn deciding(
    lab: &Lab,
    tools: &Tools,
    host: &Host,
    flow: &Flow,
    finding: &Finding,
    case: &CaseReport,
) -> Result<Option<String>, Failure> {
    // some of its fragments are nobody's in the traces
    if flow.large {
        return Ok(None);
    }
    let lines = || finding.ways.iter().flat_map(|way| &way.lines);
    // nft does not tell the lines of a packet from those of its copy
    if lines().any(|line| line.chain == "ip c pre" && line.rule.is_some()) {
        return Ok(None);
    }
    let expected: Vec<String> = match finding.outcome {
        Outcome::NoPath => return Ok(None),
        Outcome::Drop | Outcome::Reject(_) => {
            let dropped = lines().find(|line| line.verdict == "drop");
            let Some(line) = dropped else { return Ok(None) };
            vec![match line.rule {
                Some(number) => format!("r{number}"),
                None => format!("policy drop of chain {}", line.chain),
            }]
        }
        Outcome::Accept | Outcome::Arrived => {
            let mut needed = Vec::new();
            let Some(first) = finding.ways.first() else { return Ok(None) };
            // what the host sends to itself goes out and comes in
            let own =
                host.links.iter().flat_map(|link| &link.own).any(|own| generate::address(own) == flow.to);
            let to_itself = flow.from.is_none() && own;
            // where it was not taken in at once
            let again =
                finding.ways.get(1).filter(|next| to_itself && !first.taken && next.first == first.last);
            let accepting: Vec<usize> = first
                .lines
                .iter()
                .chain(again.iter().flat_map(|next| &next.lines))
                .filter(|line| line.verdict == "accept" && !line.chain.contains(" nat "))
                .filter_map(|line| line.rule)
                .collect();
            for number in accepting {
                match would_be_dropped(lab, tools, host, flow, number)? {
                    Some(true) => needed.push(format!("r{number}")),
                    Some(false) => {}
                    // what removes it changes another chain too
                    None => return Ok(None),
                }
            }
            if needed.is_empty() {
                return Ok(None);
            }
            needed
        }
    };
    let ours: Vec<String> = case
        .verdict
        .decided_by
        .iter()
        .map(|place| match place.text.rsplit_once("comment \"") {
            Some((_, comment)) => comment.trim_end_matches('"').to_owned(),
            None => place.text.clone(),
        })
        .collect();
    Ok((ours != expected)
        .then(|| format!("{}: decided by {ours:?}, and it is {expected:?}", word(&finding.outcome))))
}

/// Whether a flow's packet would be dropped in the chain of a rule if nothing accepted it there: without that rule, and
/// without each that then accepts it in the same traversal. `None` where one of them accepts it in another traversal too.
fn would_be_dropped(
    lab: &Lab,
    tools: &Tools,
    host: &Host,
    flow: &Flow,
    rule: usize,
) -> Result<Option<bool>, Failure> {
    let mut ruleset = host.ruleset.clone();
    let mut gone = vec![rule];
    let reference = {
        let world = World::build(lab, tools, host, flow, &ruleset)?;
        attempt(&world, tools, host, flow)?
    };
    // which of the traversals that end with an accepting rule or policy it is
    let ends = |finding: &Finding| -> Vec<(Option<usize>, String, String)> {
        let lines = finding.ways.iter().take(2).flat_map(|way| way.lines.clone());
        let ends =
            lines.filter(|line| line.rule.is_none() || ["accept", "drop"].contains(&line.verdict.as_str()));
        ends.map(|line| (line.rule, line.verdict, line.chain)).collect()
    };
    let declared = ends(&reference);
    let Some(place) = declared.iter().position(|(of, ..)| *of == Some(rule)) else {
        return Ok(Some(false));
    };
    let elsewhere = |rule: usize| {
        declared.iter().enumerate().any(|(other, (of, ..))| other != place && *of == Some(rule))
    };
    for _ in 0..20 {
        if gone.iter().any(|rule| elsewhere(*rule)) {
            return Ok(None);
        }
        for number in &gone {
            ruleset = without(&ruleset, *number);
        }
        let world = World::build(lab, tools, host, flow, &ruleset)?;
        let found = attempt(&world, tools, host, flow)?;
        match ends(&found).get(place) {
            Some((Some(number), verdict, _)) if verdict == "accept" => gone = vec![*number],
            Some((_, verdict, _)) => return Ok(Some(verdict == "drop")),
            None => return Ok(Some(!matches!(found.outcome, Outcome::Accept | Outcome::Arrived))),
        }
    }
    Ok(Some(false))
}

/// The ruleset without one of its rules.
fn without(ruleset: &str, number: usize) -> String {
    let ends = format!("comment \"r{number}\"");
    ruleset.lines().filter(|line| !line.ends_with(&ends)).map(|line| format!("{line}\n")).collect()
}
