//! Numbers hold where they were reached.

use super::{Check, Findings, Ratchet, Reached, Score};

fn score(passed: usize) -> Score {
    let mut score = Score::default();
    for number in 0..3 {
        let mut findings = Findings::default();
        let outcome = if number < passed { Ok(()) } else { Err("the kernel: no such thing".into()) };
        findings.note(Check::Load, outcome);
        score.count("area", &number.to_string(), "", findings);
    }
    score
}

#[test]
fn numbers_hold_on_their_kernel_alone() {
    let reached = |kernel: Option<&str>| {
        let (name, check) = ("rules".to_owned(), "load".to_owned());
        Ratchet(vec![Reached { name, check, least: 2, kernel: kernel.map(str::to_owned) }])
    };
    for (kernel, passed, holds) in [
        (None, 2, true),
        (None, 1, false),
        (Some("6.12"), 1, false),
        (Some("6.12"), 3, true),
        (Some("6.1"), 1, true),
    ] {
        assert_eq!(
            reached(kernel).hold_on("6.12", "rules", &score(passed)).is_ok(),
            holds,
            "{kernel:?} {passed}"
        );
    }
    assert!(reached(None).hold_on("6.12", "other", &score(0)).is_ok());
}
