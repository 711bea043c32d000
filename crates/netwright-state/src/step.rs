//! What a plan consists of: steps, each of one or more requests.

use std::fmt;

use netwright_nft::diagnostic::Span;
use netwright_nft::ir::{Command, Target};
use netwright_route::link::{Change, Create, LinkKind};
use netwright_route::{Address, Family, LinkId, Neighbour, Nexthop, Route, Rule};

use crate::ruleset::TableName;
use crate::snapshot::Setting;

/// What is done with an object of rtnetlink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Made; it must not be there.
    Add,
    /// Made, or put in the place of the one with the same key.
    Replace,
    /// Made behind those with the same key; of routes only.
    Append,
    /// Deleted; it must be there.
    Delete,
}

/// One thing to do.
///
/// Links are meant by their names: the index in a [`LinkId`] is that of the snapshot that the plan was made for, or
/// one that no link has where the link is yet to be made.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Makes a link, which further steps mean by this id. The kernel does not take the alias with the request that
    /// makes a link, so it is to be set right behind; for a veth on both ends.
    CreateLink(LinkId, Box<Create>),
    /// Changes a link.
    ChangeLink(LinkId, Box<Change>),
    /// Deletes a link.
    DeleteLink(LinkId),
    /// Gives a link an alternative name, or (`Delete`) takes it away.
    AlternativeName(Verb, LinkId, String),
    /// An address of a link.
    Address(Verb, Box<Address>),
    /// A route.
    Route(Verb, Box<Route>),
    /// A policy rule. There is no replacing.
    Rule(Verb, Box<Rule>),
    /// A neighbour, or a forwarding entry of a bridge or VXLAN.
    Neighbour(Verb, Box<Neighbour>),
    /// A nexthop object.
    Nexthop(Verb, Box<Nexthop>),
    /// Writes a setting of the kernel.
    Setting(Setting, String),
    /// Changes the firewall.
    Firewall(Transaction),
}

/// A change of the firewall, which the kernel makes as a whole or not at all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transaction {
    /// The commands.
    pub commands: Vec<Command>,
    /// Tables that the commands make and that are to be marked as this owner's: see [`MARK`](crate::MARK).
    pub marked: Vec<TableName>,
    /// The owner whose mark they get.
    pub owner: String,
}

impl Transaction {
    /// The tables that it touches.
    #[must_use]
    pub fn tables(&self) -> Vec<TableName> {
        let mut tables: Vec<TableName> =
            self.commands.iter().filter_map(|command| table_of(&command.target)).collect();
        tables.sort();
        tables.dedup();
        tables
    }
}

fn table_of(target: &Target) -> Option<TableName> {
    let name = |family, name: &str| Some(TableName { family, name: name.to_owned() });
    match target {
        Target::Table(table) => name(table.family, &table.name),
        Target::Chain(chain) => name(chain.family, &chain.table),
        Target::Rule { family, table, .. } | Target::ChainName { family, table, .. } => name(*family, table),
        Target::Set(set) => name(set.family, &set.table),
        Target::Elements { set, .. } | Target::PackedElements { set, .. } => name(set.family, &set.table),
        Target::Object(object) => name(object.family, &object.table),
        Target::Flowtable(flowtable) => name(flowtable.family, &flowtable.table),
        Target::Selection(selection) => name(selection.family, selection.table.as_deref()?),
        _ => None,
    }
}

/// The indexes of other links in the data of a link's kind: of the link below, or of a bond's preferred port. They are
/// those of the snapshot or of a [`Action::CreateLink`], like all indexes in steps.
#[must_use]
pub fn links_in_kind(kind: &mut LinkKind) -> Vec<&mut u32> {
    crate::plan::kinds::indexes_in(kind)
}

/// Whether something comes, goes or changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sign {
    /// It comes.
    Add,
    /// It goes.
    Remove,
    /// It changes.
    Change,
    /// It stays, but the kernel may take it away along with something else, so it is put back.
    Keep,
}

impl Sign {
    /// `+`, `-`, `~` or `=`.
    #[must_use]
    pub fn as_char(self) -> char {
        match self {
            Sign::Add => '+',
            Sign::Remove => '-',
            Sign::Change => '~',
            Sign::Keep => '=',
        }
    }

    /// A word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Sign::Add => "add",
            Sign::Remove => "remove",
            Sign::Change => "change",
            Sign::Keep => "keep",
        }
    }
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What is done, one after the other.
    pub actions: Vec<Action>,
    /// Whether something comes, goes or changes.
    pub sign: Sign,
    /// What, in words: `address 192.168.1.1/24 on br-lan`.
    pub text: String,
    /// What there is in its place now, in the same words.
    pub before: Option<String>,
    /// Further lines of detail, each with its own sign.
    pub details: Vec<(Sign, String)>,
    /// What in the host file is the reason; `None` where something is no longer declared.
    pub place: Option<Span>,
}

impl Step {
    pub(crate) fn new(sign: Sign, text: impl Into<String>, action: Action) -> Self {
        Step::of(sign, text, vec![action])
    }

    pub(crate) fn of(sign: Sign, text: impl Into<String>, actions: Vec<Action>) -> Self {
        Step { actions, sign, text: text.into(), before: None, details: Vec::new(), place: None }
    }

    pub(crate) fn at(mut self, place: Option<Span>) -> Self {
        self.place = place;
        self
    }

    /// What it takes the place of.
    pub(crate) fn in_place_of(mut self, before: Option<String>) -> Self {
        self.before = before;
        self
    }

    /// What sort of thing it is about: `link`, `address`, `route`, `rule`, `neighbour`, `nexthop`, `setting` or
    /// `firewall`.
    #[must_use]
    pub fn object(&self) -> &'static str {
        match self.actions.first() {
            Some(
                Action::CreateLink(..)
                | Action::ChangeLink(..)
                | Action::DeleteLink(_)
                | Action::AlternativeName(..),
            ) => "link",
            Some(Action::Address(..)) => "address",
            Some(Action::Route(..)) => "route",
            Some(Action::Rule(..)) => "rule",
            Some(Action::Neighbour(..)) => "neighbour",
            Some(Action::Nexthop(..)) => "nexthop",
            Some(Action::Setting(..)) => "setting",
            Some(Action::Firewall(_)) => "firewall",
            None => "note",
        }
    }
}

/// The sign and the words: `+ address 192.168.1.1/24 on br-lan`; details in lines of their own below.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.sign.as_char(), self.text)?;
        if let Some(before) = &self.before {
            write!(f, " (before: {before})")?;
        }
        self.details.iter().try_for_each(|(sign, text)| write!(f, "\n    {} {text}", sign.as_char()))
    }
}

/// As a command without a full stop: `delete route default via 192.0.2.1 dev wan`.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::CreateLink(link, create) => write!(f, "create link {link}: {}", create.kind.name()),
            Action::ChangeLink(link, change) => write!(f, "set link {link}: {change}"),
            Action::DeleteLink(link) => write!(f, "delete link {link}"),
            Action::AlternativeName(Verb::Delete, link, name) => {
                write!(f, "remove alternative name {name} from link {link}")
            }
            Action::AlternativeName(_, link, name) => write!(f, "add alternative name {name} to link {link}"),
            Action::Address(verb, address) => write!(f, "{verb} address {address}"),
            Action::Route(verb, route) => write!(f, "{verb} {} {route}", route_noun(route)),
            Action::Rule(verb, rule) => write!(f, "{verb} {} {rule}", rule_noun(rule)),
            Action::Neighbour(verb, neighbour) => write!(f, "{verb} neighbour {neighbour}"),
            Action::Nexthop(verb, nexthop) => write!(f, "{verb} nexthop {nexthop}"),
            Action::Setting(setting, value) => write!(f, "set {setting} to {value}"),
            Action::Firewall(transaction) => {
                let count = transaction.commands.len();
                write!(f, "change the firewall by {count} command{}", if count == 1 { "" } else { "s" })
            }
        }
    }
}

/// Default routes and rules look alike in both families.
pub(crate) fn route_noun(route: &Route) -> &'static str {
    match (route.is_default(), route.family()) {
        (true, Family::IPV6) => "IPv6 route",
        _ => "route",
    }
}

pub(crate) fn rule_noun(rule: &Rule) -> &'static str {
    let told = rule.from.or(rule.to).is_some();
    match rule.effective_family() {
        Family::IPV6 if !told => "IPv6 rule",
        _ => "rule",
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verb::Add => "add",
            Verb::Replace => "replace",
            Verb::Append => "append",
            Verb::Delete => "delete",
        })
    }
}
