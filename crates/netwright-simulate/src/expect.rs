//! What is not as a flow expects.

use netwright_state::model::{Expect, Flow};

use crate::matrix::is_at;
use crate::report::{Outcome, Verdict, display};
use crate::sources::Place;

/// What of a verdict is not as expected; each a sentence without a full stop.
pub(crate) fn wrong(flow: &Flow, verdict: &Verdict) -> Vec<String> {
    let mut wrong = outcome(flow.expect, verdict);
    if !wrong.is_empty() {
        return wrong;
    }
    let ends = [
        (flow.seen_from, verdict.seen_from, "to be seen from", "it was seen from"),
        (flow.arrives_at, verdict.arrived_at, "to arrive at", "it arrived at"),
    ];
    for (expected, seen, expectation, observation) in ends {
        if let (Some(expected), Some(seen)) = (expected, seen)
            && !is_at(expected, seen)
        {
            wrong.push(format!(
                "it was expected {expectation} {expected}, but {observation} {}",
                display(seen)
            ));
        }
    }
    if let Some(expected) = &flow.leaves_by
        && verdict.outcome.arrives()
        && verdict.left_by.as_ref() != Some(expected)
    {
        let seen = verdict
            .left_by
            .as_deref()
            .map_or("it was taken by the host".into(), |link| format!("it left by {link}"));
        wrong.push(format!("it was expected to leave by {expected}, but {seen}"));
    }
    for expected in &flow.decided_by {
        if !verdict.decided_by.iter().chain(&verdict.shaped_by).any(|place| is_meant(place, expected)) {
            let seen = verdict.decided_by.iter().map(|place| format!("{} ({})", place.at, place.text));
            let seen = seen.collect::<Vec<_>>().join(", ");
            let seen = if seen.is_empty() { "nothing".to_owned() } else { seen };
            wrong.push(format!("it was expected to be decided by {expected:?}, but {seen} did"));
        }
    }
    if let (Some(expected), Some(seen)) = (flow.mark, verdict.mark)
        && expected != seen
    {
        wrong.push(format!("its mark was expected to be {expected:#x}, but is {seen:#x}"));
    }
    if let Some(expected) = flow.ct_mark {
        match verdict.connection_mark {
            Some(seen) if seen == expected => {}
            Some(seen) => {
                wrong.push(format!(
                    "its connection's mark was expected to be {expected:#x}, but is {seen:#x}"
                ));
            }
            None => wrong.push("its connection's mark was expected, but there is no connection".into()),
        }
    }
    let counters = flow.counters.iter().flat_map(|counts| &counts.0).zip(&verdict.counted);
    for ((name, expected), seen) in counters {
        match seen {
            Some(seen) if seen == expected => {}
            Some(seen) => wrong.push(format!(
                "the counter {name} was expected to count {expected} because of it, but counted {seen}"
            )),
            None => wrong.push(format!("there is no counter {name}")),
        }
    }
    if let Some(expected) = flow.ct_state {
        match verdict.state {
            Some(seen) if seen == expected => {}
            Some(seen) => {
                wrong.push(format!("its connection state was expected to be {expected}, but is {seen}"))
            }
            None => wrong
                .push("this kernel does not tell the connection state of packets (Linux 6.17 does)".into()),
        }
    }
    if let Some(expected) = &flow.log
        && !verdict.logged.iter().any(|prefix| prefix.starts_with(expected.as_str()))
    {
        let seen = match verdict.logged.as_slice() {
            [] => "nothing was logged".to_owned(),
            all => format!(
                "what was logged begins with {}",
                all.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(", ")
            ),
        };
        wrong.push(format!("a line beginning with {expected:?} was expected in the log, but {seen}"));
    }
    if let Some(expected) = flow.arrives_with_dscp
        && let Some(class) = verdict.class
        && class >> 2 != expected.0
    {
        wrong.push(format!("it was expected to arrive with DSCP {}, but has {}", expected.0, class >> 2));
    }
    wrong
}

fn outcome(expected: Expect, verdict: &Verdict) -> Vec<String> {
    let seen = &verdict.outcome;
    let all_that_can_be = verdict.one_way && *seen == Outcome::Arrived && expected == Expect::Accept;
    if seen.fits(expected) || all_that_can_be {
        return Vec::new();
    }
    let text = match seen {
        Outcome::NoPath(why) => {
            return vec![format!("expected {expected}, but there is no path through the host: {why}")];
        }
        Outcome::Error(why) => return vec![format!("it could not be tested: {why}")],
        Outcome::Arrived if expected == Expect::Accept => "it arrived, but was not answered".to_owned(),
        Outcome::Arrived => "it arrived".to_owned(),
        Outcome::Accept => "it was accepted".to_owned(),
        Outcome::Drop => "it was dropped".to_owned(),
        Outcome::Reject(refusal) => format!("it was rejected ({refusal})"),
    };
    vec![format!("expected {expected}, but {text}")]
}

/// Whether a place is the one that is named: by file and line, or by what stands there.
fn is_meant(place: &Place, named: &str) -> bool {
    let by_line = place.line.as_ref().is_some_and(|(file, line)| {
        let Some((of, number)) = named.rsplit_once(':') else { return false };
        number.parse() == Ok(*line) && (file == of || file.ends_with(&format!("/{of}")))
    });
    by_line || place.at == named || place.text.contains(named)
}
