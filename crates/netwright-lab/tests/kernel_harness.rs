//! The laboratory itself: its namespaces, links, packets and oracles are what they say.

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};

use netwright_lab::traffic::{self, ARRIVES, Answer, SILENCE};
use netwright_lab::{Failure, Lab, Node, Oracle, Outcome, ensure, ensure_eq, kernel_tests, wait_until};

fn a_test_has_a_namespace_of_its_own(lab: &mut Lab) -> Outcome {
    let ip = Oracle::ip()?;
    let links = ip.json("link show")?;
    ensure_eq!(links.as_array().map(Vec::len), Some(1));
    ensure_eq!(links[0]["ifname"], "lo");
    ensure!(links[0]["flags"].as_array().is_some_and(|flags| flags.contains(&"UP".into())));
    lab.neighbour()?;
    ensure_eq!(ip.json("link show eth0")?[0]["operstate"], "UP");
    Ok(())
}

fn names_of_namespaces_are_its_own(_: &mut Lab) -> Outcome {
    let ip = Oracle::ip()?;
    ip.line("netns add netwright-harness")?;
    ensure!(ip.line("netns list")?.contains("netwright-harness"));
    ip.line("netns delete netwright-harness").map(drop)
}

fn nft_loads_and_lists_here(_: &mut Lab) -> Outcome {
    let nft = Oracle::nft()?;
    ensure_eq!(nft.line("list ruleset")?, "");
    nft.feed(["-f", "-"], "table ip filter {\n chain input {\n type filter hook input priority 0\n }\n}\n")?;
    let listed = nft.json("list tables")?;
    ensure_eq!(listed["nftables"][1]["table"]["name"], "filter");
    Ok(())
}

fn what_a_tool_refuses_is_a_failure(_: &mut Lab) -> Outcome {
    let ip = Oracle::ip()?;
    ensure!(matches!(ip.line("link show nothing"), Err(Failure::Wrong(why)) if why.contains("nothing")));
    Ok(())
}

fn a_missing_tool_is_no_failure_of_its_own(_: &mut Lab) -> Outcome {
    ensure!(matches!(Oracle::find("netwright-no-such-tool", "nothing"), Err(Failure::Missing(_))));
    Ok(())
}

/// Listens on both families in the neighbour and asks with `ask` for each.
fn both_families(lab: &mut Lab, mut ask: impl FnMut(&Node, SocketAddr) -> Outcome) -> Outcome {
    let neighbour = lab.neighbour()?;
    for address in Lab::NEIGHBOUR {
        ask(&neighbour, SocketAddr::new(address.parse()?, 7000))?;
    }
    Ok(())
}

fn from_host(answer: Answer) -> bool {
    matches!(answer, Answer::Arrived(from) if Lab::HOST.contains(&from.ip().to_string().as_str()))
}

fn tcp_arrives_or_is_refused(lab: &mut Lab) -> Outcome {
    both_families(lab, |neighbour, to| {
        let listener = neighbour.run(|| TcpListener::bind(to))??;
        ensure!(from_host(traffic::tcp(to, &listener, ARRIVES)?));
        let closed = SocketAddr::new(to.ip(), 7001);
        ensure_eq!(traffic::tcp(closed, &listener, ARRIVES)?, Answer::Refused);
        Ok(())
    })
}

fn udp_arrives_or_is_refused(lab: &mut Lab) -> Outcome {
    both_families(lab, |neighbour, to| {
        let receiver = neighbour.run(|| UdpSocket::bind(to))??;
        let any: IpAddr = if to.is_ipv4() { "0.0.0.0".parse()? } else { "::".parse()? };
        let sender = UdpSocket::bind((any, 0))?;
        ensure!(from_host(traffic::udp(&sender, to, &receiver, ARRIVES)?));
        let sender = UdpSocket::bind((any, 0))?;
        let closed = SocketAddr::new(to.ip(), 7001);
        ensure_eq!(traffic::udp(&sender, closed, &receiver, ARRIVES)?, Answer::Refused);
        Ok(())
    })
}

fn a_ping_is_answered_or_not(lab: &mut Lab) -> Outcome {
    let nft = Oracle::nft()?;
    both_families(lab, |neighbour, to| {
        ensure_eq!(traffic::ping(to.ip(), ARRIVES)?, Answer::Arrived(SocketAddr::new(to.ip(), 0)));
        neighbour.run(|| {
            let rules = "table inet t {\n chain c {\n type filter hook input priority 0\n meta l4proto { icmp, icmpv6 } drop\n }\n}\n";
            nft.feed(["-f", "-"], rules)
        })??;
        ensure_eq!(traffic::ping(to.ip(), SILENCE)?, Answer::Silence);
        neighbour.run(|| nft.line("flush ruleset"))??;
        Ok(())
    })
}

fn a_router_forwards(lab: &mut Lab) -> Outcome {
    let mut router = lab.neighbour()?;
    let mut far = lab.node("far")?;
    router.connect("far0", &mut far, "eth0")?;
    router.address("far0", "198.51.100.1/24")?;
    far.address("eth0", "198.51.100.2/24")?;
    far.route("default", "198.51.100.1")?;
    lab.host.route("198.51.100.0/24", Lab::NEIGHBOUR[0])?;
    let to = "198.51.100.2".parse()?;
    ensure!(!traffic::ping(to, SILENCE)?.arrived());
    router.forward()?;
    ensure!(traffic::ping(to, ARRIVES)?.arrived());
    Ok(())
}

fn waiting_ends_with_the_answer(_: &mut Lab) -> Outcome {
    let mut asked = 0;
    let answer = wait_until("the third question", || {
        asked += 1;
        Ok((asked == 3).then_some(asked))
    })?;
    ensure_eq!(answer, 3);
    Ok(())
}

kernel_tests! {
    a_test_has_a_namespace_of_its_own,
    names_of_namespaces_are_its_own,
    nft_loads_and_lists_here,
    what_a_tool_refuses_is_a_failure,
    a_missing_tool_is_no_failure_of_its_own,
    tcp_arrives_or_is_refused,
    udp_arrives_or_is_refused,
    a_ping_is_answered_or_not,
    a_router_forwards,
    waiting_ends_with_the_answer,
}
