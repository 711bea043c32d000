use netwright_nft::table::Names;

use super::*;

const ETHERNET: [u8; 12] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];

/// What is told of a packet with these bytes behind its addresses, and this network header.
fn told(behind: &[u8], network: &[u8]) -> String {
    let link_header = [ETHERNET.as_slice(), behind].concat();
    let trace = Trace { link_header, network_header: network.to_vec(), ..Trace::default() };
    let text = packet(&trace, Style { options: &PrintOptions::default(), names: &Names::new(), json: false });
    let addresses = " ether saddr 02:00:00:00:00:02 ether daddr 02:00:00:00:00:01";
    text.strip_prefix(addresses).expect("the addresses of the link").to_owned()
}

#[test]
fn what_a_link_carries_is_told_by_its_fields_or_its_number() {
    let request = [0, 1, 8, 0, 6, 4, 0, 1];
    assert_eq!(told(&[0x08, 0x06], &request), " arp operation request");
    assert_eq!(told(&[0x12, 0x34], &[0x40]), " ether type 0x1234");
    let tag = |kind: [u8; 2], inner: [u8; 2]| [kind, [0xb0, 0x07], inner].concat();
    assert_eq!(
        told(&tag([0x81, 0], [8, 6]), &request),
        " vlan pcp 5 vlan dei 1 vlan id 7 arp operation request"
    );
    assert_eq!(
        told(&tag([0x88, 0xa8], [0x81, 0]), &[0x20, 7]),
        " ether type 8021ad vlan pcp 5 vlan dei 1 vlan id 7 vlan type 8021q"
    );
    let ip = told(&tag([0x81, 0], [8, 0]), &[0x45, 0, 0, 20]);
    assert!(ip.starts_with(" vlan pcp 5 vlan dei 1 vlan id 7 ip dscp cs0 ip ecn not-ect"), "{ip}");
}

#[test]
fn headers_that_were_cut_tell_what_they_have() {
    for length in 0..6 {
        let tag = [0x81, 0, 0, 7, 8, 0];
        let text = told(tag.get(..length).unwrap_or_default(), &[]);
        assert!(!text.contains("ip "), "{text}");
    }
}
