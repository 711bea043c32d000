//! The filter in the real kernel: what it lets through is what [`Policy::decide`] says, with `nft` as the second witness.

mod attempts;
mod group;
mod histories;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq, kernel_tests};
use netwright_sandbox::filter::{self, Attached, Filter, FilterOptions, Listeners, Mode};
use netwright_sandbox::{Destination, LocalNetworks, Policy, Protocol, Rule, Undecided};
use netwright_sys::{Connection, protocol};
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SendFlags, SocketFlags, SocketType, ipproto};

use attempts::{ATTEMPTS, destination};
use group::Group;
use histories::whatever_leaves_was_allowed_when_it_was_opened;

const LISTENERS: Listeners = Listeners { ipv4: 5004, ipv6: 5006 };

fn policy(allow: &[&str], deny: &[&str]) -> Result<Policy, Failure> {
    let rules = |texts: &[&str]| texts.iter().map(|text| text.parse::<Rule>()).collect::<Result<_, _>>();
    Ok(Policy { allow: rules(allow)?, deny: rules(deny)?, ..Policy::default() })
}

/// Options of a mode, for the host of a lab with a neighbour.
fn options(mode: Mode) -> Result<FilterOptions, Failure> {
    let own = Lab::HOST.iter().map(|address| address.parse()).collect::<Result<_, _>>()?;
    Ok(FilterOptions { own, least_time_to_live: Duration::from_millis(1), ..FilterOptions::new(mode) })
}

/// Options of the mode that routes.
fn routed() -> Result<FilterOptions, Failure> {
    options(Mode::Nat(None))
}

fn install(policy: &Policy, options: &FilterOptions) -> Result<Filter, Failure> {
    Ok(Filter::install(Connection::open(protocol::NETFILTER)?, policy, options.clone())?)
}

/// The host with a neighbour that is the way to everywhere, and counters of what leaves.
struct World {
    nft: Oracle,
    _neighbour: netwright_lab::Node,
}

impl World {
    fn new(lab: &mut Lab) -> Result<World, Failure> {
        let neighbour = lab.neighbour()?;
        for gateway in Lab::NEIGHBOUR {
            lab.host.route("default", gateway)?;
        }
        let nft = Oracle::nft()?;
        let probe = "table inet probe {
            counter sent_tcp { }
            counter sent_udp { }
            counter sent_icmp { }
            chain sent {
                type filter hook postrouting priority 0
                tcp flags & (syn | ack) == syn counter name sent_tcp
                meta l4proto udp counter name sent_udp
                icmp type echo-request counter name sent_icmp
                icmpv6 type echo-request counter name sent_icmp
            }
        }";
        nft.feed(["-f", "-"], probe)?;
        Ok(World { nft, _neighbour: neighbour })
    }

    fn count(&self, protocol: Protocol) -> Result<u64, Failure> {
        let listed = self.nft.json(&format!("list counter inet probe sent_{protocol}"))?;
        let found = listed["nftables"]
            .as_array()
            .into_iter()
            .flatten()
            .find_map(|item| item["counter"]["packets"].as_u64());
        found.ok_or_else(|| Failure::wrong(format_args!("no counter in {listed}")))
    }

    /// Whether a packet to a destination gets past the filter.
    fn passes(&self, to: IpAddr, port: u16, protocol: Protocol) -> Result<bool, Failure> {
        let before = self.count(protocol)?;
        send(to, port, protocol)?;
        Ok(self.count(protocol)? > before)
    }
}

/// Sends one packet, as far as the kernel lets it.
fn send(to: IpAddr, port: u16, protocol: Protocol) -> Outcome {
    let (family, echo_protocol, echo, any): (_, _, u8, IpAddr) = match to {
        IpAddr::V4(_) => (AddressFamily::INET, ipproto::ICMP, 8, Ipv4Addr::UNSPECIFIED.into()),
        IpAddr::V6(_) => (AddressFamily::INET6, ipproto::ICMPV6, 128, Ipv6Addr::UNSPECIFIED.into()),
    };
    let to = SocketAddr::new(to, port);
    let result = match protocol {
        Protocol::Tcp => {
            let socket = net::socket_with(family, SocketType::STREAM, SocketFlags::NONBLOCK, None)?;
            net::connect(&socket, &to)
        }
        Protocol::Udp => {
            let socket = UdpSocket::bind((any, 0))?;
            socket.set_broadcast(true)?;
            net::sendto(&socket, b"x", SendFlags::empty(), &to).map(|_| ())
        }
        Protocol::Icmp => {
            let socket =
                net::socket_with(family, SocketType::RAW, SocketFlags::empty(), Some(echo_protocol))?;
            let message = [echo, 0, !echo, 0xff, 0, 0, 0, 0];
            net::sendto(&socket, &message, SendFlags::empty(), &SocketAddr::new(to.ip(), 0)).map(|_| ())
        }
    };
    match result {
        Ok(())
        | Err(Errno::PERM | Errno::INPROGRESS | Errno::NETUNREACH | Errno::INVAL | Errno::CONNREFUSED) => {
            Ok(())
        }
        Err(errno) => Err(Failure::wrong(format_args!("{to} with {protocol}: {errno}"))),
    }
}

/// What the resolver does with an answer.
fn resolve(filter: &mut Filter, to: &Destination) -> Outcome {
    let (Some(name), Some(address)) = (&to.name, to.address) else { return Ok(()) };
    let names = filter.policy().name_rules(name);
    if names.is_allowed() && filter.policy().admits(name, address) {
        filter.release(&names.allow, &[address], Duration::from_secs(600))?;
    }
    Ok(())
}

fn the_kernel_decides_as_the_policy_does(lab: &mut Lab) -> Outcome {
    let world = World::new(lab)?;
    let options = routed()?;
    let mut filter = install(&policy(&[], &[])?, &options)?;
    let (mut passed, mut wrong) = (0, Vec::new());
    for (allow, deny, attempts) in ATTEMPTS {
        let allow: Vec<&str> = allow.iter().map(|rule| rule.trim_end_matches(',')).collect();
        filter.replace(&policy(&allow, deny)?)?;
        for text in attempts {
            let to = destination(text)?;
            resolve(&mut filter, &to)?;
            let Some(address) = to.address else { continue };
            let (decision, kernel) =
                (filter.policy().decide(&to), world.passes(address, to.port, to.protocol)?);
            passed += u32::from(kernel);
            if decision.is_allowed() != kernel {
                wrong.push(format!(
                    "{text} with {allow:?}, not {deny:?}: {decision:?}, and the kernel says {kernel}"
                ));
            }
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    ensure!(passed > 40, "only {passed} attempts passed");
    Ok(())
}

fn networks_of_this_host_are_no_internet(lab: &mut Lab) -> Outcome {
    let world = World::new(lab)?;
    let local = LocalNetworks::of_host()?;
    ensure!(local.own.len() >= 2 && local.networks.len() >= 2, "{local:?}");
    let mut filter = install(&policy(&[], &[])?, &routed()?)?;
    let attempts = [
        "192.0.2.2 443/tcp",
        "192.0.2.77 443/udp",
        "2001:db8::2 443/tcp",
        "2001:db8::77 443/udp",
        "64:ff9b::192.0.2.77 443/tcp",
        "2002:c000:24d::1 443/udp",
        "203.0.113.1 443/tcp",
        "2001:db8:9::1 443/udp",
        "10.0.0.1 443/tcp",
        "fd00::1 443/udp",
    ];
    let (mut passed, mut wrong) = (0, Vec::new());
    for (allow, deny) in [
        (&["internet"][..], &[][..]),
        (&["lan"], &[]),
        (&["any"], &[]),
        (&["any"], &["lan"]),
        (&["any"], &["internet"]),
        (&["internet", "lan"], &["192.0.2.0/24"]),
    ] {
        let policy = Policy { local: local.clone(), ..policy(allow, deny)? };
        filter.replace(&policy)?;
        for text in attempts {
            let to = destination(text)?;
            let Some(address) = to.address else { continue };
            let (decision, kernel) = (policy.decide(&to), world.passes(address, to.port, to.protocol)?);
            passed += u32::from(kernel);
            if decision.is_allowed() != kernel {
                wrong.push(format!(
                    "{text} with {allow:?}, not {deny:?}: {decision:?}, and the kernel says {kernel}"
                ));
            }
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    ensure!(passed > 15, "only {passed} attempts passed");
    // beside the kernel: what the words mean
    let decide = |rule: &str, to: &str| -> Result<bool, Failure> {
        let policy = Policy { local: local.clone(), ..policy(&[rule], &[])? };
        Ok(policy.decide(&destination(to)?).is_allowed())
    };
    for to in &attempts[..6] {
        ensure!(!decide("internet", to)? && decide("lan", to)? && decide("any", to)?, "{to}");
    }
    ensure!(decide("internet", "203.0.113.1 443/tcp")? && !decide("lan", "203.0.113.1 443/tcp")?);
    Ok(())
}

fn an_open_filter_refuses_only_what_is_denied(lab: &mut Lab) -> Outcome {
    let world = World::new(lab)?;
    let options = FilterOptions { undecided: Undecided::Allow, ..routed()? };
    install(&policy(&["example.org"], &["10.0.0.0/8", "internet:25"])?, &options)?;
    for (text, passes) in [
        ("203.0.113.1 53/udp", true),
        ("203.0.113.1 443/tcp", true),
        ("2001:db8:9::1 0/icmp", true),
        ("8.8.8.8 443/tcp", true),
        ("203.0.113.1 25/tcp", false),
        ("10.0.0.1 80/tcp", false),
        ("10.0.0.1 0/icmp", false),
    ] {
        let to = destination(text)?;
        ensure_eq!(
            (text, world.passes(to.address.ok_or(Failure::wrong(text))?, to.port, to.protocol)?),
            (text, passes)
        );
    }
    Ok(())
}

const FAR: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(203, 0, 113, 5)), IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 9, 0, 0, 0, 0, 5))];

fn sent(to: IpAddr, port: u16) -> Result<bool, Failure> {
    let any: IpAddr = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    match UdpSocket::bind((any, 0))?.send_to(b"x", (to, port)) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn releases_end_and_are_prolonged(lab: &mut Lab) -> Outcome {
    let _world = World::new(lab)?;
    let mut filter = install(&policy(&["a.example.org:443", "b.example.org:80"], &[])?, &routed()?)?;
    let (second, start) = (Duration::from_secs(1), Instant::now());
    let wait_until =
        |milliseconds| thread::sleep(Duration::from_millis(milliseconds).saturating_sub(start.elapsed()));
    let state = |port| -> Result<Vec<bool>, Failure> { FAR.iter().map(|to| sent(*to, port)).collect() };
    ensure_eq!(state(443)?, [false, false]);
    filter.release(&[0], &FAR, second)?;
    ensure_eq!((state(443)?, state(80)?), (vec![true, true], vec![false, false]));
    wait_until(600);
    filter.release(&[0], &FAR, second)?;
    filter.release(&[1], &FAR, 3 * second)?;
    filter.release(&[1, 7], &FAR, second)?;
    wait_until(1300);
    ensure_eq!((state(443)?, state(80)?), (vec![true, true], vec![true, true]));
    wait_until(2000);
    ensure_eq!((state(443)?, state(80)?), (vec![false, false], vec![true, true]));
    filter.release(&[0], &FAR, Duration::ZERO)?;
    wait_until(2100);
    ensure_eq!(state(443)?, [false, false]);
    wait_until(3900);
    ensure_eq!(state(80)?, [false, false]);
    Ok(())
}

fn what_was_released_outlives_a_new_policy(lab: &mut Lab) -> Outcome {
    let _world = World::new(lab)?;
    let mut filter = install(&policy(&["a.example.org:443", "b.example.org:80"], &[])?, &routed()?)?;
    let start = Instant::now();
    filter.release(&[0, 1], &FAR, Duration::from_millis(1500))?;
    filter.replace(&policy(&["c.example.org:80", "b.example.org:81", "a.example.org:443"], &[])?)?;
    for to in FAR {
        ensure_eq!((sent(to, 443)?, sent(to, 80)?, sent(to, 81)?), (true, false, false));
    }
    filter.release(&[0], &FAR, Duration::from_secs(60))?;
    thread::sleep(Duration::from_millis(1700).saturating_sub(start.elapsed()));
    for to in FAR {
        ensure_eq!((sent(to, 443)?, sent(to, 80)?), (false, true));
    }
    Ok(())
}

fn what_was_released_for_a_rule_goes_with_it(lab: &mut Lab) -> Outcome {
    let _world = World::new(lab)?;
    let [one, other] = [Ipv4Addr::new(203, 0, 113, 5), Ipv4Addr::new(203, 0, 113, 6)].map(IpAddr::from);
    let mut filter = install(&policy(&["a.example.org:80", "b.example.org:80"], &[])?, &routed()?)?;
    let (start, second) = (Instant::now(), Duration::from_secs(1));
    filter.release(&[0], &[one], 2 * second)?;
    filter.release(&[1], &[one, other], second)?;
    ensure_eq!((sent(one, 80)?, sent(other, 80)?), (true, true));
    filter.replace(&policy(&["c.example.org:80", "a.example.org:80"], &[])?)?;
    ensure_eq!((sent(one, 80)?, sent(other, 80)?), (true, false)); // what only b.example.org had is gone
    filter.release(&[0], &[other], 60 * second)?;
    ensure_eq!(sent(other, 80)?, true);
    thread::sleep((2 * second + second / 5).saturating_sub(start.elapsed()));
    ensure_eq!((sent(one, 80)?, sent(other, 80)?), (false, true)); // its time is over
    Ok(())
}

fn thousands_of_names_are_one_set(lab: &mut Lab) -> Outcome {
    let _world = World::new(lab)?;
    let names: Vec<String> = (0..5000).map(|number| format!("host{number}.example.org:443/tcp")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).chain(["a.example.org:80"]).collect();
    let mut filter = install(&policy(&names, &[])?, &routed()?)?;
    filter.release(&[0, 4999], &FAR, Duration::from_secs(60))?;
    ensure_eq!(sent(FAR[0], 80)?, false);
    filter.release(&[5000], &FAR, Duration::from_secs(60))?;
    ensure_eq!(sent(FAR[0], 80)?, true);
    let listed = Oracle::nft()?.line("list ruleset")?;
    ensure_eq!(listed.matches("set allow_").count(), 4);
    ensure!(listed.contains("comment \"4999 more and host0.example.org:443/tcp\""), "{listed}");
    Ok(())
}

fn nothing_slips_through_while_the_policy_changes(lab: &mut Lab) -> Outcome {
    let world = World::new(lab)?;
    let one = policy(&["203.0.113.5:80/udp", "a.example.org:443", "any:8080"], &["10.0.0.0/8"])?;
    let other = policy(&["203.0.113.0/24:80/udp", "internet:443", "a.example.org:443"], &[])?;
    let mut filter = install(&one, &routed()?)?;
    filter.release(&[1], &FAR, Duration::from_secs(60))?;
    let namespace = netwright_sys::Namespace::current()?;
    let (stop, sending) = (AtomicBool::new(false), AtomicBool::new(false));
    let (rounds, lost, leaked) = thread::scope(|scope| {
        let sender = scope.spawn(|| namespace.run(|| hammer(&stop, &sending)));
        while !sending.load(Ordering::Relaxed) && !sender.is_finished() {
            thread::yield_now();
        }
        let replaced = (0..200_u32).try_for_each(|round| {
            filter.replace(if round % 2 == 0 { &other } else { &one })?;
            let a_example_org = if round % 2 == 0 { 2 } else { 1 };
            filter.release(&[a_example_org], &FAR, Duration::from_secs(u64::from(round) + 61))
        });
        stop.store(true, Ordering::Relaxed);
        let counted = sender.join().map_err(|_| Failure::wrong("the sender ended"))???;
        replaced?;
        Ok::<_, Failure>(counted)
    })?;
    ensure!(rounds > 200, "only {rounds} rounds");
    ensure_eq!((lost, leaked), (0, 0));
    drop(world);
    Ok(())
}

/// Sends to what both policies allow and to what both refuse, until told to stop: rounds, allowed ones lost, refused ones let through.
fn hammer(stop: &AtomicBool, sending: &AtomicBool) -> Result<(u32, u32, u32), Failure> {
    let socket = UdpSocket::bind(("0.0.0.0", 0))?;
    let (mut rounds, mut lost, mut leaked) = (0, 0, 0);
    while !stop.load(Ordering::Relaxed) {
        let refused = |error: std::io::Error| error.kind() == std::io::ErrorKind::PermissionDenied;
        lost += u32::from(socket.send_to(b"x", ("203.0.113.5", 80)).is_err_and(refused));
        lost += u32::from(socket.send_to(b"x", ("203.0.113.5", 443)).is_err_and(refused));
        leaked += u32::from(socket.send_to(b"x", ("203.0.113.5", 81)).is_ok());
        leaked += u32::from(socket.send_to(b"x", ("10.0.0.1", 443)).is_ok());
        rounds += 1;
        sending.store(true, Ordering::Relaxed);
    }
    Ok((rounds, lost, leaked))
}

fn in_relay_mode_the_sandbox_keeps_its_loopback(lab: &mut Lab) -> Outcome {
    let world = World::new(lab)?;
    let policy = policy(&["203.0.113.5", "203.0.113.5/icmp", "host:7001"], &["host:7002"])?;
    install(&policy, &options(Mode::Relay(LISTENERS))?)?;
    for address in ["127.0.0.1", "::1"] {
        let listener = TcpListener::bind((address, 0))?;
        let to = listener.local_addr()?;
        let stream = TcpStream::connect_timeout(&to, Duration::from_secs(5))?;
        ensure_eq!(listener.accept()?.1, stream.local_addr()?);
        let to: IpAddr = address.parse()?;
        ensure!(sent(to, 9)?, "UDP to {address}");
        let (own, other) = match to {
            IpAddr::V4(_) => (LISTENERS.ipv4, LISTENERS.ipv6),
            IpAddr::V6(_) => (LISTENERS.ipv6, LISTENERS.ipv4),
        };
        ensure!(!sent(to, own)?, "UDP to the listener at {address}");
        ensure!(!world.passes(to, own, Protocol::Tcp)?, "TCP to the listener at {address}");
        ensure!(sent(to, other)?, "UDP to the port at {address} that the other family's listener has");
        ensure!(sent(to, 7001)?, "UDP to a port of the host");
        ensure!(!sent(to, 7002)?, "UDP to a denied port of the host");
        ensure!(!world.passes(to, 7001, Protocol::Tcp)?, "TCP to a port of the host is not held");
    }
    ensure!(sent("127.0.0.53".parse()?, 53)?, "the resolver");
    let far = FAR[0];
    ensure!(world.passes(far, 80, Protocol::Udp)?, "UDP to an allowed address");
    ensure!(!world.passes(far, 53, Protocol::Udp)?, "UDP to a name server");
    ensure!(!world.passes(far, 80, Protocol::Tcp)?, "TCP is not held");
    ensure!(!world.passes(far, 0, Protocol::Icmp)?, "a ping is not held");
    Ok(())
}

fn packets_with_a_route_of_their_own_are_refused(lab: &mut Lab) -> Outcome {
    let _world = World::new(lab)?;
    install(&policy(&["any"], &[])?, &routed()?)?;
    let python = Oracle::find("python3", "python3")?;
    let script = "import socket,sys
def attempt(option):
    s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)
    if option: s.setsockopt(socket.IPPROTO_IP,socket.IP_OPTIONS,bytes([option,7,4,192,0,2,2,0]))
    try: s.sendto(b'x',('192.0.2.2',80)); return 'sent'
    except PermissionError: return 'refused'
print(attempt(0),attempt(131),attempt(137))";
    ensure_eq!(python.text(["-c", script])?.trim(), "sent refused refused");
    Ok(())
}

fn nft_lists_the_table_and_takes_it_back(lab: &mut Lab) -> Outcome {
    let _ = lab;
    let nft = Oracle::nft()?;
    let everything = policy(
        &[
            "example.org:443",
            "*.example.net",
            "192.0.2.1",
            "[2001:db8::/32]:80,443/tcp",
            "any",
            "internet:1-1000",
            "lan",
            "host:5432",
            "icmp",
        ],
        &["10.0.0.0/8", "lan:22", "internet:25/tcp", "host:6379", "any/icmp"],
    )?;
    for mode in [Mode::Relay(LISTENERS), Mode::Nat(None), Mode::Nat(Some(LISTENERS))] {
        let mut filter = install(&everything, &FilterOptions::new(mode))?;
        filter.release(&[0, 1], &FAR, Duration::from_secs(60))?;
        let listed = nft.line("list ruleset")?;
        for part in [
            "table inet netwright_run",
            "set allow_1_ipv6",
            "203.0.113.5 timeout 1m",
            "comment \"host:5432\"",
        ] {
            ensure!(listed.contains(part), "no {part} in\n{listed}");
        }
        filter.remove()?;
        nft.feed(["-f", "-"], &listed)?;
        filter::remove(&mut Connection::open(protocol::NETFILTER)?, "netwright_run")?;
        ensure_eq!(nft.line("list ruleset")?, "");
    }
    Ok(())
}

fn a_control_group_is_bound_and_nothing_else(lab: &mut Lab) -> Outcome {
    let _world = World::new(lab)?;
    let group = Group::new()?;
    let resolver = UdpSocket::bind("127.0.0.1:0")?;
    let number = std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(&group.0)?);
    let attached = Attached { group: number, level: 1, resolver: resolver.local_addr()?.port() };
    let options = FilterOptions {
        table: "netwright_attach_1".to_owned(),
        ..FilterOptions::new(Mode::Attached(attached))
    };
    let filter = install(&policy(&["203.0.113.5:80", "host:7001"], &[])?, &options)?;
    for (place, reaches) in [
        ("/dev/udp/203.0.113.5/80", true),
        ("/dev/udp/203.0.113.5/81", false),
        ("/dev/udp/127.0.0.1/7001", true),
        ("/dev/udp/127.0.0.1/7002", false),
        ("/dev/udp/192.0.2.1/7002", false),
        ("/dev/udp/203.0.113.5/53", true),
    ] {
        ensure_eq!((place, group.reaches(place)?), (place, reaches));
    }
    let mut asked = [0; 16];
    resolver.set_read_timeout(Some(Duration::from_secs(5)))?;
    ensure_eq!(resolver.recv(&mut asked)?, 2);
    let start = Instant::now();
    ensure!(!group.reaches("/dev/tcp/203.0.113.6/80")?, "TCP is not refused");
    ensure!(start.elapsed() < Duration::from_secs(3), "a refused connection hangs");
    ensure!(
        sent(FAR[0], 81)? && sent("127.0.0.1".parse()?, 7002)?,
        "a process outside of the group is bound too"
    );
    let listed = Oracle::nft()?.line("list table inet netwright_attach_1")?;
    ensure!(listed.contains("socket cgroupv2 level 1"), "{listed}");
    filter.remove()?;
    ensure!(group.reaches("/dev/udp/203.0.113.5/81")?, "the group is still bound");
    Ok(())
}

kernel_tests![
    the_kernel_decides_as_the_policy_does,
    networks_of_this_host_are_no_internet,
    an_open_filter_refuses_only_what_is_denied,
    releases_end_and_are_prolonged,
    what_was_released_outlives_a_new_policy,
    what_was_released_for_a_rule_goes_with_it,
    thousands_of_names_are_one_set,
    nothing_slips_through_while_the_policy_changes,
    in_relay_mode_the_sandbox_keeps_its_loopback,
    packets_with_a_route_of_their_own_are_refused,
    nft_lists_the_table_and_takes_it_back,
    a_control_group_is_bound_and_nothing_else,
    whatever_leaves_was_allowed_when_it_was_opened,
];
