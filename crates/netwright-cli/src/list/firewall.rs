//! The nftables rulesets, in the nft language.

use std::io::{self, Write};

use netwright::Net;
use netwright::netfilter::{Family, Hook};
use netwright_nft::ir::{Chain, Ruleset, TableContent, Verdict};
use netwright_nft::print;
use netwright_nft::table::{Names, PrintOptions};
use serde_json::Value as Json;

use super::Object;
use crate::failure::Failure;
use crate::names::zone;
use crate::nft::{listing, names_in};

/// The rulesets with the names for the numbers in them.
pub(super) struct Firewall {
    ruleset: Ruleset,
    names: Names,
}

impl Firewall {
    pub(super) fn read(net: &Net) -> Result<Self, Failure> {
        Ok(Firewall { ruleset: listing::read(net, Family::UNSPECIFIED)?, names: names_in(net)? })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ruleset.tables.is_empty()
    }

    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        listing::write(&self.ruleset, &options(), &self.names, out)
    }

    pub(super) fn json(&self) -> Vec<Json> {
        self.ruleset.tables.iter().map(|content| self.table(content)).collect()
    }

    fn table(&self, content: &TableContent) -> Json {
        Object::default()
            .text("family", content.table.family)
            .with("table", content.table.name.as_str())
            .list("chains", content.chains.iter().map(|chain| self.chain(chain)))
            .list(
                "sets",
                content.sets.iter().map(|set| Object::default().with("name", set.name.as_str()).json()),
            )
            .list(
                "objects",
                content
                    .objects
                    .iter()
                    .map(|object| Object::default().with("name", object.name.as_str()).json()),
            )
            .json()
    }

    fn chain(&self, chain: &Chain) -> Json {
        let hook = chain.hook.as_ref();
        let rules = chain.rules.iter().map(|rule| print::rule(rule, &options(), &self.names));
        Object::default()
            .with("name", chain.name.as_str())
            .maybe("type", hook.map(|hook| hook.chain_type.as_str()))
            .maybe("hook", hook.map(|hook| hook_name(chain.family, hook.hook.number)))
            .maybe("priority", hook.map(|hook| hook.hook.priority))
            .maybe("policy", chain.policy.as_ref().map(policy))
            .list("rules", rules)
            .json()
    }
}

/// As nft lists it, with hours of the host's zone.
fn options() -> PrintOptions {
    PrintOptions { zone: zone(), ..PrintOptions::default() }
}

fn hook_name(family: Family, number: u32) -> String {
    Hook::from_number(family, number).name().map_or_else(|| number.to_string(), str::to_owned)
}

fn policy(policy: &Verdict) -> &'static str {
    if *policy == Verdict::Accept { "accept" } else { "drop" }
}
