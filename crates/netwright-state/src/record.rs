//! What an owner made in a namespace, and what there was before: what it may remove, and what comes back then.
//!
//! A kernel has no room for the name of an owner at most objects. The record has: an object belongs to an owner where
//! the owner's record has it *and* it still carries the mark that it was made with, be that the originator of an address
//! or route, the alias of a link, or the userdata of a table.

use std::collections::{HashMap, HashSet};

use netwright_route::link::{Change, LinkFlags};
use netwright_route::{Address, Link, LinkId, Neighbour, Route, Rule};
use serde_json::{Value as Json, json};

use crate::encode::{self, Encode};
use crate::lost::Lost;
use crate::ruleset::TableName;
use crate::snapshot::{Setting, Snapshot};

/// What one owner made, as of its last apply.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// The owner's name.
    pub owner: String,
    /// Whether the file itself names its owner. One that does not is known by its file's name, which may change.
    pub named: bool,
    /// Where its host file was, for messages.
    pub file: String,
    /// The links that it made.
    pub links: Vec<OwnLink>,
    /// The alternative names that it gave.
    pub names: Vec<(LinkId, String)>,
    /// What it set of links.
    pub options: Vec<OwnOptions>,
    /// Its addresses.
    pub addresses: Vec<Address>,
    /// Its routes.
    pub routes: Vec<Route>,
    /// Its policy rules.
    pub rules: Vec<Rule>,
    /// Its neighbours.
    pub neighbours: Vec<Neighbour>,
    /// The settings that it wrote.
    pub settings: Vec<OwnSetting>,
    /// Its tables.
    pub tables: Vec<TableName>,
    /// Those of them that somebody else made, so that they do not carry its mark.
    pub adopted: Vec<TableName>,
    /// What of others it took the place of, by their leave (`adopt`).
    pub replaced: Replaced,
    /// What of others went along with what it did, by their leave, and comes back with it.
    pub lost: Lost,
}

/// A link that an owner made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnLink {
    /// Which.
    pub link: LinkId,
    /// The kernel's name of its kind.
    pub kind: String,
}

/// What an owner set of a link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnOptions {
    /// Which link.
    pub link: LinkId,
    /// As it was before.
    pub before: Change,
    /// As it was set.
    pub ours: Change,
}

/// A setting that an owner wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnSetting {
    /// Which.
    pub setting: Setting,
    /// Its value before.
    pub before: Option<String>,
    /// Its value since.
    pub ours: String,
}

/// What of others an owner took the place of. It comes back when what took its place goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replaced {
    /// Addresses.
    pub addresses: Vec<Address>,
    /// Routes.
    pub routes: Vec<Route>,
    /// Policy rules.
    pub rules: Vec<Rule>,
    /// Neighbours.
    pub neighbours: Vec<Neighbour>,
}

impl Record {
    /// A record of nothing.
    #[must_use]
    pub fn new(owner: impl Into<String>) -> Self {
        Record { owner: owner.into(), ..Record::default() }
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let nothing = Record {
            owner: self.owner.clone(),
            named: self.named,
            file: self.file.clone(),
            ..Record::default()
        };
        *self == nothing
    }

    /// The record with the indexes that links have now: those that a plan had made got theirs meanwhile.
    #[must_use]
    pub fn settled(&self, now: &Snapshot) -> Self {
        let mut names: HashMap<&str, u32> = HashMap::new();
        for link in &now.links {
            names.insert(&link.name, link.index);
            for name in &link.alternative_names {
                names.entry(name).or_insert(link.index);
            }
        }
        let settled = |id: LinkId| match id.name().and_then(|name| names.get(&*name)) {
            Some(index) => LinkId::named(*index, &id.name().unwrap_or_default()),
            None => id,
        };
        let mut record = self.clone();
        record.links.iter_mut().for_each(|own| own.link = settled(own.link));
        let there: HashSet<u32> = now.links.iter().map(|link| link.index).collect();
        record.links.retain(|own| there.contains(&own.link.index));
        record.links.sort_by_key(|own| own.link);
        record.links.dedup();
        record.names.iter_mut().for_each(|(link, _)| *link = settled(*link));
        for own in &mut record.options {
            own.link = settled(own.link);
            own.ours.master = own.ours.master.map(settled);
            own.before.master = own.before.master.map(settled);
        }
        record.addresses.iter_mut().for_each(|address| address.link = settled(address.link));
        for route in &mut record.routes {
            route.link = route.link.map(settled);
            route.next_hops.iter_mut().for_each(|hop| hop.link = hop.link.map(settled));
        }
        record.neighbours.iter_mut().for_each(|neighbour| neighbour.link = settled(neighbour.link));
        record
    }

    /// The links of its addresses with their names, which messages of addresses have no room for.
    fn link_names(&self) -> Json {
        let mut links: Vec<LinkId> = self.addresses.iter().map(|address| address.link).collect();
        links.sort();
        links.dedup();
        links.into_iter().map(encode::link_id).collect()
    }

    /// The alias by which a link of the owner is known where its record is lost.
    #[must_use]
    pub fn alias(&self) -> String {
        alias_of(&self.owner)
    }

    /// The record in JSON.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let Record { owner, named, file, .. } = self;
        let link = |own: &OwnLink| json!({ "link": encode::link_id(own.link), "kind": own.kind });
        let options = |own: &OwnOptions| {
            let (before, ours) = (change(&own.before), change(&own.ours));
            json!({ "link": encode::link_id(own.link), "before": before, "ours": ours })
        };
        let name = |(id, name): &(LinkId, String)| json!({ "link": encode::link_id(*id), "name": name });
        let written = |own: &OwnSetting| json!({ "setting": own.setting.to_json(), "before": own.before, "ours": own.ours });
        json!({
            "owner": owner, "named": named, "file": file,
            "links": self.links.iter().map(link).collect::<Json>(),
            "names": self.names.iter().map(name).collect::<Json>(),
            "options": self.options.iter().map(options).collect::<Json>(),
            "addresses": encode::list(&self.addresses),
            "link-names": self.link_names(),
            "routes": encode::list(&self.routes),
            "rules": encode::list(&self.rules),
            "neighbours": encode::list(&self.neighbours),
            "settings": self.settings.iter().map(written).collect::<Json>(),
            "tables": self.tables.iter().map(TableName::to_json).collect::<Json>(),
            "adopted": self.adopted.iter().map(TableName::to_json).collect::<Json>(),
            "replaced": {
                "addresses": encode::list(&self.replaced.addresses),
                "routes": encode::list(&self.replaced.routes),
                "rules": encode::list(&self.replaced.rules),
                "neighbours": encode::list(&self.replaced.neighbours),
            },
            "lost": self.lost.to_json(),
        })
    }

    /// Reads what [`to_json`](Record::to_json) gives.
    ///
    /// # Errors
    /// It is something else.
    pub fn from_json(json: &Json) -> Result<Self, String> {
        let items = |key: &str| json.get(key).and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        let id = |item: &Json| encode::read_link_id(item.get("link").unwrap_or(&Json::Null));
        let link = |item: &Json| Ok(OwnLink { link: id(item)?, kind: encode::text(item, "kind")? });
        let name = |item: &Json| Ok((id(item)?, encode::text(item, "name")?));
        let side = |item: &Json, key: &str| read_change(item.get(key).unwrap_or(&Json::Null));
        let options = |item: &Json| {
            Ok(OwnOptions { link: id(item)?, before: side(item, "before")?, ours: side(item, "ours")? })
        };
        let written = |item: &Json| {
            let before = item.get("before").and_then(Json::as_str).map(str::to_owned);
            let setting = Setting::from_json(item.get("setting").unwrap_or(&Json::Null))?;
            Ok(OwnSetting { setting, before, ours: encode::text(item, "ours")? })
        };
        let replaced = json.get("replaced").cloned().unwrap_or(Json::Null);
        let names = items("link-names").iter().map(encode::read_link_id).collect::<Result<Vec<_>, _>>()?;
        // as much as tells one link from another, whatever it is called
        let names: std::collections::HashMap<LinkId, LinkId> =
            names.into_iter().rev().map(|named| (named, named)).collect();
        let mut addresses: Vec<Address> = encode::read_list(json.get("addresses"))?;
        for address in &mut addresses {
            if let Some(named) = names.get(&address.link) {
                address.link = *named;
            }
        }
        Ok(Record {
            owner: encode::text(json, "owner")?,
            named: json.get("named") == Some(&Json::Bool(true)),
            file: encode::text(json, "file")?,
            links: items("links").iter().map(link).collect::<Result<_, String>>()?,
            names: items("names").iter().map(name).collect::<Result<_, String>>()?,
            options: items("options").iter().map(options).collect::<Result<_, String>>()?,
            addresses,
            routes: encode::read_list(json.get("routes"))?,
            rules: encode::read_list(json.get("rules"))?,
            neighbours: encode::read_list(json.get("neighbours"))?,
            settings: items("settings").iter().map(written).collect::<Result<_, String>>()?,
            tables: items("tables").iter().map(TableName::from_json).collect::<Result<_, _>>()?,
            adopted: items("adopted").iter().map(TableName::from_json).collect::<Result<_, _>>()?,
            replaced: Replaced {
                addresses: encode::read_list(replaced.get("addresses"))?,
                routes: encode::read_list(replaced.get("routes"))?,
                rules: encode::read_list(replaced.get("rules"))?,
                neighbours: encode::read_list(replaced.get("neighbours"))?,
            },
            lost: Lost::from_json(json.get("lost").unwrap_or(&Json::Null))?,
        })
    }
}

/// The alias of the links of an owner.
#[must_use]
pub fn alias_of(owner: &str) -> String {
    format!("netwright:{owner}")
}

/// A change as the link that it makes, with the flags that it sets and clears.
fn change(change: &Change) -> Json {
    let link = Link {
        mtu: change.mtu,
        address: change.address,
        group: change.group,
        transmit_queue_length: change.transmit_queue_length,
        kind: change.kind.clone(),
        port: change.port.clone(),
        ..Link::default()
    };
    json!({
        "link": link.encode(),
        "set": change.set_flags.bits(),
        "clear": change.clear_flags.bits(),
        "master": change.master.map(encode::link_id),
    })
}

fn read_change(json: &Json) -> Result<Change, String> {
    let link = Link::decode(json.get("link").unwrap_or(&Json::Null))?;
    let master = json.get("master").filter(|master| !master.is_null()).map(encode::read_link_id);
    Ok(Change {
        set_flags: LinkFlags::from_bits_retain(encode::number(json, "set")?),
        clear_flags: LinkFlags::from_bits_retain(encode::number(json, "clear")?),
        mtu: link.mtu,
        address: link.address,
        group: link.group,
        transmit_queue_length: link.transmit_queue_length,
        master: master.transpose()?,
        kind: link.kind,
        port: link.port,
        ..Change::default()
    })
}
