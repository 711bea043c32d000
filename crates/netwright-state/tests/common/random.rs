//! Hosts and firewalls at random.

use std::fmt::Write as _;

use netwright_netfilter::Family;
use netwright_nft::ir::{
    Chain, ChainHook, ChainTarget, Counter, Element, Expression, Hook, Log, Match, MatchOperator, Rule, Set,
    SetReference, Statement, Table as IrTable, Value, Verdict,
};
use netwright_nft::table::DataType;
use netwright_state::ruleset::{Ruleset, Table};

/// Numbers from a seed (xorshift).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }

    pub fn chance(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    fn some<'a, T>(&mut self, from: &'a [T]) -> Vec<&'a T> {
        from.iter().filter(|_| self.chance(2)).collect()
    }
}

pub const CARDS: &[&str] = &["eth0", "eth1", "eth2"];
const ADDRESSES: &[&str] = &[
    "\"192.0.2.1/24\"",
    "\"192.0.2.2/24\"",
    "\"192.0.2.3/25\"",
    "\"198.51.100.1/24\"",
    "{ address = \"198.51.100.2/24\", prefix-route = false }",
    "{ address = \"198.51.100.2/24\", metric = 7 }",
    "{ address = \"203.0.113.1/32\", peer = \"203.0.113.9/32\" }",
    "{ address = \"192.0.2.1/24\", preferred-lifetime = 0 }",
    "{ address = \"192.0.2.1/24\", scope = \"link\" }",
    "\"2001:db8:1::1/64\"",
    "\"2001:db8:1::1/80\"",
    "{ address = \"2001:db8:1::1/64\", valid-lifetime = 600 }",
    "\"2001:db8:2::1/64\"",
];
const ROUTES: &[&str] = &[
    "to = \"default\"\nvia = \"192.0.2.254\"\ndev = DEV",
    "to = \"default\"\nvia = \"198.51.100.254\"\ndev = DEV\nonlink = true",
    "to = \"default\"\nvia = \"2001:db8:1::fe\"\ndev = DEV",
    "to = \"default\"\nvia = \"2001:db8:2::fe\"\ndev = DEV\nmetric = 50",
    "to = \"10.0.0.0/8\"\ntype = \"blackhole\"",
    "to = \"10.0.0.0/8\"\ntype = \"unreachable\"\nmetric = 9",
    "to = \"10.1.0.0/16\"\ndev = DEV\nscope = \"link\"\nmtu = 1300",
    "to = \"10.1.0.0/16\"\nvia = \"192.0.2.9\"\ndev = DEV\nonlink = true\ntable = 100",
    "to = \"10.2.0.0/16\"\nnexthops = [{ via = \"192.0.2.7\", dev = DEV }, { via = \"192.0.2.8\", dev = DEV, weight = 3 }]",
    "to = \"2001:db8:ffff::/48\"\ntype = \"prohibit\"",
    "to = \"10.3.0.0/16\"\ndev = DEV\nprotocol = \"static\"",
];
const RULES: &[&str] = &[
    "priority = 100\nfrom = \"192.0.2.0/24\"\ntable = 100",
    "priority = 100\nfwmark = \"0x1/0xff\"\ntable = 100",
    "priority = 200\naction = \"blackhole\"\nfamily = \"ipv4\"\nnot = true\niif = \"eth0\"",
    "priority = 300\ntable = \"main\"\nsuppress-prefix-length = 0\nfamily = \"ipv6\"",
    "priority = 400\nuid-range = \"1000-1999\"\ntable = 200\nip-protocol = \"tcp\"\ndestination-port = \"80-90\"",
];
const NEIGHBOURS: &[&str] = &[
    "address = \"192.0.2.50\"\nmac = \"02:00:00:00:00:50\"",
    "address = \"192.0.2.50\"\nmac = \"02:00:00:00:00:51\"\nstate = \"stale\"",
    "address = \"2001:db8:1::50\"\nmac = \"02:00:00:00:00:50\"",
    "address = \"192.0.2.60\"\nproxy = true",
];

/// The text of a host file, which may be one that is refused.
pub fn host(random: &mut Random) -> String {
    let mut text = String::new();
    if random.chance(2) {
        let on = random.chance(2);
        writeln!(text, "forwarding = {on}").unwrap();
    }
    let mut links: Vec<String> = random.some(CARDS).iter().map(|card| (**card).to_owned()).collect();
    let mut kinds: Vec<(String, String)> = links.iter().map(|name| (name.clone(), String::new())).collect();
    if random.chance(2) {
        kinds.push(("v0".to_owned(), "kind = \"veth\"\npeer = \"v1\"\n".to_owned()));
        links.push("v1".to_owned());
        if random.chance(2) {
            kinds.push(("v1".to_owned(), String::new()));
        }
    }
    if random.chance(2) {
        let parent = random.pick(&["eth0", "eth1"]);
        if links.iter().any(|link| link == parent) {
            kinds.push(("vlan7".to_owned(), format!("kind = \"vlan\"\nparent = \"{parent}\"\nid = 7\n")));
            links.push("vlan7".to_owned());
        }
    }
    if random.chance(2) {
        kinds.push(("d0".to_owned(), "kind = \"dummy\"\n".to_owned()));
    }
    if random.chance(2) {
        let ports: Vec<_> = random.some(&links).into_iter().map(|port| format!("{port:?}")).collect();
        let stp = random.chance(2);
        let ports = ports.join(", ");
        kinds.push(("br0".to_owned(), format!("kind = \"bridge\"\nports = [{ports}]\nstp = {stp}\n")));
    }
    for (name, kind) in &kinds {
        write!(text, "[link.{name}]\n{kind}").unwrap();
        link(random, &mut text);
    }
    let names: Vec<&str> = kinds.iter().map(|(name, _)| name.as_str()).collect();
    if !names.is_empty() {
        for route in random.some(ROUTES) {
            let dev = format!("{:?}", random.pick(&names));
            writeln!(text, "[[route]]\n{}", route.replace("DEV", &dev)).unwrap();
        }
        for neighbour in random.some(NEIGHBOURS) {
            writeln!(text, "[[neighbour]]\ndev = {:?}\n{neighbour}", random.pick(&names)).unwrap();
        }
    }
    for rule in random.some(RULES) {
        writeln!(text, "[[rule]]\n{rule}").unwrap();
    }
    text
}

fn link(random: &mut Random, text: &mut String) {
    if random.chance(6) {
        text.push_str("up = false\n");
    }
    if random.chance(3) {
        writeln!(text, "mtu = {}", random.pick(&[1280, 1400, 1500])).unwrap();
    }
    if random.chance(4) {
        text.push_str("mac = \"02:00:00:00:01:01\"\n");
    }
    if random.chance(3) {
        writeln!(text, "ipv4 = {{ forwarding = {}, rp-filter = \"loose\" }}", random.chance(2)).unwrap();
    }
    if random.chance(3) {
        let addresses: Vec<_> = (0..random.below(4)).map(|_| *random.pick(ADDRESSES)).collect();
        writeln!(text, "addresses = [{}]", addresses.join(", ")).unwrap();
    }
}

/// A firewall of few words, so that two of them have much in common.
pub fn firewall(random: &mut Random) -> Ruleset {
    let names = [(Family::INET, "one"), (Family::IPV4, "two")];
    let tables = random.some(&names).into_iter().map(|&(family, name)| table(random, family, name)).collect();
    Ruleset { tables }
}

fn table(random: &mut Random, family: Family, name: &str) -> Table {
    let sets: Vec<Set> =
        random.some(&["s1", "s2"]).into_iter().map(|set| self::set(random, family, name, set)).collect();
    let regular: Vec<&str> = random.some(&["r1", "r2"]).into_iter().copied().collect();
    let set_names: Vec<String> = sets.iter().map(|set| set.name.clone()).collect();
    let mut chains: Vec<Chain> = Vec::new();
    for chain in &regular {
        chains.push(self::chain(random, family, name, chain, None, &[], &set_names));
    }
    for base in random.some(&["input", "forward"]) {
        let hook = ChainHook {
            chain_type: "filter".to_owned(),
            hook: Hook { number: 1, priority: if random.chance(3) { 10 } else { 0 } },
            devices: Vec::new(),
        };
        chains.push(self::chain(random, family, name, base, Some(hook), &regular, &set_names));
    }
    let table = IrTable { family, name: name.to_owned(), ..IrTable::default() };
    Table { table, chains, sets, ..Table::default() }
}

fn set(random: &mut Random, family: Family, table: &str, name: &str) -> Set {
    let mut elements: Vec<Element> = Vec::new();
    for number in 0..6 {
        if random.chance(2) {
            elements.push(element(number));
        }
    }
    let flags = if random.chance(4) { 4 } else { 0 };
    let (table, name) = (table.to_owned(), name.to_owned());
    Set { family, table, name, elements, flags, ..Set::default() }
}

pub fn element(number: u8) -> Element {
    let value = Value::number(DataType::default(), 8, number.into());
    Element {
        key: Some(Expression::Value(value)),
        data: None,
        timeout: None,
        expires: None,
        statements: Vec::new(),
        comment: None,
    }
}

fn chain(
    random: &mut Random,
    family: Family,
    table: &str,
    name: &str,
    hook: Option<ChainHook>,
    jumps: &[&str],
    sets: &[String],
) -> Chain {
    let rules = (0..random.below(7)).map(|_| rule(random, jumps, sets)).collect();
    let policy = hook.is_some().then(|| if random.chance(2) { Verdict::Drop } else { Verdict::Accept });
    Chain { family, table: table.to_owned(), name: name.to_owned(), hook, policy, rules, ..Chain::default() }
}

fn rule(random: &mut Random, jumps: &[&str], sets: &[String]) -> Rule {
    let mut statements =
        vec![Statement::Log(Log { prefix: Some(random.below(5).to_string()), ..Log::default() })];
    if !sets.is_empty() && random.chance(2) {
        let value = Value::number(DataType::default(), 8, 1);
        let right = Expression::Set(SetReference::Named(random.pick(sets).clone()));
        let matched = Match { operator: MatchOperator::Implicit, left: Expression::Value(value), right };
        statements.push(Statement::Match(matched));
    }
    if random.chance(2) {
        statements.push(Statement::Counter(Counter::default()));
    }
    if !jumps.is_empty() && random.chance(2) {
        let target = ChainTarget::Named((*random.pick(jumps)).to_owned());
        statements.push(Statement::Verdict(Verdict::Jump(target)));
    } else {
        statements.push(Statement::Verdict(Verdict::Accept));
    }
    Rule { statements, ..Rule::default() }
}
