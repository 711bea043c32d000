//! Random rules go through the language and come back as they were.
//!
//! `PROPERTY_FAILURES=20` shows so many failures instead of one.
#![allow(clippy::panic)]

use netwright_nft::ir::Rule;
use netwright_nft_lab::conformance::Language;
use netwright_nft_lab::generate::Generator;

const RULES: u64 = 4000;

/// Holds a property against random rules.
fn hold(
    make: fn(&mut Generator) -> Rule,
    property: impl Fn(&Language, &Generator, &Rule) -> Result<(), String>,
) {
    let language = Language::default();
    let shown = std::env::var("PROPERTY_FAILURES").ok().and_then(|number| number.parse().ok()).unwrap_or(1);
    let mut failures = Vec::new();
    for seed in 0..RULES {
        let mut generator = Generator::new(seed);
        let rule = make(&mut generator);
        if let Err(why) = property(&language, &generator, &rule) {
            failures.push(format!("seed {seed}, {}: {}\n{why}", generator.family(), language.print(&rule)));
        }
    }
    let count = failures.len();
    failures.truncate(shown);
    assert!(failures.is_empty(), "{count} of {RULES} fail:\n\n{}", failures.join("\n\n"));
}

fn same(have: &Rule, want: &Rule) -> Result<(), String> {
    let differ = have.statements.iter().zip(&want.statements).find(|(have, want)| have != want);
    match differ {
        None if have == want => Ok(()),
        None => Err(format!("have {have:?}\nwant {want:?}")),
        Some((have, want)) => Err(format!("have {have:?}\nwant {want:?}")),
    }
}

#[test]
fn what_is_printed_is_read_as_it_was() {
    hold(Generator::rule, |language, generator, rule| {
        let read = language.read_rule(&generator.world(), generator.family(), &language.print(rule))?;
        same(&read, rule)
    });
}

#[test]
fn what_is_lowered_is_lifted_as_it_was() {
    hold(Generator::rule, |language, generator, rule| {
        let lifted = language.through_the_kernel(&generator.world(), generator.family(), rule)?;
        same(&lifted, rule)
    });
}

#[test]
fn what_nobody_knows_is_kept() {
    hold(Generator::foreign_rule, |language, generator, rule| {
        let lifted = language.through_the_kernel(&generator.world(), generator.family(), rule)?;
        same(&lifted, rule)
    });
}
