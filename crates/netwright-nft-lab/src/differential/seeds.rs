//! Texts that are known to be right or wrong, to start from.

use std::path::Path;

use netwright_lab::Failure;

use super::Trial;
use crate::conformance::material::{self, Shared};

/// A text in its world; as those of a [`Trial`].
#[derive(Clone, Debug)]
pub struct Seed {
    /// How it is called in the report as it is.
    pub kind: &'static str,
    /// How what is made of it is called.
    pub mutated: &'static str,
    /// Family of the table.
    pub family: String,
    /// Commands that make its world.
    pub world: String,
    /// What stands in the braces of its own chain.
    pub chain: Option<String>,
    /// The text.
    pub text: String,
}

impl Seed {
    /// The text as it is.
    #[must_use]
    pub fn trial(&self) -> Trial {
        Trial {
            kind: self.kind,
            family: self.family.clone(),
            world: self.world.clone(),
            chain: self.chain.clone(),
            text: self.text.clone(),
        }
    }
}

/// All that there are: those of the shared material, where there is some, and our own.
pub fn seeds() -> Result<Vec<Seed>, Failure> {
    let mut seeds = Vec::new();
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/rulesets");
    let mut rulesets = material::rulesets(&own)?;
    if let Ok(shared) = Shared::find() {
        records(&shared, &mut seeds)?;
        recipes(&shared, &mut seeds)?;
        rulesets.extend(shared.rulesets()?);
    }
    for ruleset in rulesets {
        seeds.extend(whole(&ruleset.text));
    }
    Ok(seeds)
}

fn records(shared: &Shared, seeds: &mut Vec<Seed>) -> Result<(), Failure> {
    for record in shared.records()? {
        for table in &record.tables {
            let reference = table.reference();
            let mut world = format!("add table {{T}}\n{}", record.setup.join("\n"));
            let family = table.family.clone();
            let (mut chain, mut text) = (None, record.test(table).replace(&reference, "{T}"));
            match &record.rule {
                // One chain of each is enough.
                Some(rule) => {
                    chain = table.chains.first().map(|chain| format!("{};", chain.spec));
                    text = format!("add rule {{T}} {{C}} {rule}");
                }
                None => {
                    for chain in &table.chains {
                        world += &format!("\nadd chain {{T}} {} {{ {}; }}", chain.name, chain.spec);
                    }
                }
            }
            let text = text.trim_end().to_owned();
            seeds.push(Seed { kind: "records", mutated: "records, mutated", family, world, chain, text });
        }
    }
    Ok(())
}

fn recipes(shared: &Shared, seeds: &mut Vec<Seed>) -> Result<(), Failure> {
    let (context, recipes) = shared.recipes()?;
    for recipe in recipes {
        let words: Vec<&str> = recipe.command.split_whitespace().collect();
        let ["add", "rule", family, table, chain, ..] = words[..] else {
            seeds.extend(whole(&recipe.command));
            continue;
        };
        let reference = format!("{family} {table}");
        let Some(world) = block(&context, &format!("table {reference} {{")) else { continue };
        let line = world.lines().find(|line| line.trim_start().starts_with(&format!("chain {chain} {{")));
        let content = line.and_then(|line| Some(line.split_once('{')?.1.trim_end_matches([' ', '}'])));
        seeds.push(Seed {
            kind: "recipes",
            mutated: "recipes, mutated",
            family: family.to_owned(),
            world: world.replacen(&reference, "{T}", 1),
            chain: content.map(str::to_owned),
            text: recipe.command.replacen(&format!("{reference} {chain}"), "{T} {C}", 1),
        });
    }
    Ok(())
}

/// A table of a text, from its first line to its last.
fn block<'a>(text: &'a str, first: &str) -> Option<&'a str> {
    let start = text.find(first)?;
    let rest = &text[start..];
    let end = rest.find("\n}").map_or(rest.len(), |end| end + 2);
    rest.get(..end)
}

/// A ruleset of one table.
fn whole(text: &str) -> Option<Seed> {
    let mut tables = text.lines().filter(|line| line.starts_with("table "));
    let first = tables.next()?;
    if tables.next().is_some() {
        return None;
    }
    let mut words = first.split_whitespace().skip(1);
    let (family, name) = (words.next()?, words.next()?);
    let text = text.replacen(&format!("{family} {name}"), "{T}", 1);
    Some(Seed {
        kind: "rulesets",
        mutated: "rulesets, mutated",
        family: family.to_owned(),
        world: String::new(),
        chain: None,
        text: text.trim_end().to_owned(),
    })
}
