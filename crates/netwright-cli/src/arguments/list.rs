//! `netwright list` and `netwright monitor`.

use clap::{Args, ValueEnum};

use super::Where;

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  netwright list                  everything but the firewall and the kernel's own routes
  netwright list routes --all     routes of all tables
  netwright list links --json     for programs
  netwright list addresses --netns blue

JSON is an array of objects, or without WHAT an object of such arrays by name. A key whose value does not exist is \
left out. Keys:
  links       index, name, kind, up, state, mtu, mac, master, parent,
              alternative-names, alias, flags
  addresses   link, address, prefix-length, peer, broadcast, scope, label,
              flags, valid, preferred (the last two in seconds)
  routes      family, to, kind, table, via, dev, source, from, metric, scope,
              protocol, expires, nexthops (via, dev, weight), nexthop-id, flags
  rules       family, priority, not, from, to, iif, oif, mark, mask, tos, uids,
              ip-protocol, sports, dports, action, table, vrf, goto,
              suppress-prefix-length, protocol
  neighbours  family, address, link, mac, state, flags
The firewall is an object in the schema of libnftables-json(5).")]
pub(crate) struct List {
    /// What to list; everything but the firewall when not said
    #[arg(value_name = "WHAT")]
    pub(crate) what: Option<Topic>,
    /// Print JSON
    #[arg(short, long)]
    pub(crate) json: bool,
    /// Also routes that the kernel makes for local addresses, and multicast neighbours
    #[arg(short, long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) place: Where,
}

/// What can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Topic {
    /// Interfaces
    #[value(alias = "link")]
    Links,
    /// Addresses of interfaces
    #[value(alias = "address", alias = "addr")]
    Addresses,
    /// Routes
    #[value(alias = "route")]
    Routes,
    /// Policy rules, which choose the routing table
    #[value(alias = "rule")]
    Rules,
    /// Which hardware address belongs to which IP address
    #[value(alias = "neighbour", alias = "neighbors", alias = "neighbor")]
    Neighbours,
    /// The nftables rulesets, in the nft language
    #[value(alias = "ruleset")]
    Firewall,
}

/// What `netwright monitor` can be about.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Watched {
    Links,
    Addresses,
    Routes,
    Rules,
    Neighbours,
    /// Forwarding entries of bridges and VXLANs
    Forwarding,
    Nexthops,
    /// Ids of other namespaces
    NamespaceIds,
    /// Tables, chains, rules, sets, elements and objects of nftables
    Firewall,
    /// What the firewall does with packets that are marked for it
    Traces,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  netwright monitor                          everything but traces, until it is ended
  netwright monitor routes links             these alone
  netwright monitor --existing addresses     first what is there, then what changes
  netwright monitor --json routes | jq -r 'select(.event == \"added\").object.to'

Signs: + comes, - goes, ~ changes, = is there, # is a mark. JSON is one object per line: `event` (existing, added, changed, \
removed), `kind`, `object`, and of a change what was `before`; marks have an `event` alone: `listed` after what is there, `resynchronised`, \
and with the firewall `generation` and `trace`. Where the kernel had more to tell than could be taken, what is \
different is told afterwards. `netwright nft monitor` shows changes of the firewall in the words of nft.")]
pub(crate) struct Monitor {
    /// What to show; everything but traces when not said
    #[arg(value_name = "KIND")]
    pub(crate) kinds: Vec<Watched>,
    /// Show what is there first
    #[arg(short, long)]
    pub(crate) existing: bool,
    /// Print JSON, an object per line
    #[arg(short, long)]
    pub(crate) json: bool,
    /// Put the time before each line, in seconds since 1970
    #[arg(short, long, conflicts_with = "json")]
    pub(crate) timestamps: bool,
    /// End after this many lines
    #[arg(short = 'n', long, value_name = "NUMBER")]
    pub(crate) count: Option<u64>,
    /// End after this many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<u64>,
    #[command(flatten)]
    pub(crate) place: Where,
}
