//! `netwright nft describe`.

use crate::support::{isolated, run, stdout};

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

#[test]
fn types_without_a_width_of_their_own_are_described() {
    assert_eq!(described("verdict"), "datatype verdict (netfilter verdict), 0 bits\n");
    assert_eq!(described("string"), "datatype string (string), 0 bits\n");
    assert_eq!(described("bitmask"), "datatype bitmask (bitmask) (basetype integer), 0 bits\n");
}

#[test]
fn a_word_that_is_a_key_and_a_type_is_the_key() {
    let mark = described("mark");
    assert!(
        mark.starts_with("meta expression, datatype mark (packet mark) (basetype integer), 32 bits\n"),
        "{mark}"
    );
    let protocol = described("meta nfproto");
    assert!(protocol.contains("\tipv6 "), "{protocol}");
}

#[test]
fn names_of_this_host_are_told_with_their_file() {
    let inside = r#"
        mount -t tmpfs none /etc/iproute2 2>/dev/null || { echo cannot; exit 0; }
        printf '0\tdefault\n# none\n0x20 lan # cable\n5 wan\n' >/etc/iproute2/group
        "$0" nft describe devgroup
    "#;
    let text = stdout(isolated(r#"unshare -m sh -euc "$2" "$0""#).arg(inside));
    if text == "cannot\n" {
        eprintln!("there is no place for names of groups here");
        return;
    }
    let expected = "datatype devgroup (devgroup name) (basetype integer), 32 bits\n\n\
                    pre-defined symbolic constants from /etc/iproute2/group (in decimal):\n\
                    \tdefault                       \t                   0\n\
                    \tlan                           \t                  32\n\
                    \twan                           \t                   5\n";
    assert_eq!(text, expected);
}

#[test]
fn an_unknown_word_is_told_with_what_is_near() {
    let (code, _, err) = run(&mut isolated(r#""$0" nft describe ipv4_adr"#));
    assert_eq!(code, 1);
    assert!(err.contains("`ipv4_adr`") && err.contains("`ipv4_addr`"), "{err}");
}
