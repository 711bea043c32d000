use super::*;

#[test]
fn flags_are_written_in_the_order_of_a_listing() {
    let text = |table, bits| {
        let mut text = String::new();
        write_flags(&mut text, table, bits).unwrap();
        text
    };
    assert_eq!(text(NAT_FLAG, 0x1c), "random,fully-random,persistent");
    assert_eq!(text(NAT_FLAG, 0x8c), "random,persistent,0x80");
    assert_eq!(text(SET_FLAG, 0x34), "dynamic,interval,timeout");
    assert_eq!(text(TABLE_FLAG, 0), "");
}

#[test]
fn log_flags_come_in_groups() {
    for (bits, expected) in [
        (0x2f, " flags all"),
        (0x01, " flags tcp sequence"),
        (0x02, " flags tcp options"),
        (0x0b, " flags tcp sequence,options flags skuid"),
        (0x2c, " flags ip options flags skuid flags ether"),
        (0, ""),
    ] {
        let mut text = String::new();
        write_log_flags(&mut text, bits).unwrap();
        assert_eq!(text, expected);
    }
}

#[test]
fn states_belong_to_protocols() {
    assert_eq!(
        timeout_states(6).iter().find(|state| state.name == "unack").map(|state| state.number),
        Some(11)
    );
    assert_eq!(timeout_states(17).len(), 2);
    assert!(timeout_states(132).is_empty());
}
