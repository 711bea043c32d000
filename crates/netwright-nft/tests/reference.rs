//! The language reference in `docs/language`: every example in it is compiled, listed and compiled again, and its tables
//! are those of this crate.
//!
//! A block of code says what it is behind its fence:
//!
//! - `nft`: commands that make something. Their listing compiles to the same bytecode.
//! - `nft rule [FAMILY]`: each line is a rule (in `inet` where no family is named).
//! - `nft world`: as `nft`; the tables in it are there for all other blocks of the page.
//! - `nft command`: commands of any kind, which the world of the page is there for.
//! - `nft listing`: what the block before it is listed as.
//! - `nft fail`, `nft rule fail [FAMILY]`: refused, with the words of the block `text` behind it.
//!
//! With `NETWRIGHT_BLESS` in the environment listings, refusals and tables are written instead of compared.

#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "reference/code.rs"]
mod code;
#[path = "reference/document.rs"]
mod document;
#[path = "reference/example.rs"]
mod example;
#[path = "reference/tables.rs"]
mod tables;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use document::{Block, Page};
use example::{Kind, Outcome};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/language")
}

fn pages() -> Vec<(PathBuf, Page)> {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    files.sort();
    files
        .into_iter()
        .map(|path| (path.clone(), Page::read(&std::fs::read_to_string(path).unwrap())))
        .collect()
}

/// Two tests write the same pages, one after the other.
static WRITING: Mutex<()> = Mutex::new(());

fn blessing() -> bool {
    std::env::var_os("NETWRIGHT_BLESS").is_some()
}

/// Writes what is different, or says it.
fn settle(path: &Path, page: &Page, was: &str, wrong: &mut Vec<String>) {
    let now = page.text();
    if now == was {
        return;
    }
    if blessing() {
        return std::fs::write(path, now).unwrap();
    }
    let differs = was.lines().zip(now.lines()).position(|(was, now)| was != now).unwrap_or(0);
    wrong.push(format!(
        "{}:{}: out of date:\n  is     {}\n  should {}",
        path.display(),
        differs + 1,
        was.lines().nth(differs).unwrap_or(""),
        now.lines().nth(differs).unwrap_or("")
    ));
}

/// What a block is tried as; `None` for blocks that only stand behind others, or that are no nft.
fn kind(block: &Block) -> Option<Kind<'_>> {
    let mut words = block.info.split_whitespace();
    if words.next() != Some("nft") {
        return None;
    }
    let words: Vec<&str> = words.collect();
    Some(match words.as_slice() {
        [] => Kind::Ruleset,
        ["world"] => Kind::World,
        ["command"] => Kind::Command,
        ["fail"] => Kind::Refused,
        ["rule"] => Kind::Rules("inet"),
        ["rule", "fail"] => Kind::RefusedRules("inet"),
        ["rule", "fail", family] => Kind::RefusedRules(family),
        ["rule", family] => Kind::Rules(family),
        ["listing"] => return None,
        _ => panic!("line {}: a block cannot be `{}`", block.line, block.info),
    })
}

#[test]
fn examples_compile_and_are_listed_as_they_are_meant() {
    let _alone = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for (path, mut page) in pages() {
        let was = page.text();
        let world: String =
            page.blocks().filter(|block| block.info == "nft world").map(|block| block.body.clone()).collect();
        let numbers: Vec<usize> = page.block_numbers().collect();
        for (at, number) in numbers.iter().copied().enumerate() {
            let block = page.block(number).clone();
            let Some(kind) = kind(&block) else { continue };
            tried += 1;
            let behind = numbers.get(at + 1).copied();
            let expected = behind.filter(|next| {
                let info = page.block(*next).info.as_str();
                info == if kind.is_refused() { "text" } else { "nft listing" }
            });
            let outcome = match example::check(kind, &world, &block.body) {
                Ok(outcome) => outcome,
                Err(why) => {
                    wrong.push(format!("{}:{}: {why}", path.display(), block.line));
                    continue;
                }
            };
            match (outcome, expected) {
                (Outcome::Refused(said), Some(next)) => page.block_mut(next).body = said,
                (Outcome::Refused(_), None) => {
                    wrong.push(format!("{}:{}: a block `text` must say why", path.display(), block.line));
                }
                (Outcome::Listed(listing), Some(next)) => page.block_mut(next).body = listing,
                (Outcome::Listed(_) | Outcome::Understood, _) => {}
            }
        }
        settle(&path, &page, &was, &mut wrong);
    }
    assert!(tried > 100, "only {tried} examples were found");
    assert!(wrong.is_empty(), "{} of {tried} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn tables_are_those_of_the_crate() {
    let _alone = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut wrong = Vec::new();
    let mut left: Vec<&str> = tables::NAMES.to_vec();
    for (path, mut page) in pages() {
        let was = page.text();
        for name in page.table_names() {
            match tables::table(&name) {
                Some(table) => page.set_table(&name, &table),
                None => wrong.push(format!("{}: there is no table `{name}`", path.display())),
            }
            left.retain(|one| *one != name);
        }
        settle(&path, &page, &was, &mut wrong);
    }
    assert!(left.is_empty(), "no page shows these tables: {left:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_row_of_the_tables_has_an_example() {
    let all: Vec<String> = pages()
        .iter()
        .flat_map(|(_, page)| {
            page.blocks()
                .map(|block| format!(" {} ", block.body.replace(['\n', '\t'], " ")))
                .collect::<Vec<_>>()
        })
        .collect();
    let shown = |words: &str| all.iter().any(|body| body.contains(&format!(" {words} ")));
    let missing: Vec<String> = tables::rows_to_show()
        .into_iter()
        .filter(|spellings| !spellings.iter().any(|one| shown(one)))
        .map(|spellings| spellings.join(" or "))
        .collect();
    assert!(missing.is_empty(), "there is no example with {missing:#?}");
}

#[test]
fn every_row_of_the_tables_compiles_and_is_listed() {
    let rules = tables::rule_for_each_row();
    let tried = |(family, rule): &(&str, String)| {
        let outcome = example::check(Kind::Rules(family), "", &format!("{rule} accept\n"));
        outcome.err().map(|why| format!("{family}: {rule}: {why}"))
    };
    let wrong: Vec<String> = rules.iter().filter_map(tried).collect();
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), rules.len(), wrong.join("\n"));
}

#[test]
fn links_lead_somewhere() {
    let pages = pages();
    let mut wrong = Vec::new();
    for (path, page) in &pages {
        for link in page.links() {
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() { path.clone() } else { folder().join(file) };
            let found = match pages.iter().find(|(path, _)| *path == target) {
                Some((_, page)) => anchor.is_empty() || page.anchors().contains(&anchor.to_owned()),
                None => anchor.is_empty() && target.exists(),
            };
            if !found {
                wrong.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "links that lead nowhere:\n{}", wrong.join("\n"));
}
