use super::*;
use crate::build::FromKey as _;
use crate::table::symbol::{self, Symbol};

fn check_names(table: &[Symbol], names: impl IntoIterator<Item = (u32, Option<&'static str>)>) {
    for (number, name) in names {
        let name = name.unwrap_or_default();
        assert_eq!(symbol::value(table, name), Some(number), "{name}");
    }
}

#[test]
fn names_are_those_of_the_language() {
    check_names(symbol::ETHER_TYPE, EtherType::KNOWN.iter().map(|known| (known.0.into(), known.name())));
    check_names(symbol::ARP_OP, ArpOperation::KNOWN.iter().map(|known| (known.0.into(), known.name())));
    check_names(symbol::ICMP_TYPE, IcmpType::KNOWN.iter().map(|known| (known.0.into(), known.name())));
    check_names(symbol::ICMPV6_TYPE, Icmpv6Type::KNOWN.iter().map(|known| (known.0.into(), known.name())));
    check_names(symbol::PKT_TYPE, PacketType::KNOWN.iter().map(|known| (known.0.into(), known.name())));
    check_names(symbol::DSCP, Dscp::KNOWN.iter().map(|known| (known.0.into(), known.name())));
    check_names(symbol::ECN, Ecn::KNOWN.iter().map(|known| (known.0.into(), known.name())));
}

#[test]
fn flags_are_those_of_the_language() {
    fn bit(table: &[Symbol], name: &str) -> u32 {
        symbol::value(table, name).unwrap_or_default()
    }
    assert_eq!(CtState::ESTABLISHED.bits(), bit(symbol::CT_STATE, "established"));
    assert_eq!(CtState::RELATED.bits(), bit(symbol::CT_STATE, "related"));
    assert_eq!(CtState::NEW.bits(), bit(symbol::CT_STATE, "new"));
    assert_eq!(CtState::INVALID.bits(), bit(symbol::CT_STATE, "invalid"));
    assert_eq!(CtState::UNTRACKED.bits(), bit(symbol::CT_STATE, "untracked"));
    assert_eq!(CtStatus::DESTINATION_TRANSLATED.bits(), bit(symbol::CT_STATUS, "dnat"));
    assert_eq!(CtStatus::SOURCE_TRANSLATED.bits(), bit(symbol::CT_STATUS, "snat"));
    assert_eq!(CtStatus::DYING.bits(), bit(symbol::CT_STATUS, "dying"));
    for (flag, name) in TcpFlags::all().iter_names().map(|(name, flag)| (flag, name.to_lowercase())) {
        assert_eq!(u32::from(flag.bits()), bit(symbol::TCP_FLAG, &name), "{name}");
    }
}

#[test]
fn names_of_interfaces_are_checked() {
    let part = TypePart::of(DataType::IFNAME);
    let check = |name: &str| Interface(name.to_owned()).expression(&part);
    assert!(matches!(check("eth0"), Ok(Expression::Value(_))));
    assert!(matches!(check("a-name-of-15-by"), Ok(Expression::Value(_))));
    assert!(matches!(check("eth*"), Ok(Expression::Wildcard(_))));
    for wrong in ["", "*", "a-name-of-16-byt", "a b", "a/b", "..", "a\0b"] {
        assert!(check(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn numbers_must_fit_their_field() {
    let part = TypePart { bits: 6, ..TypePart::of(DataType::DSCP) };
    assert!(Dscp(0x3f).value(&part).is_ok());
    assert_eq!(
        Dscp(0x40).value(&part).map_err(|error| error.0),
        Err("64 does not fit into 6 bits".to_owned())
    );
}

#[test]
fn names_of_interfaces_keep_their_bytes() {
    let part = TypePart::of(DataType::IFNAME);
    for bytes in [&b"eth0"[..], b"caf\xe9", &[0xff; 15]] {
        let name = Interface(netwright_wire::text::from_bytes(bytes).into_owned());
        let value = name.value(&part).unwrap();
        assert_eq!(&value.bytes[..], bytes);
        assert_eq!(Interface::from_parts(&[value]), Some(name));
    }
    assert!(Interface(netwright_wire::text::from_bytes(&[0xff; 16]).into_owned()).value(&part).is_err());
}
