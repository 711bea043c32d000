//! The resolver on real sockets: in a namespace of its own, with name servers of the test's.

#[path = "resolver/upstream.rs"]
mod upstream;

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq, kernel_tests};
use netwright_sandbox::constants::RESOLVER;
use netwright_sandbox::resolver::{Changed, Release, Resolver, ResolverConfig, ResolverOptions, Sockets};
use netwright_sandbox::{Event, Policy, Process};
use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, Question, RCODE, TYPE};
use upstream::{Asked, serve};

const INSIDE: SocketAddr = SocketAddr::new(RESOLVER, 53);
const SERVER: &str = "127.0.0.2:53";
const OTHER: &str = "127.0.0.3:53";

/// Remembers what was let through, and takes its time for it.
#[derive(Default)]
struct Slow(Mutex<Vec<Released>>);

/// When, for which rules, and what.
type Released = (Instant, Vec<usize>, Vec<IpAddr>);

impl Release for Slow {
    fn release(
        &self,
        rules: &[usize],
        addresses: &[IpAddr],
        _: Duration,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        thread::sleep(Duration::from_millis(20));
        let mut released = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        released.push((Instant::now(), rules.to_vec(), addresses.to_vec()));
        Ok(())
    }
}

struct World {
    resolver: Resolver,
    released: Arc<Slow>,
    events: Receiver<Event>,
}

fn policy(allow: &[&str]) -> Result<Policy, Failure> {
    let allow = allow.iter().map(|rule| rule.parse()).collect::<Result<_, _>>()?;
    Ok(Policy { allow, ..Policy::default() })
}

/// A resolver that asks these servers.
fn world(servers: &[&str], timeout: Duration) -> Result<World, Failure> {
    world_that_changes(servers, timeout, None)
}

/// A resolver that asks these servers until others are named.
fn world_that_changes(
    servers: &[&str],
    timeout: Duration,
    changed: Option<Box<Changed>>,
) -> Result<World, Failure> {
    let servers = servers.iter().map(|server| server.parse()).collect::<Result<_, _>>()?;
    let config = ResolverConfig { servers, timeout, ..ResolverConfig::default() };
    let options = ResolverOptions { config, ipv6: true, ..ResolverOptions::default() };
    let sockets = Sockets { udp: UdpSocket::bind(INSIDE)?.into(), tcp: TcpListener::bind(INSIDE)?.into() };
    let (sender, events) = channel();
    let released = Arc::new(Slow::default());
    let attribute = |_, source: SocketAddr, to| {
        (to == INSIDE).then(|| Process { id: source.port().into(), command: "test".to_owned() })
    };
    let policy = Arc::new(policy(&["*.example.org:443"])?);
    let resolver = Resolver::start(
        vec![sockets],
        options,
        policy,
        released.clone(),
        sender,
        Box::new(attribute),
        changed,
    )?;
    Ok(World { resolver, released, events })
}

fn query(id: u16, name: &str, kind: TYPE) -> Result<Vec<u8>, Failure> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    packet.questions.push(Question::new(Name::new(name)?, kind.into(), CLASS::IN.into(), false));
    Ok(packet.build_bytes_vec()?)
}

/// A client with a port of its own.
struct Client(UdpSocket);

impl Client {
    fn new() -> Result<Self, Failure> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.connect(INSIDE)?;
        socket.set_read_timeout(Some(Duration::from_secs(10)))?;
        Ok(Client(socket))
    }

    fn ask(&self, name: &str, kind: TYPE) -> Result<Vec<u8>, Failure> {
        self.0.send(&query(77, name, kind)?)?;
        let mut buffer = vec![0; 4096];
        let length = self.0.recv(&mut buffer)?;
        buffer.truncate(length);
        Ok(buffer)
    }

    /// The code of the answer, and its addresses.
    fn addresses(&self, name: &str) -> Result<(RCODE, Vec<u8>), Failure> {
        let bytes = self.ask(name, TYPE::A)?;
        let packet = Packet::parse(&bytes)?;
        ensure_eq!(packet.id(), 77);
        let last = packet.answers.iter().filter_map(|record| match record.rdata {
            RData::A(ref a) => Some((a.address & 0xff) as u8),
            _ => None,
        });
        Ok((packet.rcode(), last.collect()))
    }
}

fn an_answer_comes_after_its_release(_: &mut Lab) -> Outcome {
    let _server = serve(SERVER)?;
    let world = world(&[SERVER], Duration::from_secs(5))?;
    ensure_eq!(Client::new()?.addresses("www.example.org")?, (RCODE::NoError, vec![1]));
    let answered = Instant::now();
    let released = world.released.0.lock().unwrap_or_else(PoisonError::into_inner);
    let [(when, rules, addresses)] = released.as_slice() else { return Err(Failure::wrong("one release")) };
    ensure!(*when < answered, "the answer came first");
    ensure_eq!((rules.as_slice(), addresses.as_slice()), (&[0][..], &["192.0.2.1".parse::<IpAddr>()?][..]));
    ensure_eq!(world.resolver.names().of("192.0.2.1".parse()?).as_deref(), Some("www.example.org"));
    Ok(())
}

fn chains_and_errors_come_through(_: &mut Lab) -> Outcome {
    let _server = serve(SERVER)?;
    let _world = world(&[SERVER], Duration::from_secs(5))?;
    let client = Client::new()?;
    ensure_eq!(client.addresses("alias.example.org")?, (RCODE::NoError, vec![7]));
    ensure_eq!(client.addresses("missing.example.org")?, (RCODE::NameError, vec![]));
    ensure_eq!(client.addresses("broken.example.org")?, (RCODE::ServerFailure, vec![]));
    ensure_eq!(client.addresses("old.example.org")?, (RCODE::NoError, vec![1]));
    Ok(())
}

fn each_question_has_a_number_and_a_port_of_its_own(_: &mut Lab) -> Outcome {
    let server = serve(SERVER)?;
    let _world = world(&[SERVER], Duration::from_secs(5))?;
    let client = Client::new()?;
    for number in 0..50 {
        client.addresses(&format!("www{number}.example.org"))?;
    }
    let asked: Vec<Asked> = server.try_iter().collect();
    ensure_eq!(asked.len(), 50);
    let distinct = |mut values: Vec<u16>| {
        values.sort_unstable();
        values.dedup();
        values.len()
    };
    ensure!(distinct(asked.iter().map(|asked| asked.id).collect()) > 45);
    ensure!(distinct(asked.iter().map(|asked| asked.port).collect()) > 25);
    ensure!(asked.iter().all(|asked| asked.extended && !asked.tcp));
    Ok(())
}

fn forged_answers_are_not_heard(_: &mut Lab) -> Outcome {
    let _server = serve(SERVER)?;
    let world = world(&[SERVER], Duration::from_secs(5))?;
    ensure_eq!(Client::new()?.addresses("forged.example.org")?, (RCODE::NoError, vec![1]));
    ensure_eq!(world.resolver.names().of("192.0.2.66".parse()?), None);
    Ok(())
}

fn long_answers_go_over_tcp(_: &mut Lab) -> Outcome {
    let server = serve(SERVER)?;
    let _world = world(&[SERVER], Duration::from_secs(5))?;
    let bytes = Client::new()?.ask("big.example.org", TYPE::TXT)?;
    let short = Packet::parse(&bytes)?;
    ensure!(short.has_flags(PacketFlag::TRUNCATION) && bytes.len() <= 512);
    let asked: Vec<bool> = server.try_iter().map(|asked| asked.tcp).collect();
    ensure_eq!(asked, [false, true]);
    let mut stream = TcpStream::connect(INSIDE)?;
    let answer = exchange(&mut stream, &query(5, "big.example.org", TYPE::TXT)?)?;
    let whole = Packet::parse(&answer)?;
    ensure!(!whole.has_flags(PacketFlag::TRUNCATION));
    ensure_eq!((whole.id(), whole.answers.len()), (5, 20));
    Ok(())
}

fn exchange(stream: &mut TcpStream, query: &[u8]) -> Result<Vec<u8>, Failure> {
    stream.write_all(&[&(query.len() as u16).to_be_bytes(), query].concat())?;
    receive(stream)
}

fn receive(stream: &mut TcpStream) -> Result<Vec<u8>, Failure> {
    stream.set_read_timeout(Some(Duration::from_secs(15)))?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut answer = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

fn other_servers_are_asked_where_one_is_silent(_: &mut Lab) -> Outcome {
    let first = serve(SERVER)?;
    let second = serve(OTHER)?;
    // Nobody listens at the first one: were it waited for, the client would wait in vain.
    let servers = ["127.0.0.4:53", SERVER, OTHER];
    let patient = world(&servers, Duration::from_secs(600))?;
    ensure_eq!(Client::new()?.addresses("www.example.org")?, (RCODE::NoError, vec![1]));
    drop(patient);
    let world = world(&servers, Duration::from_millis(200))?;
    let start = Instant::now();
    ensure_eq!(Client::new()?.addresses("silent.example.org")?, (RCODE::ServerFailure, vec![]));
    ensure!(start.elapsed() >= Duration::from_millis(800), "each is waited for, twice");
    let silent =
        |asked: &Receiver<Asked>| asked.try_iter().filter(|asked| asked.name.starts_with("silent")).count();
    ensure_eq!((silent(&first), silent(&second)), (2, 2));
    drop(world);
    Ok(())
}

fn the_same_question_is_asked_once(_: &mut Lab) -> Outcome {
    let server = serve(SERVER)?;
    let _world = world(&[SERVER], Duration::from_secs(5))?;
    let clients = (0..50).map(|_| Client::new()).collect::<Result<Vec<_>, _>>()?;
    for (client, name) in clients.iter().zip(["slow.example.org", "SLOW.example.org"].iter().cycle()) {
        client.0.send(&query(77, name, TYPE::A)?)?;
    }
    for (client, name) in clients.iter().zip(["slow.example.org", "SLOW.example.org"].iter().cycle()) {
        let mut buffer = [0; 512];
        let length = client.0.recv(&mut buffer)?;
        let packet = Packet::parse(&buffer[..length])?;
        ensure_eq!(packet.answers.len(), 1);
        // Each hears its own spelling.
        ensure_eq!(&packet.questions[0].qname.to_string(), name);
    }
    ensure_eq!(server.try_iter().count(), 1);
    Ok(())
}

fn names_are_sent_on_in_lower_case(_: &mut Lab) -> Outcome {
    let server = serve(SERVER)?;
    let _world = world(&[SERVER], Duration::from_secs(5))?;
    let bytes = Client::new()?.ask("wWw.ExAmPlE.oRg", TYPE::A)?;
    let packet = Packet::parse(&bytes)?;
    ensure_eq!((packet.rcode(), packet.answers.len()), (RCODE::NoError, 1));
    ensure_eq!(packet.questions[0].qname.to_string(), "wWw.ExAmPlE.oRg");
    let asked: Vec<String> = server.try_iter().map(|asked| asked.name).collect();
    ensure_eq!(asked, ["www.example.org"]);
    Ok(())
}

fn other_name_servers_are_asked_once_the_host_names_them(_: &mut Lab) -> Outcome {
    let (first, second) = (serve(SERVER)?, serve(OTHER)?);
    let other = ResolverConfig { servers: vec![OTHER.parse()?], ..ResolverConfig::default() };
    let (sender, next) = channel();
    let changed = move || next.try_recv().ok();
    let world = world_that_changes(&[SERVER], Duration::from_secs(5), Some(Box::new(changed)))?;
    let client = Client::new()?;
    ensure_eq!(client.addresses("one.example.org")?, (RCODE::NoError, vec![1]));
    sender.send((other, vec![("listed.example.org".to_owned(), "192.0.2.99".parse()?)]))?;
    // It looks once a second at the most.
    thread::sleep(Duration::from_millis(1100));
    ensure_eq!(client.addresses("two.example.org")?, (RCODE::NoError, vec![1]));
    ensure_eq!(client.addresses("listed.example.org")?, (RCODE::NoError, vec![99]));
    let asked = |server: &Receiver<Asked>| server.try_iter().map(|asked| asked.name).collect::<Vec<_>>();
    ensure_eq!(
        (asked(&first), asked(&second)),
        (vec!["one.example.org".to_owned()], vec!["two.example.org".to_owned()])
    );
    drop(world);
    Ok(())
}

fn tcp_clients_may_ask_ahead_and_close_their_side(_: &mut Lab) -> Outcome {
    let _server = serve(SERVER)?;
    let _world = world(&[SERVER], Duration::from_secs(5))?;
    let mut stream = TcpStream::connect(INSIDE)?;
    let mut bytes = Vec::new();
    for number in 0..300_u16 {
        let name = if number % 3 == 0 {
            format!("slow{number}.example.org")
        } else {
            "denied.example.com".to_owned()
        };
        let query = query(number, &name, TYPE::A)?;
        bytes.extend((query.len() as u16).to_be_bytes());
        bytes.extend(query);
    }
    let mut writer = stream.try_clone()?;
    let sender = thread::spawn(move || {
        // In pieces that end anywhere.
        let sent: std::io::Result<()> = bytes.chunks(37).try_for_each(|piece| writer.write_all(piece));
        sent.and_then(|()| writer.shutdown(Shutdown::Write))
    });
    let mut seen = vec![false; 300];
    for _ in 0..300 {
        let answer = receive(&mut stream)?;
        let packet = Packet::parse(&answer)?;
        seen[usize::from(packet.id())] = true;
        ensure_eq!(packet.rcode() == RCODE::NoError, packet.id() % 3 == 0);
    }
    ensure!(seen.iter().all(|&seen| seen));
    sender.join().map_err(|_| Failure::wrong("the sender stopped"))??;
    ensure_eq!(stream.read(&mut [0])?, 0);
    Ok(())
}

fn idle_and_hostile_connections_do_not_keep_others_out(_: &mut Lab) -> Outcome {
    let _server = serve(SERVER)?;
    let _world = world(&[SERVER], Duration::from_secs(5))?;
    let mut idle = (0..200).map(|_| TcpStream::connect(INSIDE)).collect::<Result<Vec<_>, _>>()?;
    let mut stream = TcpStream::connect(INSIDE)?;
    let answer = exchange(&mut stream, &query(1, "www.example.org", TYPE::A)?)?;
    ensure_eq!(Packet::parse(&answer)?.answers.len(), 1);
    idle[0].set_read_timeout(Some(Duration::from_secs(5)))?;
    ensure!(matches!(idle[0].read(&mut [0]), Ok(0) | Err(_)), "the oldest one was given up");
    // A length that no question has ends the connection.
    stream.write_all(&[0xff, 0xff, 0, 0])?;
    ensure!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
    Ok(())
}

fn a_flood_of_questions_stays_small(_: &mut Lab) -> Outcome {
    let _server = serve(SERVER)?;
    let world = world(&[SERVER], Duration::from_millis(500))?;
    let before = resident()?;
    let flood = UdpSocket::bind("127.0.0.1:0")?;
    flood.connect(INSIDE)?;
    flood.set_nonblocking(true)?;
    for number in 0..100_000 {
        let name = match number % 3 {
            0 => format!("silent{number}.example.org"),
            1 => "silent.example.org".to_owned(),
            _ => format!("n{number}.example.com"),
        };
        match flood.send(&query(number as u16, &name, TYPE::A)?) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error.into()),
            _ => {}
        }
    }
    let descriptors = std::fs::read_dir("/proc/self/fd")?.count();
    // Other tests run beside it.
    ensure!(descriptors < 1000, "{descriptors} descriptors");
    let grown = resident()?.saturating_sub(before);
    ensure!(grown < 32 << 20, "grown by {grown} bytes");
    ensure!(world.events.try_iter().count() < 2000, "more events than anybody reads");
    // It recovers by itself.
    let (client, start) = (Client::new()?, Instant::now());
    client.0.set_read_timeout(Some(Duration::from_millis(500)))?;
    while client.addresses("www.example.org").ok() != Some((RCODE::NoError, vec![1])) {
        ensure!(start.elapsed() < Duration::from_secs(30), "it does not recover");
    }
    Ok(())
}

/// The bytes of this process in memory.
fn resident() -> Result<usize, Failure> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages = text.split(' ').nth(1).ok_or_else(|| Failure::wrong("no second number"))?;
    Ok(pages.parse::<usize>()? * rustix::param::page_size())
}

fn what_is_blocked_is_told_once(_: &mut Lab) -> Outcome {
    let world = world(&[SERVER], Duration::from_secs(5))?;
    let client = Client::new()?;
    for _ in 0..3 {
        ensure_eq!(client.addresses("tracker.example.com")?, (RCODE::NameError, vec![]));
    }
    ensure_eq!(Client::new()?.addresses("tracker.example.com")?, (RCODE::NameError, vec![]));
    let events: Vec<Event> = world.events.try_iter().collect();
    ensure_eq!(events.len(), 2);
    ensure_eq!(events[0].name.as_deref(), Some("tracker.example.com"));
    ensure_eq!(
        events[0].process.as_ref().map(|process| process.id),
        Some(client.0.local_addr()?.port().into())
    );
    ensure_eq!(events[0].reason, "no rule allows the name");
    Ok(())
}

fn another_policy_takes_effect_at_once(_: &mut Lab) -> Outcome {
    let _server = serve(SERVER)?;
    let world = world(&[SERVER], Duration::from_secs(5))?;
    let client = Client::new()?;
    ensure_eq!(client.addresses("www.example.org")?, (RCODE::NoError, vec![1]));
    ensure_eq!(client.addresses("www.example.com")?.0, RCODE::NameError);
    let other = || -> Result<_, Failure> { Ok(Arc::new(policy(&["www.example.com", "www.example.org"])?)) };
    let failed: Result<(), &str> = world.resolver.replace(other()?, || Err("the kernel said no"));
    ensure_eq!(failed, Err("the kernel said no"));
    ensure_eq!(client.addresses("www.example.com")?.0, RCODE::NameError);
    let done: Result<u8, &str> = world.resolver.replace(other()?, || Ok(7));
    ensure_eq!(done, Ok(7));
    ensure_eq!(client.addresses("www.example.com")?, (RCODE::NoError, vec![1]));
    ensure_eq!(client.addresses("mail.example.org")?.0, RCODE::NameError);
    let released = world.released.0.lock().unwrap_or_else(PoisonError::into_inner);
    let rules: Vec<&[usize]> = released.iter().map(|(_, rules, _)| rules.as_slice()).collect();
    ensure_eq!(rules, [&[0][..], &[1], &[0]]);
    Ok(())
}

fn dropped_it_is_gone(_: &mut Lab) -> Outcome {
    let (first, start) = (world(&[SERVER], Duration::from_secs(5))?, Instant::now());
    Client::new()?.0.send(&query(1, "silent.example.org", TYPE::A)?)?;
    drop(first);
    ensure!(start.elapsed() < Duration::from_secs(1), "it waits for answers");
    drop(world(&[SERVER], Duration::from_secs(5))?);
    Ok(())
}

fn dig_understands_it(_: &mut Lab) -> Outcome {
    let _server = serve(SERVER)?;
    let _world = world(&[SERVER], Duration::from_secs(5))?;
    let dig = Oracle::find("dig", "bind9-dnsutils")?;
    let ask = |words: &[&str]| dig.text(["@127.0.0.53", "+tries=1", "+timeout=5"].iter().chain(words));
    let answer = ask(&["alias.example.org", "A"])?;
    ensure!(answer.contains("status: NOERROR") && answer.contains("192.0.2.7"), "{answer}");
    ensure!(!answer.contains("WARNING") && !answer.contains("Warning"), "{answer}");
    let answer = ask(&["+dnssec", "www.example.com", "A"])?;
    ensure!(answer.contains("status: NXDOMAIN"), "{answer}");
    ensure!(answer.contains("EDE: 15 (Blocked): (the sandbox's policy does not allow it)"), "{answer}");
    let answer = ask(&["big.example.org", "TXT"])?;
    ensure!(answer.contains("Truncated, retrying in TCP mode") || answer.contains("ANSWER: 20"), "{answer}");
    let answer = ask(&["+tcp", "www.example.org", "A", "missing.example.org", "A", "+keepopen"])?;
    ensure!(answer.contains("192.0.2.1") && answer.contains("NXDOMAIN"), "{answer}");
    ensure!(ask(&["www.example.org", "ANY"])?.contains("REFUSED"));
    ensure!(ask(&["+edns=1", "+noednsneg", "www.example.org", "A"])?.contains("BADVERS"));
    Ok(())
}

kernel_tests![
    an_answer_comes_after_its_release,
    chains_and_errors_come_through,
    each_question_has_a_number_and_a_port_of_its_own,
    forged_answers_are_not_heard,
    long_answers_go_over_tcp,
    other_servers_are_asked_where_one_is_silent,
    the_same_question_is_asked_once,
    names_are_sent_on_in_lower_case,
    other_name_servers_are_asked_once_the_host_names_them,
    tcp_clients_may_ask_ahead_and_close_their_side,
    idle_and_hostile_connections_do_not_keep_others_out,
    a_flood_of_questions_stays_small,
    what_is_blocked_is_told_once,
    another_policy_takes_effect_at_once,
    dropped_it_is_gone,
    dig_understands_it,
];
