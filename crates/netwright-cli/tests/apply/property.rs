//! Hosts A and B at random beside what others have: A to B and back is A, twice is once, and what is foreign stays.

use crate::foreign::{Writers, foreign};
use crate::hosts::{host, make_cards};
use crate::judge::difference;
use crate::support::{Place, Random, isolated_with, needs, said, size};

/// What a plan says that did not know what the kernel would do.
const DIFFERS: &str = "all changes were made, and yet this differs";

/// The lines of a message from there on.
fn told(message: &str) -> Vec<String> {
    message.lines().skip_while(|line| !line.contains(DIFFERS)).take(8).map(str::to_owned).collect()
}

/// One try: whether both hosts could be had.
fn once(place: &Place, seed: u64) -> Result<Option<String>, String> {
    let mut random = Random::new(seed);
    make_cards();
    foreign(&mut random);
    let _writers = random.chance(6).then(Writers::start);
    let state = || Writers::apart(crate::judge::state());
    let others = state();
    let (a, b) = (host(&mut random), host(&mut random));
    let path = place.write("host.toml", &a);
    let tell = |what: &str, said: &str, lines: &[String]| {
        let lines: Vec<String> = lines.iter().map(|line| format!("DIFF {line}")).collect();
        Err(format!("seed {seed}: {what}\n{}\n{said}\n=== A\n{a}\n=== B\n{b}", lines.join("\n")))
    };
    let (code, first) = place.apply(&path);
    if first.contains(DIFFERS) {
        return tell("all was done and it is not as declared", &first, &told(&first));
    }
    if code != Some(0) {
        let now = difference(&others, &state());
        return if now.is_empty() {
            Ok(Some(first))
        } else {
            tell("a refused apply left traces", &first, &now)
        };
    }
    let at_a = state();
    let (code, twice) = said(place.netwright().args(["plan", "--exit-code"]).arg(&path));
    if code != Some(0) || !twice.contains("Nothing to do") {
        return tell("applied twice changes something", &twice, &[]);
    }
    place.write("host.toml", &b);
    let (code, second) = place.apply(&path);
    if second.contains(DIFFERS) {
        return tell("all was changed and it is not as declared", &second, &told(&second));
    }
    if code != Some(0) {
        let now = difference(&at_a, &state());
        return if now.is_empty() {
            Ok(Some(second))
        } else {
            tell("a refused change left traces", &second, &now)
        };
    }
    let (code, twice) = said(place.netwright().args(["plan", "--exit-code"]).arg(&path));
    if code != Some(0) || !twice.contains("Nothing to do") {
        return tell("B applied twice changes something", &twice, &[]);
    }
    let (code, back) = said(place.netwright().arg("rollback"));
    let now = difference(&at_a, &state());
    if code != Some(0) || !now.is_empty() {
        return tell("rolled back it is not A", &format!("{second}\n--- back\n{back}"), &now);
    }
    place.write("host.toml", "owner = \"random\"\n");
    let (code, gone) = place.apply(&path);
    let now = difference(&others, &state());
    if code != Some(0) || !now.is_empty() {
        return tell("withdrawn it is not what others had", &gone, &now);
    }
    Ok(None)
}

const NAME: &str = "property::what_was_applied_is_taken_back_and_what_is_foreign_stays";

#[test]
fn what_was_applied_is_taken_back_and_what_is_foreign_stays() {
    if !needs(&["ip", "nft"]) {
        return;
    }
    let first = size("NETWRIGHT_PROPERTY_SEED", 1);
    let count = size("NETWRIGHT_PROPERTY", 25);
    let (mut done, mut wrong) = (0, Vec::new());
    let mut refused: std::collections::BTreeMap<String, usize> = Default::default();
    for seed in first..first + count {
        let told = isolated_with(NAME, seed, |place, seed| match once(place, seed) {
            Ok(None) => "done".to_owned(),
            Ok(Some(why)) => {
                let why = why.lines().find(|line| line.starts_with("error")).unwrap_or("?").to_owned();
                format!("refused {why}")
            }
            Err(error) => format!("wrong {error}"),
        });
        match told {
            None => return,
            Some(Ok(told)) if told.starts_with("done") => done += 1,
            Some(Ok(told)) if told.starts_with("refused") => {
                *refused.entry(told.lines().next().unwrap_or_default().to_owned()).or_default() += 1;
            }
            Some(Ok(told) | Err(told)) => wrong.push(told),
        }
    }
    println!(
        "figure: hosts {count}, applied, changed, taken back and withdrawn {done}, wrong {}",
        wrong.len()
    );
    for (why, times) in refused {
        println!("figure: {times} {why}");
    }
    // of the first all, of the others what it was
    let few: Vec<String> = wrong
        .iter()
        .enumerate()
        .map(|(place, text)| match place {
            0 if std::env::var_os("NETWRIGHT_PROPERTY_FULL").is_some() => text.clone(),
            _ => text
                .lines()
                .filter(|line| line.contains("seed") || line.starts_with("DIFF"))
                .take(12)
                .map(|line| line.chars().take(300).collect::<String>())
                .collect::<Vec<_>>()
                .join("\n"),
        })
        .take(30)
        .collect();
    assert!(wrong.is_empty(), "{} of {count} wrong\n{}", wrong.len(), few.join("\n\n"));
    assert!(done * 2 >= count, "only {done} of {count} hosts could be had");
}
