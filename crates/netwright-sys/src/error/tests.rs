use std::fmt;

use netwright_wire::{ExtendedAck, MessageFlags, Writer};

use super::*;

struct Sample;

impl Subject for Sample {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("add the object to eth0")
    }
}

fn refusal(errno: Errno, extended: ExtendedAck) -> KernelError {
    KernelError { sequence: 5, kind: 16, errno, extended }
}

#[test]
fn a_refusal_is_a_sentence() {
    let words = ExtendedAck { message: Some("Object exists".into()), ..Default::default() };
    let error = Error::request(&Sample, refusal(Errno::EEXIST, words));
    assert_eq!(error.to_string(), "cannot add the object to eth0: exists already (EEXIST): Object exists");
    assert!(error.is_exists() && !error.is_not_found() && !error.is_permission());
    assert_eq!(error.errno(), Some(Errno::EEXIST));
    assert_eq!(error.asked(), "add the object to eth0");
}

#[test]
fn the_attribute_at_fault_is_looked_up() {
    let mut writer = Writer::new();
    for sequence in 4..7 {
        let mark = writer.begin_message(16, MessageFlags::REQUEST, sequence);
        writer.push(&[0; 4]);
        let nest = writer.begin_nest(9);
        writer.bytes_attribute(sequence as u16 + 100, &[1]);
        writer.end_nest(nest);
        writer.end_message(mark);
    }
    let at = |offset| {
        let place = ExtendedAck { offset: Some(offset), ..Default::default() };
        Error::request(&Sample, refusal(Errno::EINVAL, place)).with_sent(writer.bytes())
    };
    assert_eq!(at(20).attribute(), Some(9), "the flag of a nest is no part of its type");
    assert_eq!(at(24).attribute(), Some(105));
    assert_eq!(at(24).to_string(), "cannot add the object to eth0: invalid argument (EINVAL)");
    assert_eq!(
        at(24).with_part(Some("colour".into())).to_string(),
        "cannot add the object to eth0: invalid argument (EINVAL) (at its colour)"
    );
    for beyond in [0, 15, 31, 32, 1000, u32::MAX] {
        assert_eq!(at(beyond).attribute(), None, "{beyond}");
    }
    let elsewhere = KernelError { sequence: 99, ..refusal(Errno::EINVAL, ExtendedAck::default()) };
    assert_eq!(Error::request(&Sample, elsewhere).with_sent(writer.bytes()).attribute(), None);
}

#[test]
fn a_missing_attribute_is_told() {
    let missing = ExtendedAck { missing_type: Some(7), ..Default::default() };
    let error = Error::request(&Sample, refusal(Errno::EINVAL, missing));
    assert_eq!(
        error.to_string(),
        "cannot add the object to eth0: invalid argument (EINVAL) (attribute 7 is missing)"
    );
}

#[test]
fn help_says_what_to_do() {
    let help = |errno| Error::new("do it", errno).help();
    assert!(help(Errno::EPERM).unwrap().contains("CAP_NET_ADMIN"));
    assert!(help(Errno::EOPNOTSUPP).unwrap().contains("module"));
    assert!(help(Errno::EMSGSIZE).unwrap().contains("wmem_max"));
    assert_eq!(help(Errno::EEXIST), None);
    assert!(Error::new("do it", Cause::Overrun).help().is_some());
    assert_eq!(Error::new("do it", Errno::EPERM).with_help("Just so.").help(), Some("Just so."));
    assert!(Error::new("do it", Errno::EPERM).is_permission());
}
