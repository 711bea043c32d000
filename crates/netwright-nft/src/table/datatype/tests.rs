use super::*;

#[test]
fn types_are_found_by_the_name_a_set_declares() {
    assert_eq!(DataType::by_name("ipv4_addr"), Some(DataType::IPV4_ADDR));
    assert_eq!(DataType::by_name("time"), Some(DataType::TIME));
    assert_eq!(DataType::by_name("integer"), None);
    for &data_type in DataType::ALL {
        assert!(data_type.is_known());
    }
}

#[test]
fn unknown_numbers_survive() {
    let unknown = DataType::from_number(63);
    assert!(!unknown.is_known());
    assert_eq!(unknown.number(), 63);
    assert_eq!(Concat::from(unknown).number(), 63);
}

#[test]
fn concatenations_pack_six_bits_a_part() {
    let concat = Concat::new(&[DataType::IPV4_ADDR, DataType::INET_SERVICE]).unwrap();
    assert_eq!(concat.number(), 0x1cd);
    assert_eq!(Concat::from_number(0x1cd), concat);
    assert_eq!(concat.to_string(), "ipv4_addr . inet_service");
    assert_eq!(Concat::from_number(41).single(), Some(DataType::IFNAME));
}

#[test]
fn parts_start_at_words() {
    let concat = Concat::new(&[DataType::ETHER_ADDR, DataType::INTEGER, DataType::IPV4_ADDR]).unwrap();
    let layout: Vec<_> = concat.layout(&[0, 2, 0]).map(|part| (part.offset, part.bytes)).collect();
    assert_eq!(layout, [(0, 6), (8, 2), (12, 4)]);
    assert_eq!(concat.padded_bytes(&[0, 2, 0]), 16);
}

#[test]
fn refinement_is_inherited() {
    assert!(DataType::CT_LABEL.is_bitmask());
    assert!(DataType::IFNAME.is_string());
    assert!(!DataType::MARK.is_bitmask());
}
