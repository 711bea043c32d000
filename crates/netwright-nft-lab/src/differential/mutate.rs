//! Texts that are almost right: words and numbers of known ones, changed.

use netwright_lab::random::Random;

use super::{Seed, Trial};

/// Makes trials out of seeds.
#[derive(Debug)]
pub struct Mutator {
    random: Random,
    seeds: Vec<Seed>,
    words: Vec<String>,
}

/// Words and signs that go anywhere.
const EXTRA: &[&str] = &[
    "!",
    "!=",
    "==",
    "<",
    ">",
    "<=",
    ">=",
    ",",
    ".",
    "-",
    "/",
    ":",
    "{",
    "}",
    "(",
    ")",
    "|",
    "&",
    "^",
    "<<",
    ">>",
    "*",
    "@",
    "set",
    "map",
    "vmap",
    "to",
    "not",
    "or",
    "and",
    "eq",
    "ne",
    "comment",
    "\"\"",
    "\"a b\"",
    "drop",
    "accept",
    "continue",
    "return",
    "jump",
    "goto",
    "counter",
    "log",
    "reject",
    "queue",
    "masquerade",
    "redirect",
    "snat",
    "dnat",
    "limit",
    "quota",
    "notrack",
    "meta",
    "ct",
    "ip",
    "ip6",
    "tcp",
    "udp",
    "icmp",
    "th",
    "ether",
    "vlan",
    "arp",
    "exists",
    "missing",
    "random",
    "persistent",
    "name",
    "prefix",
    "level",
    "group",
    "flags",
    "over",
    "rate",
    "with",
    "type",
    "10.0.0.1",
    "10.0.0.0/8",
    "2001:db8::1",
    "fe80::/10",
    "00:11:22:33:44:55",
    "lo",
    "eth0",
    "\"eth*\"",
    "eth*",
    "0",
    "1",
    "2",
    "255",
    "256",
    "65535",
    "65536",
    "0xff",
    "4294967295",
    "4294967296",
    "18446744073709551615",
    "-1",
    "10.0.0.1-10.0.0.9",
    "1-2",
    "2-1",
    "1s",
    "1d2h",
    "new",
    "established",
    "syn",
    "ack",
    "ssh",
    "http",
    "root",
    "{ 1, 2 }",
    "{ 22, 80-90 }",
    "$x",
    "@s",
];

impl Mutator {
    /// From these seeds.
    #[must_use]
    pub fn new(seed: u64, seeds: Vec<Seed>) -> Self {
        let mut words: Vec<String> = seeds.iter().flat_map(|seed| tokens(&seed.text)).collect();
        words.sort();
        words.dedup();
        words.extend(EXTRA.iter().map(|&word| word.to_owned()));
        Mutator { random: Random::new(seed), seeds, words }
    }

    /// The next one.
    pub fn trial(&mut self) -> Trial {
        let seed = self.random.pick(&self.seeds).clone();
        let mut tokens = tokens(&seed.text);
        for _ in 0..1 + self.random.below(2) {
            self.change(&mut tokens);
        }
        let Seed { mutated: kind, family, world, chain, .. } = seed;
        Trial { kind, family, world, chain, text: tokens.join(" ") }
    }

    fn change(&mut self, tokens: &mut Vec<String>) {
        // What says which table stays.
        let free: Vec<usize> = (0..tokens.len()).filter(|&at| at >= 4 && !is_place(&tokens[at])).collect();
        if free.is_empty() {
            return;
        }
        let at = *self.random.pick(&free);
        match self.random.below(10) {
            0 => drop(tokens.remove(at)),
            1 => tokens.insert(at, tokens[at].clone()),
            2 => {
                let other = *self.random.pick(&free);
                tokens.swap(at, other);
            }
            3 | 4 => {
                let word = self.random.pick(&self.words).clone();
                tokens.insert(at, word);
            }
            5 => {
                let word = (*self.random.pick(EXTRA)).to_owned();
                tokens.insert(at, word);
            }
            6 => {
                // A piece of another text.
                let other = self.random.pick(&self.seeds).clone();
                let other = self::tokens(&other.text);
                let from = self.random.below(other.len());
                let until = (from + 1 + self.random.below(4)).min(other.len());
                let piece = other[from..until].iter().filter(|word| !is_place(word)).cloned();
                tokens.splice(at..=at, piece.collect::<Vec<_>>());
            }
            7 => {
                let numbers: Vec<usize> =
                    free.iter().copied().filter(|&at| tokens[at].parse::<u64>().is_ok()).collect();
                if !numbers.is_empty() {
                    let at = *self.random.pick(&numbers);
                    let number: u64 = tokens[at].parse().unwrap_or(0);
                    tokens[at] = match self.random.below(6) {
                        0 => number.wrapping_add(1).to_string(),
                        1 => number.wrapping_sub(1).to_string(),
                        2 => (number << 8).to_string(),
                        3 => format!("0x{number:x}"),
                        4 => (1_u64 << self.random.below(64)).to_string(),
                        _ => ((1_u64 << self.random.below(64)) - 1).to_string(),
                    };
                }
            }
            _ => tokens[at] = self.random.pick(&self.words).clone(),
        }
    }
}

/// Whether a word stands for the table or the chain.
fn is_place(word: &str) -> bool {
    word == "{T}" || word == "{C}"
}

/// A text as words, numbers, strings and signs.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if first == '\n' {
            1
        } else if first.is_whitespace() {
            rest = &rest[first.len_utf8()..];
            continue;
        } else if ["{T}", "{C}"].iter().any(|place| rest.starts_with(place)) {
            3
        } else if first == '"' {
            rest[1..].find('"').map_or(rest.len(), |end| end + 2)
        } else if first.is_alphanumeric() || first == '_' {
            let inside = |c: char| !(c.is_alphanumeric() || "_./:-*".contains(c));
            rest.find(inside).unwrap_or(rest.len())
        } else if ["!=", "==", "<=", ">=", "<<", ">>"].iter().any(|sign| rest.starts_with(sign)) {
            2
        } else {
            first.len_utf8()
        };
        let (token, behind) = rest.split_at(length);
        tokens.push(token.to_owned());
        rest = behind;
    }
    tokens
}
