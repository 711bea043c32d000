//! The tables of the reference, out of the rows of `netwright_nft::table`.

use std::fmt::Write as _;

use netwright_netfilter::{Family, Hook};
use netwright_nft::table::datatype::{Database, Symbols};
use netwright_nft::table::header::{EXTENSIONS, ExtensionBase, HEADERS, PayloadBase};
use netwright_nft::table::key::{self, Direction, Key, KeyKind, Layer3};
use netwright_nft::table::symbol::Symbol;
use netwright_nft::table::vocabulary::{self, TimeoutState};
use netwright_nft::table::{ByteOrder, DataType, Field, hook};

/// The tables that there are.
pub(crate) const NAMES: &[&str] = &[
    "families",
    "priorities",
    "types",
    "symbols",
    "meta",
    "ct",
    "rt",
    "socket",
    "ipsec",
    "tunnel",
    "fib",
    "osf",
    "headers",
    "extensions",
    "tcp-options",
    "ip-options",
    "sctp-chunks",
    "words",
    "timeouts",
];

/// A table by name.
pub(crate) fn table(name: &str) -> Option<String> {
    Some(match name {
        "families" => families(),
        "priorities" => priorities(),
        "types" => types(),
        "symbols" => symbols(),
        "meta" => keys(KeyKind::Meta),
        "ct" => keys(KeyKind::Ct),
        "rt" => keys(KeyKind::Rt),
        "socket" => keys(KeyKind::Socket),
        "ipsec" => keys(KeyKind::Ipsec),
        "tunnel" => keys(KeyKind::Tunnel),
        "fib" => keys(KeyKind::Fib),
        "osf" => keys(KeyKind::Osf),
        "headers" => headers(),
        "extensions" => extensions(ExtensionBase::IPV6),
        "tcp-options" => extensions(ExtensionBase::TCP),
        "ip-options" => extensions(ExtensionBase::IPV4),
        "sctp-chunks" => extensions(ExtensionBase::SCTP),
        "words" => words(),
        "timeouts" => timeouts(),
        _ => return None,
    })
}

/// A table of Markdown.
fn rows(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = line(&head.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>());
    text += &format!("|{}\n", "---|".repeat(head.len()));
    text.extend(rows.into_iter().map(|cells| line(&cells)));
    text
}

/// Words as code.
fn code<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

const FAMILIES: &[Family] =
    &[Family::IPV4, Family::IPV6, Family::INET, Family::ARP, Family::BRIDGE, Family::NETDEV];

fn families() -> String {
    let hooks = |family: Family, kind: &str| {
        let allowed = hook::hooks(family).iter().filter(|hook| hook::allows(family, **hook, kind));
        code(allowed.filter_map(|hook| hook.name()))
    };
    rows(
        &["family", "`filter` at", "`nat` at", "`route` at"],
        FAMILIES.iter().map(|family| {
            let name = code(family.name());
            vec![name, hooks(*family, "filter"), hooks(*family, "nat"), hooks(*family, "route")]
        }),
    )
}

fn priorities() -> String {
    let mut lines: Vec<Vec<String>> = Vec::new();
    for families in [
        &[Family::IPV4, Family::IPV6, Family::INET] as &[Family],
        &[Family::BRIDGE],
        &[Family::ARP, Family::NETDEV],
    ] {
        let Some(family) = families.first() else { continue };
        for named in hook::priorities(*family) {
            let hooks: Vec<&Hook> = named.hooks.iter().collect();
            let at =
                if hooks.is_empty() { "all".to_owned() } else { code(hooks.iter().filter_map(|h| h.name())) };
            let families = code(families.iter().filter_map(|family| family.name()));
            lines.push(vec![families, code([named.name]), named.value.to_string(), at]);
        }
    }
    rows(&["families", "name", "priority", "hooks"], lines)
}

fn order(order: ByteOrder) -> &'static str {
    match order {
        ByteOrder::None => "",
        ByteOrder::Host => "host",
        ByteOrder::Big => "big",
    }
}

fn bits(bits: u32) -> String {
    if bits == 0 { "any".to_owned() } else { bits.to_string() }
}

fn database(database: Database) -> &'static str {
    match database {
        Database::Protocols => "`/etc/protocols`",
        Database::Services => "`/etc/services`",
        Database::Marks => "iproute2's `rt_marks`",
        Database::Realms => "iproute2's `rt_realms`",
        Database::DeviceGroups => "iproute2's `group`",
        Database::Labels => "`connlabel.conf`",
        Database::Users => "`/etc/passwd`",
        Database::Groups => "`/etc/group`",
        Database::Interfaces => "interfaces of the namespace",
        Database::ControlGroups => "paths of control groups",
    }
}

fn types() -> String {
    let known = DataType::ALL.iter().filter(|one| **one != DataType::INVALID);
    rows(
        &["type", "what it is", "bits", "byte order", "names from", "`type` of a set"],
        known.map(|one| {
            let row = one.descriptor();
            let names = match row.symbols {
                Symbols::None => String::new(),
                Symbols::Database(which) => database(which).to_owned(),
                Symbols::Table(_) | Symbols::ReadOnly(_) | Symbols::Quoted(_) => {
                    "[a table](#names-of-values)".to_owned()
                }
            };
            let declarable = if row.declarable { "yes" } else { "" };
            vec![
                code([row.name]),
                row.description.to_owned(),
                bits(row.bits),
                order(row.order).to_owned(),
                names,
                declarable.to_owned(),
            ]
        }),
    )
}

fn named(symbols: &[Symbol], hexadecimal: bool) -> String {
    let one = |symbol: &Symbol| match hexadecimal {
        true => format!("`{}` {:#x}", symbol.name, symbol.value),
        false => format!("`{}` {}", symbol.name, symbol.value),
    };
    symbols.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn symbols() -> String {
    let with = DataType::ALL.iter().filter(|one| !one.symbols().is_empty());
    rows(
        &["type", "names"],
        with.map(|one| {
            let hexadecimal = one.is_bitmask() || *one == DataType::ETHER_TYPE || *one == DataType::DSCP;
            let what = if one.name() == "integer" {
                one.descriptor().description.to_owned()
            } else {
                code([one.name()])
            };
            vec![what, named(one.symbols(), hexadecimal)]
        }),
    )
}

fn keys(kind: KeyKind) -> String {
    let line = |key: &Key| {
        let before = match key.layer3 {
            Layer3::Ipv4 => "ip ",
            Layer3::Ipv6 => "ip6 ",
            Layer3::Any | Layer3::Context => "",
        };
        let mut notes = Vec::new();
        if key.writable {
            notes.push("can be set".to_owned());
        }
        if key.bare {
            notes.push("may stand without `meta`".to_owned());
        }
        match key.direction {
            Direction::None => {}
            Direction::Optional => notes.push("takes a direction".to_owned()),
            Direction::Required => notes.push("needs a direction".to_owned()),
        }
        if key.bridge_only {
            notes.push("`bridge` only".to_owned());
        }
        if !key.aliases.is_empty() {
            notes.push(format!("also {}", code(key.aliases.iter().copied())));
        }
        let kind = if key.layer3 == Layer3::Context {
            "by the family".to_owned()
        } else {
            code([key.data_type.name()])
        };
        vec![
            format!("`{before}{}`", key.name),
            kind,
            bits(key.bits),
            order(key.order).to_owned(),
            notes.join(", "),
        ]
    };
    let all = key::table(kind);
    let first = |key: &&Key| all.iter().find(|one| one.name == key.name && one.layer3 == key.layer3);
    let rows_shown = all.iter().filter(|key| first(key).is_some_and(|one| one.number == key.number));
    rows(&["key", "type", "bits", "byte order", "notes"], rows_shown.map(line))
}

fn field(field: &Field) -> String {
    let mut text = format!("`{}` {}", field.name, field.bits);
    if field.data_type.name() != "integer" {
        let _ = write!(text, " {}", field.data_type.name());
    }
    if !field.aliases.is_empty() {
        let _ = write!(text, " (also {})", code(field.aliases.iter().copied()));
    }
    text
}

fn fields(fields: &[Field]) -> String {
    fields.iter().map(field).collect::<Vec<_>>().join(", ")
}

fn headers() -> String {
    rows(
        &["header", "protocol number", "fields: name, bits, type"],
        HEADERS.iter().map(|header| {
            let ether = header.ether_types.iter().map(|number| format!("EtherType {number:#06x}"));
            let number = header.ip_protocol.iter().map(ToString::to_string);
            let numbers: Vec<String> = ether.chain(number).collect();
            vec![code([header.name]), numbers.join(", "), fields(header.fields)]
        }),
    )
}

fn extensions(base: ExtensionBase) -> String {
    let all = EXTENSIONS.iter().filter_map(|header| Some((header, header.extension?)));
    rows(
        &["name", "number", "fields: name, bits, type"],
        all.filter(|(_, extension)| extension.base == base).map(|(header, extension)| {
            let names = std::iter::once(header.name).chain(extension.aliases.iter().copied());
            vec![code(names), extension.number.to_string(), fields(header.fields)]
        }),
    )
}

fn words() -> String {
    let tables: [(&str, &[Symbol]); 10] = [
        ("`log level`", vocabulary::LOG_LEVEL),
        ("`log flags`", vocabulary::LOG_FLAG),
        ("flags of address translation", vocabulary::NAT_FLAG),
        ("`queue flags`", vocabulary::QUEUE_FLAG),
        ("flags of tables", vocabulary::TABLE_FLAG),
        ("flags of chains", vocabulary::CHAIN_FLAG),
        ("flags of flow tables", vocabulary::FLOWTABLE_FLAG),
        ("flags of sets", vocabulary::SET_FLAG),
        ("policies of sets", vocabulary::SET_POLICY),
        ("policies of chains", vocabulary::CHAIN_POLICY),
    ];
    let line = |(what, symbols): (&str, &[Symbol])| {
        vec![what.to_owned(), code(symbols.iter().map(|symbol| symbol.name))]
    };
    rows(&["where", "words"], tables.map(line))
}

fn timeouts() -> String {
    let states = |states: &[TimeoutState]| {
        states.iter().map(|one| format!("`{}` {}s", one.name, one.default)).collect::<Vec<_>>().join(", ")
    };
    let tcp = vec!["`tcp`".to_owned(), states(vocabulary::TCP_TIMEOUTS)];
    let udp = vec!["`udp`".to_owned(), states(vocabulary::UDP_TIMEOUTS)];
    rows(&["protocol", "states with the time that is not listed"], [tcp, udp])
}

/// A rule for each key that can be read and each field, with the family of its table.
pub(crate) fn rule_for_each_row() -> Vec<(&'static str, String)> {
    let comparable = |key: &&Key| key.readable && key.name != "secmark";
    let keys = key::all().filter(comparable).map(key_rule);
    let headers = HEADERS.iter().chain(EXTENSIONS).flat_map(|header| {
        let prefix = header.extension.map_or("", |one| one.base.prefix());
        // The kind of an option is what `exists` asks for: no text names it.
        let named = header.fields.iter().filter(|field| field.name != "kind");
        named.map(move |field| {
            let before = if header.base == PayloadBase::TUNNEL { "udp dport 1 " } else { "" };
            let family = if header.name == "arp" { "arp" } else { "inet" };
            (family, format!("{before}{prefix}{} {} {}", header.name, field.name, value(field.data_type)))
        })
    });
    keys.chain(headers).collect()
}

fn key_rule(key: &Key) -> (&'static str, String) {
    let before = match key.kind {
        KeyKind::Meta => "meta ",
        KeyKind::Ct if key.direction == Direction::Required => "ct original ",
        KeyKind::Ct => "ct ",
        KeyKind::Rt => "rt ",
        KeyKind::Socket => "socket ",
        KeyKind::Ipsec => "ipsec in ",
        KeyKind::Tunnel => "tunnel ",
        KeyKind::Fib => "fib saddr ",
        KeyKind::Osf => "osf ",
    };
    let behind = if key.name == "cgroupv2" { " level 1" } else { "" };
    let (family, layer3, data_type) = match key.layer3 {
        Layer3::Ipv4 => ("inet", "ip ", key.data_type),
        Layer3::Ipv6 => ("inet", "ip6 ", key.data_type),
        Layer3::Context => ("ip", "", DataType::IPV4_ADDR),
        Layer3::Any if key.bridge_only => ("bridge", "", key.data_type),
        Layer3::Any => ("inet", "", key.data_type),
    };
    (family, format!("{before}{layer3}{}{behind} {}", key.name, value(data_type)))
}

/// Some value of a type.
fn value(data_type: DataType) -> &'static str {
    match data_type {
        DataType::IPV4_ADDR => "192.0.2.1",
        DataType::IPV6_ADDR => "2001:db8::1",
        DataType::ETHER_ADDR => "02:00:00:00:00:01",
        DataType::IFNAME | DataType::STRING => "\"eth0\"",
        DataType::BOOLEAN => "exists",
        DataType::DATE => "\"2030-01-01 00:00:00\"",
        DataType::HOUR => "\"08:00\"",
        DataType::DAY => "\"Monday\"",
        DataType::CGROUPSV2 => "\"system.slice\"",
        _ => "1",
    }
}

/// What the pages must show: each key, and each field of a header, in one of its spellings.
pub(crate) fn rows_to_show() -> Vec<Vec<String>> {
    let fields = HEADERS.iter().flat_map(|header| {
        header.fields.iter().map(|field| {
            let words = std::iter::once(field.name).chain(field.aliases.iter().copied());
            words.map(|word| format!("{} {word}", header.name)).collect()
        })
    });
    key::all().map(spellings).chain(fields).collect()
}

fn spellings(key: &Key) -> Vec<String> {
    let layer3 = match key.layer3 {
        Layer3::Ipv4 => "ip ",
        Layer3::Ipv6 => "ip6 ",
        Layer3::Any | Layer3::Context => "",
    };
    let name = format!("{layer3}{}", key.name);
    let before: &[&str] = match key.kind {
        KeyKind::Meta if key.bare => &["meta ", ""],
        KeyKind::Meta => &["meta "],
        KeyKind::Ct => &["ct ", "ct original ", "ct reply "],
        KeyKind::Rt => &["rt "],
        KeyKind::Socket => &["socket "],
        KeyKind::Ipsec => &["ipsec in ", "ipsec out ", "ipsec out spnum 1 "],
        KeyKind::Tunnel => &["tunnel "],
        KeyKind::Fib => &["fib daddr ", "fib saddr ", "fib saddr . mark ", "fib daddr . iif "],
        KeyKind::Osf => &["osf ", "osf ttl skip "],
    };
    before.iter().map(|before| format!("{before}{name}")).collect()
}
