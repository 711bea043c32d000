//! Random rules of programs in the kernel: how we and the real nft list them, and what the listing does when it is loaded again.

use std::fmt;

use netwright::Net;
use netwright::nft::raw::Expression;
use netwright::nft::{Chain, Family, Hook, Priority, RawRule, Script, Table};
use netwright_lab::random::Random;
use netwright_lab::{Failure, Node, Oracle};
use netwright_sys::Namespace;

use super::maker::rule;
use super::meaning::Packet;

/// What became of the rules of a family.
#[derive(Default)]
pub(crate) struct Compared {
    /// Listed in the same words.
    pub(crate) same: usize,
    /// Not taken by the kernel.
    pub(crate) refused: usize,
    /// What nft itself does not list: it ends before.
    pub(crate) unlisted: usize,
    /// Listed in other words: the instructions, nft's words and ours.
    pub(crate) other: Vec<String>,
    /// Of which the listing is not loaded again.
    pub(crate) not_loaded: Vec<String>,
    /// Of which the listing, loaded again, does something else with a packet.
    pub(crate) another: Vec<String>,
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Compared { same, refused, unlisted, other, not_loaded, another } = self;
        write!(
            f,
            "{same} rules listed as nft does, {} in other words, {unlisted} by us only, {refused} not taken by the kernel; \
             {} of the listings are not loaded again, {} do something else",
            other.len(),
            not_loaded.len(),
            another.len()
        )
    }
}

/// Makes random rules in a table of this family and compares how they are listed.
pub(crate) fn compare(family: Family, seed: u64, count: u64) -> Result<Compared, Failure> {
    let namespace = Namespace::create_anonymous()?;
    let node = Node::in_namespace("bytecode", namespace.clone())?;
    let nft = Oracle::nft()?;
    let ground = format!(
        "table {family} t {{ counter hits {{ }}; set addresses {{ type ipv4_addr; }}; \
         set ports {{ type inet_service; elements = {{ 22 }}; }}; set seen {{ type ipv4_addr; flags dynamic,timeout; }}; \
         map verdicts {{ type inet_service : verdict; elements = {{ 22 : accept }}; }}; chain other {{ }}; }}\n"
    );
    node.run(|| nft.feed(["-f", "-"], &ground))??;
    let net = Net::open_in(&namespace)?;
    let table = Table::new(family, "t");
    let chains =
        [Chain::base(&table, "filter", Hook::Prerouting, Priority::FILTER), Chain::new(&table, "plain")];
    let mut batch = net.nft().batch();
    for chain in &chains {
        batch.add(chain.clone());
    }
    batch.commit()?;
    let (mut random, mut compared) = (Random::new(seed), Compared::default());
    for _ in 0..count {
        let rule = rule(&mut random, family);
        let taken = chains.iter().zip(["filter", "plain"]).find(|(chain, _)| {
            let mut batch = net.nft().batch();
            batch.add(RawRule::in_chain(chain, rule.clone()));
            batch.commit().is_ok()
        });
        let Some((chain, name)) = taken else {
            compared.refused += 1;
            continue;
        };
        let theirs =
            node.run(|| nft.output(&["-s", "list", "chain", &family.to_string(), "t", name], ""))??;
        let ours = super::listed(&net, &format!("list chain {family} t {name}"), false)?;
        let flush = || {
            let mut batch = net.nft().batch();
            batch.flush(chain);
            batch.commit()
        };
        flush()?;
        let words = |text: &str| {
            text.lines()
                .filter(|line| line.starts_with("\t\t") && !line.contains("; policy "))
                .collect::<Vec<_>>()
                .join("\n")
        };
        let (theirs, ours) = (words(&String::from_utf8_lossy(&theirs.stdout)), words(&ours));
        let instructions =
            |rule: &[Expression]| rule.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let again =
            net.nft().session().run(Script::text(format!("add rule {family} t {name} {}", ours.trim())))?;
        match again.refusals.first() {
            Some(why) => compared.not_loaded.push(format!(
                "  {}\n  ours: {}\n  nft:  {}\n  {}",
                instructions(&rule),
                ours.trim(),
                theirs.trim(),
                why.diagnostic.message
            )),
            None => {
                let loaded = net.nft().rules(chain)?.pop().map(|rule| rule.expressions).unwrap_or_default();
                for _ in 0..40 {
                    let mut packet = Packet::near(&rule, family, &mut random);
                    let (before, after) =
                        (packet.meets(&rule, &mut random), packet.meets(&loaded, &mut random));
                    if before != after {
                        compared.another.push(format!(
                            "  {}\n  {}\n  ours: {}\n  nft:  {}\n  {before:?}\n  {after:?}",
                            instructions(&rule),
                            instructions(&loaded),
                            ours.trim(),
                            theirs.trim()
                        ));
                        break;
                    }
                }
            }
        }
        flush()?;
        match () {
            () if theirs == ours => compared.same += 1,
            () if theirs.is_empty() => compared.unlisted += 1,
            () => {
                compared.other.push(format!(
                    "  {}\n  nft:  {}\n  ours: {}",
                    instructions(&rule),
                    theirs.trim(),
                    ours.trim()
                ));
            }
        }
    }
    Ok(compared)
}
