//! The shared material as data.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use netwright_lab::Failure;

/// A record: a rule, set, element or object, and what `nft` makes of it.
#[derive(Clone, Debug, Deserialize)]
pub struct Record {
    /// What names it.
    pub id: String,
    /// Where it comes from: its area.
    pub file: String,
    /// The tables that it is tried in, of different families.
    pub tables: Vec<Table>,
    /// Commands that must have run before; `{T}` stands for family and table.
    pub setup: Vec<String>,
    /// The rule under test.
    pub rule: Option<String>,
    /// The command under test, where it is no rule.
    pub command: Option<String>,
    expect: String,
    /// `nft` or `kernel`, where it must be refused.
    #[serde(default)]
    pub refused_by: Vec<String>,
    /// By family, what `nft -s -p` lists.
    #[serde(default)]
    pub listing_nft: BTreeMap<String, String>,
    /// By family, the bytecode.
    #[serde(default)]
    pub payload: BTreeMap<String, Payload>,
    /// By family, the messages that nft sends, as kind and hexadecimal digits.
    #[serde(default)]
    wire: BTreeMap<String, Vec<BTreeMap<String, String>>>,
    /// The statements as JSON.
    pub json: Option<Value>,
    /// The statements as nft lists them as JSON.
    pub json_listing: Option<Value>,
    /// Whether the kernel that the records were made on did as expected in every family and chain.
    pub kernel_ok: bool,
    #[serde(default)]
    runs: Vec<Run>,
}

/// A table of a record.
#[derive(Clone, Debug, Deserialize)]
pub struct Table {
    /// Its family, as it is written.
    pub family: String,
    /// Its name.
    pub name: String,
    /// Its chains.
    pub chains: Vec<Chain>,
}

/// A chain of a record.
#[derive(Clone, Debug, Deserialize)]
pub struct Chain {
    /// Its name.
    pub name: String,
    /// What stands inside the braces of `add chain`.
    pub spec: String,
}

/// Bytecode as text.
#[derive(Clone, Debug, Deserialize)]
pub struct Payload {
    /// A line for each expression.
    #[serde(rename = "exprs")]
    pub expressions: Vec<String>,
    /// The anonymous sets.
    pub sets: Vec<PayloadSet>,
}

/// An anonymous set as text.
#[derive(Clone, Debug, Deserialize)]
pub struct PayloadSet {
    /// A line for each element, in any order.
    pub elements: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct Run {
    replay: Option<bool>,
}

impl Table {
    /// Family and name.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("{} {}", self.family, self.name)
    }
}

/// The rulesets in a folder, by name.
pub fn rulesets(folder: &Path) -> Result<Vec<Ruleset>, Failure> {
    let mut rulesets = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "nft") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let json = std::fs::read_to_string(path.with_extension("json")).ok();
            rulesets.push(Ruleset { name, text: std::fs::read_to_string(&path)?, json });
        }
    }
    rulesets.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(rulesets)
}

impl Record {
    /// What is under test.
    #[must_use]
    pub fn text(&self) -> &str {
        self.rule.as_deref().or(self.command.as_deref()).unwrap_or_default()
    }

    /// Whether it is right, and not to be refused.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.expect == "ok"
    }

    /// Whether nft itself refuses it, without the kernel's help.
    #[must_use]
    pub fn refused_by_nft(&self) -> bool {
        !self.refused_by.is_empty() && self.refused_by.iter().all(|by| by == "nft")
    }

    /// Whether nft's own listing compiles back to the same bytecode.
    #[must_use]
    pub fn replays(&self) -> bool {
        self.runs.iter().all(|run| run.replay != Some(false))
    }

    /// The commands that make its world in one of its tables.
    #[must_use]
    pub fn context(&self, table: &Table) -> String {
        let reference = table.reference();
        let mut text = format!("add table {reference}\n");
        for chain in &table.chains {
            text += &format!("add chain {reference} {} {{ {}; }}\n", chain.name, chain.spec);
        }
        for command in &self.setup {
            text += &command.replace("{T}", &reference);
            text.push('\n');
        }
        text
    }

    /// The commands under test: the rule in each chain, or the command.
    #[must_use]
    pub fn test(&self, table: &Table) -> String {
        match (&self.rule, &self.command) {
            (Some(rule), _) => self.rules(table, rule),
            (None, command) => command.clone().unwrap_or_default().replace("{T}", &table.reference()) + "\n",
        }
    }

    /// Commands that put a rule into each chain.
    #[must_use]
    pub fn rules(&self, table: &Table, rule: &str) -> String {
        let add = |chain: &Chain| format!("add rule {} {} {rule}\n", table.reference(), chain.name);
        table.chains.iter().map(add).collect()
    }

    /// The messages that nft sends for a family: kind, and the bytes behind the message's head.
    #[must_use]
    pub fn messages(&self, family: &str) -> Option<Vec<(&str, Vec<u8>)>> {
        let list = self.wire.get(family)?.iter().flatten();
        list.map(|(kind, digits)| Some((kind.as_str(), bytes(digits)?))).collect()
    }
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// A ruleset that nft lists as it was loaded.
#[derive(Clone, Debug)]
pub struct Ruleset {
    /// Its name: area, two underlines, and the rest.
    pub name: String,
    /// The text.
    pub text: String,
    /// The same as JSON, where there is one. The order of members can mean something.
    pub json: Option<String>,
}

/// A rule that people use.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Its name.
    pub name: String,
    /// The command that makes it.
    pub command: String,
    /// Whether an older nft loaded it on the kernel that they were tried on.
    pub loads: bool,
}

/// Where the material lies.
#[derive(Clone, Debug)]
pub struct Shared(PathBuf);

impl Shared {
    /// Finds it.
    pub fn find() -> Result<Self, Failure> {
        let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
        let path = std::env::var_os("NETWRIGHT_SHARED").map_or(beside, PathBuf::from);
        match path.join("corpus").is_dir() {
            true => Ok(Shared(path)),
            false => Err(Failure::missing(format!("there is no corpus in {}", path.display()))),
        }
    }

    /// All records.
    pub fn records(&self) -> Result<Vec<Record>, Failure> {
        let mut text = String::new();
        let file = std::fs::File::open(self.0.join("corpus/records.jsonl.gz"))?;
        flate2::read::GzDecoder::new(file).read_to_string(&mut text)?;
        let records = text.lines().map(serde_json::from_str).collect::<Result<Vec<Record>, _>>()?;
        match records.is_empty() {
            true => Err(Failure::wrong("the corpus has no records")),
            false => Ok(records),
        }
    }

    /// All rulesets.
    pub fn rulesets(&self) -> Result<Vec<Ruleset>, Failure> {
        rulesets(&self.0.join("corpus/rulesets"))
    }

    /// The world of the recipes, and all of them.
    pub fn recipes(&self) -> Result<(String, Vec<Recipe>), Failure> {
        let context = std::fs::read_to_string(self.0.join("recipes/context.nft"))?;
        let text = std::fs::read_to_string(self.0.join("recipes/recipes.psv"))?;
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let recipe = |line: &str| {
            // A rule may hold `|` itself: the last field is the only one behind it.
            let (front, outcome) = line.rsplit_once('|')?;
            let mut fields = front.splitn(4, '|');
            let (name, table) = (fields.next()?, fields.next()?);
            let (chain, rule) = (fields.next()?, fields.next()?);
            let command = match table {
                "RAW" => rule.to_owned(),
                _ => format!("add rule {table} {chain} {rule}"),
            };
            Some(Recipe { name: name.to_owned(), command, loads: outcome == "loads" })
        };
        let recipes =
            lines.map(|line| recipe(line).ok_or_else(|| Failure::wrong(format_args!("no recipe: {line}"))));
        Ok((context, recipes.collect::<Result<_, _>>()?))
    }
}
