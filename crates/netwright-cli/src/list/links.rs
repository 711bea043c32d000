//! Interfaces.

use netwright::route::HardwareAddress;
use netwright::route::link::{AlternativeName, LinkFlags, LinkView, List, OperationalState};
use netwright::{Link, Net};
use netwright_wire::{Malformed, Value};
use serde_json::Value as Json;

use super::{Names, Object, collect, flag_names, or_empty};
use crate::failure::Failure;
use crate::output::{CHANGED, Cell, DIM, GOOD, NAME};

const FLAGS: [(u32, &str); 12] = [
    (LinkFlags::BROADCAST.bits(), "broadcast"),
    (LinkFlags::LOOPBACK.bits(), "loopback"),
    (LinkFlags::POINT_TO_POINT.bits(), "point-to-point"),
    (LinkFlags::NO_ARP.bits(), "no-arp"),
    (LinkFlags::PROMISCUOUS.bits(), "promiscuous"),
    (LinkFlags::ALL_MULTICAST.bits(), "all-multicast"),
    (LinkFlags::MULTICAST.bits(), "multicast"),
    (LinkFlags::UP.bits(), "up"),
    (LinkFlags::RUNNING.bits(), "running"),
    (LinkFlags::LOWER_UP.bits(), "lower-up"),
    (LinkFlags::DORMANT.bits(), "dormant"),
    (LinkFlags::ECHO.bits(), "echo"),
];

/// What is shown of a link, which is a small part of what there is.
pub(crate) struct Brief {
    index: u32,
    name: String,
    alternative_names: Vec<String>,
    kind: Option<String>,
    flags: LinkFlags,
    state: OperationalState,
    mtu: Option<u32>,
    address: Option<HardwareAddress>,
    master: Option<u32>,
    parent: Option<u32>,
    is_parent_elsewhere: bool,
    alias: Option<String>,
}

impl From<&Link> for Brief {
    fn from(link: &Link) -> Self {
        Brief {
            index: link.index,
            name: link.name.clone(),
            alternative_names: link.alternative_names.clone(),
            kind: link.kind_name().map(str::to_owned),
            flags: link.flags,
            state: link.operational_state,
            mtu: link.mtu,
            address: link.address,
            master: link.master,
            parent: link.parent,
            is_parent_elsewhere: link.parent_namespace_id.is_some(),
            alias: link.alias.clone(),
        }
    }
}

impl Brief {
    fn read(LinkView { header, attributes }: LinkView<'_>) -> Result<Self, Malformed> {
        let own = |text: Option<_>| text.map(String::own).transpose();
        let kind = attributes.info()?.map(|info| info.kind()).transpose()?.flatten();
        let names = attributes.alternative_names()?.map(Vec::<AlternativeName>::own).transpose()?;
        Ok(Brief {
            index: header.index,
            name: own(attributes.name()?)?.unwrap_or_default(),
            alternative_names: names.unwrap_or_default().into_iter().map(|name| name.0).collect(),
            kind: own(kind)?,
            flags: header.flags,
            state: attributes.operational_state()?.unwrap_or_default(),
            mtu: attributes.mtu()?,
            address: attributes.address()?,
            master: attributes.master()?.filter(|&master| master != 0),
            parent: attributes.parent()?.filter(|&parent| parent != 0),
            is_parent_elsewhere: attributes.parent_namespace_id()?.is_some(),
            alias: own(attributes.alias()?)?,
        })
    }

    fn is_up(&self) -> bool {
        self.flags.contains(LinkFlags::UP)
    }
}

/// All links, in the order of the kernel.
pub(super) fn read(net: &Net) -> Result<Vec<Brief>, Failure> {
    collect(|put| net.links().each(List::default(), |link| Ok(put(Brief::read(link)?))))
}

/// What they are called.
pub(super) fn names(links: &[Brief]) -> Names<'static> {
    Names::Listed(links.iter().map(|link| (link.index, link.name.clone())).collect())
}

pub(super) const HEADER: [&str; 8] = [">INDEX", "NAME", "KIND", "STATE", ">MTU", "MAC", "MASTER", "NOTE"];

pub(super) fn row(link: &Brief, names: &Names<'_>) -> [Cell; 8] {
    let (state, style) = match (link.is_up(), link.state) {
        (false, _) => ("down", DIM),
        (true, OperationalState::UP | OperationalState::UNKNOWN) => ("up", GOOD),
        (true, _) => ("no carrier", CHANGED),
    };
    let address = link.address.filter(|address| address.as_bytes().iter().any(|&byte| byte != 0));
    [
        Cell::new(link.index.to_string(), DIM),
        Cell::new(name(link, names), NAME),
        kind(link).into(),
        Cell::new(state, style),
        or_empty(link.mtu).into(),
        or_empty(address).into(),
        or_empty(link.master.map(|master| names.of(master))).into(),
        Cell::new(note(link), DIM),
    ]
}

/// With what it stands on, as `ip` writes it.
fn name(link: &Brief, names: &Names<'_>) -> String {
    match (link.parent, link.is_parent_elsewhere) {
        (Some(parent), false) if parent != link.index => format!("{}@{}", link.name, names.of(parent)),
        (Some(parent), true) => format!("{}@if{parent}", link.name),
        _ => link.name.clone(),
    }
}

fn kind(link: &Brief) -> &str {
    let loopback = link.flags.contains(LinkFlags::LOOPBACK);
    link.kind.as_deref().unwrap_or(if loopback { "loopback" } else { "" })
}

fn note(link: &Brief) -> String {
    let names = link.alternative_names.iter().map(|name| format!("also {name}"));
    names.chain(link.alias.clone()).collect::<Vec<_>>().join(", ")
}

pub(crate) fn json(link: &Brief, names: &Names<'_>) -> Json {
    let parent = link.parent.filter(|_| !link.is_parent_elsewhere);
    Object::default()
        .with("index", link.index)
        .with("name", link.name.as_str())
        .maybe("kind", link.kind.as_deref())
        .with("up", link.is_up())
        .with("state", link.state.name().unwrap_or("unknown"))
        .maybe("mtu", link.mtu)
        .maybe_text("mac", link.address)
        .maybe("master", link.master.map(|master| names.of(master)))
        .maybe("parent", parent.map(|parent| names.of(parent)))
        .list("alternative-names", link.alternative_names.iter().map(String::as_str))
        .maybe("alias", link.alias.as_deref())
        .list("flags", flag_names(link.flags.bits(), &FLAGS))
        .json()
}
