//! A host file from what there is.

use std::collections::HashSet;
use std::fmt::{Display, Write};

use netwright_route::address::AddressFlags;
use netwright_route::link::{LinkFlags, LinkKind as Kernel};
use netwright_route::neighbour::NeighbourState;
use netwright_route::route::{NextHopFlags, RouteFlags, RouteKind};
use netwright_route::rule::{RuleAction, RuleFlags};
use netwright_route::{Address, Family, Link, LinkId, Nexthop, Protocol, Route, Rule, Table};
use serde_json::{Value as Json, json};

use crate::model::{self, LinkKind};
use crate::plan::{OWN_PROTOCOL, is_kernels, is_kernels_address, is_proxy, is_set, kinds};
use crate::record::Record;
use crate::snapshot::{Setting, Snapshot, Wanted};

mod left;

/// Links that the kernel makes with a module, which nobody declares.
const FALLBACK: &[&str] =
    &["tunl0", "gre0", "gretap0", "erspan0", "sit0", "ip6tnl0", "ip6gre0", "ip_vti0", "ip6_vti0", "teql0"];

/// What a snapshot must have to be captured whole.
#[must_use]
pub fn wanted_to_capture(links: &[Link]) -> Wanted {
    let names = links.iter().map(|link| link.name.as_str()).chain(["default"]);
    let mut settings: Vec<Setting> = names.flat_map(Setting::all_of).collect();
    settings.extend([Family::IPV4, Family::IPV6].map(Setting::forwarding));
    Wanted { settings, ..Wanted::default() }
}

/// A host file in TOML without its firewall, which makes a host what this one is; what cannot be declared stands in it as
/// comments. With a record, what its owner made alone.
#[must_use]
pub fn capture(snapshot: &Snapshot, only: Option<&Record>) -> String {
    let mut capture =
        Capture { snapshot, only, out: String::new(), left: Vec::new(), routes: HashSet::new() };
    if let Some(record) = only {
        capture.key("owner", record.owner.as_str());
    }
    capture.forwarding();
    snapshot.links.iter().for_each(|link| capture.link(link));
    snapshot.routes.iter().for_each(|route| capture.route(route));
    snapshot.rules.iter().for_each(|rule| capture.rule(rule));
    capture.neighbours();
    if only.is_none() {
        for nexthop in &snapshot.nexthops {
            let link = nexthop.link.map(|link| capture.named(link));
            capture.left.push(format!("nexthop {}", Nexthop { link, ..nexthop.clone() }));
        }
        capture.left.extend(left::of_bridges(snapshot));
    }
    let Capture { mut out, left, .. } = capture;
    if !left.is_empty() {
        out.push_str("\n# What a host file does not declare, and nobody touches:\n");
        left.iter().for_each(|what| out.push_str(&format!("# {}\n", what.replace('\n', " "))));
    }
    out
}

struct Capture<'a> {
    snapshot: &'a Snapshot,
    only: Option<&'a Record>,
    out: String,
    /// What cannot be declared.
    left: Vec<String>,
    /// The routes so far.
    routes: HashSet<crate::keys::RouteKey>,
}

fn toml(value: &Json) -> String {
    match value {
        Json::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Json::Object(items) => {
            let items = items.iter().map(|(key, value)| format!("{key} = {}", toml(value)));
            format!("{{ {} }}", items.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

impl Capture<'_> {
    fn key(&mut self, key: &str, value: impl Into<Json>) {
        let _ = writeln!(self.out, "{key} = {}", toml(&value.into()));
    }

    fn text(&mut self, key: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.key(key, value.to_string());
        }
    }

    fn number(&mut self, key: &str, value: Option<impl Into<Json>>) {
        if let Some(value) = value {
            self.key(key, value);
        }
    }

    fn name(&self, index: u32) -> Option<String> {
        self.snapshot.link_at(index).map(|link| link.name.clone())
    }

    fn named(&self, link: LinkId) -> LinkId {
        self.snapshot.link_at(link.index).map_or(link, Link::id)
    }

    fn setting(&self, family: Family, link: &str, name: &'static str) -> Option<&str> {
        let setting = Setting { family, link: Some(link.to_owned()), name };
        self.snapshot.settings.get(&setting).map(String::as_str)
    }

    fn forwarding(&mut self) {
        let on = |family| self.snapshot.settings.get(&Setting::forwarding(family)).map(|value| value == "1");
        let (ipv4, ipv6) = (on(Family::IPV4), on(Family::IPV6));
        let owned = |family| {
            let setting = Setting::forwarding(family);
            self.only.is_none_or(|record| record.settings.iter().any(|own| own.setting == setting))
        };
        let mut all = serde_json::Map::new();
        for (key, family, on) in [("ipv4", Family::IPV4, ipv4), ("ipv6", Family::IPV6, ipv6)] {
            if let Some(on) = on.filter(|_| owned(family)) {
                all.insert(key.to_owned(), on.into());
            }
        }
        if !all.is_empty() {
            self.key("forwarding", Json::Object(all));
        }
    }

    fn is_wanted(&self, link: &Link) -> bool {
        let Some(record) = self.only else {
            let bare = FALLBACK.contains(&link.name.as_str()) && !link.flags.contains(LinkFlags::UP);
            return !bare;
        };
        let of = |id: &LinkId| id.index == link.index;
        record.links.iter().any(|own| of(&own.link))
            || record.options.iter().any(|own| of(&own.link))
            || record.addresses.iter().any(|address| of(&address.link))
            || record.settings.iter().any(|own| own.setting.link.as_deref() == Some(&link.name))
    }

    fn link(&mut self, link: &Link) {
        if !self.is_wanted(link) {
            return;
        }
        let addresses = self.addresses(link);
        let settings = self.settings(link);
        let is_loopback = link.flags.contains(LinkFlags::LOOPBACK);
        if is_loopback && addresses.is_empty() && settings.is_empty() {
            return;
        }
        let _ = writeln!(self.out, "\n[link.{}]", toml_key(&link.name));
        let kind = self.kind(link);
        if !link.flags.contains(LinkFlags::UP) {
            self.key("up", false);
        }
        self.number("mtu", link.mtu.filter(|mtu| *mtu != 1500 && !is_loopback));
        let ethernet = matches!(
            link.kind_name(),
            None | Some("veth" | "bridge" | "vlan" | "vxlan" | "macvlan" | "bond")
        );
        let queue = link.transmit_queue_length.filter(|length| ethernet && !is_loopback && *length != 1000);
        self.number("transmit-queue-length", queue);
        self.number("link-group", link.group.filter(|group| *group != 0));
        let own = link.permanent_address.as_ref().filter(|own| link.address.as_ref() != Some(own));
        self.text("mac", own.and(link.address.as_ref()));
        if !link.alternative_names.is_empty() && kind {
            self.key("alternative-names", json!(link.alternative_names));
        }
        if !addresses.is_empty() {
            self.out.push_str("addresses = [");
            let many = addresses.len() > 1;
            for address in &addresses {
                let (before, after) = if many { ("\n  ", ",") } else { ("", "") };
                let _ = write!(self.out, "{before}{}{after}", toml(address));
            }
            self.out.push_str(if many { "\n]\n" } else { "]\n" });
        }
        let master =
            link.master.filter(|master| *master != 0).and_then(|master| self.snapshot.link_at(master));
        if let Some(master) = master {
            let has_ports = matches!(master.kind, Some(Kernel::Bridge(_) | Kernel::Bond(_) | Kernel::Vrf(_)));
            if !has_ports || self.only.is_some() && !self.is_wanted(master) {
                self.key("master", master.name.as_str());
            }
        }
        for (family, settings) in settings {
            self.key(family, Json::Object(settings));
        }
        let left = if self.only.is_none() { left::of_link(link) } else { Vec::new() };
        self.left.extend(left.into_iter().map(|what| format!("link {}: {what}", link.name)));
    }

    /// What makes the link; whether it can be declared.
    fn kind(&mut self, link: &Link) -> bool {
        let Some(kind) = &link.kind else { return false };
        let word = match kind {
            Kernel::Tun(tun) if tun.mode == Some(netwright_route::link::kind::TunMode::TAP) => "tap",
            kind => kind.name(),
        };
        let known = LinkKind::NAMES.contains(&word);
        let peer =
            link.parent.filter(|_| link.parent_namespace_id.is_none()).and_then(|index| self.name(index));
        let persistent = !matches!(kind, Kernel::Tun(tun) if tun.persist != Some(true));
        if !known || FALLBACK.contains(&link.name.as_str()) || !persistent {
            if !FALLBACK.contains(&link.name.as_str()) {
                let _ = writeln!(self.out, "# a link of kind {word}, which somebody else makes");
            }
            self.key("optional", true);
            return false;
        }
        let needs = matches!(word, "veth" | "vlan" | "macvlan" | "macvtap" | "ipvlan");
        if needs && peer.is_none() {
            let _ = writeln!(self.out, "# a {word} whose other end is in another namespace");
            self.key("optional", true);
            return false;
        }
        if word == "veth" {
            // one end makes both
            let first = peer.as_ref().is_some_and(|peer| link.name < *peer);
            if !first {
                return false;
            }
        }
        self.key("kind", word);
        match word {
            "veth" => self.text("peer", peer),
            _ if needs => self.text("parent", peer),
            _ => {}
        }
        for (key, value) in kinds::shown(kind, &|index| self.name(index)) {
            self.key(key, value);
        }
        if matches!(word, "bridge" | "bond" | "vrf") {
            let ports = self.snapshot.links.iter().filter(|port| port.master == Some(link.index));
            let ports: Vec<&str> = ports.map(|port| port.name.as_str()).collect();
            if !ports.is_empty() {
                self.key("ports", json!(ports));
            }
        }
        true
    }

    fn addresses(&mut self, link: &Link) -> Vec<Json> {
        let all: Vec<&Address> =
            self.snapshot.addresses.iter().filter(|address| address.link.index == link.index).collect();
        let mut found = Vec::new();
        for address in all {
            let of_loopback = address.address.is_loopback() && link.flags.contains(LinkFlags::LOOPBACK);
            let own = self.only.is_none_or(|record| {
                record.addresses.iter().any(|own| crate::keys::address(own) == crate::keys::address(address))
            });
            if is_kernels_address(address) || of_loopback || !own {
                continue;
            }
            if address.lifetime.is_some_and(|lifetime| lifetime.valid.is_some()) {
                let address = Address { link: link.id(), ..address.clone() };
                self.left.push(format!("address {address}, which somebody gave for a time"));
                continue;
            }
            let besides = left::of_address(address);
            if !besides.is_empty() {
                let address = Address { link: link.id(), ..address.clone() };
                self.left.push(format!("address {address}: {}", besides.join(", ")));
            }
            found.push(written(address, link));
        }
        found
    }

    fn settings(&self, link: &Link) -> Vec<(&'static str, serde_json::Map<String, Json>)> {
        let rows = [
            ("ipv4", Family::IPV4, model::Ipv4Settings::NAMES),
            ("ipv6", Family::IPV6, model::Ipv6Settings::NAMES),
        ];
        let all = rows.into_iter().map(|(word, family, names)| {
            let mut settings = serde_json::Map::new();
            for &(key, file) in names {
                let own = self.only.is_none_or(|record| {
                    let of = |setting: &Setting| {
                        setting.family == family
                            && setting.name == file
                            && setting.link.as_deref() == Some(&link.name)
                    };
                    record.settings.iter().any(|own| of(&own.setting))
                });
                let value = self.setting(family, &link.name, file).filter(|_| own);
                // what all links of the host have is nothing of this link
                let usual = self.only.is_none() && value == self.setting(family, "default", file);
                let forwards = file == "forwarding";
                if let Some(value) = value.filter(|_| !usual && !forwards)
                    && let Some(word) = model::setting_in_words(family == Family::IPV6, file, value)
                {
                    settings.insert(key.to_owned(), word);
                }
            }
            (word, settings)
        });
        all.filter(|(_, settings)| !settings.is_empty()).collect()
    }

    fn route(&mut self, route: &Route) {
        if let Some(record) = self.only
            && !record.routes.iter().any(|own| crate::keys::route(own) == crate::keys::route(route))
        {
            return;
        }
        if is_kernels(route) || route.flags.contains(RouteFlags::CLONED) {
            return;
        }
        let by = route.protocol.unwrap_or(Protocol::BOOT);
        let ordinary = matches!(by, Protocol::BOOT | Protocol::STATIC | OWN_PROTOCOL) || by.0 > 200;
        // of several that were appended, the kernel takes the first
        let behind = !self.routes.insert(crate::keys::route(route));
        let whole = !ordinary || behind || left::hides(route);
        let besides = left::of_route(route);
        if whole || !besides.is_empty() {
            let mut route = route.clone();
            route.link = route.link.map(|link| self.named(link));
            route.next_hops.iter_mut().for_each(|hop| hop.link = hop.link.map(|link| self.named(link)));
            let what = match whole {
                true => format!("route {route} proto {by}"),
                false => format!("route {route}: {}", besides.join(", ")),
            };
            self.left.push(what);
        }
        if whole {
            return;
        }
        self.out.push_str("\n[[route]]\n");
        if route.is_default() {
            self.key("to", "default");
            if route.gateway.is_none() && route.family() == Family::IPV6 {
                self.key("family", "ipv6");
            } else if route.gateway.is_none() && route.next_hops.is_empty() {
                self.key("family", "ipv4");
            }
        } else {
            self.text("to", Some(route.destination));
        }
        let kind = model::RouteType::WORDS.iter().find(|(word, _)| *word == route.kind.to_string());
        // those that lead nowhere are bound to the loopback link by the kernel
        let is_way = !matches!(
            route.kind,
            RouteKind::BLACKHOLE | RouteKind::UNREACHABLE | RouteKind::PROHIBIT | RouteKind::THROW
        );
        self.text("type", kind.map(|(word, _)| *word).filter(|_| route.kind != RouteKind::UNICAST));
        if route.next_hops.is_empty() {
            self.text("via", route.gateway);
            let dev = route.link.filter(|_| is_way).and_then(|link| self.name(link.index));
            self.text("dev", dev);
            if route.flags.contains(RouteFlags::ON_LINK) {
                self.key("onlink", true);
            }
        } else {
            let hops = route.next_hops.iter().map(|hop| {
                let mut item = serde_json::Map::new();
                if let Some(via) = hop.gateway {
                    item.insert("via".to_owned(), via.to_string().into());
                }
                if let Some(dev) = hop.link.and_then(|link| self.name(link.index)) {
                    item.insert("dev".to_owned(), dev.into());
                }
                if hop.weight != 1 {
                    item.insert("weight".to_owned(), hop.weight.into());
                }
                if hop.flags.contains(NextHopFlags::ON_LINK) {
                    item.insert("onlink".to_owned(), true.into());
                }
                Json::Object(item)
            });
            let hops: Vec<Json> = hops.collect();
            self.key("nexthops", hops);
        }
        let table = route.effective_table();
        self.number("table", (table != Table::MAIN).then_some(table.0));
        let metric = crate::keys::route(route).3;
        let usual = if route.family() == Family::IPV6 { 1024 } else { 0 };
        self.number("metric", (metric != usual).then_some(metric));
        self.text("source", route.preferred_source);
        let protocol = (by != Protocol::BOOT && by != OWN_PROTOCOL).then_some(by.0);
        self.number("protocol", protocol);
        if let Some(metrics) = &route.metrics {
            self.number("mtu", metrics.mtu);
            self.number("advmss", metrics.advertised_segment_size);
            self.number("window", metrics.window);
            self.number("initial-congestion-window", metrics.initial_congestion_window);
            self.number("initial-receive-window", metrics.initial_receive_window);
            self.number("hop-limit", metrics.hop_limit);
            self.number("quick-ack", metrics.quick_acknowledgement.map(|on| on != 0));
        }
    }

    fn rule(&mut self, rule: &Rule) {
        if let Some(record) = self.only
            && !record.rules.iter().any(|own| crate::keys::rule(own) == crate::keys::rule(rule))
        {
            return;
        }
        let (Some(priority), false) = (rule.priority.or(Some(0)), rule.protocol == Some(Protocol::KERNEL))
        else {
            return;
        };
        if priority == 0 && rule.table == Some(Table::LOCAL) {
            return;
        }
        let action = match rule.action {
            RuleAction::LOOKUP => None,
            RuleAction::GOTO => Some("goto"),
            RuleAction::NOP => Some("nop"),
            RuleAction::BLACKHOLE => Some("blackhole"),
            RuleAction::UNREACHABLE => Some("unreachable"),
            RuleAction::PROHIBIT => Some("prohibit"),
            _ => {
                self.left.push(format!("rule {rule}"));
                return;
            }
        };
        if !is_expressible(rule) {
            self.left.push(format!("rule {rule}"));
            return;
        }
        self.out.push_str("\n[[rule]]\n");
        self.key("priority", priority);
        self.text("from", rule.from);
        self.text("to", rule.to);
        if rule.from.is_none() && rule.to.is_none() {
            self.key("family", if rule.effective_family() == Family::IPV6 { "ipv6" } else { "ipv4" });
        }
        let mark = rule.mark.map(|mark| match mark.mask {
            u32::MAX => format!("{:#x}", mark.value),
            mask => format!("{:#x}/{mask:#x}", mark.value),
        });
        self.text("fwmark", mark);
        self.text("iif", rule.incoming.as_ref());
        self.text("oif", rule.outgoing.as_ref());
        let lookup = rule.action == RuleAction::LOOKUP;
        self.number("table", rule.table.filter(|_| lookup).map(|table| table.0));
        self.text("action", action);
        self.number("goto", rule.target.filter(|_| rule.action == RuleAction::GOTO));
        self.text("uid-range", rule.users.map(|users| format!("{}-{}", users.start, users.end)));
        self.number("ip-protocol", rule.ip_protocol);
        self.text("source-port", rule.source_ports.map(|ports| format!("{}-{}", ports.start, ports.end)));
        self.text(
            "destination-port",
            rule.destination_ports.map(|ports| format!("{}-{}", ports.start, ports.end)),
        );
        self.number("suppress-prefix-length", rule.suppress_prefix_length);
        if rule.flags.contains(RuleFlags::INVERT) {
            self.key("not", true);
        }
    }

    fn neighbours(&mut self) {
        for neighbour in self.snapshot.neighbours.iter().filter(|neighbour| is_set(neighbour)) {
            let (Some(address), Some(dev)) = (neighbour.destination, self.name(neighbour.link.index)) else {
                continue;
            };
            let own = self.only.is_none_or(|record| {
                let key = crate::keys::neighbour(neighbour);
                record.neighbours.iter().any(|own| crate::keys::neighbour(own) == key)
            });
            let plain = is_proxy(neighbour) || neighbour.state.contains(NeighbourState::PERMANENT);
            if !plain && self.only.is_none() {
                let link = self.named(neighbour.link);
                self.left
                    .push(format!("neighbour {}", netwright_route::Neighbour { link, ..neighbour.clone() }));
            }
            if !own || !plain {
                continue;
            }
            self.out.push_str("\n[[neighbour]]\n");
            self.key("dev", dev);
            self.text("address", Some(address));
            if is_proxy(neighbour) {
                self.key("proxy", true);
            } else {
                self.text("mac", neighbour.address.as_ref());
            }
        }
    }
}

/// An address as it stands in a file: a text where there is nothing else to it.
fn written(address: &Address, link: &Link) -> Json {
    let own = format!("{}/{}", address.address, address.prefix_length);
    let mut more = serde_json::Map::new();
    if let Some(peer) = address.peer.filter(|peer| *peer != address.address) {
        more.insert("peer".to_owned(), format!("{peer}/{}", address.prefix_length).into());
    }
    if let Some(label) = address.label.as_ref().filter(|label| **label != link.name) {
        more.insert("label".to_owned(), label.as_str().into());
    }
    let usual = netwright_route::Scope(0);
    let ipv4 = address.address.is_ipv4();
    if let Some(scope) = address.scope.filter(|scope| ipv4 && *scope != usual) {
        more.insert("scope".to_owned(), scope.0.into());
    }
    if let Some(preferred) = left::deprecated(address) {
        more.insert("preferred-lifetime".to_owned(), preferred.into());
    }
    if address.flags.contains(AddressFlags::NO_PREFIX_ROUTE) {
        more.insert("prefix-route".to_owned(), false.into());
    }
    if let Some(metric) = address.route_priority.filter(|metric| *metric != 0) {
        more.insert("metric".to_owned(), metric.into());
    }
    if more.is_empty() {
        return own.into();
    }
    let mut all = serde_json::Map::new();
    all.insert("address".to_owned(), own.into());
    all.extend(more);
    Json::Object(all)
}

fn toml_key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if bare { name.to_owned() } else { json!(name).to_string() }
}

/// Whether a host file can say all that a rule compares and does.
fn is_expressible(rule: &Rule) -> bool {
    let said = Rule {
        family: rule.family,
        priority: rule.priority,
        from: rule.from,
        to: rule.to,
        incoming: rule.incoming.clone(),
        outgoing: rule.outgoing.clone(),
        mark: rule.mark,
        users: rule.users,
        ip_protocol: rule.ip_protocol,
        source_ports: rule.source_ports,
        destination_ports: rule.destination_ports,
        action: rule.action,
        table: rule.table,
        target: rule.target,
        suppress_prefix_length: rule.suppress_prefix_length,
        flags: rule.flags & RuleFlags::INVERT,
        ..Rule::default()
    };
    rule.unknown.is_empty() && crate::keys::rule(rule) == said
}
