//! Loading rules that match a source address and a port, count and accept.

use netwright::Net;
use netwright::nft as build;
use netwright_netfilter::raw::{Base, EQ, MetaKey, R1, Verdict, cmp, counter, meta, payload, verdict};
use netwright_netfilter::{Batch, Chain, Expression, Family, Rule, Table};
use netwright_sys::{Connection, protocol};
use netwright_wire::Writer;

use crate::floor::{Transaction, nest, number, text};
use crate::measure::{Measured, input, measure, measure_tool};
use crate::sets::address;
use crate::{Peer, Result, Workload};

/// One chain of rules, in one transaction.
pub(crate) const LOAD: Workload = Workload {
    name: "rule-load",
    sizes: &[1_000, 10_000, 50_000],
    peers: &[
        Peer { name: "floor", tool: None, run: floor },
        Peer { name: "netwright", tool: None, run: netwright },
        Peer { name: TYPED, tool: None, run: typed },
        Peer { name: "netwright nft -f", tool: Some("netwright"), run: command },
        Peer { name: "nft -f", tool: Some("nft"), run: nft },
    ],
};

/// The peer that is the builder of the library.
pub(crate) const TYPED: &str = "netwright, typed";
const NEW_CHAIN: u16 = 3;
const NEW_RULE: u16 = 6;
const TCP: u8 = 6;

pub(crate) fn port(index: usize) -> u16 {
    (1 + index % 60_000) as u16
}

pub(crate) fn floor(count: usize) -> Result<Measured> {
    let mut transaction = Transaction::new();
    transaction.change(NEW_CHAIN, |writer| {
        text(writer, 1, "t");
        text(writer, 3, "c");
    });
    for index in 0..count {
        transaction.change(NEW_RULE, |writer| {
            text(writer, 1, "t");
            text(writer, 2, "c");
            nest(writer, 4, |writer| expressions(writer, index));
        });
    }
    transaction.commit()
}

fn expressions(writer: &mut Writer, index: usize) {
    load_payload(writer, 1, 12, 4);
    compare(writer, &address(index).octets());
    expression(writer, "meta", |writer| {
        number(writer, 2, 16);
        number(writer, 1, 1);
    });
    compare(writer, &[TCP]);
    load_payload(writer, 2, 2, 2);
    compare(writer, &port(index).to_be_bytes());
    expression(writer, "counter", |_| {});
    expression(writer, "immediate", |writer| {
        number(writer, 1, 0);
        nest(writer, 2, |writer| nest(writer, 2, |writer| number(writer, 1, 1)));
    });
}

fn expression(writer: &mut Writer, name: &str, data: impl FnOnce(&mut Writer)) {
    nest(writer, 1, |writer| {
        text(writer, 1, name);
        nest(writer, 2, data);
    });
}

fn load_payload(writer: &mut Writer, base: u32, offset: u32, length: u32) {
    expression(writer, "payload", |writer| {
        number(writer, 1, 1);
        number(writer, 2, base);
        number(writer, 3, offset);
        number(writer, 4, length);
    });
}

fn compare(writer: &mut Writer, value: &[u8]) {
    expression(writer, "cmp", |writer| {
        number(writer, 1, 1);
        number(writer, 2, 0);
        nest(writer, 3, |writer| writer.bytes_attribute(1, value));
    });
}

fn netwright(count: usize) -> Result<Measured> {
    let mut connection = Connection::open(protocol::NETFILTER)?;
    let (measured, ()) = measure(|| {
        let mut batch = Batch::new();
        batch.add(&Table::new(Family::IPV4, "t"));
        batch.add(&Chain::new(Family::IPV4, "t", "c"));
        for index in 0..count {
            batch.add(&Rule::new(Family::IPV4, "t", "c", rule(index)));
        }
        Ok(connection.commit("load the rules", &mut batch)?)
    })?;
    Ok(measured)
}

fn rule(index: usize) -> [Expression; 8] {
    [
        payload(Base::NETWORK, 12, 4).into(R1),
        cmp(R1, EQ, address(index)),
        meta(MetaKey::L4_PROTOCOL).into(R1),
        cmp(R1, EQ, [TCP]),
        payload(Base::TRANSPORT, 2, 2).into(R1),
        cmp(R1, EQ, port(index).to_be_bytes()),
        counter(),
        verdict(Verdict::ACCEPT),
    ]
}

/// By the typed builder.
fn typed(count: usize) -> Result<Measured> {
    let net = Net::open()?;
    let (measured, ()) = measure(|| {
        let mut batch = net.nft().batch();
        let table = batch.add(build::Table::new(Family::IPV4, "t"));
        let chain = batch.add(build::Chain::new(&table, "c"));
        for index in 0..count {
            let rule = build::Rule::in_chain(&chain).eq(build::ip::SADDR, address(index));
            batch.add(rule.eq(build::tcp::DPORT, port(index)).counter().accept());
        }
        batch.commit()?;
        Ok(())
    })?;
    Ok(measured)
}

fn command(count: usize) -> Result<Measured> {
    measure_tool("netwright", &["nft", "-f", &file(count)?])
}

fn nft(count: usize) -> Result<Measured> {
    measure_tool("nft", &["-f", &file(count)?])
}

pub(crate) fn file(count: usize) -> Result<String> {
    let rule = |index| format!("ip saddr {} tcp dport {} counter accept\n", address(index), port(index));
    let rules: String = (0..count).map(rule).collect();
    input(&format!("table ip t {{\nchain c {{\n{rules}}}\n}}\n"))
}
