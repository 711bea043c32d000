use super::Allowance;

#[test]
fn what_is_dropped_is_given_out_again() {
    let allowance = Allowance::new(5);
    let two = allowance.take(2).unwrap();
    let more = allowance.clone().take(2).unwrap();
    assert!(allowance.take(2).is_none());
    drop(two);
    assert!(allowance.take(3).is_some());
    drop(more);
    assert!(allowance.take(5).is_some());
}
