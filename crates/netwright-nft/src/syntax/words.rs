//! The words that the grammar itself needs to know: where an expression or a statement begins, and which words can follow.

/// The words of the language that can come behind a text, for editors that complete them: a verb at the start of an order,
/// what it is about behind the verb. Deeper inside an order it is all words that the grammar knows.
#[must_use]
pub fn words_after(text: &str) -> Vec<&'static str> {
    let order = text.rsplit([';', '\n']).next().unwrap_or_default();
    let inside = text.matches('{').count() > text.matches('}').count();
    let mut before = order.split_whitespace();
    match (before.next(), before.next()) {
        (None, _) if !inside => VERBS.to_vec(),
        (Some(verb), None) if !inside && VERBS.contains(&verb) && !EXPRESSION_VERBS.contains(&verb) => {
            ENTITIES.to_vec()
        }
        _ => every_word(),
    }
}

/// Every word once, in order.
fn every_word() -> Vec<&'static str> {
    let lists = [
        PROTOCOLS,
        FIELDS,
        EXTENSION_HEADERS,
        EXTENSION_HEADER_FIELDS,
        UNQUALIFIED_META_KEYS,
        EXPRESSION_STARTS,
        STATEMENTS,
        ENTITIES,
        TABLE_ITEMS,
        SET_PROPERTIES,
        FAMILIES,
    ];
    let mut words = lists.concat();
    words.sort_unstable();
    words.dedup();
    words
}

/// Verbs that no kind of thing follows.
const EXPRESSION_VERBS: &[&str] = &["describe", "define", "redefine", "undefine", "include"];

/// Protocols whose name begins a header field.
pub(super) const PROTOCOLS: &[&str] = &[
    "ether", "vlan", "arp", "ip", "icmp", "igmp", "ip6", "icmpv6", "tcp", "udp", "udplite", "sctp", "dccp",
    "ah", "esp", "comp", "gre", "gretap", "geneve", "vxlan", "th",
];

/// Protocols that another protocol's fields can follow.
pub(super) const TUNNELS: &[&str] = &["gre", "gretap", "geneve", "vxlan"];

/// Words that are a field of some protocol. Where a value is expected, `tcp dport` is a field but `tcp accept` is the value `tcp`
/// and a statement; which field belongs to which protocol is not the grammar's business.
pub(super) const FIELDS: &[&str] = &[
    "saddr",
    "daddr",
    "type",
    "id",
    "dei",
    "cfi",
    "pcp",
    "htype",
    "ptype",
    "hlen",
    "plen",
    "operation",
    "version",
    "hdrlength",
    "dscp",
    "ecn",
    "length",
    "frag-off",
    "ttl",
    "protocol",
    "checksum",
    "code",
    "sequence",
    "gateway",
    "mtu",
    "mrt",
    "group",
    "flowlabel",
    "nexthdr",
    "hoplimit",
    "parameter-problem",
    "packet-too-big",
    "max-delay",
    "taddr",
    "sport",
    "dport",
    "ackseq",
    "doff",
    "reserved",
    "flags",
    "window",
    "urgptr",
    "vtag",
    "spi",
    "cpi",
    "vni",
];

/// Words behind `rt` that ask for the packet's route and not for its routing header.
pub(super) const ROUTE_KEYS: &[&str] = &["classid", "nexthop", "mtu", "ipsec", "ip", "ip6"];

/// IPv6 extension headers.
pub(super) const EXTENSION_HEADERS: &[&str] = &["hbh", "rt", "frag", "dst", "mh", "srh"];

/// Fields of IPv6 extension headers.
pub(super) const EXTENSION_HEADER_FIELDS: &[&str] = &[
    "nexthdr",
    "hdrlength",
    "frag-off",
    "more-fragments",
    "id",
    "reserved",
    "reserved2",
    "type",
    "seg-left",
    "checksum",
    "flags",
    "tag",
    "sid",
    "last-entry",
    "addr",
];

/// Fields of TCP options.
pub(super) const TCP_OPTION_FIELDS: &[&str] =
    &["kind", "length", "size", "count", "left", "right", "tsval", "tsecr", "subtype"];

/// Fields of IP options.
pub(super) const IP_OPTION_FIELDS: &[&str] = &["type", "length", "ptr", "addr", "value"];

/// Fields of SCTP chunks.
pub(super) const SCTP_CHUNK_FIELDS: &[&str] = &[
    "type",
    "flags",
    "length",
    "tsn",
    "stream",
    "ssn",
    "ppid",
    "init-tag",
    "a-rwnd",
    "num-outbound-streams",
    "num-inbound-streams",
    "initial-tsn",
    "cum-tsn-ack",
    "num-gap-ack-blocks",
    "num-dup-tsns",
    "lowest-tsn",
    "seqno",
    "new-cum-tsn",
];

/// Meta keys that stand without `meta`.
pub(super) const UNQUALIFIED_META_KEYS: &[&str] = &[
    "mark",
    "iif",
    "iifname",
    "iiftype",
    "oif",
    "oifname",
    "oiftype",
    "skuid",
    "skgid",
    "nftrace",
    "rtclassid",
    "ibrname",
    "obrname",
    "ibriport",
    "obriport",
    "pkttype",
    "cpu",
    "iifgroup",
    "oifgroup",
    "cgroup",
    "time",
    "day",
    "hour",
];

/// Other words that begin an expression.
pub(super) const EXPRESSION_STARTS: &[&str] = &[
    "meta", "ct", "fib", "rt", "socket", "ipsec", "osf", "numgen", "jhash", "symhash", "exthdr", "hbh",
    "frag", "dst", "mh", "srh", "rt0", "rt2", "tunnel",
];

/// Words that begin a statement which is not a match.
pub(super) const STATEMENTS: &[&str] = &[
    "accept",
    "drop",
    "continue",
    "return",
    "jump",
    "goto",
    "counter",
    "quota",
    "limit",
    "last",
    "log",
    "reject",
    "snat",
    "dnat",
    "masquerade",
    "redirect",
    "tproxy",
    "synproxy",
    "dup",
    "fwd",
    "queue",
    "notrack",
    "flow",
    "add",
    "update",
    "delete",
    "set",
    "meter",
    "reset",
    "xt",
];

/// Words that begin a command.
pub(super) const VERBS: &[&str] = &[
    "add", "create", "insert", "replace", "delete", "destroy", "flush", "list", "reset", "rename", "get",
    "import", "export", "monitor", "describe", "define", "redefine", "undefine", "include",
];

/// Words that say what a command is about.
pub(super) const ENTITIES: &[&str] = &[
    "table",
    "chain",
    "rule",
    "set",
    "map",
    "element",
    "flowtable",
    "counter",
    "quota",
    "limit",
    "ct",
    "synproxy",
    "secmark",
    "tunnel",
    "meter",
    "ruleset",
    "tables",
    "chains",
    "rules",
    "sets",
    "maps",
    "meters",
    "flowtables",
    "counters",
    "quotas",
    "limits",
    "synproxys",
    "secmarks",
    "tunnels",
    "hooks",
];

/// What a table's braces can hold.
pub(super) const TABLE_ITEMS: &[&str] = &[
    "chain",
    "set",
    "map",
    "flowtable",
    "counter",
    "quota",
    "limit",
    "ct",
    "synproxy",
    "secmark",
    "tunnel",
    "meter",
    "flags",
    "comment",
    "define",
    "redefine",
    "undefine",
    "include",
];

/// What a set's braces can hold.
pub(super) const SET_PROPERTIES: &[&str] = &[
    "type",
    "typeof",
    "flags",
    "timeout",
    "gc-interval",
    "size",
    "policy",
    "auto-merge",
    "comment",
    "elements",
    "counter",
    "quota",
    "limit",
    "last",
    "ct",
];

/// Families of tables.
pub(super) const FAMILIES: &[&str] = &["ip", "ip6", "inet", "arp", "bridge", "netdev"];
