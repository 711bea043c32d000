//! Loading a set of IPv4 addresses.

use std::net::Ipv4Addr;

use netwright::Net;
use netwright::nft as build;
use netwright_netfilter::{Batch, Family, Set, SetFlags, Table};
use netwright_sys::{Connection, protocol};

use crate::floor::{Transaction, nest, number, text};
use crate::measure::{Measured, input, measure, measure_tool};
use crate::{Peer, Result, Workload};

/// A set that grows as its elements come.
pub(crate) const LOAD: Workload = Workload {
    name: "set-load",
    sizes: &[10_000, 100_000, 1_000_000],
    peers: &[
        Peer { name: "floor", tool: None, run: |count| floor(count, None) },
        Peer { name: "netwright", tool: None, run: |count| netwright(count, None) },
        Peer { name: "netwright, typed", tool: None, run: typed },
        Peer { name: "netwright nft -f", tool: Some("netwright"), run: command },
        Peer { name: "nft -f", tool: Some("nft"), run: |count| nft(count, None) },
    ],
};

/// A set whose size is given, so that the kernel makes it large enough at once.
pub(crate) const LOAD_WITH_SIZE: Workload = Workload {
    name: "set-load-with-size",
    peers: &[
        Peer { name: "floor", tool: None, run: |count| floor(count, Some(count)) },
        Peer { name: "netwright", tool: None, run: |count| netwright(count, Some(count)) },
        Peer { name: "nft -f", tool: Some("nft"), run: |count| nft(count, Some(count)) },
    ],
    ..LOAD
};

const NEW_SET: u16 = 9;
const NEW_ELEMENTS: u16 = 12;
/// nft's number for the type of IPv4 addresses.
const IPV4_ADDRESS: u32 = 7;
/// Elements of 20 bytes that surely fit into one attribute.
const ELEMENTS: usize = 3000;

/// The address of this number.
pub(crate) fn address(index: usize) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0a00_0000 + index as u32)
}

pub(crate) fn floor(count: usize, size: Option<usize>) -> Result<Measured> {
    let mut transaction = Transaction::new();
    transaction.change(NEW_SET, |writer| {
        text(writer, 1, "t");
        text(writer, 2, "s");
        number(writer, 4, IPV4_ADDRESS);
        number(writer, 5, 4);
        number(writer, 10, 1);
        if let Some(size) = size {
            nest(writer, 9, |writer| number(writer, 1, size as u32));
        }
    });
    for start in (0..count).step_by(ELEMENTS) {
        transaction.change(NEW_ELEMENTS, |writer| {
            text(writer, 1, "t");
            text(writer, 2, "s");
            number(writer, 4, 1);
            nest(writer, 3, |writer| {
                for index in start..count.min(start + ELEMENTS) {
                    nest(writer, 1, |writer| {
                        nest(writer, 1, |writer| writer.bytes_attribute(1, &address(index).octets()));
                    });
                }
            });
        });
    }
    transaction.commit()
}

fn netwright(count: usize, size: Option<usize>) -> Result<Measured> {
    let mut connection = Connection::open(protocol::NETFILTER)?;
    let (measured, ()) = measure(|| {
        let mut batch = Batch::new();
        batch.add(&Table::new(Family::IPV4, "t"));
        let mut set = Set::new(Family::IPV4, "t", "s", 4);
        set.key_type = Some(IPV4_ADDRESS);
        set.id = Some(batch.allocate_id());
        set.flags = SetFlags::empty();
        set.description.size = size.map(|size| size as u32);
        batch.add(&set);
        batch.add_elements(&set, (0..count).map(|index| address(index).octets()));
        Ok(connection.commit("load the set", &mut batch)?)
    })?;
    Ok(measured)
}

/// By the typed builder.
fn typed(count: usize) -> Result<Measured> {
    let net = Net::open()?;
    let (measured, ()) = measure(|| {
        let mut batch = net.nft().batch();
        let table = batch.add(build::Table::new(Family::IPV4, "t"));
        batch.add(build::Set::<Ipv4Addr>::new(&table, "s").elements((0..count).map(address)));
        batch.commit()?;
        Ok(())
    })?;
    Ok(measured)
}

fn command(count: usize) -> Result<Measured> {
    measure_tool("netwright", &["nft", "-f", &file(count, None)?])
}

fn nft(count: usize, size: Option<usize>) -> Result<Measured> {
    measure_tool("nft", &["-f", &file(count, size)?])
}

fn file(count: usize, size: Option<usize>) -> Result<String> {
    let size = size.map_or(String::new(), |size| format!("size {size}\n"));
    let elements: Vec<String> = (0..count).map(|index| address(index).to_string()).collect();
    let elements = elements.join(",\n");
    input(&format!("table ip t {{\nset s {{\ntype ipv4_addr\n{size}elements = {{\n{elements}\n}}\n}}\n}}\n"))
}
