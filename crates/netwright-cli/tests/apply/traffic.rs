//! A firewall that is reloaded again and again while packets pass: none is lost, nor what was counted, nor what the rules noted.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::support::{isolated, needs, sh, size};

const UDP: &str = "127.0.0.1:5555";
const TCP: &str = "127.0.0.1:5556";

/// A firewall of 5000 rules that lets the test's packets through by its last ones. Two of different numbers differ in a few.
fn firewall(number: u64) -> String {
    let mut rules = String::new();
    for rule in 0..4990_u64 {
        let port = 10_000 + rule * 10 + if rule % 500 == 0 { number % 2 } else { 0 };
        rules.push_str(&format!("  ip saddr 192.0.2.{} tcp dport {} drop\n", rule % 250, port % 65_536));
    }
    format!(
        "table inet load {{\n set seen {{ type inet_service; flags dynamic,timeout; timeout 1h; size 65535; }}\n \
         chain input {{ type filter hook input priority 0; policy drop;\n{rules}  \
         udp dport 5555 counter update @seen {{ udp sport }} accept\n  \
         tcp dport 5556 counter accept\n  tcp sport 5556 accept\n  icmp type echo-request accept\n }}\n}}\n"
    )
}

/// What the counter of the rule for UDP has, and how many elements the set.
fn counted() -> (u64, usize) {
    let json: Value = serde_json::from_str(&sh("nft -j list table inet load")).unwrap();
    let items = json["nftables"].as_array().unwrap();
    let of_udp = |rule: &Value| {
        let parts = rule["rule"]["expr"].as_array()?;
        parts.iter().find(|part| part["match"]["right"] == 5555)?;
        parts.iter().find_map(|part| part["counter"]["packets"].as_u64())
    };
    let counter = items.iter().find_map(of_udp);
    let set = items.iter().find(|item| item["set"]["name"] == "seen").unwrap();
    (counter.unwrap(), set["set"]["elem"].as_array().map_or(0, Vec::len))
}

struct Load {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    received: Arc<AtomicU64>,
    bytes: Arc<AtomicU64>,
    threads: Vec<thread::JoinHandle<()>>,
}

/// Datagrams from many ports, and one connection, until it is stopped.
fn load() -> Load {
    let [sent, received, bytes] = [(); 3].map(|()| Arc::new(AtomicU64::new(0)));
    let stop = Arc::new(AtomicBool::new(false));
    let mut threads = Vec::new();
    let receiver = UdpSocket::bind(UDP).unwrap();
    receiver.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let (done, got) = (stop.clone(), received.clone());
    threads.push(thread::spawn(move || {
        let mut buffer = [0; 64];
        loop {
            match receiver.recv(&mut buffer) {
                Ok(_) => drop(got.fetch_add(1, Ordering::Relaxed)),
                Err(_) if done.load(Ordering::Relaxed) => return,
                Err(_) => {}
            }
        }
    }));
    let (done, out, got) = (stop.clone(), sent.clone(), received.clone());
    threads.push(thread::spawn(move || {
        let senders: Vec<UdpSocket> = (0..50).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
        for sender in senders.iter().cycle() {
            if done.load(Ordering::Relaxed) {
                return;
            }
            // what waits to be read must not be dropped for want of room
            while out.load(Ordering::Relaxed) > got.load(Ordering::Relaxed) + 200
                && !done.load(Ordering::Relaxed)
            {
                thread::sleep(Duration::from_millis(1));
            }
            // a drop by the firewall shows as a refusal here, or as nothing at all
            let _ = sender.send_to(b"x", UDP);
            out.fetch_add(1, Ordering::Relaxed);
            thread::sleep(Duration::from_micros(300));
        }
    }));
    let listener = TcpListener::bind(TCP).unwrap();
    let done = stop.clone();
    threads.push(thread::spawn(move || {
        let mut stream = TcpStream::connect(TCP).unwrap();
        while !done.load(Ordering::Relaxed) && stream.write_all(&[7; 1000]).is_ok() {
            thread::sleep(Duration::from_millis(1));
        }
    }));
    let read = bytes.clone();
    threads.push(thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            read.fetch_add(count as u64, Ordering::Relaxed);
        }
    }));
    Load { stop, sent, received, bytes, threads }
}

impl Load {
    /// Datagrams that were sent and that came, and bytes of the connection.
    fn stop(self) -> (u64, u64, u64) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
        (
            self.sent.load(Ordering::Relaxed),
            self.received.load(Ordering::Relaxed),
            self.bytes.load(Ordering::Relaxed),
        )
    }
}

#[test]
fn reloads_under_load_lose_nothing() {
    isolated("traffic::reloads_under_load_lose_nothing", |place| {
        if !needs(&["ip", "nft"]) {
            return;
        }
        sh("ip link set lo up");
        place.write("host.toml", "[firewall]\ninclude = [\"fw.nft\"]\n");
        let path = place.folder.join("host.toml");
        let apply = |number: u64| {
            place.write("fw.nft", &firewall(number));
            let (code, told) = place.apply(&path);
            assert_eq!(code, Some(0), "{told}");
            told
        };
        apply(0);
        let under_way = load();
        let reloads = size("NETWRIGHT_RELOADS", 3);
        for number in 1..=reloads {
            let told = apply(number);
            assert!(told.contains("~ firewall"), "{told}");
        }
        let (sent, received, bytes) = under_way.stop();
        let (packets, noted) = counted();
        println!(
            "figure: {reloads} reloads of 5000 rules: {sent} datagrams sent, {} lost, {} not counted, {} ports not noted, {bytes} bytes by TCP",
            sent - received,
            sent - packets,
            50 - noted,
        );
        assert!(sent > 500 && bytes > 100_000, "hardly anything passed: {sent} datagrams, {bytes} bytes");
        assert_eq!((received, packets, noted), (sent, sent, 50));
        // what nft does, which puts another ruleset in the place of the first
        place.write("fw.nft", &format!("flush ruleset\n{}", firewall(0)));
        let file = place.folder.join("fw.nft");
        if !Command::new("nft").arg("-f").arg(file).status().is_ok_and(|status| status.success()) {
            // an ordinary user's buffers are too small for it
            println!("figure: the same by nft -f: it cannot load these rules as this user");
            return;
        }
        let under_way = load();
        for number in 1..=reloads {
            place.write("fw.nft", &format!("flush ruleset\n{}", firewall(number)));
            sh(&format!("nft -f {}", place.folder.join("fw.nft").display()));
        }
        let (sent, received, _) = under_way.stop();
        let (packets, noted) = counted();
        println!(
            "figure: the same by nft -f: {sent} datagrams sent, {} lost, {} not counted, {noted} ports noted",
            sent - received,
            sent - packets,
        );
    });
}
