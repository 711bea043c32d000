use super::*;

#[test]
fn built_in_names_are_known_both_ways() {
    let names = Names::new();
    assert_eq!(names.number(Database::Protocols, "icmpv6"), Some(58));
    assert_eq!(names.name(Database::Protocols, 58), Some("ipv6-icmp"));
    assert_eq!(names.number(Database::Services, "ssh"), Some(22));
    assert_eq!(names.name(Database::Marks, 22), None);
}

#[test]
fn files_of_each_kind_are_read() {
    let mut names = Names::new();
    names.read(Database::Marks, "# marks\n0x10 gold\n\nnonsense\n");
    names.read(Database::Services, "myservice 12345/tcp alias # comment\nmyservice 12345/udp\n");
    names.read(Database::Protocols, "tcp\t6\tTCP\n");
    names.read(Database::Users, "root:x:0:0:root:/root:/bin/sh\nbroken\n");
    assert_eq!(names.number(Database::Marks, "gold"), Some(16));
    assert_eq!(names.number(Database::Services, "alias"), Some(12345));
    assert_eq!(names.name(Database::Services, 12345), Some("myservice"));
    assert_eq!(names.number(Database::Protocols, "TCP"), Some(6));
    assert_eq!(names.name(Database::Users, 0), Some("root"));
}

#[test]
fn names_are_found_when_the_first_is_looked_up() {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let mut names = Names::new();
    names.later(Database::Marks, || {
        COUNT.fetch_add(1, Ordering::Relaxed);
        let mut found = Names::new();
        found.read(Database::Marks, "1 gold\n2 silver\n");
        found.insert(Database::Realms, "elsewhere", 1);
        found
    });
    names.insert(Database::Marks, "added", 1);
    assert_eq!(names.name(Database::Marks, 1), Some("added"));
    assert_eq!(names.name(Database::Realms, 1), None);
    assert_eq!(COUNT.load(Ordering::Relaxed), 0, "nothing else was looked up");
    let copy = names.clone();
    assert_eq!(names.number(Database::Marks, "gold"), Some(1));
    assert_eq!(copy.name(Database::Marks, 2), Some("silver"));
    assert_eq!(copy.all(Database::Marks).count(), 3);
    assert_eq!(COUNT.load(Ordering::Relaxed), 1);
}

#[test]
fn numbers_come_in_three_bases() {
    assert_eq!(parse_number("22"), Some(22));
    assert_eq!(parse_number("0x16"), Some(22));
    assert_eq!(parse_number("026"), Some(22));
    assert_eq!(parse_number("0"), Some(0));
    for nonsense in ["", "0x", "08", "+5", "0x+5", "5 ", "ä"] {
        assert_eq!(parse_number(nonsense), None, "{nonsense}");
    }
}
