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

#[test]
fn where_few_may_be_open_there_are_some_for_connections() {
    for (limit, count) in [(64, 16), (256, 144), (1024, 768), (4096, 3840)] {
        let allowance = Allowance::within(limit);
        let all = allowance.take(count);
        assert!(all.is_some() && allowance.take(1).is_none(), "{limit}");
    }
}
