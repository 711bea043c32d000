//! `netwright nft describe`.

use crate::support::{isolated, stdout};

fn described(what: &str) -> String {
    stdout(isolated(r#""$0" nft describe "$2""#).arg(what))
}

#[test]
fn types_are_described() {
    assert_eq!(described("ipv4_addr"), "datatype ipv4_addr (IPv4 address) (basetype integer), 32 bits\n");
    assert_eq!(
        described("ether_addr"),
        "datatype ether_addr (Ethernet address) (basetype link layer address, integer), 48 bits\n"
    );
    assert_eq!(described("ifname"), "datatype ifname (network interface name) (basetype string), 128 bits\n");
}

#[test]
fn expressions_are_described_with_the_words_for_their_values() {
    let flags = described("tcp flags");
    let mut lines = flags.lines();
    let first = "payload expression, datatype tcp_flag (TCP flag) (basetype bitmask, integer), 8 bits";
    assert_eq!(lines.next(), Some(first), "{flags}");
    assert_eq!(lines.next(), Some(""), "{flags}");
    assert_eq!(lines.next(), Some("pre-defined symbolic constants (in hexadecimal):"), "{flags}");
    assert_eq!(lines.next(), Some("\tfin                           \t0x01"), "{flags}");
    let types = described("icmp type");
    assert!(types.contains("\n\techo-request                  \t                   8\n"), "{types}");
    assert_eq!(
        described("meta oifname"),
        "meta expression, datatype ifname (network interface name) (basetype string), 16 characters\n"
    );
    let protocols = described("meta l4proto");
    assert!(protocols.contains("\n\ttcp                           \t6\n"), "{protocols}");
}
