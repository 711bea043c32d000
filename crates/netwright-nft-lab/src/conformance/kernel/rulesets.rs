//! Whole rulesets, and the recipes.

use netwright_nft::catalog::Catalog;
use netwright_nft::table::PrintOptions;
use netwright_nft::{json, lift, print};
use serde_json::Value;

use super::{Bench, Refused};
use crate::conformance::material::{Recipe, Ruleset};
use crate::conformance::{Check, Doubts, Findings, Language, Score};
use netwright_lab::Failure;

/// Loads and lists all rulesets, which are listed as they are written.
pub fn rulesets(rulesets: &[Ruleset], doubts: Doubts) -> Result<Score, Failure> {
    let language = Language::of_this_host();
    let mut bench = Bench::open(&language)?;
    let mut score = Score::new(doubts);
    for ruleset in rulesets {
        let mut findings = Findings::default();
        if load(&mut bench, &ruleset.text, &mut findings)? {
            list(&mut bench, Some(&ruleset.text), &mut findings)?;
            if let Some(json) = &ruleset.json {
                let same = as_json(&mut bench)?.map(bare);
                findings.compare(Check::JsonOut, &lines(&same?), &lines(&bare(serde_json::from_str(json)?)));
                match bench.load_json(json)? {
                    Ok(_) => findings.compare(Check::JsonIn, &bench.ours()?, &ruleset.text),
                    Err(why) => findings.note(Check::JsonIn, Err(why.text().to_owned())),
                }
            }
        }
        if bench.load_theirs(&ruleset.text)? == Some(true) {
            findings.compare(Check::OursOfTheirs, &bench.ours()?, &ruleset.text);
            with_options(&mut bench, &mut findings)?;
        }
        let area = ruleset.name.split("__").next().unwrap_or_default();
        score.count(area, &ruleset.name, "", findings);
    }
    Ok(score)
}

/// Loads and lists texts that nft lists otherwise than they are written: both load the same, and list it the same.
pub fn listings(rulesets: &[Ruleset], doubts: Doubts) -> Result<Score, Failure> {
    let language = Language::of_this_host();
    let mut bench = Bench::open(&language)?;
    let mut score = Score::new(doubts);
    for ruleset in rulesets {
        let mut findings = Findings::default();
        both(&mut bench, &ruleset.text, &mut findings)?;
        score.count("listings", &ruleset.name, "", findings);
    }
    Ok(score)
}

/// Loads a text by nft and by us and compares all listings; where nft cannot load it, neither may we.
fn both(bench: &mut Bench<'_>, text: &str, findings: &mut Findings) -> Result<(), Failure> {
    let taken = bench.load_theirs(text)?;
    let wanted = bench.theirs().filter(|_| taken == Some(true));
    if let Some(wanted) = &wanted {
        findings.compare(Check::OursOfTheirs, &still(&bench.ours()?), &still(wanted));
        with_options(bench, findings)?;
    }
    match taken {
        Some(false) => findings.note(Check::Rejected, refused(bench, text)?),
        _ if load(bench, text, findings)? => list(bench, wanted.as_deref(), findings)?,
        _ => {}
    }
    Ok(())
}

/// Loads and lists all recipes, each in their world.
pub fn recipes(context: &str, recipes: &[Recipe], doubts: Doubts) -> Result<Score, Failure> {
    let language = Language::of_this_host();
    let mut bench = Bench::open(&language)?;
    let mut score = Score::new(doubts);
    for recipe in recipes {
        let mut findings = Findings::default();
        let text = format!("{context}\n{}\n", recipe.command);
        if bench.nft.is_some() || recipe.loads {
            both(&mut bench, &text, &mut findings)?;
        }
        score.count("recipes", &recipe.name, &recipe.command, findings);
    }
    Ok(score)
}

/// Compares listings of the same ruleset with each of some options.
fn with_options(bench: &mut Bench<'_>, findings: &mut Findings) -> Result<(), Failure> {
    let plain = bench.language.options;
    let options: [(&[&str], PrintOptions); 6] = [
        (&["-a", "-s"], PrintOptions { handles: true, stateless: true, ..plain }),
        (&["-n"], plain.numeric()),
        (&["-t"], PrintOptions { terse: true, ..plain }),
        (&["-S", "-y"], PrintOptions { service_names: true, numeric_priority: true, ..plain }),
        (&["-p", "-T"], PrintOptions { numeric_protocol: true, numeric_time: true, ..plain }),
        (&["-u"], PrintOptions { guid_names: true, ..plain }),
    ];
    let ruleset = lift::ruleset(&bench.dump()?);
    for (arguments, options) in options {
        let Some(theirs) = bench.theirs_with(arguments) else { return Ok(()) };
        let ours = print::ruleset(&ruleset, &options, &bench.language.names);
        findings.compare(Check::Options, &still(&ours), &still(&theirs));
    }
    let theirs = bench.theirs_with(&["-j"]).and_then(|text| serde_json::from_str(&text).ok());
    let ours = as_json(bench)?.map(bare)?;
    findings.compare(Check::Options, &lines(&ours), &lines(&bare(theirs.unwrap_or_default())));
    Ok(())
}

/// Whether what nft could not load is not loaded by us either.
fn refused(bench: &mut Bench<'_>, text: &str) -> Result<Result<(), String>, Failure> {
    bench.flush()?;
    let outcome = bench.load(text, &Catalog::default())?;
    Ok(outcome.err().map(|_| ()).ok_or_else(|| String::from("accepted")))
}

/// Loads a text into an empty ruleset; whether it is there now. What the kernel refuses from nft, too, is not counted.
fn load(bench: &mut Bench<'_>, text: &str, findings: &mut Findings) -> Result<bool, Failure> {
    bench.flush()?;
    let outcome = bench.load(text, &Catalog::default())?;
    let loaded = outcome.is_ok();
    match outcome {
        Ok(_) => findings.note(Check::Load, Ok(())),
        Err(Refused::ByKernel(_)) if bench.load_theirs(text)? == Some(false) => {}
        Err(why) => findings.note(Check::Load, Err(why.text().to_owned())),
    }
    Ok(loaded)
}

/// Compares both listings of what we loaded.
fn list(bench: &mut Bench<'_>, wanted: Option<&str>, findings: &mut Findings) -> Result<(), Failure> {
    let Some(wanted) = wanted else { return Ok(()) };
    findings.compare(Check::Ours, &still(&bench.ours()?), &still(wanted));
    if let Some(theirs) = bench.theirs() {
        findings.compare(Check::Theirs, &still(&theirs), &still(wanted));
    }
    Ok(())
}

/// A listing without the times that run on while it is made.
fn still(text: &str) -> String {
    let mut words = text.split_inclusive([' ', '\n', ',']);
    let mut still = String::new();
    while let Some(word) = words.next() {
        still.push_str(word);
        if word == "expires " {
            words.next();
        }
    }
    still
}

fn as_json(bench: &mut Bench<'_>) -> Result<Result<Value, serde_json::Error>, Failure> {
    let ruleset = lift::ruleset(&bench.dump()?);
    let text = json::ruleset(&ruleset, &bench.language.options, &bench.language.names);
    Ok(serde_json::from_str(&text))
}

/// JSON without what differs from one host or moment to the next: handles, times that run on and the tool's own version.
fn bare(mut json: Value) -> Value {
    match &mut json {
        Value::Object(members) => {
            members.remove("handle");
            members.remove("metainfo");
            members.remove("expires");
            members.values_mut().for_each(|member| *member = bare(member.take()));
        }
        Value::Array(list) => list.iter_mut().for_each(|item| *item = bare(item.take())),
        _ => {}
    }
    json
}

fn lines(json: &Value) -> String {
    let list = json["nftables"].as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().map(|item| format!("{item}\n")).collect()
}
