//! What several tests need.

use std::net::IpAddr;

use netwright::route::link::{NamespaceRef, Peer};
use netwright::{Address, Change, Create, Link, Net};
use netwright_lab::{Failure, Node, Oracle};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use serde_json::Value;

/// A veth `d0` with its peer `d1`, both up; `d0` has the addresses `10.9.9.1/24` and `2001:db8:9::1/64`.
#[track_caller]
pub(crate) fn pair(net: &Net) -> Result<(Link, Link), Failure> {
    net.links().create(Create::veth("d0", "d1").with(Change::up()))?;
    net.links().set(&net.links().get("d1")?, Change::up())?;
    let (d0, d1) = (net.links().get("d0")?, net.links().get("d1")?);
    net.addresses().add(&d0, "10.9.9.1/24".parse()?)?;
    net.addresses().add(&d0, usable_at_once("2001:db8:9::1/64")?)?;
    Ok((d0, d1))
}

/// An IPv6 address without duplicate detection, which would take a second.
pub(crate) fn usable_at_once(text: &str) -> Result<Address, Failure> {
    use netwright::route::address::AddressFlags;
    Ok(Address { flags: AddressFlags::NO_DUPLICATE_DETECTION, ..text.parse()? })
}

pub(crate) fn address(text: &str) -> Result<IpAddr, Failure> {
    Ok(text.parse()?)
}

/// The other end of a veth in another namespace.
pub(crate) fn peer_in(node: &Node, name: &str) -> Peer {
    Peer::new(&Change::rename(name).and(Change::namespace(namespace_of(node))))
}

/// A namespace as requests name it.
pub(crate) fn namespace_of(node: &Node) -> NamespaceRef {
    node.namespace().into()
}

/// What `ip` says of a link with all its details.
#[track_caller]
pub(crate) fn details(ip: &Oracle, name: &str) -> Result<Value, Failure> {
    Ok(ip.json(&format!("-d link show dev {name}"))?[0].take())
}

/// The texts in a list of JSON.
pub(crate) fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The texts that one key has in the objects of a list of JSON.
pub(crate) fn column<'v>(list: &'v Value, key: &str) -> Vec<&'v str> {
    list.as_array().into_iter().flatten().filter_map(|object| object[key].as_str()).collect()
}

/// Tunnels that the kernel puts into every namespace as soon as somebody on the machine has used their kind.
const EVERYWHERE: [&str; 9] =
    ["tunl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "sit0", "ip6tnl0", "ip6gre0"];

/// Whether a link is there without a test having made it, `lo` aside; or a file beside links in `/sys/class/net` that is none.
pub(crate) fn is_everywhere(name: &str) -> bool {
    EVERYWHERE.contains(&name) || name == "bonding_masters"
}

/// The links of a list without those that are everywhere.
pub(crate) fn own(links: Vec<Link>) -> Vec<Link> {
    links.into_iter().filter(|link| !is_everywhere(&link.name)).collect()
}

/// The names of the links in a list of JSON without those that are everywhere.
pub(crate) fn names(list: &Value) -> Vec<&str> {
    column(list, "ifname").into_iter().filter(|name| !is_everywhere(name)).collect()
}

/// What a closure does as a user without any privilege: capabilities belong to the thread.
pub(crate) fn without_privilege<T>(inside: impl FnOnce() -> T) -> Result<T, Failure> {
    let all = capabilities(None)?;
    let mut none = all;
    none.effective = CapabilitySet::empty();
    set_capabilities(None, none)?;
    let result = inside();
    set_capabilities(None, all)?;
    Ok(result)
}
