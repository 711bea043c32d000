use super::*;
use crate::table::header::{EXTENSIONS, HEADERS};
use crate::table::{Field, Header, Key};

#[test]
fn every_field_is_a_row_of_its_type() {
    let mut fields = 0;
    each(|name, selector, kind, size| {
        let part = selector.unwrap_or_else(|error| panic!("{name}: {error}")).part();
        assert!(part.data_type.is_a(kind), "{name}: {} is no {}", part.data_type.name(), kind.name());
        assert!(part.data_type.is_string() || part.bits as usize <= size * 8, "{name}: {} bits", part.bits);
        fields += 1;
    });
    assert!(fields > 200, "{fields}");
}

#[test]
fn fields_of_more_than_a_number_keep_their_meaning() {
    // A plain number must not stand for what has a type of its own, or sets could not be declared with it.
    each(|name, selector, kind, _| {
        let part = selector.unwrap_or_else(|error| panic!("{name}: {error}")).part();
        let plain = [DataType::INTEGER, DataType::HEX_INTEGER];
        assert_eq!(plain.contains(&part.data_type), kind == DataType::INTEGER, "{name}");
    });
}

/// Rows of the language that no constant is made of, and why.
const WITHOUT: &[(&str, &str)] = &[
    ("vlan cfi", "another name of dei"),
    ("tcp reserved", "it has no meaning"),
    ("frag reserved2", "it has no meaning"),
    ("rt0 ", "deprecated by RFC 5095"),
    ("rt2 ", "of Mobile IPv6 alone, whose header mh is there"),
    ("comp flags", "it has no meaning"),
    ("vxlan ", "inside of a tunnel: text"),
    ("geneve ", "inside of a tunnel: text"),
    ("eol kind", "the option is asked for by its kind"),
    ("nop kind", "the option is asked for by its kind"),
    ("maxseg kind", "the option is asked for by its kind"),
    ("window kind", "the option is asked for by its kind"),
    ("sack-perm kind", "the option is asked for by its kind"),
    ("sack kind", "the option is asked for by its kind"),
    ("timestamp kind", "the option is asked for by its kind"),
    ("md5sig ", "it is asked for by its kind"),
    ("mptcp kind", "the option is asked for by its kind"),
    ("fastopen ", "it is asked for by its kind"),
    ("sack1 ", "the blocks behind the first: text"),
    ("sack2 ", "the blocks behind the first: text"),
    ("sack3 ", "the blocks behind the first: text"),
    ("lsrr type", "the option is asked for by its type"),
    ("rr type", "the option is asked for by its type"),
    ("ssrr type", "the option is asked for by its type"),
    ("ra type", "the option is asked for by its type"),
    ("sctp chunk", "chunks of SCTP: text"),
    ("meta time", "what it means depends on the time zone: text"),
    ("meta hour", "what it means depends on the time zone: text"),
    ("ct expiration", "a duration that is compared and never set: text"),
    ("ct helper", "the name of a helper: text; its object is set with Rule::object"),
    ("ct label", "128 bits whose names are in a file: text"),
    ("ct event", "only set, for programs that listen to events: text"),
    ("tunnel ", "text"),
    ("ipsec ", "text"),
    ("osf ", "text"),
];

/// So that a row that is added to the language's tables is not forgotten here.
#[test]
fn every_row_of_the_language_has_a_constant_or_a_reason() {
    let mut there = Vec::new();
    each(|_, selector, _, _| there.extend(selector));
    let lookup = crate::build::fib::saddr();
    there.extend(lookup.oif().selector());
    there.extend(lookup.oifname().selector());
    there.extend(lookup.address_type().selector());
    there.extend(Typed::cgroupv2(2).selector());
    let of_header = |header: &Header, field: &Field| {
        there.iter().any(|selector| match selector {
            Selector::Payload(Payload { location: PayloadLocation::Field(a, b), .. }) => {
                a.id == header.id && b.name == field.name
            }
            Selector::Exthdr(Exthdr { header: Some(a), field: Some(b), .. }) => {
                a.id == header.id && b.name == field.name
            }
            _ => false,
        })
    };
    let of_key = |wanted: &Key| {
        there.iter().any(|selector| match selector {
            Selector::Meta(key) => *key == wanted,
            Selector::Ct(ct) => ct.key == wanted,
            Selector::Rt(rt) => rt.key == wanted,
            Selector::Socket(socket) => socket.key == wanted,
            Selector::Fib(fib) => fib.key == wanted,
            _ => false,
        })
    };
    let mut without = Vec::new();
    for header in HEADERS.iter().chain(EXTENSIONS) {
        let chunk = header.extension.is_some_and(|extension| extension.base.prefix() == "sctp chunk ");
        let prefix = if chunk { "sctp chunk " } else { "" };
        let fields = header.fields.iter().filter(|field| !of_header(header, field));
        without.extend(fields.map(|field| format!("{prefix}{} {}", header.name, field.name)));
    }
    // That an address of a connection has two numbers is the kernel's history.
    let keys = key::all().filter(|key| key.data_type != DataType::INVALID && !of_key(key));
    let keys = keys.filter(|key| !matches!((key.kind, key.name), (KeyKind::Ct, "saddr" | "daddr")));
    without.extend(keys.map(|key| format!("{} {}", word(key.kind), key.name)));
    let missing: Vec<_> =
        without.iter().filter(|name| !WITHOUT.iter().any(|(start, _)| name.starts_with(start))).collect();
    assert_eq!(missing, [""; 0], "a constant or a reason is missing");
    let idle = |(start, _): &&(&str, &str)| !without.iter().any(|name| name.starts_with(start));
    assert_eq!(WITHOUT.iter().find(idle), None, "this has a constant");
}

fn word(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Meta => "meta",
        KeyKind::Ct => "ct",
        KeyKind::Rt => "rt",
        KeyKind::Socket => "socket",
        KeyKind::Tunnel => "tunnel",
        KeyKind::Ipsec => "ipsec",
        KeyKind::Fib => "fib",
        KeyKind::Osf => "osf",
    }
}
