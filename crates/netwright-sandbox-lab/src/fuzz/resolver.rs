//! Messages of clients and name servers.

use std::sync::OnceLock;

use netwright_sandbox::policy::kind;
use netwright_sandbox::resolver::dry_run;
use netwright_sandbox::{AddressKind, Policy};

/// Names of every way to be allowed, and no rule for addresses: nothing that is not public may be let through.
fn policy() -> &'static Policy {
    static POLICY: OnceLock<Policy> = OnceLock::new();
    POLICY.get_or_init(|| {
        let rules = |texts: &[&str]| texts.iter().filter_map(|text| text.parse().ok()).collect();
        Policy {
            allow: rules(&["www.example.org:443", "*.example.net", "a:1", "b"]),
            deny: rules(&["*.bad.example.net", "c"]),
            ..Policy::default()
        }
    })
}

/// The first two bytes are the length of the question, and what follows it is the name server's answer.
pub(super) fn run(data: &[u8]) {
    let Some((&length, rest)) = data.split_first_chunk() else { return };
    let length = usize::from(u16::from_be_bytes(length)).min(rest.len());
    let (query, upstream) = rest.split_at(length);
    let outcome = dry_run(policy(), query, upstream);
    for address in outcome.released {
        assert!(outcome.asked && kind(address) == AddressKind::Public, "{address} was let through");
    }
    let Some(answer) = outcome.answer else { return };
    let flags = answer.get(2).zip(answer.get(3));
    let authentic = flags.is_some_and(|(upper, lower)| upper & 0x80 == 0 || lower & 0x20 != 0);
    assert!(answer.len() >= 12 && answer.len() <= 4096 && !authentic, "{answer:?}");
    assert_eq!(answer.get(..2), query.get(..2));
    // What was built can be read: as an answer it leaves no more than it was made of.
    let again = dry_run(policy(), query, &answer);
    assert!(again.answer.is_some());
    assert!(again.released.iter().all(|address| kind(*address) == AddressKind::Public));
}

/// A name, a type, and the records that answer.
type Pair<'a> = (&'a [u8], u16, &'a [&'a [u8]]);

/// Questions with answers of every type that is read.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let www = b"\x03www\x07example\x03org\0".as_slice();
    let service = b"\x04_sip\x04_udp\x01b\0".as_slice();
    let pairs: [Pair<'_>; 9] = [
        (www, 1, &[b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01", b"\xc0\x0c\0\x01\0\x01\0\0\0\0\0\x04\x0a\0\0\x01"]),
        (www, 28, &[b"\xc0\x0c\0\x1c\0\x01\0\0\0\x3c\0\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"]),
        (www, 1, &[b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x04\x01x\xc0\x10", b"\xc0\x2d\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01"]),
        (b"\x01a\0", 1, &[b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x03\x01c\0", b"\x01c\0\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01"]),
        (service, 33, &[b"\xc0\x0c\0\x21\0\x01\0\0\0\x3c\0\x09\0\x01\0\x02\0\x03\x01d\0"]),
        (www, 65, &[b"\xc0\x0c\0\x41\0\x01\0\0\0\x3c\0\x15\0\x01\0\0\x01\0\x03\x02h2\0\x04\0\x08\xc0\0\x02\x01\x0a\0\0\x01"]),
        (www, 15, &[b"\xc0\x0c\0\x0f\0\x01\0\0\0\x3c\0\x07\0\x0a\x02mx\xc0\x10"]),
        (www, 35, &[b"\xc0\x0c\0\x23\0\x01\0\0\0\x3c\0\x0b\0\x01\0\x02\x01S\x01x\0\x01d\0"]),
        (b"\x011\x010\x010\x03127\x07in-addr\x04arpa\0", 12, &[]),
    ];
    pairs
        .iter()
        .flat_map(|&(name, kind, answers)| [false, true].map(|extended| seed(name, kind, answers, extended)))
        .collect()
}

fn seed(name: &[u8], kind: u16, answers: &[&[u8]], extended: bool) -> Vec<u8> {
    let question = [name, &kind.to_be_bytes(), &[0, 1]].concat();
    let extension: &[u8] = if extended { b"\0\0\x29\x04\xd0\0\0\x80\0\0\0" } else { b"" };
    let query =
        [b"\x12\x34\x01\0\0\x01\0\0\0\0\0", [u8::from(extended)].as_slice(), &question, extension].concat();
    let count = answers.len() as u8;
    let soa = [&b"\0\0\x06\0\x01\0\0\0\x3c\0\x16\0\0"[..], &[0; 20]].concat();
    let upstream =
        [b"\x12\x34\x81\x80\0\x01\0", [count].as_slice(), b"\0\x01\0\0", &question, &answers.concat(), &soa]
            .concat();
    [(query.len() as u16).to_be_bytes().as_slice(), &query, &upstream].concat()
}
