//! Trials from the grammar, in every family and at every hook.

use netwright_lab::random::Random;

use super::Trial;
use super::grammar::Grammar;

/// Makes trials.
#[derive(Debug)]
pub struct Generator {
    random: Random,
    rules: Grammar,
    commands: Grammar,
}

/// A table with something of each kind.
const FULL: &str = include_str!("full.nft");
/// Families in which all of it can be.
const FAMILIES: &[&str] = &["ip", "inet"];

const WORLD: &str = include_str!("world.nft");

/// Families with chains that rules can be in.
const CHAINS: &[(&str, &[&str])] = &[
    (
        "ip",
        &[
            "type filter hook input priority 0;",
            "type filter hook prerouting priority -300;",
            "type filter hook forward priority 0;",
            "type filter hook output priority 0;",
            "type filter hook postrouting priority 0;",
            "type nat hook prerouting priority -100;",
            "type nat hook postrouting priority 100;",
            "type nat hook output priority -100;",
            "type nat hook input priority 100;",
            "type route hook output priority -150;",
            "",
        ],
    ),
    (
        "ip6",
        &[
            "type filter hook input priority 0;",
            "type filter hook prerouting priority -300;",
            "type nat hook prerouting priority -100;",
            "type nat hook postrouting priority 100;",
            "",
        ],
    ),
    (
        "inet",
        &[
            "type filter hook input priority 0;",
            "type filter hook prerouting priority -300;",
            "type filter hook forward priority 0;",
            "type filter hook ingress device lo priority 0;",
            "type nat hook prerouting priority -100;",
            "type nat hook postrouting priority 100;",
            "type nat hook output priority -100;",
            "",
        ],
    ),
    ("arp", &["type filter hook input priority 0;", "type filter hook output priority 0;"]),
    ("bridge", &["type filter hook input priority 0;", "type filter hook prerouting priority -300;", ""]),
    (
        "netdev",
        &["type filter hook ingress device lo priority 0;", "type filter hook egress device lo priority 0;"],
    ),
];

impl Generator {
    /// From a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Generator {
            random: Random::new(seed),
            rules: Grammar::new(include_str!("rules.grammar")),
            commands: Grammar::new(include_str!("commands.grammar")),
        }
    }

    /// A rule.
    pub fn rule(&mut self) -> Trial {
        let weights = [0, 0, 0, 1, 2, 2, 2, 2, 3, 4, 5];
        let (family, chains) = CHAINS[*self.random.pick(&weights)];
        let chain = *self.random.pick(chains);
        Trial {
            kind: "rules, generated",
            family: family.to_owned(),
            world: WORLD.to_owned(),
            chain: Some(chain.to_owned()),
            text: self.rules.text("rule", &mut self.random),
        }
    }

    /// Commands for a table that has something of each kind.
    pub fn commands(&mut self) -> Trial {
        let text = self.commands.text("commands", &mut self.random);
        self.in_full_table("commands, generated", text)
    }

    /// A whole text, with what stands between and around commands.
    pub fn script(&mut self) -> Trial {
        let text = self.commands.text("script", &mut self.random);
        self.in_full_table("scripts, generated", text)
    }

    /// Commands as JSON.
    pub fn json_commands(&mut self) -> Trial {
        let text = super::json_commands::document(&mut self.random).to_string();
        self.in_full_table("json commands, generated", text)
    }

    fn in_full_table(&mut self, kind: &'static str, text: String) -> Trial {
        let family = (*self.random.pick(FAMILIES)).to_owned();
        Trial { kind, family, world: FULL.to_owned(), chain: None, text }
    }
}
