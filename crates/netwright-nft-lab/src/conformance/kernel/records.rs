//! Records in the kernel.

use std::collections::{BTreeMap, BTreeSet};

use netwright_nft::catalog::Catalog;

use super::lines;
use super::{Bench, Refused};
use crate::conformance::material::{Record, Table};
use crate::conformance::{Check, Doubts, Findings, Language, Score};
use netwright_lab::Failure;

/// Loads and lists all records: one by one, and those of an area that the kernel takes all at once, to compare with nft.
pub fn records(records: &[Record], doubts: Doubts) -> Result<Score, Failure> {
    let language = Language::of_records();
    let mut bench = Bench::open(&language)?;
    let mut all: Vec<Findings> = vec![Findings::default(); records.len()];
    let mut loaded = BTreeSet::new();
    for (index, record) in records.iter().enumerate() {
        for table in &record.tables {
            if one(&mut bench, record, table, &mut all[index])? && record.rule.is_some() {
                loaded.insert((index, table.reference()));
            }
        }
    }
    let mut areas = BTreeMap::<&str, Vec<usize>>::new();
    for (index, record) in records.iter().enumerate() {
        areas.entry(&record.file).or_default().push(index);
    }
    for indices in areas.values() {
        let here: Vec<_> = indices.iter().map(|&index| (index, &records[index])).collect();
        together(&mut bench, &here, &loaded, &mut all)?;
    }
    let mut score = Score::new(doubts);
    for (record, findings) in records.iter().zip(all) {
        score.count(&record.file, &record.id, record.text(), findings);
    }
    Ok(score)
}

/// Loads and lists one record by ourselves; whether it is there now.
fn one(
    bench: &mut Bench<'_>,
    record: &Record,
    table: &Table,
    findings: &mut Findings,
) -> Result<bool, Failure> {
    bench.flush()?;
    let catalog = match bench.load(&record.context(table), &Catalog::default())? {
        Ok(catalog) => catalog,
        // This kernel lacks the hook, or something else that the context needs.
        Err(Refused::ByKernel(_)) if !record.kernel_ok => return Ok(false),
        Err(why) => {
            findings.note(Check::Load, Err(format!("{}: its context: {}", table.family, why.text())));
            return Ok(false);
        }
    };
    let outcome = bench.load(&record.test(table), &catalog)?;
    if !record.is_right() {
        let refused = outcome.err().map(|_| ()).ok_or_else(|| format!("{}: accepted", table.family));
        findings.note(Check::Load, refused);
        return Ok(false);
    }
    match outcome {
        Ok(_) => findings.note(Check::Load, Ok(())),
        Err(Refused::ByKernel(_)) if !record.kernel_ok => return Ok(false),
        Err(why) => {
            findings.note(Check::Load, Err(format!("{}: {}", table.family, why.text())));
            return Ok(false);
        }
    }
    if let Some(listing) = record.listing_nft.get(&table.family) {
        for rule in lines::rules(&bench.ours()?).into_values().flatten() {
            findings.compare(Check::Ours, &rule, listing);
        }
    }
    Ok(true)
}

/// Loads the rules of an area that the kernel takes, by us and by nft, and compares what both list of both.
fn together(
    bench: &mut Bench<'_>,
    records: &[(usize, &Record)],
    loaded: &BTreeSet<(usize, String)>,
    all: &mut [Findings],
) -> Result<(), Failure> {
    if bench.nft.is_none() {
        return Ok(());
    }
    let Area { text, places } = area(records, loaded);
    bench.flush()?;
    if let Err(why) = bench.load(&text, &Catalog::default())? {
        let file = records.first().map_or("", |(_, record)| &record.file);
        return Err(Failure::wrong(format_args!("the rules of {file} together: {}", why.text())));
    }
    let theirs = lines::rules(&bench.theirs().unwrap_or_default());
    if bench.load_theirs(&text)? != Some(true) {
        return Err(Failure::wrong(format_args!("nft does not load together:\n{text}")));
    }
    let ours_of_theirs = lines::rules(&bench.ours()?);
    let theirs_of_theirs = lines::rules(&bench.theirs().unwrap_or_default());
    for (chain, indices) in &places {
        let line = |rules: &BTreeMap<_, Vec<String>>, number: usize| -> String {
            rules.get(chain).and_then(|rules| rules.get(number)).cloned().unwrap_or_default()
        };
        for (number, &index) in indices.iter().enumerate() {
            let wanted = line(&theirs_of_theirs, number);
            let Some(findings) = all.get_mut(index) else { continue };
            findings.compare(Check::Theirs, &line(&theirs, number), &wanted);
            findings.compare(Check::OursOfTheirs, &line(&ours_of_theirs, number), &wanted);
        }
    }
    Ok(())
}

/// All rules of an area in one text.
#[derive(Default)]
struct Area {
    text: String,
    /// Which records the rules of a chain are, by table and chain.
    places: BTreeMap<(String, String), Vec<usize>>,
}

fn area(records: &[(usize, &Record)], loaded: &BTreeSet<(usize, String)>) -> Area {
    let mut area = Area::default();
    let mut made = BTreeSet::new();
    for &(index, record) in records {
        let tables = record.tables.iter().filter(|table| loaded.contains(&(index, table.reference())));
        for table in tables {
            for line in record.context(table).lines() {
                if made.insert(line.to_owned()) {
                    area.text += &format!("{line}\n");
                }
            }
            area.text += &record.test(table);
            for chain in &table.chains {
                let place = (table.reference(), chain.name.clone());
                area.places.entry(place).or_default().push(index);
            }
        }
    }
    area
}
