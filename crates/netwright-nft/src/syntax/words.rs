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
    "csumcov",
    "code",
    "sequence",
    "gateway",
    "mtu",
    "mrt",
    "group",
    "flowlabel",
    "nexthdr",
    "hoplimit",
    "param-problem",
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
    &["length", "size", "count", "left", "right", "tsval", "tsecr", "subtype"];

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

/// Words of the language wherever they stand: none can be a name, a comment without quotes, or the value of a match.
const KEYWORDS: &[&str] = &[
    "accept",
    "add",
    "ah",
    "all",
    "and",
    "arp",
    "auto-merge",
    "bridge",
    "cgroup",
    "chain",
    "comment",
    "comp",
    "constant",
    "continue",
    "counter",
    "cpu",
    "create",
    "ct",
    "day",
    "dccp",
    "define",
    "delete",
    "describe",
    "destroy",
    "device",
    "devices",
    "dnat",
    "drop",
    "dst",
    "dup",
    "dynamic",
    "ecn",
    "element",
    "elements",
    "eq",
    "esp",
    "ether",
    "exists",
    "expires",
    "export",
    "exthdr",
    "fib",
    "flags",
    "flow",
    "flowtable",
    "flush",
    "frag",
    "fwd",
    "gc-interval",
    "ge",
    "geneve",
    "get",
    "goto",
    "gre",
    "gretap",
    "gt",
    "handle",
    "hbh",
    "hook",
    "hour",
    "ibrname",
    "icmp",
    "icmpv6",
    "igmp",
    "iif",
    "iifgroup",
    "iifname",
    "iiftype",
    "import",
    "include",
    "index",
    "inet",
    "insert",
    "interval",
    "ip",
    "ip6",
    "ipsec",
    "jhash",
    "jump",
    "le",
    "limit",
    "list",
    "log",
    "lshift",
    "lt",
    "map",
    "mark",
    "masquerade",
    "meta",
    "meter",
    "mh",
    "missing",
    "monitor",
    "ne",
    "netdev",
    "nftrace",
    "not",
    "notrack",
    "numgen",
    "obrname",
    "offload",
    "oif",
    "oifgroup",
    "oifname",
    "oiftype",
    "or",
    "osf",
    "pkttype",
    "policy",
    "position",
    "priority",
    "queue",
    "quota",
    "random",
    "redefine",
    "redirect",
    "reject",
    "rename",
    "replace",
    "reset",
    "return",
    "rshift",
    "rt",
    "rt0",
    "rt2",
    "rtclassid",
    "rule",
    "ruleset",
    "sctp",
    "secmark",
    "set",
    "size",
    "skgid",
    "skuid",
    "snat",
    "socket",
    "srh",
    "symhash",
    "synproxy",
    "table",
    "tcp",
    "th",
    "time",
    "timeout",
    "tproxy",
    "tunnel",
    "type",
    "typeof",
    "udp",
    "udplite",
    "undefine",
    "update",
    "vlan",
    "vmap",
    "vni",
    "vxlan",
    "xor",
    "xt",
];

/// Keywords that are values all the same, as what is matched has values of that name.
const VALUE_KEYWORDS: &[&str] = &[
    "ah", "arp", "comp", "dccp", "destroy", "dnat", "ecn", "esp", "ether", "exists", "gre", "icmp", "icmpv6",
    "igmp", "ip", "ip6", "missing", "redirect", "reset", "sctp", "snat", "tcp", "udp", "udplite", "vlan",
];

/// Words that are keywords only in a part of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Everywhere else.
    Plain,
    /// Behind `meta`.
    Meta,
    /// Behind `ct`.
    Ct,
    /// In the `log` statement.
    Log,
    /// In the `counter` statement.
    Counter,
}

impl Scope {
    fn keywords(self) -> &'static [&'static str] {
        match self {
            Scope::Plain => &[],
            Scope::Meta => &[
                "broute",
                "ibrhwaddr",
                "ibrpvid",
                "ibrvproto",
                "iifkind",
                "l4proto",
                "length",
                "nfproto",
                "oifkind",
                "protocol",
                "sdif",
                "sdifname",
            ],
            Scope::Ct => &[
                "avgpkt",
                "bytes",
                "count",
                "daddr",
                "direction",
                "dport",
                "event",
                "expectation",
                "expiration",
                "helper",
                "helpers",
                "id",
                "l3proto",
                "name",
                "over",
                "packets",
                "proto-dst",
                "proto-src",
                "protocol",
                "saddr",
                "state",
                "status",
                "until",
                "zone",
            ],
            Scope::Log => &[
                "alert",
                "audit",
                "crit",
                "debug",
                "emerg",
                "err",
                "group",
                "info",
                "last",
                "level",
                "notice",
                "prefix",
                "queue-threshold",
                "snaplen",
                "warn",
            ],
            Scope::Counter => &["bytes", "name", "packets"],
        }
    }

    /// Whether a word is a keyword here, and so no name.
    pub(super) fn is_keyword(self, word: &str) -> bool {
        KEYWORDS.binary_search(&word).is_ok() || self.keywords().contains(&word)
    }

    /// Whether a word is a keyword here and not everywhere.
    pub(super) fn is_own(self, word: &str) -> bool {
        self.keywords().contains(&word)
    }

    /// Whether a word can be the value of a match.
    pub(super) fn is_value(self, word: &str) -> bool {
        !self.is_keyword(word) || VALUE_KEYWORDS.contains(&word)
    }
}

/// Whether a word can be written as the name of a table, chain, set or object.
pub(crate) fn is_name(word: &str) -> bool {
    super::lexer::is_one_word(word) && KEYWORDS.binary_search(&word).is_err()
}

/// Families of tables.
pub(super) const FAMILIES: &[&str] = &["ip", "ip6", "inet", "arp", "bridge", "netdev"];
