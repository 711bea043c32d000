use super::*;

#[test]
fn every_header_finds_its_own_row() {
    for header in HEADERS {
        assert_eq!(header.id.header().name, header.name);
        assert_eq!(HeaderId::by_name(header.name), Some(header.id));
        for field in header.fields {
            assert_eq!(field.header, header.id);
            assert_eq!(header.field(field.name).map(|f| f.number), Some(field.number), "{}", field.name);
            assert!(
                field.data_type.bits() == 0 || field.data_type.bits() == field.bits,
                "{} {}",
                header.name,
                field.name
            );
        }
        assert!(header.protocol_field.is_none() || header.protocol_key().is_some());
    }
}

#[test]
fn protocols_announce_what_is_above() {
    let ip = HeaderId::Ip.header();
    assert_eq!(ip.next(6), Some(HeaderId::Tcp));
    assert_eq!(ip.next(47), Some(HeaderId::Gre));
    assert_eq!(ip.next(4711), None);
    assert_eq!(HeaderId::Ether.header().next(0x88a8), Some(HeaderId::Vlan));
    assert_eq!(HeaderId::by_nfproto(10), Some(HeaderId::Ip6));
}

#[test]
fn overlapping_icmp_fields_are_told_apart_by_message_type() {
    let icmp = HeaderId::Icmp.header();
    assert_eq!(icmp.field_at(48, 16, Some(8)).map(|f| f.name), Some("sequence"));
    assert_eq!(icmp.field_at(48, 16, Some(3)).map(|f| f.name), Some("mtu"));
    assert_eq!(icmp.field_at(48, 16, None), None);
}

#[test]
fn writing_an_address_repairs_both_checksums() {
    let ip = HeaderId::Ip.header();
    assert_eq!(
        ip.field("saddr").map(Field::checksum),
        Some(Checksum { kind: 1, offset: 10, pseudo_header: true })
    );
    assert_eq!(
        ip.field("ttl").map(Field::checksum),
        Some(Checksum { kind: 1, offset: 10, pseudo_header: false })
    );
}
