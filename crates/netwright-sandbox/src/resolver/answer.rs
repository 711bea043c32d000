//! Answers are built anew: of what a name server says, only what was asked for is taken.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::NamePolicy;
use super::behaviour::Behaviour;
use super::binding::Binding;
use super::message::{INTERNET, Question, Reader, Record, code, kind};
use super::name::Name;
use super::query::{Explanation, Notice, Outcome, Released};
use super::verdict::Verdict;
use crate::{Action, Undecided};

#[cfg(test)]
mod tests;

/// How long answers live that come from no name server.
pub(super) const TIME_TO_LIVE: Duration = Duration::from_secs(60);
/// Links of a chain of aliases.
const CHAIN: usize = 16;
/// Records of one answer that release something.
const RECORDS: usize = 128;
/// The longest time to live that is told, so that a change of the policy's rules or of the world is noticed.
const LONGEST: u32 = 3600;

/// What a name server's answer comes to.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) outcome: Outcome,
    /// Names that it leads to, and for how long.
    pub(super) targets: Vec<(Name, Duration)>,
}

/// The answer to a question for addresses of a name, by addresses that are known.
pub(super) fn addresses(question: &Question, addresses: &[IpAddr], time_to_live: Duration) -> Outcome {
    let data = |address: &IpAddr| match (address, question.kind) {
        (IpAddr::V4(address), kind::A) => Some(address.octets().to_vec()),
        (IpAddr::V6(address), kind::AAAA) => Some(address.octets().to_vec()),
        _ => None,
    };
    let time_to_live = u32::try_from(time_to_live.as_secs()).unwrap_or(u32::MAX);
    let record = |data| Record {
        owner: question.name.clone(),
        kind: question.kind,
        class: INTERNET,
        time_to_live,
        data,
    };
    Outcome { answers: addresses.iter().filter_map(data).map(record).collect(), ..Outcome::of(code::DONE) }
}

/// The answer to a question for the name of an address.
pub(super) fn reverse(question: &Question, name: &Name) -> Outcome {
    let time_to_live = u32::try_from(TIME_TO_LIVE.as_secs()).unwrap_or(u32::MAX);
    let (owner, data) = (question.name.clone(), name.wire().to_vec());
    let record = Record { owner, kind: kind::PTR, class: INTERNET, time_to_live, data };
    Outcome {
        answers: if question.kind == kind::PTR { vec![record] } else { Vec::new() },
        ..Outcome::of(code::DONE)
    }
}

/// The answer for a listed name: its addresses are let through, whatever they are, for somebody wrote them down.
pub(super) fn hosts(
    question: &Question,
    listed: Vec<IpAddr>,
    verdict: &Verdict,
    behaviour: &Behaviour,
) -> Outcome {
    let usable = |address: &IpAddr| address.is_ipv4() || behaviour.ipv6 || address.is_loopback();
    let listed: Vec<IpAddr> = listed.into_iter().filter(usable).collect();
    let mut outcome = addresses(question, &listed, TIME_TO_LIVE);
    let own_family = |address: &IpAddr| address.is_ipv4() == (question.kind == kind::A);
    // Loopback addresses are the sandbox's own.
    let addresses =
        listed.into_iter().filter(|address| own_family(address) && !address.is_loopback()).collect();
    if !outcome.answers.is_empty() {
        let name = question.name.text();
        outcome.release = Some(Released {
            name,
            rules: verdict.rules.clone(),
            addresses,
            closed: Vec::new(),
            time_to_live: TIME_TO_LIVE,
        });
    }
    outcome
}

/// Takes from a name server's answer the chain of aliases from the question's name, and the records of the wanted type at its end.
pub(super) fn rebuild(
    policy: &dyn NamePolicy,
    question: &Question,
    message: &[u8],
    verdict: &Verdict,
    behaviour: &Behaviour,
) -> Heard {
    let failed = || Heard { outcome: Outcome::of(code::FAILED), ..Heard::default() };
    let Some(message) = Sections::read(message) else { return failed() };
    let (chain, end) = match message.chain(question) {
        Ok(chain) => chain,
        Err(reason) => {
            let notice = Notice::new(Action::Failed, question.name.text(), reason);
            return Heard {
                outcome: Outcome { notices: vec![notice], ..Outcome::of(code::FAILED) },
                ..Heard::default()
            };
        }
    };
    let is_denied = |name: &Name| {
        behaviour.undecided != Undecided::Allow && policy.name_rules(&name.text()).deny.is_some()
    };
    if let Some(denied) = chain.iter().filter_map(alias_of).find(is_denied) {
        return Heard { outcome: refused_chain(question, &denied), ..Heard::default() };
    }
    let wanted = message.answers.iter().filter(|record| record.kind == question.kind && record.owner == end);
    let mut sieve = Sieve { policy, behaviour, is_denied: &is_denied, found: Found::default() };
    let records: Vec<Record> = wanted.filter_map(|record| sieve.pass(record)).collect();
    let Found { addresses, closed, stripped, targets, time_to_live, .. } = sieve.found;
    let empty = records.is_empty();
    let mut outcome = Outcome { answers: chain, ..Outcome::of(message.code) };
    outcome.answers.extend(records);
    if empty && stripped.is_none() {
        let soa = message
            .authorities
            .iter()
            .find(|record| record.kind == kind::SOA && end.is_within(&record.owner));
        outcome.authorities.extend(soa.cloned().map(capped));
    }
    if let Some((place, reason)) = stripped {
        outcome.explanation = Some(Explanation::Blocked);
        outcome.notices.push(Notice { address: place, ..blocked(question, reason) });
    }
    if !addresses.is_empty() || !closed.is_empty() {
        let name = verdict.sources.first().unwrap_or(&question.name).text();
        let rules = verdict.rules.clone();
        outcome.release = Some(Released { name, rules, addresses, closed, time_to_live });
    }
    Heard { outcome, targets }
}

/// That something about a question's name was blocked.
fn blocked(question: &Question, reason: impl Into<String>) -> Notice {
    Notice::new(Action::Blocked, question.name.text(), reason)
}

fn refused_chain(question: &Question, denied: &Name) -> Outcome {
    let reason = format!("it is an alias of {}, which a rule denies", denied.text());
    Outcome {
        explanation: Some(Explanation::Blocked),
        notices: vec![blocked(question, reason)],
        ..Outcome::of(code::NO_SUCH_NAME)
    }
}

/// Where an alias leads.
fn alias_of(record: &Record) -> Option<Name> {
    let mut reader = Reader::new(&record.data);
    reader.name().filter(|_| record.kind == kind::CNAME && reader.is_at_end())
}

/// A record with a time to live that is told.
fn capped(mut record: Record) -> Record {
    // With the upper bit set it means 0 (RFC 2181 section 8).
    record.time_to_live =
        if record.time_to_live > i32::MAX as u32 { 0 } else { record.time_to_live.min(LONGEST) };
    record
}

/// The parts of a name server's message that matter.
struct Sections {
    code: u8,
    answers: Vec<Record>,
    authorities: Vec<Record>,
}

impl Sections {
    /// `None` where its form is broken; records whose data is broken are left out.
    fn read(message: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(message);
        let header = reader.header()?;
        for _ in 0..header.questions {
            reader.question()?;
        }
        let answers = records(&mut reader, header.answers)?;
        // A broken end of the message takes nothing from the answers.
        let authorities = records(&mut reader, header.authorities).unwrap_or_default();
        Some(Self { code: header.code(), answers, authorities })
    }

    /// The aliases from the question's name on, and the name at their end.
    fn chain(&self, question: &Question) -> Result<(Vec<Record>, Name), &'static str> {
        let (mut chain, mut end) = (Vec::new(), question.name.clone());
        if question.kind == kind::CNAME {
            return Ok((chain, end));
        }
        let mut seen = vec![end.clone()];
        while let Some((alias, target)) = self.alias(&end) {
            if seen.contains(&target) {
                return Err("its aliases lead in a circle");
            }
            if chain.len() >= CHAIN {
                return Err("it has too many aliases");
            }
            chain.push(capped(alias.clone()));
            seen.push(target.clone());
            end = target;
        }
        Ok((chain, end))
    }

    fn alias(&self, owner: &Name) -> Option<(&Record, Name)> {
        let mut aliases =
            self.answers.iter().filter(|record| record.kind == kind::CNAME && record.owner == *owner);
        aliases.find_map(|record| Some((record, alias_of(record)?)))
    }
}

fn records(reader: &mut Reader<'_>, count: u16) -> Option<Vec<Record>> {
    let mut records = Vec::new();
    for _ in 0..count {
        records.extend(reader.record()?.filter(|record| record.class == INTERNET));
    }
    Some(records)
}

/// What a sieve found besides the records that it let pass.
#[derive(Debug, Default)]
struct Found {
    addresses: Vec<IpAddr>,
    /// Addresses that may be told, and are not let through.
    closed: Vec<IpAddr>,
    targets: Vec<(Name, Duration)>,
    /// The first record that it held back, and why.
    stripped: Option<(Option<IpAddr>, String)>,
    /// The longest of the records that release something.
    time_to_live: Duration,
    records: usize,
}

/// The name that a record leads to at its end (RFC 2782, 1035 and 3403).
fn target(record: &Record) -> Option<Name> {
    let mut reader = Reader::new(&record.data);
    let (numbers, texts) = match record.kind {
        kind::MX => (2, 0),
        kind::NAPTR => (4, 3),
        _ => (6, 0),
    };
    reader.bytes(numbers)?;
    for _ in 0..texts {
        let length = reader.bytes(1)?.first().copied()?;
        reader.bytes(length.into())?;
    }
    reader.name().filter(|_| reader.is_at_end())
}

/// Lets records pass that a client may see, and notes what they release.
struct Sieve<'a> {
    policy: &'a dyn NamePolicy,
    behaviour: &'a Behaviour,
    is_denied: &'a dyn Fn(&Name) -> bool,
    found: Found,
}

impl Sieve<'_> {
    fn pass(&mut self, record: &Record) -> Option<Record> {
        let mut record = capped(record.clone());
        let time_to_live = Duration::from_secs(record.time_to_live.into());
        match record.kind {
            kind::A => {
                let address = Ipv4Addr::from(<[u8; 4]>::try_from(record.data.as_slice()).ok()?);
                self.address(address.into(), time_to_live).then_some(record)
            }
            kind::AAAA => {
                let address = Ipv6Addr::from(<[u8; 16]>::try_from(record.data.as_slice()).ok()?);
                self.address(address.into(), time_to_live).then_some(record)
            }
            kind::SRV | kind::MX | kind::NAPTR => {
                let target = target(&record)?;
                self.target(target, time_to_live).then_some(record)
            }
            kind::SVCB | kind::HTTPS => {
                let binding = Binding::read(&record.data)?;
                if !self.target(binding.target.clone(), time_to_live) {
                    return None;
                }
                record.data = binding.with_hints(|address| self.address(address, time_to_live))?.data();
                Some(record)
            }
            _ => Some(record),
        }
    }

    /// Whether an address may be told.
    fn address(&mut self, address: IpAddr, time_to_live: Duration) -> bool {
        if address.is_ipv6() && !self.behaviour.ipv6 || self.found.records >= RECORDS {
            return false;
        }
        // What stands for an IPv4 address is one.
        let address = address.to_canonical();
        let is_public = self.policy.is_public(address);
        match self.behaviour.undecided {
            Undecided::Refuse if !is_public && !self.policy.covers(address) => {
                let reason = format!(
                    "its address {address} is not a public one, which a rule for the address must allow too"
                );
                self.found.stripped.get_or_insert((Some(address), reason));
                return false;
            }
            // It is reached as rules for addresses say, or as who is asked for the address says, whatever name leads there.
            Undecided::Refuse | Undecided::Ask if !is_public => {
                self.found.records += 1;
                self.found.closed.push(address);
                return true;
            }
            _ => {}
        }
        self.found.records += 1;
        if !self.found.addresses.contains(&address) {
            self.found.addresses.push(address);
        }
        self.found.time_to_live = self.found.time_to_live.max(time_to_live);
        true
    }

    /// Whether a target may be told. The root is none.
    fn target(&mut self, target: Name, time_to_live: Duration) -> bool {
        if self.found.records >= RECORDS {
            return false;
        }
        if (self.is_denied)(&target) {
            let reason = format!("it leads to {}, which a rule denies", target.text());
            self.found.stripped.get_or_insert((None, reason));
            return false;
        }
        self.found.records += 1;
        if target != Name::default() {
            self.found.targets.push((target, time_to_live));
        }
        true
    }
}
