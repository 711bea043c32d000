//! Addresses of interfaces.

use netwright::route::address::{AddressFlags, Lifetime, List};
use netwright::{Address, Net};
use serde_json::Value as Json;

use super::{Names, Object, Put, flag_names};
use crate::output::{Cell, DIM, NAME};

/// That an address lives forever is told by its lifetime.
const FLAGS: [(u32, &str); 11] = [
    (AddressFlags::SECONDARY.bits(), "secondary"),
    (AddressFlags::NO_DUPLICATE_DETECTION.bits(), "no-duplicate-detection"),
    (AddressFlags::OPTIMISTIC.bits(), "optimistic"),
    (AddressFlags::DUPLICATE_DETECTED.bits(), "duplicate-detected"),
    (AddressFlags::HOME_ADDRESS.bits(), "home-address"),
    (AddressFlags::DEPRECATED.bits(), "deprecated"),
    (AddressFlags::TENTATIVE.bits(), "tentative"),
    (AddressFlags::MANAGE_TEMPORARY.bits(), "manage-temporary"),
    (AddressFlags::NO_PREFIX_ROUTE.bits(), "no-prefix-route"),
    (AddressFlags::AUTO_JOIN.bits(), "auto-join"),
    (AddressFlags::STABLE_PRIVACY.bits(), "stable-privacy"),
];

pub(super) const HEADER: [&str; 6] = ["LINK", "ADDRESS", "PEER", "SCOPE", "VALID", "NOTE"];

pub(super) fn row(address: &Address, names: &Names<'_>) -> [Cell; 6] {
    let Address { address: own, prefix_length: length, .. } = address;
    let (shown, peer) = match address.peer {
        Some(peer) => (own.to_string(), format!("{peer}/{length}")),
        None => (format!("{own}/{length}"), String::new()),
    };
    [
        Cell::new(names.link(address.link), NAME),
        shown.into(),
        peer.into(),
        address.scope.map(scope).unwrap_or_default().into(),
        lifetime(address).valid.map(|seconds| format!("{seconds} s")).unwrap_or_default().into(),
        Cell::new(note(address, names), DIM),
    ]
}

/// Hands out the addresses as they come.
pub(super) fn each(net: &Net, put: &mut Put<'_, Address>) -> netwright::Result<()> {
    net.addresses().each(List::default(), |address| Ok(put(address.own()?)))
}

fn scope(scope: netwright::route::Scope) -> String {
    scope.name().map_or_else(|| scope.0.to_string(), str::to_owned)
}

fn lifetime(address: &Address) -> Lifetime {
    address.lifetime.unwrap_or_default()
}

fn flags(address: &Address) -> Vec<std::borrow::Cow<'static, str>> {
    flag_names(address.flags.difference(AddressFlags::PERMANENT).bits(), &FLAGS)
}

fn note(address: &Address, names: &Names<'_>) -> String {
    let label = address.label.as_ref().filter(|label| **label != names.link(address.link));
    flags(address)
        .into_iter()
        .map(|flag| flag.into_owned())
        .chain(label.cloned())
        .collect::<Vec<_>>()
        .join(", ")
}

pub(crate) fn json(address: &Address, names: &Names<'_>) -> Json {
    Object::default()
        .with("link", names.link(address.link))
        .text("address", address.address)
        .with("prefix-length", address.prefix_length)
        .maybe_text("peer", address.peer)
        .maybe_text("broadcast", address.broadcast)
        .maybe("scope", address.scope.map(scope))
        .maybe("label", address.label.as_deref())
        .list("flags", flags(address))
        .maybe("valid", lifetime(address).valid)
        .maybe("preferred", lifetime(address).preferred)
        .json()
}
