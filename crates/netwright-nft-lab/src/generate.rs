//! Random rules that make sense: what `print` writes and the language reads, and what `lower` and `lift` turn into each other.
//!
//! There are many ways to write the same rule. Only those come out here that are the only way, so that they must come back as
//! they went: sets are sorted and have several elements, a range is no prefix, a mask is no prefix, one packet fits all matches.

mod matching;
mod selector;
mod statement;
mod value;

use netwright_netfilter::Family;
use netwright_nft::ir::{Exthdr, Payload, PayloadLocation, Rule, Selector, Statement};
use netwright_nft::table::{ExtensionBase, HeaderId};

use netwright_lab::random::Random;

/// Makes rules for a table that [`Generator::world`] describes.
#[derive(Clone, Debug)]
pub struct Generator {
    random: Random,
    family: Family,
    /// Which packets the rule at hand is for.
    network: HeaderId,
    transport: HeaderId,
    /// Whether the rule at hand has said so.
    network_matched: bool,
    transport_matched: bool,
}

impl Generator {
    /// Starts from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let family =
            *random.pick(&[Family::INET, Family::INET, Family::INET, Family::BRIDGE, Family::NETDEV]);
        Generator {
            random,
            family,
            network: HeaderId::Ip,
            transport: HeaderId::Tcp,
            network_matched: false,
            transport_matched: false,
        }
    }

    /// Family of the table.
    #[must_use]
    pub fn family(&self) -> Family {
        self.family
    }

    /// The table with all that rules refer to, and a chain `c` for them.
    #[must_use]
    pub fn world(&self) -> String {
        let family = self.family;
        format!(
            "table {family} t {{
                set addresses {{ type ipv4_addr; }}
                set ports {{ type inet_service; }}
                set pairs {{ type ipv4_addr . inet_service; }}
                set growing {{ type ipv4_addr; flags dynamic, timeout; timeout 1h; }}
                map marks {{ type inet_service : mark; }}
                map learned {{ type ipv4_addr : mark; flags dynamic, timeout; timeout 1h; }}
                map verdicts {{ type inet_service : verdict; }}
                map counters {{ type inet_service : counter; }}
                counter hits {{ }}
                quota monthly {{ over 10 mbytes }}
                limit slow {{ rate 10/second }}
                chain other {{ }}
                chain c {{ }}
            }}
            "
        )
    }

    /// A rule.
    pub fn rule(&mut self) -> Rule {
        let mut rule = self.plain_rule(2);
        if self.random.one_in(4) {
            rule.comment = Some(self.word());
        }
        rule
    }

    /// A rule that ends in an expression that nobody knows, which no text says.
    pub fn foreign_rule(&mut self) -> Rule {
        let mut rule = self.rule();
        rule.statements.push(self.unknown());
        rule
    }

    /// A rule with chains in place up to some depth.
    fn plain_rule(&mut self, depth: usize) -> Rule {
        self.network = *self.random.pick(&[HeaderId::Ip, HeaderId::Ip6]);
        self.transport =
            *self.random.pick(&[HeaderId::Tcp, HeaderId::Tcp, HeaderId::Udp, HeaderId::Sctp, HeaderId::Dccp]);
        let mut statements: Vec<Statement> = Vec::new();
        if self.transport == HeaderId::Udp && self.random.one_in(6) {
            statements.extend(self.tunnelled().map(Statement::Match));
        }
        for _ in 0..self.random.below(3) {
            statements.push(Statement::Match(self.matched()));
        }
        for _ in 0..self.random.below(3) {
            self.learn(&statements);
            statements.push(self.action());
        }
        self.learn(&statements);
        if statements.is_empty() || self.random.one_in(2) {
            statements.push(self.end(depth));
        }
        Rule { statements, ..Rule::default() }
    }

    /// Notes what a rule has said of its packets so far.
    fn learn(&mut self, statements: &[Statement]) {
        self.network_matched = statements.iter().any(|statement| loads(statement, self.network));
        self.transport_matched = statements.iter().any(|statement| loads(statement, self.transport));
    }

    /// Which packets the rule at hand is for, and what it says of them.
    fn shape(&self) -> (HeaderId, HeaderId, bool, bool) {
        (self.network, self.transport, self.network_matched, self.transport_matched)
    }

    /// A word of letters.
    fn word(&mut self) -> String {
        let length = 2 + self.random.below(6);
        (0..length).map(|_| char::from(*self.random.pick(b"abcdefghijklmnopqrstuvwxyz"))).collect()
    }
}

/// Whether a statement looks into a header of the packet itself.
fn loads(statement: &Statement, id: HeaderId) -> bool {
    statement.selectors().iter().any(|selector| match selector {
        Selector::Payload(Payload { inner: None, location: PayloadLocation::Field(header, _) }) => {
            header.id == id
        }
        Selector::Exthdr(Exthdr { base: ExtensionBase::IPV4, .. }) => id == HeaderId::Ip,
        Selector::Exthdr(Exthdr { base: ExtensionBase::IPV6, .. }) => id == HeaderId::Ip6,
        _ => false,
    })
}
