//! What a plan consists of: steps, each with what undoes it.

use std::fmt;

use netwright_nft::diagnostic::Span;
use netwright_nft::ir::Command;
use netwright_route::link::{Change, Create, LinkKind};
use netwright_route::{Address, Family, LinkId, Neighbour, Route, Rule};

use crate::ruleset::{Table, TableName};
use crate::snapshot::Setting;

/// What is done with an object of rtnetlink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Made; it must not be there.
    Add,
    /// Made, or put in the place of the one with the same key.
    Replace,
    /// Deleted; it must be there.
    Delete,
}

/// One thing to do. Each is done wholly or not at all.
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
    /// A neighbour.
    Neighbour(Verb, Box<Neighbour>),
    /// Writes a setting of the kernel.
    Setting(Setting, String),
    /// Changes the firewall.
    Firewall(Transaction),
}

/// A change of the firewall, which the kernel makes as a whole or not at all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transaction {
    /// The orders.
    pub commands: Vec<Command>,
    /// Tables that the orders make and that are to be marked as made by netwright: see [`MARK`](crate::MARK).
    pub marked: Vec<TableName>,
}

/// The index of another link in the data of a link's kind: of the link below, or of a bond's preferred port. It is that
/// of the snapshot or of a [`Action::CreateLink`], like all indexes in steps.
#[must_use]
pub fn link_in_kind(kind: &mut LinkKind) -> Option<&mut u32> {
    match kind {
        LinkKind::Vxlan(data) => &mut data.link,
        LinkKind::Gre(data) => &mut data.link,
        LinkKind::GreTap(data) => &mut data.link,
        LinkKind::Ip6Gre(data) => &mut data.link,
        LinkKind::Ip6GreTap(data) => &mut data.link,
        LinkKind::IpIp(data) => &mut data.link,
        LinkKind::Sit(data) => &mut data.link,
        LinkKind::Ip6Tunnel(data) => &mut data.link,
        LinkKind::Bond(data) => &mut data.primary,
        _ => return None,
    }
    .as_mut()
}

/// What undoes a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Inverse {
    /// These actions, in this order.
    Actions(Vec<Action>),
    /// These tables become again what they were, or are no more. Rules are deleted by numbers that the kernel gives them, so the
    /// transaction for it is found when it is needed.
    Firewall(Vec<(TableName, Option<Table>)>),
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
    /// What is done.
    pub action: Action,
    /// What undoes it.
    pub inverse: Inverse,
    /// Whether something comes, goes or changes.
    pub sign: Sign,
    /// What, in words: `address 192.168.1.1/24 on br-lan`.
    pub text: String,
    /// Further lines of detail, each with its own sign.
    pub details: Vec<(Sign, String)>,
    /// What in the host file is the reason; `None` where something is no longer declared.
    pub place: Option<Span>,
}

impl Step {
    pub(crate) fn new(sign: Sign, text: impl Into<String>, action: Action, undo: Vec<Action>) -> Self {
        let (text, inverse) = (text.into(), Inverse::Actions(undo));
        Step { action, inverse, sign, text, details: Vec::new(), place: None }
    }

    pub(crate) fn at(mut self, place: Option<Span>) -> Self {
        self.place = place;
        self
    }

    /// What sort of thing it is about: `link`, `address`, `route`, `rule`, `neighbour`, `setting` or `firewall`.
    #[must_use]
    pub fn object(&self) -> &'static str {
        match self.action {
            Action::CreateLink(..)
            | Action::ChangeLink(..)
            | Action::DeleteLink(_)
            | Action::AlternativeName(..) => "link",
            Action::Address(..) => "address",
            Action::Route(..) => "route",
            Action::Rule(..) => "rule",
            Action::Neighbour(..) => "neighbour",
            Action::Setting(..) => "setting",
            Action::Firewall(_) => "firewall",
        }
    }
}

/// The sign and the words: `+ address 192.168.1.1/24 on br-lan`; details in lines of their own below.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.sign.as_char(), self.text)?;
        self.details.iter().try_for_each(|(sign, text)| write!(f, "\n    {} {text}", sign.as_char()))
    }
}

/// As an order without a full stop: `delete route default via 192.0.2.1 dev wan`.
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
            Action::Setting(setting, value) => write!(f, "set {setting} to {value}"),
            Action::Firewall(transaction) => {
                let count = transaction.commands.len();
                write!(f, "change the firewall by {count} order{}", if count == 1 { "" } else { "s" })
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
            Verb::Delete => "delete",
        })
    }
}
