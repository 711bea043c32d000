//! Flows alone, in order, reversed and shuffled: the same verdict.

use std::collections::BTreeMap;

use netwright_lab::{Failure, Lab, Outcome, ensure};
use netwright_simulate::{Options, Report};

use crate::{all_pass, oracle, repository, simulate, simulate_file};

/// What became of each flow, and what decided it.
fn verdicts(report: &Report) -> BTreeMap<String, String> {
    let told = |flow: &netwright_simulate::FlowReport| format!("{} by {}", flow.seen(), flow.decided());
    report.flows.iter().map(|flow| (flow.name.clone(), told(flow))).collect()
}

/// The blocks of flows of a host file, and what is before them. `[[only]]` is left out.
fn parts(text: &str) -> (String, Vec<String>) {
    let mut blocks = vec![String::new()];
    for line in text.lines() {
        if line.starts_with("[[flow]]") || line.starts_with("[[only]]") {
            blocks.push(String::new());
        }
        // comments between blocks belong to neither
        if let Some(block) = blocks.last_mut().filter(|_| !line.starts_with('#')) {
            block.push_str(line);
            block.push('\n');
        }
    }
    let head = blocks.remove(0);
    blocks.retain(|block| block.starts_with("[[flow]]"));
    (head, blocks)
}

/// Another order for each seed.
fn shuffle(blocks: &mut [String], mut seed: u64) {
    for last in (1..blocks.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        blocks.swap(last, (seed >> 33) as usize % (last + 1));
    }
}

fn same(what: &str, expected: &BTreeMap<String, String>, found: &BTreeMap<String, String>) -> Outcome {
    let differs = expected.iter().filter(|(name, verdict)| found.get(*name) != Some(verdict));
    let differs: Vec<String> =
        differs.map(|(name, verdict)| format!("{name}: {verdict}, {what} {:?}", found.get(name))).collect();
    ensure!(differs.is_empty(), "{}", differs.join("\n"));
    Ok(())
}

fn any_order(file: &str) -> Outcome {
    let path = repository(file);
    let (head, mut blocks) = parts(&std::fs::read_to_string(&path)?);
    let run = |blocks: &[String]| simulate_file(&path, &format!("{head}{}", blocks.concat()));
    let report = run(&blocks)?;
    all_pass(&report)?;
    let expected = verdicts(&report);
    ensure!(expected.len() == blocks.len(), "names are not unique");
    blocks.reverse();
    same("reversed", &expected, &verdicts(&run(&blocks)?))?;
    shuffle(&mut blocks, 1);
    same("shuffled", &expected, &verdicts(&run(&blocks)?))?;
    // each in a world that no other has seen
    let mut fresh = Options::default();
    fresh.fresh = true;
    let text = format!("{head}{}", blocks.concat());
    same("alone", &expected, &verdicts(&oracle::simulate(&path, &text, fresh, &|_| true)?))
}

pub(crate) fn the_flows_of_the_router_are_independent_of_their_order(_: &mut Lab) -> Outcome {
    any_order("examples/router.toml")
}

pub(crate) fn the_flows_of_the_server_are_independent_of_their_order(_: &mut Lab) -> Outcome {
    any_order("examples/host.toml")
}

/// Who was told of a better way is not told for a while that there is none; who was told that there is none five times is
/// not told again.
pub(crate) fn what_routing_told_a_sender_is_nothing_to_the_next_flow(_: &mut Lab) -> Outcome {
    let head = r#"
forwarding = true
link.lan.addresses = ["192.168.1.1/24", "2001:db8:1::1/64"]
link.wan.addresses = ["203.0.113.2/24"]
[[route]]
to = "10.9.0.0/16"
via = "192.168.1.254"
[[route]]
to = "192.168.0.0/16"
type = "unreachable"
[[route]]
to = "2001:db8:9::/48"
type = "unreachable"
"#;
    let flows = [
        ("twice by a longer way", "192.168.1.50", "10.9.0.7", "tcp = 80\ntimes = 2"),
        (
            "a longer way, then another",
            "192.168.1.50",
            "10.9.0.7",
            "steps = [{ tcp = 80, expect = \"accept\" }, { udp = 9, expect = \"accept\" }]",
        ),
        ("often", "192.168.1.50", "192.168.7.7", "tcp = 80\ntimes = 4\nexpect = \"reject\""),
        ("unreachable", "192.168.1.50", "192.168.7.7", "tcp = 80\nexpect = \"reject\""),
        ("unreachable too", "192.168.1.50", "192.168.8.8", "udp = 80\nexpect = \"reject\""),
        ("unreachable over IPv6", "2001:db8:1::50", "2001:db8:9::9", "udp = 80\nexpect = \"reject\""),
    ];
    let mut blocks: Vec<String> = flows
        .iter()
        .map(|(name, from, to, rest)| {
            format!("[[flow]]\nname = \"{name}\"\nfrom = \"lan {from}\"\nto = \"{to}\"\n{rest}\n")
        })
        .collect();
    let run =
        |blocks: &[String]| -> Result<Report, Failure> { simulate(&format!("{head}{}", blocks.concat())) };
    let report = run(&blocks)?;
    all_pass(&report)?;
    let expected = verdicts(&report);
    blocks.reverse();
    same("reversed", &expected, &verdicts(&run(&blocks)?))?;
    for seed in 1..=6 {
        shuffle(&mut blocks, seed);
        same(&format!("shuffled by {seed}"), &expected, &verdicts(&run(&blocks)?))?;
    }
    Ok(())
}

/// What a flow makes the host learn is forgotten before the next one.
pub(crate) fn what_the_host_learns_of_routes_is_nothing_to_the_next_flow(_: &mut Lab) -> Outcome {
    let advertisement =
        "0x00000000 00000000 030440c0 00015180 00015180 00000000 20010db8007700000000000000000000";
    let head = "link.wan.addresses = [\"2001:db8:1::1/64\"]\n";
    let mut blocks = vec![
        format!(
            "[[flow]]\nname = \"a router\"\nfrom = \"wan fe80::1\"\nto = \"ff02::1\"\nicmp = \"nd-router-advert\"\nttl = 255\npayload = \"{advertisement}\"\nexpect = \"arrive\"\n"
        ),
        "[[flow]]\nname = \"there is no way\"\nfrom = \"host\"\nto = \"2001:db8:77::9\"\nudp = 9\nexpect = \"refuse\"\n"
            .to_owned(),
    ];
    let run =
        |blocks: &[String]| -> Result<Report, Failure> { simulate(&format!("{head}{}", blocks.concat())) };
    let report = run(&blocks)?;
    all_pass(&report)?;
    let expected = verdicts(&report);
    blocks.reverse();
    same("reversed", &expected, &verdicts(&run(&blocks)?))
}

/// However many try them at once, flows are told in the order of the file, each with what became of it, and the first that differs
/// is the last where that is asked for.
pub(crate) fn many_flows_are_told_in_the_order_of_the_file(_: &mut Lab) -> Outcome {
    let ports: Vec<u16> = (1..=80).map(|number| number * 100).collect();
    let rules: String =
        ports.iter().map(|port| format!("  tcp dport {port} accept comment \"{port}\"\n")).collect();
    let flow = |port: &u16| {
        format!("[[flow]]\nname = \"{port}\"\nfrom = \"wan 192.0.2.9\"\nto = \"192.0.2.1\"\ntcp = {port}\n")
    };
    let flows: String = ports.iter().map(flow).collect();
    let text = format!(
        "link.wan.addresses = [\"192.0.2.1/24\"]\n\
         [firewall]\nrules = '''\ntable ip f {{\n chain i {{\n  type filter hook input priority 0; policy drop;\n{rules} }}\n}}\n'''\n\
         {flows}[[only]]\nname = \"last\"\nfrom = \"wan 192.0.2.9\"\nto = \"host\"\n"
    );
    let path = std::path::Path::new("host.toml");
    let mut options = Options::default();
    options.coverage = true;
    let report = oracle::simulate(path, &text, options, &|_| true)?;
    all_pass(&report)?;
    let names: Vec<&str> = report.flows.iter().map(|flow| flow.name.as_str()).collect();
    let expected: Vec<String> = ports.iter().map(ToString::to_string).chain(["last".to_owned()]).collect();
    ensure!(names == expected, "{names:?}");
    for (number, flow) in report.flows.iter().take(ports.len()).enumerate() {
        let rule = format!("host.toml:{}", number + 7);
        ensure!(flow.decided() == rule, "{} is decided by {}", flow.name, flow.decided());
    }
    let percent = report.coverage.as_ref().map(netwright_simulate::Coverage::percent);
    ensure!(percent == Some(100.0), "{percent:?} % of the rules are used");
    let differs = text.replacen("tcp = 4000\n", "tcp = 4001\n", 1);
    let mut options = Options::default();
    options.fail_fast = true;
    let report = oracle::simulate(path, &differs, options, &|_| true)?;
    let last = report.flows.last().map(|flow| (flow.name.as_str(), flow.passed()));
    ensure!(last == Some(("4000", false)) && report.flows.len() == 40, "{report}");
    Ok(())
}
