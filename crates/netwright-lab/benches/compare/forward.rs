//! Forwarding packets through a host's rules, none of which is about them: one rule each, or all as a set or map.
//!
//! Packets come in by one link and leave by another; the kernel carries each of them within the call that sends it, so what a
//! packet takes is the processor's time of the sender.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};

use netwright::Net;
use netwright_route::link::{Change, Create, Peer as VethPeer};
use netwright_route::{Address, HardwareAddress, Link, Neighbour, Prefix, Route};
use netwright_sys::PacketSocket;

use crate::floor::measure_text;
use crate::measure::{Measured, measure};
use crate::{Peer, Result, Workload};

/// As many packets as are sent each time.
pub(crate) const PACKETS: u64 = 100_000;

/// A hundred thousand packets past so many rules.
pub(crate) const FORWARD: Workload = Workload {
    name: "forward-100k-packets",
    sizes: &[10, 1_000, 10_000],
    peers: &[
        Peer { name: "floor", tool: None, run: |_| forward("") },
        Peer { name: "a rule for each", tool: None, run: |count| forward(&linear(count)) },
        Peer { name: "one set", tool: None, run: |count| forward(&set(count)) },
        Peer { name: "one verdict map", tool: None, run: |count| forward(&map(count)) },
    ],
};

const CHAIN: &str = "chain c { type filter hook forward priority 0; policy accept;";

fn source(index: usize) -> Ipv4Addr {
    Ipv4Addr::from_bits(0xac10_0000 + index as u32)
}

fn linear(count: usize) -> String {
    let rules: String = (0..count).map(|index| format!("ip saddr {} drop\n", source(index))).collect();
    format!("table ip f {{\n{CHAIN}\n{rules}}}\n}}\n")
}

fn set(count: usize) -> String {
    let list: Vec<String> = (0..count).map(|index| source(index).to_string()).collect();
    let list = list.join(",\n");
    format!(
        "table ip f {{\nset s {{ type ipv4_addr; elements = {{ {list} }}; }}\n{CHAIN}\nip saddr @s drop\n}}\n}}\n"
    )
}

fn map(count: usize) -> String {
    let list: Vec<String> = (0..count).map(|index| format!("{} : drop", source(index))).collect();
    let list = list.join(",\n");
    format!(
        "table ip f {{\nmap m {{ type ipv4_addr : verdict; elements = {{ {list} }}; }}\n{CHAIN}\nip saddr vmap @m\n}}\n}}\n"
    )
}

fn forward(ruleset: &str) -> Result<Measured> {
    for setting in ["ip_forward", "conf/all/rp_filter", "conf/default/rp_filter"] {
        let value = if setting == "ip_forward" { "1" } else { "0" };
        fs::write(format!("/proc/sys/net/ipv4/{setting}"), value).map_err(|e| format!("{setting}: {e}"))?;
    }
    let net = Net::open()?;
    net.links().create(Create::veth("in", VethPeer::new(&Change::rename("wire"))))?;
    net.links().create(Create::veth("out", VethPeer::new(&Change::rename("far"))))?;
    for name in ["in", "wire", "out", "far"] {
        let link = net.links().get(name)?;
        net.links().set(link.id(), Change::up())?;
    }
    let (inside, wire, out) = (net.links().get("in")?, net.links().get("wire")?, net.links().get("out")?);
    net.addresses().add(inside.id(), "10.1.0.1/16".parse::<Address>()?)?;
    net.addresses().add(out.id(), "10.3.0.1/24".parse::<Address>()?)?;
    // to nobody's hardware address: at the far end, which is here too, packets are not taken in
    let next = IpAddr::from([10, 3, 0, 2]);
    net.neighbours().add(Neighbour::new(out.id(), next, [2, 0, 0, 0, 0, 8].into()))?;
    net.routes().add(Route::to("10.2.0.0/16".parse::<Prefix>()?).via(next).dev(out.id()))?;
    if !ruleset.is_empty() {
        measure_text(ruleset)?;
    }
    let frame = frame(&inside)?;
    let socket = PacketSocket::open()?;
    let before = sent(&net.links().get("out")?);
    let (measured, ()) = measure(|| {
        for _ in 0..PACKETS {
            socket.send(wire.index, &frame)?;
        }
        Ok(())
    })?;
    // the last may still be on their way on another processor
    let mut arrived = 0;
    for _ in 0..3000 {
        arrived = sent(&net.links().get("out")?) - before;
        if arrived >= PACKETS {
            return Ok(measured);
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    Err(format!("{arrived} of {PACKETS} packets were forwarded").into())
}

fn sent(link: &Link) -> u64 {
    link.statistics.as_ref().map_or(0, |counted| counted.sent_packets)
}

/// A datagram of 64 bytes to somebody behind the host.
fn frame(inside: &Link) -> Result<Vec<u8>> {
    let to = inside.address.as_ref().map(HardwareAddress::as_bytes).ok_or("the link has no address")?;
    let mut frame = Vec::from(to);
    frame.extend([2, 0, 0, 0, 0, 9, 8, 0]);
    let mut header = [0x45, 0, 0, 50, 0, 1, 0, 0, 64, 17, 0, 0, 10, 1, 0, 2, 10, 2, 0, 2];
    let sum: u32 = header.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    frame.extend(header);
    // ports, length, no checksum
    frame.extend([0x80, 1, 0, 9, 0, 30, 0, 0]);
    frame.resize(64, 0);
    Ok(frame)
}
