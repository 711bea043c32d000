//! What there is in a network namespace, as data.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use netwright_netfilter::{Elements, Item};
use netwright_nft::lift::Dump;
use netwright_route::{Address, Family, Link, Neighbour, Nexthop, Route, Rule};
use netwright_wire::{Big, Value, Writer};
use serde_json::{Value as Json, json};

use crate::encode;

use crate::model::{Host, Ipv4Settings, Ipv6Settings};
use crate::record::Record;
use crate::ruleset::{Ruleset, TableName};

/// What there is in a namespace at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// All links.
    pub links: Vec<Link>,
    /// All addresses.
    pub addresses: Vec<Address>,
    /// All routes of all tables.
    pub routes: Vec<Route>,
    /// All policy rules of IPv4 and IPv6.
    pub rules: Vec<Rule>,
    /// All neighbours, and the addresses that are answered for (`proxy`).
    pub neighbours: Vec<Neighbour>,
    /// Forwarding entries of bridges and VXLANs that somebody set.
    pub forwarding: Vec<Neighbour>,
    /// Nexthop objects.
    pub nexthops: Vec<Nexthop>,
    /// What links have that is neither declared nor put back, and goes with them.
    pub extras: Vec<Extra>,
    /// The values of those settings that were asked for and exist.
    pub settings: BTreeMap<Setting, String>,
    /// The firewall.
    pub firewall: Ruleset,
    /// The same as the kernel told it, for journals.
    pub dump: Arc<Dump>,
}

/// Something of a link that goes with it: a VLAN that a port lets through, or a multicast group that somebody set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extra {
    /// The index of the link.
    pub link: u32,
    /// The index of the bridge that it is in, where that matters.
    pub bridge: Option<u32>,
    /// What, in words.
    pub text: String,
}

impl Snapshot {
    /// The link of a name, or else of an alternative name.
    #[must_use]
    pub fn link(&self, name: &str) -> Option<&Link> {
        let alternative = |link: &&Link| link.alternative_names.iter().any(|other| other == name);
        self.links.iter().find(|link| link.name == name).or_else(|| self.links.iter().find(alternative))
    }

    /// The indexes of the links that a nexthop object leads over.
    pub(crate) fn links_of_nexthop(&self, id: u32) -> Vec<u32> {
        let Some(found) = self.nexthops.iter().find(|found| found.id == Some(id)) else { return Vec::new() };
        let member = |id: u32| self.nexthops.iter().find(|found| found.id == Some(id));
        let members = found.group.iter().filter_map(|entry| member(entry.id)?.link);
        found.link.into_iter().chain(members).map(|link| link.index).collect()
    }

    /// The same for all of them.
    pub(crate) fn nexthops_with_links(&self) -> HashMap<u32, Vec<u32>> {
        let by_id: HashMap<u32, &Nexthop> =
            self.nexthops.iter().filter_map(|found| Some((found.id?, found))).collect();
        let of = |found: &Nexthop| {
            let members = found.group.iter().filter_map(|entry| by_id.get(&entry.id)?.link);
            found.link.into_iter().chain(members).map(|link| link.index).collect()
        };
        by_id.iter().map(|(id, found)| (*id, of(found))).collect()
    }

    /// The link of an index.
    #[must_use]
    pub fn link_at(&self, index: u32) -> Option<&Link> {
        self.links.iter().find(|link| link.index == index)
    }
}

/// The tables of a dump with these names.
pub(crate) fn of_tables(dump: &Dump, names: &[TableName]) -> Dump {
    let meant = |family: netwright_netfilter::Family, table: &str| {
        names.iter().any(|name| name.family == family && name.name == table)
    };
    Dump {
        generation: dump.generation,
        tables: dump.tables.iter().filter(|table| meant(table.family, &table.name)).cloned().collect(),
        chains: dump.chains.iter().filter(|chain| meant(chain.family, &chain.table)).cloned().collect(),
        rules: dump.rules.iter().filter(|rule| meant(rule.family, &rule.table)).cloned().collect(),
        sets: dump.sets.iter().filter(|(set, _)| meant(set.family, &set.table)).cloned().collect(),
        objects: dump.objects.iter().filter(|object| meant(object.family, &object.table)).cloned().collect(),
        flowtables: dump
            .flowtables
            .iter()
            .filter(|flowtable| meant(flowtable.family, &flowtable.table))
            .cloned()
            .collect(),
    }
}

fn items<T: Item>(items: &[T]) -> Json {
    items.iter().map(item).collect()
}

fn item<T: Item>(item: &T) -> Json {
    let mut writer = Writer::new();
    item.attributes().write::<Big>(&mut writer);
    json!([item.family().0, encode::bytes(writer.bytes())])
}

fn read_items<T: Item>(json: Option<&Json>) -> Result<Vec<T>, String> {
    json.and_then(Json::as_array).into_iter().flatten().map(read_item).collect()
}

fn read_item<T: Item>(json: &Json) -> Result<T, String> {
    let family = json.get(0).and_then(Json::as_u64).and_then(|family| u8::try_from(family).ok());
    let bytes = encode::read_bytes(json.get(1).unwrap_or(&Json::Null))?;
    let attributes = T::Attributes::read::<Big>(&bytes).map_err(|wrong| wrong.to_string())?;
    let family = netwright_netfilter::Family(family.ok_or("a family is missing")?);
    T::from_attributes(family, attributes).map_err(|wrong| wrong.to_string())
}

fn dump_json(dump: &Dump) -> Json {
    let sets = dump.sets.iter().map(|(set, elements)| {
        let mut writer = Writer::new();
        Elements(elements.clone()).write::<Big>(&mut writer);
        json!([item(set), encode::bytes(writer.bytes())])
    });
    json!({
        "tables": items(&dump.tables), "chains": items(&dump.chains), "rules": items(&dump.rules),
        "sets": sets.collect::<Json>(), "objects": items(&dump.objects), "flowtables": items(&dump.flowtables),
    })
}

fn read_dump(json: &Json) -> Result<Dump, String> {
    let set = |json: &Json| {
        let bytes = encode::read_bytes(json.get(1).unwrap_or(&Json::Null))?;
        let elements = Elements::read::<Big>(&bytes).map_err(|wrong| wrong.to_string())?;
        Ok((read_item(json.get(0).unwrap_or(&Json::Null))?, elements.0))
    };
    let sets = json.get("sets").and_then(Json::as_array).into_iter().flatten().map(set);
    Ok(Dump {
        generation: 0,
        tables: read_items(json.get("tables"))?,
        chains: read_items(json.get("chains"))?,
        rules: read_items(json.get("rules"))?,
        sets: sets.collect::<Result<_, String>>()?,
        objects: read_items(json.get("objects"))?,
        flowtables: read_items(json.get("flowtables"))?,
    })
}

impl Snapshot {
    pub(crate) fn to_json(&self) -> Json {
        let settings = self.settings.iter().map(|(setting, value)| json!([setting.to_json(), value]));
        json!({
            "links": encode::list(&self.links), "addresses": encode::list(&self.addresses),
            "routes": encode::list(&self.routes), "rules": encode::list(&self.rules),
            "neighbours": encode::list(&self.neighbours), "forwarding": encode::list(&self.forwarding),
            "nexthops": encode::list(&self.nexthops), "settings": settings.collect::<Json>(),
            "firewall": dump_json(&self.dump),
        })
    }

    pub(crate) fn from_json(json: &Json) -> Result<Self, String> {
        let setting = |item: &Json| {
            let value = item.get(1).and_then(Json::as_str).ok_or("the value of a setting is missing")?;
            Ok((Setting::from_json(item.get(0).unwrap_or(&Json::Null))?, value.to_owned()))
        };
        let settings = json.get("settings").and_then(Json::as_array).into_iter().flatten().map(setting);
        let dump = read_dump(json.get("firewall").unwrap_or(&Json::Null))?;
        Ok(Snapshot {
            links: encode::read_list(json.get("links"))?,
            addresses: encode::read_list(json.get("addresses"))?,
            routes: encode::read_list(json.get("routes"))?,
            rules: encode::read_list(json.get("rules"))?,
            neighbours: encode::read_list(json.get("neighbours"))?,
            forwarding: encode::read_list(json.get("forwarding"))?,
            nexthops: encode::read_list(json.get("nexthops"))?,
            extras: Vec::new(),
            settings: settings.collect::<Result<_, String>>()?,
            firewall: Ruleset::listed(&dump),
            dump: Arc::new(dump),
        })
    }
}

/// What a snapshot must have besides what is always listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Settings to read; one that does not exist is left out of the snapshot.
    pub settings: Vec<Setting>,
    /// Settings of the whole host that set those of all links along, with the value that they are to have: where it is
    /// another, the links' are read as well.
    pub of_all_links: Vec<(Setting, String)>,
    /// Links, by the names that they have here, of which all settings are read, so that their loss can be made good.
    pub links: Vec<String>,
    /// Links that lose IPv6, so that those of its settings are read as well that no host file declares.
    pub small: Vec<String>,
    /// Tables whose content is needed. That of tables with an owner's mark is read as well.
    pub tables: Vec<TableName>,
    /// Whether links may change, so that the MTU that each has for IPv6 is needed where it is another than its own.
    pub mtus: bool,
}

impl Wanted {
    /// What a plan for the host needs to know.
    #[must_use]
    pub fn of(host: &Host, firewall: &Ruleset, own: &Record) -> Self {
        let declared = declared(host);
        let of_all_links = declared
            .iter()
            .filter(|(setting, _)| setting.link.is_none())
            .map(|(setting, value)| (setting.clone(), value.to_string()));
        let of_all_links: Vec<_> = of_all_links
            .chain(own.settings.iter().filter(|own| own.setting.link.is_none()).filter_map(|own| {
                let stays = declared.iter().any(|(setting, _)| *setting == own.setting);
                own.before.clone().filter(|_| !stays).map(|before| (own.setting.clone(), before))
            }))
            .collect();
        let mut settings: Vec<_> = declared.into_iter().map(|(setting, _)| setting).collect();
        settings.extend(own.settings.iter().map(|own| own.setting.clone()));
        settings.extend(crate::plan::ipv6::switches(host));
        settings.extend(own.lost.settings.iter().map(|(setting, _)| setting.clone()));
        settings.sort();
        settings.dedup();
        let names =
            host.links.iter().flat_map(|link| std::iter::once(&link.name).chain(&link.alternative_names));
        let names: HashSet<&str> = names.map(String::as_str).collect();
        let stays = |name: &str| names.contains(name);
        let goes = own
            .links
            .iter()
            .filter_map(|own| own.link.name())
            .filter(|name| !stays(name))
            .map(Cow::into_owned);
        // IPv6 is made anew on a link whose MTU was too small for it.
        let small = |link: &&crate::model::Link| link.mtu.is_some_and(|mtu| mtu < 1280);
        let small = host.links.iter().filter(small).map(|link| link.name.clone());
        let small: Vec<String> = small.collect();
        let mut tables: Vec<_> = firewall.tables.iter().map(crate::ruleset::Table::name).collect();
        tables.extend(own.tables.iter().cloned());
        tables.sort();
        tables.dedup();
        let links = goes.chain(small.iter().cloned()).collect();
        let mtus = !host.links.is_empty() || !own.links.is_empty() || !own.options.is_empty();
        Wanted { settings, of_all_links, links, small, tables, mtus }
    }

    pub(crate) fn to_json(&self) -> Json {
        let all = self.of_all_links.iter().map(|(setting, value)| json!([setting.to_json(), value]));
        json!({
            "settings": self.settings.iter().map(Setting::to_json).collect::<Json>(),
            "of-all-links": all.collect::<Json>(),
            "links": self.links, "small": self.small,
            "tables": self.tables.iter().map(TableName::to_json).collect::<Json>(),
            "mtus": self.mtus,
        })
    }

    pub(crate) fn from_json(json: &Json) -> Result<Self, String> {
        let items = |key: &str| json.get(key).and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        let all = |item: &Json| {
            let value = item.get(1).and_then(Json::as_str).unwrap_or_default().to_owned();
            Ok((Setting::from_json(item.get(0).unwrap_or(&Json::Null))?, value))
        };
        Ok(Wanted {
            settings: items("settings").iter().map(Setting::from_json).collect::<Result<_, _>>()?,
            of_all_links: items("of-all-links").iter().map(all).collect::<Result<_, String>>()?,
            links: encode::texts(json.get("links")),
            small: encode::texts(json.get("small")),
            tables: items("tables").iter().map(TableName::from_json).collect::<Result<_, _>>()?,
            mtus: json.get("mtus") == Some(&Json::Bool(true)),
        })
    }

    /// All settings of a link that is there, where they are wanted.
    #[must_use]
    pub fn settings_of(&self, link: &Link) -> Vec<Setting> {
        self.settings_of_all(std::slice::from_ref(link))
    }

    /// The same of many links.
    #[must_use]
    pub fn settings_of_all(&self, links: &[Link]) -> Vec<Setting> {
        if self.links.is_empty() && self.small.is_empty() {
            return Vec::new();
        }
        let [all, small] = [&self.links, &self.small]
            .map(|names| names.iter().map(String::as_str).collect::<HashSet<&str>>());
        links.iter().flat_map(|link| Self::settings_in(link, &all, &small)).collect()
    }

    fn settings_in(link: &Link, all: &HashSet<&str>, small: &HashSet<&str>) -> Vec<Setting> {
        let is_in = |names: &HashSet<&str>| {
            std::iter::once(&link.name)
                .chain(&link.alternative_names)
                .any(|name| names.contains(name.as_str()))
        };
        let mut settings = if is_in(all) { Setting::all_of(&link.name) } else { Vec::new() };
        if is_in(small) {
            let of =
                |name: &&'static str| Setting { family: Family::IPV6, link: Some(link.name.clone()), name };
            settings.extend(OTHER_IPV6.iter().map(of));
        }
        settings
    }
}

/// The setting that follows the MTU of its link.
pub(crate) const MTU: &str = "mtu";

/// Settings of IPv6 that no host file declares, as far as they can be written again.
const OTHER_IPV6: &[&str] = &[
    "accept_ra_defrtr",
    "accept_ra_from_local",
    "accept_ra_min_hop_limit",
    "accept_ra_min_lft",
    "accept_ra_mtu",
    "accept_ra_pinfo",
    "accept_ra_rt_info_max_plen",
    "accept_ra_rt_info_min_plen",
    "accept_ra_rtr_pref",
    "accept_source_route",
    "accept_untracked_na",
    "dad_transmits",
    "disable_policy",
    "drop_unicast_in_l2_multicast",
    "drop_unsolicited_na",
    "enhanced_dad",
    "force_forwarding",
    "force_mld_version",
    "force_tllao",
    "hop_limit",
    "ignore_routes_with_linkdown",
    "keep_addr_on_down",
    "max_addresses",
    "max_desync_factor",
    "ndisc_evict_nocarrier",
    "ndisc_notify",
    "ndisc_tclass",
    "optimistic_dad",
    "proxy_ndp",
    "ra_defrtr_metric",
    "ra_honor_pio_life",
    "ra_honor_pio_pflag",
    "regen_max_retry",
    "regen_min_advance",
    "router_probe_interval",
    "router_solicitation_delay",
    "router_solicitation_interval",
    "router_solicitation_max_interval",
    "router_solicitations",
    "rpl_seg_enabled",
    "seg6_enabled",
    "seg6_require_hmac",
    "suppress_frag_ndisc",
    "temp_prefered_lft",
    "temp_valid_lft",
    "use_oif_addrs_only",
    "use_optimistic",
];

/// A setting of the kernel, below `/proc/sys/net`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Setting {
    /// IPv4 or IPv6.
    pub family: Family,
    /// The link's name as the host file has it, which may be an alternative one; `None` is the whole host.
    pub link: Option<String>,
    /// The name of its file, such as `rp_filter`.
    pub name: &'static str,
}

impl Setting {
    /// Whether the host passes packets of a family on.
    #[must_use]
    pub fn forwarding(family: Family) -> Self {
        Setting { family, link: None, name: "forwarding" }
    }

    /// Whether a link has no IPv6 at all.
    pub(crate) fn disable_ipv6(link: &str) -> Self {
        Setting { family: Family::IPV6, link: Some(link.to_owned()), name: "disable_ipv6" }
    }

    pub(crate) fn is_disable_ipv6(&self) -> bool {
        self.family == Family::IPV6 && self.name == "disable_ipv6"
    }

    /// The MTU that a link has for IPv6.
    #[must_use]
    pub fn mtu_of_ipv6(link: &str) -> Self {
        Setting { family: Family::IPV6, link: Some(link.to_owned()), name: MTU }
    }

    /// All settings of a link that a host file can declare.
    #[must_use]
    pub fn all_of(link: &str) -> Vec<Self> {
        let of = |family, name| Setting { family, link: Some(link.to_owned()), name };
        let ipv4 = Ipv4Settings::SYSCTLS.iter().map(|name| of(Family::IPV4, *name));
        ipv4.chain(Ipv6Settings::SYSCTLS.iter().map(|name| of(Family::IPV6, *name))).collect()
    }

    pub(crate) fn to_json(&self) -> Json {
        let family = if self.family == Family::IPV6 { "ipv6" } else { "ipv4" };
        json!({ "family": family, "link": self.link, "name": self.name })
    }

    pub(crate) fn from_json(json: &Json) -> Result<Self, String> {
        let (family, known) = match json.get("family").and_then(Json::as_str) {
            Some("ipv6") => (Family::IPV6, Ipv6Settings::SYSCTLS),
            _ => (Family::IPV4, Ipv4Settings::SYSCTLS),
        };
        let name = crate::encode::text(json, "name")?;
        let known = known.iter().chain(OTHER_IPV6).chain([&MTU]).find(|known| **known == name);
        let link = json.get("link").and_then(Json::as_str).map(str::to_owned);
        Ok(Setting { family, link, name: known.ok_or_else(|| format!("there is no setting `{name}`"))? })
    }

    /// The components of its path below `/proc/sys/net`. `link` is the main name of the link: there is no path by
    /// an alternative one.
    #[must_use]
    pub fn path<'a>(&'a self, link: Option<&'a str>) -> Vec<&'a str> {
        let family = if self.family == Family::IPV6 { "ipv6" } else { "ipv4" };
        match link.or(self.link.as_deref()) {
            None if self.family == Family::IPV4 && self.name == "forwarding" => vec![family, "ip_forward"],
            None => vec![family, "conf", "all", self.name],
            Some(link) => vec![family, "conf", link, self.name],
        }
    }
}

/// As sysctl(8) writes it: a dot in a link's name becomes a slash.
impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("net")?;
        self.path(None).into_iter().try_for_each(|part| write!(f, ".{}", part.replace('.', "/")))
    }
}

/// Every setting that the host declares, with its value: those of the whole host first, since the kernel sets the
/// links' from them.
pub(crate) fn declared(host: &Host) -> Vec<(Setting, u32)> {
    let forwarding = host.forwarding.as_ref();
    let ipv4 = forwarding.and_then(|forwarding| forwarding.ipv4).map(|on| (Family::IPV4, on));
    let ipv6 = forwarding.and_then(|forwarding| forwarding.ipv6).map(|on| (Family::IPV6, on));
    let whole = ipv4.into_iter().chain(ipv6);
    let mut settings: Vec<_> =
        whole.map(|(family, on)| (Setting::forwarding(family), u32::from(on))).collect();
    for link in &host.links {
        let of = |family, (_, name, value)| (Setting { family, link: Some(link.name.clone()), name }, value);
        settings.extend(link.ipv4.declared().into_iter().map(|setting| of(Family::IPV4, setting)));
        settings.extend(link.ipv6.declared().into_iter().map(|setting| of(Family::IPV6, setting)));
    }
    settings
}

#[cfg(test)]
mod tests;
