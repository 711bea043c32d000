//! Messages for tests, written and read by other code than the resolver's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use simple_dns::rdata::RData;
use simple_dns::{Packet, TYPE};

use super::Release;
use super::behaviour::Behaviour;
use super::engine::{Decision, Engine};
use super::hosts::Hosts;
use super::memory::KnownNames;
use super::query::{Notice, Outcome, Transport};
use crate::Policy;

/// The number of a type.
pub(super) fn number(kind: &str) -> u16 {
    match kind {
        "A" => 1,
        "NS" => 2,
        "CNAME" => 5,
        "SOA" => 6,
        "PTR" => 12,
        "MX" => 15,
        "TXT" => 16,
        "AAAA" => 28,
        "SRV" => 33,
        "NAPTR" => 35,
        "DS" => 43,
        "TLSA" => 52,
        "SVCB" => 64,
        "HTTPS" => 65,
        "IXFR" => 251,
        "AXFR" => 252,
        "ANY" => 255,
        other => other.strip_prefix("TYPE").unwrap().parse().unwrap(),
    }
}

/// A name on the wire, without compression.
pub(super) fn wire(name: &str) -> Vec<u8> {
    let labels = name.trim_end_matches('.').split('.').filter(|label| !label.is_empty());
    let mut wire: Vec<u8> =
        labels.flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).collect();
    wire.push(0);
    wire
}

/// A record as `owner seconds type data…`.
pub(super) fn record(text: &str) -> Vec<u8> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (owner, seconds, kind, data) = (words[0], words[1], words[2], &words[3..]);
    let mut wire = wire(owner);
    wire.extend(number(kind).to_be_bytes());
    wire.extend(1_u16.to_be_bytes());
    wire.extend(seconds.parse::<u32>().unwrap().to_be_bytes());
    let data = self::data(kind, data);
    wire.extend((data.len() as u16).to_be_bytes());
    wire.extend(data);
    wire
}

fn data(kind: &str, words: &[&str]) -> Vec<u8> {
    let word = |index: usize| words[index].parse::<u16>().unwrap().to_be_bytes().to_vec();
    match kind {
        "A" => words[0].parse::<Ipv4Addr>().unwrap().octets().to_vec(),
        "AAAA" => words[0].parse::<Ipv6Addr>().unwrap().octets().to_vec(),
        "CNAME" | "NS" | "PTR" => wire(words[0]),
        "SOA" => [wire(words[0]), wire("hostmaster.example.org"), vec![0; 20]].concat(),
        "MX" => [word(0), wire(words[1])].concat(),
        "TXT" => words.iter().flat_map(|text| [&[text.len() as u8], text.as_bytes()].concat()).collect(),
        "SRV" => [word(0), word(1), word(2), wire(words[3])].concat(),
        "SVCB" | "HTTPS" => {
            let parameters = words[2..].iter().flat_map(|text| parameter(text));
            [word(0), wire(words[1])].concat().into_iter().chain(parameters).collect()
        }
        _ => words.iter().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect(),
    }
}

/// A parameter of a service binding as `key=value`; the value is a list of addresses, a list of keys, or text.
fn parameter(text: &str) -> Vec<u8> {
    let (key, value) = text.split_once('=').unwrap();
    let key: u16 = key.parse().unwrap();
    let value: Vec<u8> = match key {
        0 => value.split(',').flat_map(|key| key.parse::<u16>().unwrap().to_be_bytes()).collect(),
        4 => value.split(',').flat_map(|address| address.parse::<Ipv4Addr>().unwrap().octets()).collect(),
        6 => value.split(',').flat_map(|address| address.parse::<Ipv6Addr>().unwrap().octets()).collect(),
        _ => value.as_bytes().to_vec(),
    };
    [key.to_be_bytes().to_vec(), (value.len() as u16).to_be_bytes().to_vec(), value].concat()
}

/// A message of parts.
pub(super) fn message(
    id: u16,
    flags: u16,
    question: (&str, &str),
    answers: &[&str],
    authorities: &[&str],
) -> Vec<u8> {
    let mut wire = Vec::new();
    for word in [id, flags, 1, answers.len() as u16, authorities.len() as u16, 0] {
        wire.extend(word.to_be_bytes());
    }
    wire.extend(self::wire(question.0));
    wire.extend(number(question.1).to_be_bytes());
    wire.extend(1_u16.to_be_bytes());
    answers.iter().chain(authorities).for_each(|text| wire.extend(record(text)));
    wire
}

/// A question as a client sends it.
pub(super) fn query(name: &str, kind: &str) -> Vec<u8> {
    message(0x1234, 0x0100, (name, kind), &[], &[])
}

/// The same with room for so many bytes, and the bit that asks for signatures.
pub(super) fn extended_query(name: &str, kind: &str, size: u16) -> Vec<u8> {
    let mut message = query(name, kind);
    message[11] = 1;
    message.extend([0, 0, 41]);
    message.extend(size.to_be_bytes());
    message.extend([0, 0, 0x80, 0, 0, 0]);
    message
}

/// What a client reads.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) id: u16,
    pub(super) code: u8,
    pub(super) truncated: bool,
    /// As `owner seconds type data…`.
    pub(super) answers: Vec<String>,
    pub(super) authorities: Vec<String>,
    /// The number of the extended error.
    pub(super) explanation: Option<u16>,
}

/// Reads an answer.
pub(super) fn show(message: &[u8]) -> Shown {
    let packet = Packet::parse(message).unwrap();
    assert!(packet.has_flags(simple_dns::PacketFlag::RESPONSE));
    assert!(!packet.has_flags(simple_dns::PacketFlag::AUTHENTIC_DATA), "nothing was proven");
    assert!(packet.additional_records.is_empty(), "nothing but what was asked for");
    let explanation = packet.opt().and_then(|opt| opt.opt_codes.first()).map(|option| {
        assert_eq!(option.code, 15);
        u16::from_be_bytes([option.data[0], option.data[1]])
    });
    Shown {
        id: packet.id(),
        code: message[3] & 15,
        truncated: packet.has_flags(simple_dns::PacketFlag::TRUNCATION),
        answers: packet
            .answers
            .iter()
            .map(|record| format!("{} {} {}", record.name, record.ttl, show_data(&record.rdata)))
            .collect(),
        authorities: packet
            .name_servers
            .iter()
            .map(|record| format!("{} {}", record.name, show_data(&record.rdata)))
            .collect(),
        explanation,
    }
}

fn show_data(data: &RData<'_>) -> String {
    match data {
        RData::A(a) => format!("A {}", Ipv4Addr::from(a.address)),
        RData::AAAA(a) => format!("AAAA {}", Ipv6Addr::from(a.address)),
        RData::CNAME(name) => format!("CNAME {}", name.0),
        RData::PTR(name) => format!("PTR {}", name.0),
        RData::SRV(srv) => format!("SRV {} {} {} {}", srv.priority, srv.weight, srv.port, srv.target),
        RData::MX(mx) => format!("MX {} {}", mx.preference, mx.exchange),
        RData::HTTPS(svcb) => {
            let parameters: Vec<String> =
                svcb.0.iter_params().map(|parameter| format!(" {parameter:?}")).collect();
            format!("HTTPS {} {}{}", svcb.0.priority, svcb.0.target, parameters.concat())
        }
        RData::SOA(soa) => format!("SOA {}", soa.mname),
        other => match other.type_code() {
            TYPE::Unknown(number) => format!("TYPE{number}"),
            known => format!("{known:?}"),
        },
    }
}

/// Remembers what was let through.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    /// As `rules addresses seconds`.
    pub(super) released: Mutex<Vec<String>>,
    pub(super) fails: bool,
}

impl Release for Recorder {
    fn release(
        &self,
        rules: &[usize],
        addresses: &[IpAddr],
        time_to_live: Duration,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        if self.fails {
            return Err("the kernel has no room".into());
        }
        self.released.lock().unwrap().push(format!("{rules:?} {addresses:?} {}", time_to_live.as_secs()));
        Ok(())
    }
}

/// A policy of rules.
pub(super) fn policy(allow: &[&str], deny: &[&str]) -> Policy {
    let rules = |rules: &[&str]| rules.iter().map(|rule| rule.parse().unwrap()).collect();
    Policy { allow: rules(allow), deny: rules(deny), ..Policy::default() }
}

/// An engine with everything around it.
#[derive(Debug)]
pub(super) struct Bench {
    pub(super) engine: Engine,
    pub(super) policy: Policy,
    pub(super) known: Arc<KnownNames>,
    pub(super) recorder: Recorder,
    pub(super) now: Instant,
    /// What the log was told by the last question.
    pub(super) notices: Vec<Notice>,
    /// Whether a name server was asked the last question.
    pub(super) asked: bool,
}

impl Bench {
    pub(super) fn new(allow: &[&str], deny: &[&str]) -> Self {
        Self::with(policy(allow, deny), Behaviour { ipv6: true, ..Behaviour::default() })
    }

    pub(super) fn with(policy: Policy, behaviour: Behaviour) -> Self {
        let known = Arc::new(KnownNames::default());
        Self {
            engine: Engine::new(behaviour, Arc::clone(&known)),
            policy,
            known,
            recorder: Recorder::default(),
            now: Instant::now(),
            notices: Vec::new(),
            asked: false,
        }
    }

    /// The answer to a question, where the name server answers with these records.
    pub(super) fn resolve(&mut self, name: &str, kind: &str, answers: &[&str]) -> Shown {
        self.resolve_message(
            &extended_query(name, kind, 4096),
            &message(7, 0x8180, (name, kind), answers, &[]),
        )
    }

    /// The answer to a client's message, where the name server answers with this one.
    pub(super) fn resolve_message(&mut self, query: &[u8], upstream: &[u8]) -> Shown {
        show(&self.answer(query, upstream).expect("no answer at all"))
    }

    /// The bytes of the answer.
    pub(super) fn answer(&mut self, query: &[u8], upstream: &[u8]) -> Option<Vec<u8>> {
        let decision = self.engine.decide(&self.policy, query, Transport::Udp, self.now);
        self.asked = matches!(decision, Decision::Ask(..));
        let (query, outcome): (_, Outcome) = match decision {
            Decision::Silence => return None,
            Decision::Answer(query, outcome) => (query, outcome),
            Decision::Ask(query, question) => {
                let heard = self.engine.hear(&self.policy, &question, upstream, self.now);
                (query, heard)
            }
        };
        let outcome = self.engine.settle(outcome, &self.recorder, self.now);
        self.notices.clone_from(&outcome.notices);
        Some(query.answer(&outcome))
    }

    /// What was let through so far, as `rules addresses seconds`.
    pub(super) fn released(&self) -> Vec<String> {
        self.recorder.released.lock().unwrap().clone()
    }

    /// The reasons that the log was told by the last question.
    pub(super) fn reasons(&self) -> Vec<&str> {
        self.notices.iter().map(|notice| notice.reason.as_str()).collect()
    }
}

/// A list of names.
pub(super) fn hosts(hosts: &[(&str, &str)]) -> Vec<(String, IpAddr)> {
    hosts.iter().map(|(name, address)| ((*name).to_owned(), address.parse().unwrap())).collect()
}

/// The same as the host's own.
pub(super) fn host_list(list: &[(&str, &str)]) -> Hosts {
    Hosts::new(&hosts(list))
}
