//! The programs of the cookbook do what they say, shown with packets; and its pages are made of them.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use netwright::Net;
use netwright_lab::traffic::{ARRIVES, Answer, SILENCE, ping, tcp, udp};
use netwright_lab::{Failure, Lab, Node, Oracle, Outcome, ensure, ensure_eq, kernel_tests, wait_until};

kernel_tests! {
    pages_are_the_programs,
    addresses_and_routes_reach_far,
    a_router_forwards,
    uplinks_carry_what_is_theirs,
    a_firewall_lets_answers_in_and_nothing_else,
    nat_translates_forwards_and_hairpins,
    sets_and_maps_decide_and_forget,
    limits_hold_and_knocks_open,
    a_blocklist_is_kept_in_step,
    a_vpn_lets_nothing_past_and_leaves_nothing,
    namespaces_are_connected,
    a_container_reaches_the_host,
    a_process_is_filtered,
    a_firewall_is_tested,
    a_monitor_tells,
    errors_are_told,
    tasks_follow,
    counters_are_exported,
}

/// The crate and the name of each program, in the order of the book.
const PAGES: [(&str, &str); 17] = [
    ("netwright", "addresses"),
    ("netwright", "router"),
    ("netwright", "policy_routing"),
    ("netwright", "firewall"),
    ("netwright", "nat"),
    ("netwright", "sets"),
    ("netwright", "blocklist"),
    ("netwright", "limits"),
    ("netwright", "counters"),
    ("netwright", "vpn"),
    ("netwright", "namespaces"),
    ("netwright", "container"),
    ("netwright-sandbox", "sandbox"),
    ("netwright-simulate", "simulate"),
    ("netwright", "monitor"),
    ("netwright", "tokio"),
    ("netwright", "errors"),
];

fn program(name: &str) -> Result<PathBuf, Failure> {
    let this = std::env::current_exe()?;
    let folder = this.parent().and_then(Path::parent).ok_or(Failure::wrong("there is no folder"))?;
    let program = folder.join(format!("examples/cookbook_{name}"));
    match program.is_file() {
        true => Ok(program),
        false => Err(Failure::missing(
            "the examples are not built: cargo build --workspace --examples --all-features",
        )),
    }
}

#[track_caller]
fn succeeded(output: &Output) -> Result<String, Failure> {
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[track_caller]
fn run(name: &str, arguments: &[&str]) -> Result<String, Failure> {
    succeeded(&Command::new(program(name)?).args(arguments).output()?)
}

/// A page for each program: its description, and the program. `NETWRIGHT_BLESS=1` writes them.
fn pages_are_the_programs(_: &mut Lab) -> Outcome {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("../../docs/cookbook");
    let bless = std::env::var_os("NETWRIGHT_BLESS").is_some();
    let mut index = String::from(
        "# Cookbook\n\nComplete programs to copy. Each is an example of a crate, and a test runs it in a network namespace and sends packets:\n\n\
         \u{20}   cargo build --workspace --examples --all-features\n\
         \u{20}   cargo test -p netwright --all-features --test cookbook\n\n\
         Beside each stand the commands that it replaces.\n\n",
    );
    for (package, page) in PAGES {
        let example = format!("crates/{package}/examples/cookbook_{page}.rs");
        let source = std::fs::read_to_string(root.join("../..").join(&example))?;
        let described = |line: &&str| line.starts_with("//!");
        let text: String = source
            .lines()
            .take_while(described)
            .map(|line| format!("{}\n", line.trim_start_matches("//!").strip_prefix(' ').unwrap_or("")))
            .collect();
        let code: String =
            source.lines().skip_while(described).skip(1).map(|line| format!("{line}\n")).collect();
        let title = text.lines().next().unwrap_or_default().trim_start_matches("# ").to_owned();
        index.push_str(&format!("- [{title}]({page}.md)\n"));
        let link = format!("[The program](../../{example}) as a whole:");
        same(&folder.join(format!("{page}.md")), &format!("{text}\n{link}\n\n```rust\n{code}```\n"), bless)?;
    }
    same(&folder.join("README.md"), &index, bless)
}

fn same(path: &Path, text: &str, bless: bool) -> Outcome {
    if bless {
        std::fs::create_dir_all(path.parent().unwrap_or(path))?;
        return Ok(std::fs::write(path, text)?);
    }
    let there = std::fs::read_to_string(path).unwrap_or_default();
    ensure!(there == text, "{} is not as its program: run this test with NETWRIGHT_BLESS=1", path.display());
    Ok(())
}

fn addresses_and_routes_reach_far(lab: &mut Lab) -> Outcome {
    let mut other = lab.node("other")?;
    lab.host.connect("eth0", &mut other, "eth0")?;
    for (link, address) in [
        ("eth0", "192.0.2.2/24"),
        ("eth0", "2001:db8::2/64"),
        ("lo", "203.0.113.1/32"),
        ("lo", "2001:db8:ff::1/128"),
    ] {
        other.address(link, address)?;
    }
    let told = run("addresses", &[])?;
    ensure!(told.contains("br0: 192.0.2.1/24 2001:db8::1/64"), "{told}");
    ensure!(told.contains("default via 192.0.2.2 "), "{told}");
    run("addresses", &[])?; // again: nothing is in its way
    ensure!(ping("203.0.113.1".parse().unwrap(), ARRIVES)?.arrived());
    // The address of IPv6 is used once it is known to be the only one.
    wait_until("the far end answers by IPv6", || {
        Ok(ping("2001:db8:ff::1".parse().unwrap(), SILENCE)
            .is_ok_and(|answer| answer.arrived())
            .then_some(()))
    })
}

/// Two neighbours have the same far addresses: whoever hears a datagram shows which way it went.
fn uplinks_carry_what_is_theirs(lab: &mut Lab) -> Outcome {
    const FAR: [&str; 2] = ["203.0.113.1", "2001:db8:ff::1"];
    let mut uplinks = Vec::new();
    for (name, [own4, own6], [theirs4, theirs6]) in [
        ("eth0", ["192.0.2.1/24", "2001:db8:1::1/64"], ["192.0.2.2/24", "2001:db8:1::2/64"]),
        ("eth1", ["198.51.100.1/24", "2001:db8:2::1/64"], ["198.51.100.2/24", "2001:db8:2::2/64"]),
    ] {
        let mut uplink = lab.node(name)?;
        lab.host.connect(name, &mut uplink, "eth0")?;
        for address in [own4, own6] {
            lab.host.address(name, address)?;
        }
        for (link, address) in
            [("eth0", theirs4), ("eth0", theirs6), ("lo", "203.0.113.1/32"), ("lo", "2001:db8:ff::1/128")]
        {
            uplink.address(link, address)?;
        }
        uplinks.push(uplink);
    }
    let net = Net::open()?;
    for gateway in ["192.0.2.2", "2001:db8:1::2"] {
        net.routes().add(netwright::Route::default_via(gateway.parse()?))?;
    }
    run("policy_routing", &[])?;
    run("policy_routing", &[])?; // again: rules are there once
    ensure_eq!(Oracle::ip()?.line("rule show")?.matches("lookup 10").count(), 3);
    for (own, far) in [(["192.0.2.1", "198.51.100.1"], FAR[0]), (["2001:db8:1::1", "2001:db8:2::1"], FAR[1])]
    {
        for (source, uplink) in own.iter().zip(&uplinks) {
            let there = uplink.run(|| UdpSocket::bind((far, 9)))??;
            let sender = UdpSocket::bind((*source, 0))?;
            ensure!(udp(&sender, there.local_addr()?, &there, ARRIVES)?.arrived(), "from {source}");
        }
        // What has the mark leaves by the second one, whatever the default says.
        let ip = Oracle::ip()?;
        let way = ip.line(&format!("route get {far} mark 2"))?;
        ensure!(way.contains("dev eth1"), "{way}");
        ensure!(ip.line(&format!("route get {far}"))?.contains("dev eth0"));
    }
    Ok(())
}

fn sets_and_maps_decide_and_forget(lab: &mut Lab) -> Outcome {
    let neighbour = lab.neighbour()?;
    let host = |port: u16| format!("{}:{port}", Lab::HOST[0]);
    let (open, closed) = (TcpListener::bind(host(22))?, TcpListener::bind(host(23))?);
    let answer = |port: u16, listener: &TcpListener, patience| {
        neighbour.run(|| tcp(host(port).parse().unwrap(), listener, patience))?
    };
    ensure!(answer(23, &closed, ARRIVES)?.arrived());
    run("sets", &[])?;
    // Banned for a second, then the map decides.
    wait_until("the ban is over", || {
        Ok(neighbour.run(|| ping(Lab::HOST[0].parse().unwrap(), SILENCE))??.arrived().then_some(()))
    })?;
    ensure!(answer(22, &open, ARRIVES)?.arrived());
    ensure_eq!(answer(23, &closed, SILENCE)?, Answer::Silence);
    Oracle::nft()?.line("add element inet guard banned { 192.0.2.2 timeout 1h }")?;
    ensure_eq!(answer(22, &open, SILENCE)?, Answer::Silence);
    Ok(())
}

fn limits_hold_and_knocks_open(lab: &mut Lab) -> Outcome {
    let neighbour = lab.neighbour()?;
    run("limits", &[])?;
    for [host, any] in [[Lab::HOST[0], "0.0.0.0:0"], [Lab::HOST[1], "[::]:0"]] {
        let address: std::net::IpAddr = host.parse()?;
        let door = TcpListener::bind((address, 22))?;
        let enter = |patience| neighbour.run(|| tcp(door.local_addr()?, &door, patience))?;
        let knock = |port: u16| neighbour.run(|| UdpSocket::bind(any)?.send_to(b"knock", (address, port)));
        ensure_eq!(enter(SILENCE)?, Answer::Silence);
        knock(8000)??; // the second without the first
        ensure_eq!(enter(SILENCE)?, Answer::Silence);
        knock(7000)??;
        ensure_eq!(enter(SILENCE)?, Answer::Silence);
        knock(8000)??;
        ensure!(enter(ARRIVES)?.arrived(), "{host}");
        // Five at once, and then one in ten seconds.
        for _ in 0..5 {
            ensure!(neighbour.run(|| ping(address, ARRIVES))??.arrived());
        }
        ensure_eq!(neighbour.run(|| ping(address, SILENCE))??, Answer::Silence);
    }
    Ok(())
}

fn namespaces_are_connected(_: &mut Lab) -> Outcome {
    ensure_eq!(run("namespaces", &[])?, "hello from 10.0.0.1\n");
    Ok(())
}

/// A command in the sandbox: a shell that connects by what it has built in.
fn a_process_is_filtered(lab: &mut Lab) -> Outcome {
    let bash = Oracle::find("bash", "bash")?;
    // The server is a neighbour: what the sandbox sends leaves this namespace.
    let neighbour = lab.neighbour()?;
    let allowed = neighbour.run(|| TcpListener::bind((Lab::NEIGHBOUR[0], 80)))??;
    let denied = neighbour.run(|| TcpListener::bind((Lab::NEIGHBOUR[0], 81)))??;
    let connect = |port: u16| {
        let script = format!("echo hello > /dev/tcp/{}/{port}", Lab::NEIGHBOUR[0]);
        run("sandbox", &[&bash.program().to_string_lossy(), "-c", &script])
    };
    let told = connect(80)?;
    ensure_eq!(told, "exit status: 0\n");
    allowed.set_nonblocking(true)?;
    ensure!(allowed.accept().is_ok(), "it did not arrive");
    let told = connect(81)?;
    ensure!(told.contains("192.0.2.2:81") && told.ends_with("exit status: 1\n"), "{told}");
    denied.set_nonblocking(true)?;
    ensure!(denied.accept().is_err(), "it went out");
    Ok(())
}

fn a_firewall_is_tested(_: &mut Lab) -> Outcome {
    let told = run("simulate", &[])?;
    for flow in ["SSH is open", "SSH is open by IPv6", "the database is not"] {
        ensure!(told.contains(flow), "{told}");
    }
    Ok(())
}

/// The namespace of the test is a router: `eth0` leads outside, `lan0` inside.
fn router(lab: &mut Lab) -> Result<(Node, Node), Failure> {
    let (mut outside, mut inside) = (lab.node("outside")?, lab.node("inside")?);
    lab.host.connect("eth0", &mut outside, "eth0")?;
    lab.host.connect("lan0", &mut inside, "eth0")?;
    outside.address("eth0", "192.0.2.2/24")?;
    inside.address("eth0", "10.0.0.2/24")?;
    inside.route("0.0.0.0/0", "10.0.0.1")?;
    Ok((outside, inside))
}

fn a_router_forwards(lab: &mut Lab) -> Outcome {
    let (mut outside, inside) = router(lab)?;
    run("router", &[])?;
    let again = run("router", &[])?;
    ensure!(again.lines().all(|line| line.ends_with(" []")), "{again}");
    outside.route("10.0.0.0/24", "192.0.2.1")?;
    ensure!(inside.run(|| ping("192.0.2.2".parse().unwrap(), ARRIVES))??.arrived());
    ensure!(outside.run(|| ping("10.0.0.2".parse().unwrap(), ARRIVES))??.arrived());
    Ok(())
}

fn a_firewall_lets_answers_in_and_nothing_else(lab: &mut Lab) -> Outcome {
    let neighbour = lab.neighbour()?;
    run("firewall", &[])?;
    run("firewall", &[])?; // again, in its own place
    let host = |port: u16| format!("{}:{port}", Lab::HOST[0]);
    ensure!(neighbour.run(|| ping(Lab::HOST[0].parse().unwrap(), ARRIVES))??.arrived());
    let open = TcpListener::bind(host(22))?;
    ensure!(neighbour.run(|| tcp(host(22).parse().unwrap(), &open, ARRIVES))??.arrived());
    let closed = UdpSocket::bind(host(9))?;
    let sent =
        neighbour.run(|| udp(&UdpSocket::bind("0.0.0.0:0")?, host(9).parse()?, &closed, SILENCE))??;
    ensure_eq!(sent, Answer::Silence);
    // What the host asks for comes back.
    let server = neighbour.run(|| TcpListener::bind((Lab::NEIGHBOUR[0], 80)))??;
    ensure!(tcp(server.local_addr()?, &server, ARRIVES)?.arrived());
    Ok(())
}

fn nat_translates_forwards_and_hairpins(lab: &mut Lab) -> Outcome {
    let (outside, inside) = router(lab)?;
    run("router", &[])?;
    run("nat", &[])?;
    let server = outside.run(|| TcpListener::bind("192.0.2.2:80"))??;
    let seen = inside.run(|| tcp(server.local_addr()?, &server, ARRIVES))??;
    ensure!(matches!(seen, Answer::Arrived(from) if from.ip().to_string() == "192.0.2.1"), "{seen:?}");
    let server = inside.run(|| TcpListener::bind("10.0.0.2:80"))??;
    let forwarded = outside.run(|| tcp("192.0.2.1:8080".parse()?, &server, ARRIVES))??;
    ensure!(
        matches!(forwarded, Answer::Arrived(from) if from.ip().to_string() == "192.0.2.2"),
        "{forwarded:?}"
    );
    let hairpin = inside.run(|| tcp("192.0.2.1:8080".parse()?, &server, ARRIVES))??;
    ensure!(matches!(hairpin, Answer::Arrived(from) if from.ip().to_string() == "10.0.0.1"), "{hairpin:?}");
    Ok(())
}

fn a_blocklist_is_kept_in_step(lab: &mut Lab) -> Outcome {
    let neighbour = lab.neighbour()?;
    let file = std::env::temp_dir().join(format!("netwright-blocklist-{}", std::process::id()));
    let path = file.to_string_lossy().into_owned();
    let answered = || neighbour.run(|| ping(Lab::HOST[0].parse().unwrap(), SILENCE))?;
    let write = |lines: &str| std::fs::write(&file, lines);
    write("198.51.100.1\n198.51.100.2\n")?;
    ensure_eq!(run("blocklist", &[&path])?, "2 new, 0 gone, 2 in all\n");
    ensure!(answered()?.arrived());
    write(&format!("198.51.100.2\n{}\n", Lab::NEIGHBOUR[0]))?;
    ensure_eq!(run("blocklist", &[&path])?, "1 new, 1 gone, 2 in all\n");
    ensure_eq!(answered()?, Answer::Silence);
    write("198.51.100.2\n")?;
    ensure_eq!(run("blocklist", &[&path])?, "0 new, 1 gone, 1 in all\n");
    ensure!(answered()?.arrived());
    ensure_eq!(run("blocklist", &[&path])?, "0 new, 0 gone, 1 in all\n");
    std::fs::remove_file(&file)?;
    Ok(())
}

fn a_vpn_lets_nothing_past_and_leaves_nothing(lab: &mut Lab) -> Outcome {
    const FAR: [&str; 2] = ["203.0.113.1", "2001:db8:ff::1"];
    netwright_lab::tunnels()?;
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let mut neighbour = lab.neighbour()?;
    let mut servers = Vec::new();
    for (far, length, gateway) in [(FAR[0], 32, Lab::NEIGHBOUR[0]), (FAR[1], 128, Lab::NEIGHBOUR[1])] {
        neighbour.address("lo", &format!("{far}/{length}"))?;
        servers.push(neighbour.run(|| UdpSocket::bind((far, 9)))??);
        net.routes().add(netwright::Route::default_via(gateway.parse()?))?;
    }
    let send = |server: &UdpSocket, wait: Duration| -> Result<Answer, Failure> {
        let to = server.local_addr()?;
        let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        udp(&UdpSocket::bind(any)?, to, server, wait).or(Ok(Answer::Silence))
    };
    let none_arrives = |when: &str| -> Outcome {
        for server in &servers {
            ensure!(!send(server, SILENCE)?.arrived(), "to {} it went past {when}", server.local_addr()?);
        }
        Ok(())
    };
    for server in &servers {
        ensure!(send(server, ARRIVES)?.arrived());
    }
    let state = || -> Result<Vec<String>, Failure> {
        let shown =
            ["-4 rule show", "-6 rule show", "route show table all", "-br link show", "-br address show"];
        let mut lines = Vec::new();
        for line in shown {
            lines.extend(ip.line(line)?.lines().map(str::to_owned));
        }
        lines.sort();
        Ok(lines)
    };
    let before = state()?;
    let mut vpn = Command::new(program("vpn")?).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut said = BufReader::new(vpn.stdout.take().ok_or(Failure::wrong("no output"))?).lines();
    ensure_eq!(said.next().transpose()?.as_deref(), Some("connected"));
    for far in FAR {
        ensure!(ip.line(&format!("route get {far}"))?.contains("dev vpn0"));
        // Its own packets go past.
        ensure!(ip.line(&format!("route get {far} mark 51820"))?.contains("dev eth0"));
    }
    none_arrives("the tunnel")?;
    net.links().set(&net.links().get("vpn0")?, netwright::Change::down())?;
    none_arrives("while the tunnel was down")?;
    for near in Lab::NEIGHBOUR {
        ensure!(ping(near.parse()?, ARRIVES)?.arrived(), "the neighbour {near} is near");
    }
    drop(vpn.stdin.take());
    ensure_eq!(said.next().transpose()?.as_deref(), Some("as before"));
    ensure!(vpn.wait()?.success());
    for server in &servers {
        ensure!(send(server, ARRIVES)?.arrived());
    }
    ensure_eq!(state()?, before);
    Ok(())
}

fn a_container_reaches_the_host(lab: &mut Lab) -> Outcome {
    let containers = [lab.node("blue")?, lab.node("green")?];
    use std::os::fd::{AsFd, AsRawFd};
    for (number, container) in containers.iter().enumerate() {
        let path = format!("/proc/{}/fd/{}", std::process::id(), container.namespace().as_fd().as_raw_fd());
        ensure_eq!(run("container", &[&path])?, format!("veth{number} in cni0, eth0 inside\n"));
    }
    let reached = containers[0].run(|| ping("10.1.0.1".parse().unwrap(), ARRIVES))??;
    ensure!(reached.arrived());
    // Again into the same one: refused, and nothing of it is left on the host.
    let path = format!("/proc/{}/fd/{}", std::process::id(), containers[0].namespace().as_fd().as_raw_fd());
    ensure!(!Command::new(program("container")?).arg(path).output()?.status.success());
    ensure_eq!(Net::open()?.links().filter(netwright::route::link::List::of_kind("veth"))?.len(), 2);
    Ok(())
}

fn a_monitor_tells(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let lo = net.links().get("lo")?;
    let mut monitor = Command::new(program("monitor")?).arg("1").stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(monitor.stdout.take().ok_or(Failure::wrong("no output"))?).lines();
    let mut told = Vec::new();
    // It ends a second after the last.
    while let Some(line) = lines.next().transpose()? {
        if line == "from here on, changes" {
            net.addresses().add(&lo, "192.0.2.1/32".parse()?)?;
            net.addresses().delete(&lo, "192.0.2.1/32".parse()?)?;
        }
        told.push(line);
    }
    ensure!(monitor.wait()?.success());
    let start = told.iter().position(|line| line == "from here on, changes");
    let (before, after) = told.split_at(start.ok_or_else(|| Failure::wrong(format!("{told:?}")))?);
    ensure!(before.iter().any(|line| line == "existing address 127.0.0.1/8 dev lo"), "{before:?}");
    ensure_eq!(after.iter().filter(|line| line.contains("address 192.0.2.1/32 dev lo")).count(), 2);
    Ok(())
}

fn errors_are_told(_: &mut Lab) -> Outcome {
    ensure_eq!(
        run("errors", &[])?,
        "cannot add address 192.0.2.1/32 dev lo: exists already (EEXIST): ipv4: Address already assigned\n\
         cannot get link eth77: no such device (ENODEV)\n\
         cannot add route default via 198.51.100.1: network is unreachable (ENETUNREACH): Nexthop has invalid gateway\n\
         help: none\n\
         cannot delete link if0: a link is missing: 0 is the index of none\n\
         the 2. route: cannot add route 198.51.101.5/24 dev lo: invalid argument (EINVAL): Invalid prefix for given prefix length\n"
    );
    Ok(())
}

fn tasks_follow(_: &mut Lab) -> Outcome {
    ensure_eq!(run("tokio", &[])?, "0 refused, 1000 seen\n");
    Ok(())
}

fn counters_are_exported(lab: &mut Lab) -> Outcome {
    let neighbour = lab.neighbour()?;
    let nft = Oracle::nft()?;
    nft.feed(["-f", "-"], "table ip t { counter pings { }; chain c { type filter hook input priority 0; icmp type echo-request counter name pings; }; }")?;
    for _ in 0..3 {
        neighbour.run(|| ping(Lab::HOST[0].parse().unwrap(), ARRIVES))??;
    }
    let told = run("counters", &[])?;
    ensure!(told.contains("counter_packets{table=\"t\",name=\"pings\"} 3\n"), "{told}");
    ensure!(told.contains("link_received_bytes{link=\"eth0\"} "), "{told}");
    std::io::stdout().flush()?;
    Ok(())
}
