use netwright_nft::diagnostic::nearest;
use netwright_route::prefix::Prefix;
use serde_json::{Value as Json, json};

use super::{Address, Ipv4Settings, Ipv6Settings, LinkKind, MacAddress};
use crate::scalar::{self, AlternativeName, Between, InterfaceName, StationMac};
use crate::schema::{self, Definitions};
use crate::section::{
    Decode, Key, Reader, Section, find_word, list_words, missing_keys, present, section, unknown_key,
};
use crate::tree::{Entry, Node, Value};

section! {
    /// A link (network interface) of the host.
    pub struct Link as "a link" {
        /// Whether the link is up.
        defaulted "up" => up: bool = true,
        /// The largest packet that it sends, in bytes without the link's own header.
        optional "mtu" => mtu: u32 as Between<68, 2147483647>,
        /// The group of links that the link is in, by number.
        optional "link-group" => group: u32,
        /// The length of the transmit queue, in packets.
        optional "transmit-queue-length" => transmit_queue_length: u32,
        /// The hardware address.
        optional "mac" => mac: MacAddress as StationMac,
        /// The addresses, each with its prefix length: "192.0.2.1/24", or a table with more to say.
        list "addresses" => addresses: Address,
        /// The bridge, bond or VRF that the link is a port of. The same can be said with `ports` over there.
        optional "master" => master: String as InterfaceName,
        /// Further names under which the link is known.
        list "alternative-names" => alternative_names: String as AlternativeName,
        /// Whether the link may be missing, without a word and with exit status 0.
        defaulted "optional" => optional: bool,
        /// Whether a link of this name that somebody else made is taken over, even where it has to be made anew.
        defaulted "adopt" => adopt: bool,
        /// What the link is found by where it has another name: its MAC address or its place in the machine.
        below "match" => matches: LinkMatch,
        /// What the link does with IPv4.
        below "ipv4" => ipv4: Ipv4Settings,
        /// What the link does with IPv6.
        below "ipv6" => ipv6: Ipv6Settings,
    }
    also {
        /// The name, at most 15 bytes.
        name: String,
        /// What to make where the link does not exist; `None` for one that must exist already.
        kind: Option<LinkKind>,
        /// The file names it as another link's port or peer, but has no table for it.
        implied: bool,
    }
}

section! {
    /// What a link is found by.
    pub struct LinkMatch as "what a link is matched by" {
        /// The hardware address that it was built with, or has.
        optional "mac" => mac: MacAddress as StationMac,
        /// The device that it is of, by its bus and its name on it: "pci-0000:00:1f.6", "virtio-virtio1".
        optional "path" => path: String,
    }
}

impl Link {
    /// The names of the links that the file makes ports of this one.
    #[must_use]
    pub fn ports(&self) -> &[String] {
        match &self.kind {
            Some(LinkKind::Bridge(bridge)) => &bridge.ports,
            Some(LinkKind::Bond(bond)) => &bond.ports,
            Some(LinkKind::Vrf(vrf)) => &vrf.ports,
            _ => &[],
        }
    }

    /// The link that this one lies on, where its kind has such a one.
    #[must_use]
    pub fn parent(&self) -> Option<&str> {
        match self.kind.as_ref()? {
            LinkKind::Vlan(vlan) => Some(&vlan.parent),
            LinkKind::MacVlan(link) | LinkKind::MacVtap(link) => Some(&link.parent),
            LinkKind::IpVlan(link) => Some(&link.parent),
            LinkKind::Vxlan(vxlan) => vxlan.parent.as_deref(),
            LinkKind::Gre(tunnel) | LinkKind::GreTap(tunnel) => tunnel.parent.as_deref(),
            LinkKind::Ip6Gre(tunnel) | LinkKind::Ip6GreTap(tunnel) => tunnel.parent.as_deref(),
            LinkKind::IpIp(tunnel) | LinkKind::Sit(tunnel) => tunnel.parent.as_deref(),
            LinkKind::Ip6Tunnel(tunnel) => tunnel.parent.as_deref(),
            _ => None,
        }
    }

    /// The networks that are reached through it because of its addresses.
    pub fn networks(&self) -> impl Iterator<Item = Prefix> {
        self.addresses.iter().filter(|address| address.prefix_route).map(Address::network)
    }
}

/// The table of links, keyed by name.
pub(crate) struct Links;

impl Decode for Links {
    type Value = Vec<Link>;

    fn decode(node: &Node, reader: &mut Reader) -> Option<Vec<Link>> {
        let Value::Table(entries) = &node.value else {
            reader.expected::<()>(node, "a table of links by name");
            reader.help("Write a table `[link.NAME]` for each.");
            return None;
        };
        Some(present(entries).filter_map(|entry| decode_link(entry, reader)).collect())
    }

    fn schema(definitions: &mut Definitions) -> Json {
        json!({
            "type": "object",
            "propertyNames": InterfaceName::schema(definitions),
            "additionalProperties": schema::link(definitions),
        })
    }
}

fn decode_link(entry: &Entry, reader: &mut Reader) -> Option<Link> {
    scalar::check_interface_name(&entry.key, entry.key_span, reader);
    let entries = reader.table(&entry.node, Link::NOUN)?;
    let kind_entry = present(entries).find(|entry| entry.key == "kind");
    let kind = kind_entry.map(|entry| decode_kind(entry, reader));
    let kind_unknown = matches!(kind, Some(None));
    let errors = reader.errors;
    let mut link = Link { name: entry.key.clone(), kind: kind.flatten(), ..Link::default() };
    link.place.span = entry.key_span;
    for entry in present(entries).filter(|entry| entry.key != "kind") {
        let taken = link.take(entry, reader)
            || link.kind.as_mut().is_some_and(|kind| kind.take(entry, reader))
            || (kind_unknown && kinds_with(&entry.key).next().is_some());
        if !taken {
            misfit(&link, entry, reader);
        }
    }
    if let Some(kind) = &link.kind {
        let noun = format!("a link of kind `{}`", kind.name());
        missing_keys(entry.key_span, entries, &noun, keys_of(kind), reader);
    }
    if kind_unknown || reader.errors > errors {
        link.place.set_broken();
    }
    Some(link)
}

fn decode_kind(entry: &Entry, reader: &mut Reader) -> Option<LinkKind> {
    let names: Vec<(&'static str, &'static str)> = LinkKind::NAMES.iter().map(|&name| (name, name)).collect();
    LinkKind::named(find_word(&entry.node, "link kind", &names, reader)?)
}

/// The key that chooses the kind, which is read before all others.
const KIND: Key =
    Key { name: "kind", doc: &[], required: false, schema: |_| json!({ "enum": LinkKind::NAMES }) };

fn keys_of(kind: &LinkKind) -> &'static [Key] {
    LinkKind::TABLES.iter().find(|table| table.name == kind.name()).map_or(&[], |table| table.keys)
}

fn kinds_with(key: &str) -> impl Iterator<Item = &'static str> {
    let has = move |keys: &[Key]| keys.iter().any(|known| known.name == key);
    LinkKind::TABLES.iter().filter(move |table| has(table.keys)).map(|table| table.name)
}

/// Notes a key that the link does not take: one of another kind, or one that does not exist.
fn misfit(link: &Link, entry: &Entry, reader: &mut Reader) {
    let kinds: Vec<&str> = kinds_with(&entry.key).collect();
    let own = link.kind.as_ref().map_or(&[][..], keys_of);
    if kinds.is_empty() {
        let all = || Link::KEYS.iter().chain(own);
        let noun = match &link.kind {
            Some(kind) => format!("a link of kind `{}`", kind.name()),
            None => Link::NOUN.to_owned(),
        };
        let keys: Vec<Key> = std::iter::once(&KIND).chain(all()).copied().collect();
        let elsewhere = LinkKind::TABLES.iter().flat_map(|table| table.keys).map(|key| key.name);
        unknown_key(entry, &noun, &keys, &Link::below(), reader);
        let no_near = nearest(&entry.key, all().map(|key| key.name)).is_none();
        if let (None, true, Some(near)) = (&link.kind, no_near, nearest(&entry.key, elsewhere)) {
            let kinds = list_words(kinds_with(near), "or");
            reader.help(format!("Or did you mean `{near}`, which a link of kind {kinds} has?"));
        }
        return;
    }
    let whose = list_words(kinds.iter().copied(), "or");
    match &link.kind {
        Some(kind) => {
            let message = format!("`{}` does not fit a link of kind `{}`", entry.key, kind.name());
            reader.error::<()>(entry.key_span, message);
            reader.help(format!("Only a link of kind {whose} has it."));
        }
        None => {
            let message = format!("`{}` does not fit a link without a kind", entry.key);
            reader.error::<()>(entry.key_span, message);
            reader.help(format!("Say which `kind` the link has: {whose}."));
        }
    }
}
