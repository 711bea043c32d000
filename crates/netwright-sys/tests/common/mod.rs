//! A place for tests that change the network, and the few requests that they make.
#![allow(dead_code, unreachable_pub)]

use std::env;
use std::fmt;
use std::net::Ipv4Addr;

use netwright_sys::{Connection, Namespace, isolate, protocol};
use netwright_wire::{
    Acknowledged, Dump, Malformed, Message, MessageFlags, Native, Query, Request, Subject, Text, Writer,
};

const INSIDE: &str = "NETWRIGHT_TEST_INSIDE";

/// Runs a test's body in namespaces of its own: the test runs once more, alone, in a child process that is isolated.
pub fn isolated(test: &str, body: impl FnOnce()) {
    if env::var_os(INSIDE).is_some_and(|inside| inside == *test) {
        return body();
    }
    let mut command = isolate::command(env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]).env(INSIDE, test);
    let output = command
        .output()
        .map_err(isolate::failed)
        .unwrap_or_else(|error| panic!("{error}. {:?}", error.help()));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "the test did not run inside: {text}");
}

pub fn route() -> Connection {
    Connection::open(protocol::ROUTE).unwrap()
}

pub fn route_in(namespace: &Namespace) -> Connection {
    Connection::open_in(namespace, protocol::ROUTE).unwrap()
}

/// `struct ifinfomsg`.
fn link_header(writer: &mut Writer, index: u32, flags: u32, change: u32) {
    writer.push(&[0; 4]);
    for field in [index, flags, change] {
        writer.push(&field.to_ne_bytes());
    }
}

/// Asks for a link by its name; the answer is its index.
pub struct Link(pub &'static str);

impl Subject for Link {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "find link {}", self.0)
    }
}

impl Request for Link {
    const PROTOCOL: i32 = protocol::ROUTE;

    fn kind(&self) -> u16 {
        libc::RTM_GETLINK
    }

    fn write(&self, writer: &mut Writer) {
        link_header(writer, 0, 0, 0);
        let mut name = [0; 16];
        name[..self.0.len()].copy_from_slice(self.0.as_bytes());
        writer.bytes_attribute(libc::IFLA_IFNAME, &name[..self.0.len() + 1]);
    }
}

impl Query for Link {
    type Output = u32;

    fn read(&self, message: &Message<'_>) -> Result<u32, Malformed> {
        index(message)
    }
}

fn index(message: &Message<'_>) -> Result<u32, Malformed> {
    let index = message.payload.get(4..).and_then(|rest| rest.first_chunk());
    index
        .map(|bytes| u32::from_ne_bytes(*bytes))
        .ok_or_else(|| Malformed::new("a link", 8, message.payload.len()))
}

/// All links, by name.
pub struct Links;

impl Subject for Links {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("list links")
    }
}

impl Request for Links {
    const PROTOCOL: i32 = protocol::ROUTE;

    fn kind(&self) -> u16 {
        libc::RTM_GETLINK
    }

    fn write(&self, writer: &mut Writer) {
        link_header(writer, 0, 0, 0);
    }
}

impl Dump for Links {
    type View<'a> = Text<'a>;
    type Output = String;

    fn view<'a>(&self, message: &Message<'a>) -> Result<Option<Text<'a>>, Malformed> {
        let name = message.attributes_after(16).find(libc::IFLA_IFNAME)?;
        name.map(|name| name.native::<String>()).transpose()
    }

    fn own(&self, view: Text<'_>) -> Result<String, Malformed> {
        Ok(view.to_string())
    }
}

/// Sets a link up or down.
pub struct SetUp(pub u32, pub bool);

impl Subject for SetUp {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "set link {} up", self.0)
    }
}

impl Request for SetUp {
    const PROTOCOL: i32 = protocol::ROUTE;

    fn kind(&self) -> u16 {
        libc::RTM_NEWLINK
    }

    fn write(&self, writer: &mut Writer) {
        link_header(writer, self.0, u32::from(self.1), 1);
    }
}

impl Acknowledged for SetUp {}

/// Adds (or removes) an address of the loopback, which has index 1.
pub struct Address {
    pub address: Ipv4Addr,
    pub add: bool,
}

impl Subject for Address {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.add { "add" } else { "delete" };
        write!(f, "{verb} address {}/32 at lo", self.address)
    }
}

impl Request for Address {
    const PROTOCOL: i32 = protocol::ROUTE;

    fn kind(&self) -> u16 {
        if self.add { libc::RTM_NEWADDR } else { libc::RTM_DELADDR }
    }

    fn flags(&self) -> MessageFlags {
        if self.add { MessageFlags::CREATE | MessageFlags::EXCLUSIVE } else { MessageFlags::empty() }
    }

    fn write(&self, writer: &mut Writer) {
        writer.push(&[libc::AF_INET as u8, 32, 0, 0, 1, 0, 0, 0]);
        writer.attribute::<Native, _>(libc::IFA_LOCAL, &self.address);
    }
}

impl Acknowledged for Address {}

/// All IPv4 addresses.
pub struct Addresses;

impl Subject for Addresses {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("list addresses")
    }
}

impl Request for Addresses {
    const PROTOCOL: i32 = protocol::ROUTE;

    fn kind(&self) -> u16 {
        libc::RTM_GETADDR
    }

    fn write(&self, writer: &mut Writer) {
        writer.push(&[libc::AF_INET as u8, 0, 0, 0, 0, 0, 0, 0]);
    }
}

impl Dump for Addresses {
    type View<'a> = Ipv4Addr;
    type Output = Ipv4Addr;

    fn view<'a>(&self, message: &Message<'a>) -> Result<Option<Ipv4Addr>, Malformed> {
        let address = message.attributes_after(8).find(libc::IFA_LOCAL)?;
        address.map(|address| address.native::<Ipv4Addr>()).transpose()
    }

    fn own(&self, view: Ipv4Addr) -> Result<Ipv4Addr, Malformed> {
        Ok(view)
    }
}

/// `count` addresses, one after the other.
pub fn addresses(count: u32, add: bool) -> Vec<Address> {
    (0..count).map(|number| Address { address: Ipv4Addr::from(0x0a00_0000 + number), add }).collect()
}

/// An nf_tables batch that adds tables of the family inet by name, echoed where `echo`; its bytes and how many messages it has.
pub fn tables<'a>(names: impl IntoIterator<Item = &'a str>, echo: bool) -> (Vec<u8>, u32) {
    const BEGIN: u16 = 0x10;
    const END: u16 = 0x11;
    const NFTABLES: u8 = 10;
    const NEW_TABLE: u16 = (NFTABLES as u16) << 8;
    let mut writer = Writer::new();
    let mut sequence = 700;
    let mut message = |kind, flags, family, resource, name: Option<&str>| {
        let mark = writer.begin_message(kind, MessageFlags::REQUEST | flags, sequence);
        writer.push(&[family, 0, 0, resource]);
        if let Some(name) = name {
            writer.attribute::<netwright_wire::Big, _>(1, &name.to_owned());
        }
        writer.end_message(mark);
        sequence += 1;
    };
    let none = MessageFlags::empty();
    let flags = MessageFlags::CREATE | MessageFlags::EXCLUSIVE | if echo { MessageFlags::ECHO } else { none };
    message(BEGIN, none, 0, NFTABLES, None);
    for name in names {
        message(NEW_TABLE, flags, 1, 0, Some(name));
    }
    message(END, none, 0, NFTABLES, None);
    (writer.bytes().to_vec(), sequence - 700)
}
