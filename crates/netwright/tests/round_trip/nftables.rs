//! The same of nftables: rulesets with objects of all kinds, as they come, each object deleted and added as it is listed, one by one
//! and all at once, with the JSON of nft as the judge.

use netwright::netfilter::{Chain, Family, Rule, Ruleset, SetFlags};
use netwright::nft::Batch;
use netwright::wire::Errno;
use netwright_lab::random::Random;

use super::*;

/// The families, each with the hooks of its base chains.
const FAMILIES: &[(&str, &[&str])] = &[
    ("ip", &["prerouting", "input", "forward", "output", "postrouting"]),
    ("ip6", &["prerouting", "input", "forward", "output", "postrouting"]),
    ("inet", &["ingress device d0", "prerouting", "input", "forward", "output", "postrouting"]),
    ("bridge", &["prerouting", "input", "forward", "output", "postrouting"]),
    ("arp", &["input", "output"]),
    ("netdev", &["ingress device d0", "egress devices = { d0, d2 }"]),
];

/// Types of keys, with values of each.
const KEYS: &[(&str, &[&str])] = &[
    ("ipv4_addr", &["192.0.2.1", "198.51.100.7", "203.0.113.9"]),
    ("ipv6_addr", &["2001:db8::1", "2001:db8:1::7", "fe80::9"]),
    ("inet_service", &["22", "443", "8080"]),
    ("inet_proto", &["tcp", "udp", "sctp"]),
    ("mark", &["0x1", "0xff00", "0x7fffffff"]),
    ("ifname", &["\"d0\"", "\"eth7\"", "\"abcdefghijklmno\""]),
    ("ether_addr", &["02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03"]),
];

/// None of them is over while the test runs.
const TIMES: &[&str] = &["15m", "3h2m1s", "7d"];

/// A set or a map with elements.
fn set(random: &mut Random, table: &str, number: usize) -> Vec<String> {
    let fields = 1 + random.below(3);
    let keys: Vec<_> = (0..fields).map(|_| *random.pick(KEYS)).collect();
    let name = format!("{table} s{number}");
    let key: Vec<&str> = keys.iter().map(|(name, _)| *name).collect();
    let data =
        *random.pick(&["", "", "", " : verdict", " : mark", " : ipv4_addr . inet_service", " : counter"]);
    let constant = random.one_in(8);
    let (mut flags, mut more) = (Vec::new(), String::new());
    if constant {
        flags.push("constant");
    } else if random.one_in(3) {
        flags.push("timeout");
        if random.one_in(2) {
            more += &format!("timeout {}; gc-interval {}; ", random.pick(TIMES), random.pick(TIMES));
        }
    }
    let intervals = random.one_in(3) && key.iter().all(|key| !matches!(*key, "ifname"));
    if intervals {
        flags.push("interval");
        if fields == 1 && random.one_in(2) {
            more += "auto-merge; ";
        }
    } else if random.one_in(3) {
        more += &format!("size {}; ", 4 + random.below(1000));
        if !constant && random.one_in(2) {
            flags.push("dynamic");
        }
    }
    if random.one_in(4) {
        more += *random.pick(&["policy memory; ", "policy performance; "]);
    }
    let counted = random.one_in(3);
    if counted {
        more += *random.pick(&["counter; ", "limit rate 3/second burst 9 packets; ", "quota 1 mbytes; "]);
    }
    if random.one_in(3) {
        more += "comment \"what it is for, ä\"; ";
    }
    let flags = if flags.is_empty() { String::new() } else { format!("flags {}; ", flags.join(", ")) };
    let kind = if data.is_empty() { "set" } else { "map" };
    let mut elements = Vec::new();
    for at in 0..3 {
        let mut parts: Vec<String> = keys.iter().map(|(_, values)| values[at].to_owned()).collect();
        if intervals && fields == 1 && matches!(key[0], "inet_service" | "mark") {
            parts[0] = format!("{}-{}", 100 * (at + 1), 100 * (at + 1) + random.below(90) + 1);
        }
        let mut element = parts.join(" . ");
        if flags.contains("timeout") && random.one_in(2) {
            element += &format!(" timeout {}", random.pick(TIMES));
        }
        if random.one_in(4) {
            element += &format!(" comment \"number {at}\"");
        }
        element += match data {
            " : verdict" => *random.pick(&[" : accept", " : drop", " : jump plain0"]),
            " : mark" => " : 0x17",
            " : counter" => " : \"o0\"",
            "" => "",
            _ => " : 192.0.2.7 . 80",
        };
        elements.push(element);
    }
    let declared = format!("add {kind} {name} {{ type {}{data}; {flags}{more}", key.join(" . "));
    match constant {
        true => vec![format!("{declared}elements = {{ {} }}; }}", elements.join(", "))],
        false => vec![format!("{declared}}}"), format!("add element {name} {{ {} }}", elements.join(", "))],
    }
}

/// Objects of each kind.
fn objects(table: &str) -> Vec<String> {
    [
        "counter TABLE o0 { packets 5 bytes 700; comment \"counted\"; }",
        "counter TABLE o1",
        "quota TABLE o2 { over 10 mbytes used 3 kbytes; }",
        "limit TABLE o3 { rate over 1 mbytes/second burst 7 kbytes; }",
        "limit TABLE o4 { rate 5/hour burst 3 packets; comment \"slow\"; }",
        "ct helper TABLE o5 { type \"ftp\" protocol tcp; }",
        "ct timeout TABLE o6 { protocol tcp; policy = { established : 120s, close : 20s }; }",
        "ct expectation TABLE o7 { protocol udp; dport 9876; timeout 2m; size 12; }",
        "synproxy TABLE o8 { mss 1460; wscale 7; timestamp sack-perm; }",
        "tunnel TABLE o9 { id 7; ip saddr 192.0.2.1; ip daddr 192.0.2.2; sport 10; dport 20; ttl 64; }",
        "flowtable TABLE f0 { hook ingress priority 0; devices = { d0, d2 }; }",
    ]
    .iter()
    .map(|line| format!("add {}", line.replace("TABLE", table)))
    .collect()
}

/// A rule for a chain, of words that any family takes.
fn rule(random: &mut Random) -> String {
    let mut words = Vec::new();
    for _ in 0..1 + random.below(3) {
        words.push(*random.pick(&[
            "meta mark 0x1-0xff",
            "meta mark { 1, 2, 0x1000 }",
            "meta length 40-1500",
            "meta protocol ip meta l4proto tcp",
            "meta iifname { \"d0\", \"d2*\" }",
            "meta iifname . meta mark { \"d0\" . 0x1, \"d2\" . 0x2 }",
            "meta l4proto { tcp, udp } th dport { 22, 80-90 }",
            "meta mark & 0xff00 == 0x1200",
            "@nh,0,4 6",
            "meta pkttype unicast",
            "meta cpu 0",
            "numgen inc mod 7 3",
            "limit rate 10/minute burst 2 packets",
            "counter packets 7 bytes 77",
            "counter name \"o1\"",
            "quota over 5 mbytes used 1 kbytes",
            "last used never",
        ]));
    }
    words.push(*random.pick(&[
        "accept",
        "drop",
        "continue",
        "jump plain0",
        "goto plain1",
        "return",
        "meta mark set 0x17",
        "meta mark set meta mark | 0x100",
        "meta mark set jhash meta mark mod 8 seed 0x7 offset 3",
        "meta mark vmap { 0x1 : accept, 0x2 : jump plain1, 0x3-0x9 : drop }",
        "meta mark set meta length map { 0-99 : 0x1, 100-1500 : 0x2 }",
        "log prefix \"seen: \" level warn flags skuid",
        "log group 5 snaplen 80 queue-threshold 2",
        "update @seen { meta mark timeout 1m : meta length }",
        "add @met { meta mark limit rate 3/second burst 5 packets }",
        "comment \"only a word\"",
    ]));
    words.join(" ")
}

/// Commands that make a ruleset; some are not for every kernel or family.
fn ruleset(random: &mut Random) -> Vec<String> {
    let mut lines = Vec::new();
    for (family, hooks) in FAMILIES {
        let table = format!("{family} t");
        let flags = *random.pick(&["", "", "flags dormant; ", "comment \"of the test\"; "]);
        lines.push(format!("add table {table} {{ {flags}}}"));
        lines.push(format!("add chain {table} plain0 {{ comment \"first\"; }}"));
        lines.push(format!("add chain {table} plain1"));
        lines.extend(objects(&table));
        lines.push(format!(
            "add map {table} seen {{ type mark : integer; size 100; flags dynamic, timeout; }}"
        ));
        lines.push(format!(
            "add map {table} seen {{ typeof meta mark : meta length; size 100; flags dynamic, timeout; }}"
        ));
        lines.push(format!(
            "add set {table} met {{ type mark; size 100; flags dynamic; limit rate 3/second; }}"
        ));
        (0..4).for_each(|number| lines.extend(set(random, &table, number)));
        for (number, hook) in hooks.iter().enumerate() {
            let policy = *random.pick(&["", "policy accept; ", "policy drop; "]);
            let priority = random.below(600) as i64 - 300;
            lines.push(format!(
                "add chain {table} base{number} {{ type filter hook {hook} priority {priority}; {policy}}}"
            ));
        }
        for chain in ["base0", "base1", "plain0", "plain1"] {
            for _ in 0..2 + random.below(3) {
                let rule = rule(random);
                // chains do not lead to themselves
                if !(chain.starts_with("plain") && rule.contains("plain")) {
                    lines.push(format!("add rule {table} {chain} {rule}"));
                }
            }
        }
    }
    lines
}

/// What nft shows, without the numbers that the kernel gives anew.
fn shown_by(nft: &Oracle) -> Result<Vec<String>, Failure> {
    fn without_handles(value: &mut Value) {
        match value {
            Value::Object(object) => {
                for number in ["handle", "expires", "metainfo"] {
                    object.remove(number);
                }
                object.values_mut().for_each(without_handles);
            }
            Value::Array(list) => list.iter_mut().for_each(without_handles),
            _ => {}
        }
    }
    let mut value = nft.json("list ruleset")?;
    without_handles(&mut value);
    let all = value.get("nftables").and_then(Value::as_array).cloned().unwrap_or_default();
    Ok(all.iter().map(text).collect())
}

/// What differs, line by line.
fn compare(what: &str, before: &[String], after: &[String]) -> Outcome {
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        these.iter().filter(|line| !those.contains(line)).cloned().collect()
    };
    let (lost, new) = (only(before, after), only(after, before));
    ensure!(lost.is_empty() && new.is_empty(), "{what}: was {lost:#?} and is {new:#?}");
    let rules = |all: &[String]| -> Vec<String> {
        all.iter().filter(|line| line.starts_with("{\"rule\"")).cloned().collect()
    };
    ensure!(rules(before) == rules(after), "{what}: rules are in another order");
    Ok(())
}

/// How many objects came back, and how many were in use by others.
#[derive(Default)]
struct Counts {
    back: usize,
    in_use: usize,
}

struct Judge<'a> {
    net: &'a Net,
    nft: &'a Oracle,
    counts: Counts,
    /// What nft showed last, which is what there is.
    shown: Vec<String>,
}

impl Judge<'_> {
    /// Deletes an object, sees that it is gone, adds it, and sees that all is as it was.
    fn comes_back(
        &mut self,
        what: &str,
        delete: impl FnOnce(&mut Batch<'_>),
        add: impl FnOnce(&mut Batch<'_>),
    ) -> Outcome {
        let mut batch = self.net.nft().batch();
        delete(&mut batch);
        match batch.commit() {
            Ok(_) => {}
            Err(error) if error.errno() == Some(Errno::EBUSY) => {
                self.counts.in_use += 1;
                return Ok(());
            }
            Err(error) => return Err(Failure::wrong(format_args!("{what}: {error}"))),
        }
        ensure!(shown_by(self.nft)?.len() < self.shown.len(), "{what} is still there");
        let mut batch = self.net.nft().batch();
        add(&mut batch);
        batch.commit().map_err(|error| Failure::wrong(format_args!("{what}: {error}")))?;
        self.counts.back += 1;
        let after = shown_by(self.nft)?;
        compare(what, &self.shown, &after)?;
        self.shown = after;
        Ok(())
    }

    fn each(&mut self, dump: &Ruleset) -> Outcome {
        // the kernel deletes a chain's rules with it
        let has_rules = |chain: &&Chain| {
            let key = (chain.family, &chain.table, &chain.name);
            dump.rules.iter().any(|rule| (rule.family, &rule.table, &rule.chain) == key)
        };
        for chain in dump.chains.iter().filter(|chain| !has_rules(chain)) {
            let what = format!("chain {} {}", chain.family, chain.name);
            self.comes_back(&what, |batch| batch.delete(&chain.reference()), |batch| batch.add(chain))?;
        }
        for object in &dump.objects {
            let what = format!("object {} {}", object.family, object.name);
            self.comes_back(&what, |batch| batch.delete(&object.reference()), |batch| batch.add(object))?;
        }
        for table in &dump.flowtables {
            let what = format!("flow table {} {}", table.family, table.name);
            self.comes_back(&what, |batch| batch.delete(&table.reference()), |batch| batch.add(table))?;
        }
        let named = dump.sets.iter().filter(|(set, _)| !set.flags.contains(SetFlags::ANONYMOUS));
        for (set, elements) in named {
            let what = format!("set {} {}: {set:?} {elements:?}", set.family, set.name);
            self.comes_back(
                &what,
                |batch| batch.delete(&set.reference()),
                |batch| {
                    batch.add(set);
                    batch.add_elements(set, elements);
                },
            )?;
        }
        Ok(())
    }

    /// Rules have their place in a chain: behind the one before them, which has another handle when it was made anew.
    fn each_rule(&mut self) -> Outcome {
        let count = self.net.nft().dump(Family::UNSPECIFIED)?.rules.len();
        for number in 0..count {
            let dump = self.net.nft().dump(Family::UNSPECIFIED)?;
            let rule = dump.rules.get(number).ok_or_else(|| Failure::wrong("a rule is gone"))?;
            let what = format!("rule {number} of {count}: {rule:?}");
            let reference = rule.reference().ok_or_else(|| Failure::wrong("a rule without a handle"))?;
            let sets = |batch: &mut Batch<'_>| add_anonymous(batch, &dump, rule);
            let add = |batch: &mut Batch<'_>| {
                sets(batch);
                match rule.position {
                    Some(_) => batch.add(rule),
                    None => batch.insert(rule),
                }
            };
            self.comes_back(&what, |batch| batch.delete(&reference), add)?;
        }
        Ok(())
    }
}

/// The sets without a name of their own that a rule looks up in.
fn add_anonymous(batch: &mut Batch<'_>, dump: &Ruleset, rule: &Rule) {
    let shown = format!("{:?}", rule.expressions);
    for (set, elements) in &dump.sets {
        let is_of = (&set.family, &set.table) == (&rule.family, &rule.table);
        if is_of && set.flags.contains(SetFlags::ANONYMOUS) && shown.contains(&format!("{:?}", set.name)) {
            batch.add(set);
            batch.add_elements(set, elements);
        }
    }
}

/// All objects of a ruleset, as they are listed.
fn add_all(batch: &mut Batch<'_>, dump: &Ruleset) {
    dump.tables.iter().for_each(|table| batch.add(table));
    dump.objects.iter().for_each(|object| batch.add(object));
    dump.flowtables.iter().for_each(|table| batch.add(table));
    dump.chains.iter().for_each(|chain| batch.add(chain));
    for (set, elements) in &dump.sets {
        batch.add(set);
        batch.add_elements(set, elements);
    }
    dump.rules.iter().for_each(|rule| batch.add(&Rule { position: None, ..rule.clone() }));
}

/// `SEED` and `COUNT` in the environment make other and more rulesets.
pub(super) fn rulesets_come_back(_: &mut Lab) -> Outcome {
    let (ip, nft, net) = (Oracle::ip()?, Oracle::nft()?, Net::open()?);
    // down, so that no packet changes what rules count
    for line in ["link add d0 type veth peer name d1", "link add d2 type veth peer name d3"] {
        ip.line(line)?;
    }
    let given = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (seed, count) = (given("SEED").unwrap_or(10), given("COUNT").unwrap_or(1));
    let mut counts = Counts::default();
    let (mut tried, mut taken) = (0, 0);
    for seed in seed..seed + count {
        let lines = ruleset(&mut Random::new(seed));
        tried += lines.len();
        for line in &lines {
            match nft.text([line]) {
                Ok(_) => taken += 1,
                Err(failure) if given("SHOW").is_some() => println!("not here: {line}: {failure:?}"),
                Err(_) => {}
            }
        }
        let mut judge = Judge { net: &net, nft: &nft, counts, shown: shown_by(&nft)? };
        let dump = net.nft().dump(Family::UNSPECIFIED)?;
        judge.each(&dump).and_then(|()| judge.each_rule()).map_err(|failure| told(seed, &failure))?;
        counts = judge.counts;
        let (dump, before) = (net.nft().dump(Family::UNSPECIFIED)?, shown_by(&nft)?);
        let mut batch = net.nft().batch();
        batch.raw_mut().flush_ruleset(Family::UNSPECIFIED);
        add_all(&mut batch, &dump);
        batch.commit().map_err(|error| told(seed, &Failure::wrong(error)))?;
        compare("all at once", &before, &shown_by(&nft)?).map_err(|failure| told(seed, &failure))?;
        nft.line("flush ruleset")?;
    }
    println!(
        "{taken} of {tried} commands were taken; {} objects came back, {} were in use",
        counts.back, counts.in_use
    );
    ensure!(taken * 3 >= tried * 2, "only {taken} of {tried} commands were taken");
    Ok(())
}

fn told(seed: u64, failure: &Failure) -> Failure {
    Failure::wrong(format_args!("seed {seed}: {failure:?}"))
}
