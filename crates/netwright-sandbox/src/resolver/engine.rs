//! What is answered, without sockets: questions in, answers out.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::behaviour::Behaviour;
use super::hosts::Hosts;
use super::memory::KnownNames;
use super::message::{INTERNET, Question, code, kind};
use super::name::Name;
use super::query::{
    Explanation, Notice, Outcome, Query, Released, Transport, is_asked_for, is_request_to_server,
};
use super::targets::Targets;
use super::verdict::Verdict;
use super::{NamePolicy, Release, answer, local};
use crate::{Action, Undecided};

#[cfg(test)]
mod tests;

/// Addresses stay in the kernel's set at least so long, whatever their time to live: programs keep addresses for a minute and more.
const SHORTEST: Duration = Duration::from_secs(60);
/// How long they stay longer than the answer says, so that a program that has just looked may still connect.
const GRACE: Duration = Duration::from_secs(10);

/// Answers questions.
#[derive(Debug)]
pub(super) struct Engine {
    behaviour: Behaviour,
    targets: Targets,
    known: Arc<KnownNames>,
}

/// What to do with a client's message.
#[derive(Clone, Debug)]
pub(super) enum Decision {
    /// Nothing.
    Silence,
    /// Answer it, once what it releases is let through.
    Answer(Query, Outcome),
    /// Ask a name server the query's question.
    Ask(Query, Question),
}

impl Engine {
    pub(super) fn new(behaviour: Behaviour, known: Arc<KnownNames>) -> Self {
        Self { behaviour, targets: Targets::default(), known }
    }

    /// The host searches other domains, and lists other names.
    pub(super) fn reconfigure(&mut self, search: Vec<Name>, hosts: Hosts) {
        self.behaviour.search = search;
        self.behaviour.hosts = hosts;
    }

    /// Decides about a client's message.
    pub(super) fn decide(
        &self,
        policy: &dyn NamePolicy,
        message: &[u8],
        transport: Transport,
        now: Instant,
    ) -> Decision {
        let Some((query, early)) = Query::read(message, transport) else { return Decision::Silence };
        match (early, query.question.clone()) {
            (Some(outcome), _) => Decision::Answer(query, outcome),
            (None, None) => Decision::Silence,
            (None, Some(question)) => match self.at_once(policy, &question, now) {
                Some(outcome) => Decision::Answer(query, outcome),
                None => Decision::Ask(query, question),
            },
        }
    }

    /// The answer that needs nobody else.
    fn at_once(&self, policy: &dyn NamePolicy, question: &Question, now: Instant) -> Option<Outcome> {
        if question.class != INTERNET || is_request_to_server(question.kind) || !is_asked_for(question.kind) {
            return Some(Outcome {
                explanation: Some(Explanation::Prohibited),
                ..Outcome::of(code::REFUSED)
            });
        }
        if let Some(outcome) = local::reserved(question) {
            return Some(outcome);
        }
        if let Some(address) = local::asked_address(question) {
            return self.reverse(policy, question, address, now);
        }
        let verdict = self.verdict(policy, &question.name, question.kind, now);
        let own = Hosts::new(policy.hosts());
        if !verdict.denied
            && let Some(addresses) = own.addresses(&question.name)
        {
            return Some(answer::hosts(question, addresses, &verdict, &self.behaviour));
        }
        if verdict.denied || !verdict.allowed {
            return Some(self.blocked(policy, &question.name, &verdict));
        }
        if let Some(addresses) = self.behaviour.hosts.addresses(&question.name) {
            return Some(answer::hosts(question, addresses, &verdict, &self.behaviour));
        }
        (question.kind == kind::AAAA && !self.behaviour.ipv6).then(|| Outcome::of(code::DONE))
    }

    /// The name of an address is told where the address may be reached; a log needs no word of the others, which programs ask for idly.
    fn reverse(
        &self,
        policy: &dyn NamePolicy,
        question: &Question,
        address: IpAddr,
        now: Instant,
    ) -> Option<Outcome> {
        let name =
            Hosts::new(policy.hosts()).name_of(address).or_else(|| self.behaviour.hosts.name_of(address));
        if let Some(name) = name {
            return Some(answer::reverse(question, &name));
        }
        let may_ask =
            self.behaviour.resolves_all() || policy.covers(address) || self.known.is_released(address, now);
        (!may_ask).then(|| Outcome::of(code::NO_SUCH_NAME))
    }

    /// What the policy says about a name that is asked for.
    pub(super) fn verdict(&self, policy: &dyn NamePolicy, name: &Name, kind: u16, now: Instant) -> Verdict {
        let mut verdict = Verdict::own(policy, name, kind);
        for source in self.targets.sources(name, now) {
            let granted = Verdict::own(policy, source, kind::SRV);
            if !granted.denied && granted.allowed {
                verdict.extend(source, granted.rules);
            }
        }
        if let Some(short) = self.short(name) {
            let meant = policy.name_rules(&short.text());
            // A rule for many addresses opens short names, too; below the domain, they could be anything.
            if meant.deny.is_none() && !meant.allow.is_empty() {
                verdict.extend(&short, meant.allow);
            }
        }
        verdict.rules.sort_unstable();
        verdict.rules.dedup();
        match self.behaviour.undecided {
            Undecided::Refuse => {}
            Undecided::Allow => (verdict.allowed, verdict.denied) = (true, false),
            Undecided::Ask => verdict.allowed = true,
        }
        if verdict.sources.is_empty() {
            verdict.sources.push(name.clone());
        }
        verdict
    }

    /// The names to which a program may have appended a domain of the search list.
    fn bare(&self, name: &Name) -> impl Iterator<Item = Name> {
        self.behaviour.search.iter().filter_map(|domain| without_domain(name, domain))
    }

    /// The one of them that is a single label: resolvers look for that below the domains of the list, which it is short for.
    fn short(&self, name: &Name) -> Option<Name> {
        self.bare(name).find(|bare| bare.labels().count() == 1)
    }

    /// The answer for a name that may not be asked for.
    ///
    /// It is "no such name" and not "refused", which the resolvers of libraries take for a server that is broken: that of glibc asks
    /// again and gives up the rest of its search list, that of musl waits five seconds (also for an allowed name, if `ndots` makes it
    /// ask for another one first), and that of Go asks again. "No such name" ends a search at once, or lets it go on.
    fn blocked(&self, policy: &dyn NamePolicy, name: &Name, verdict: &Verdict) -> Outcome {
        let reason = if verdict.denied { "a rule denies the name" } else { "no rule allows the name" };
        let mut notice = Notice::new(Action::Blocked, name.text(), reason);
        let bare = self.bare(name).next();
        // A program that appends the search list to an allowed name does not want to go there.
        let is_searched = bare.as_ref().is_some_and(|bare| {
            Verdict::own(policy, bare, kind::SRV).allowed
                || Hosts::new(policy.hosts()).addresses(bare).is_some()
        });
        notice.bare = bare.map(|bare| bare.text());
        Outcome {
            explanation: Some(Explanation::Blocked),
            notices: if is_searched && !verdict.denied { Vec::new() } else { vec![notice] },
            ..Outcome::of(code::NO_SUCH_NAME)
        }
    }

    /// What there is to say when a name server has answered: `message` is the answer to the question.
    pub(super) fn hear(
        &mut self,
        policy: &dyn NamePolicy,
        question: &Question,
        message: &[u8],
        now: Instant,
    ) -> Outcome {
        // The policy may have changed since it was asked.
        let verdict = match local::asked_address(question) {
            Some(_) => Verdict { allowed: true, ..Verdict::default() },
            None => self.verdict(policy, &question.name, question.kind, now),
        };
        if verdict.denied || !verdict.allowed {
            return self.blocked(policy, &question.name, &verdict);
        }
        let heard = answer::rebuild(policy, question, message, &verdict, &self.behaviour);
        for (target, time_to_live) in heard.targets {
            for source in &verdict.sources {
                self.targets.grant(&target, source, in_kernel(time_to_live), now);
            }
        }
        let mut outcome = heard.outcome;
        if self.behaviour.undecided == Undecided::Allow && outcome.code == code::DONE {
            let reason = "every name is allowed while the policy is learned";
            outcome.notices.push(Notice::new(Action::Allowed, question.name.text(), reason));
        }
        outcome
    }

    /// Lets an outcome's addresses through. Only what it returns may be told.
    pub(super) fn settle(&self, mut outcome: Outcome, release: &dyn Release, now: Instant) -> Outcome {
        let Some(released) = outcome.release.take() else { return outcome };
        let Released { name, rules, addresses, closed, time_to_live } = released;
        let time_to_live = in_kernel(time_to_live);
        if !rules.is_empty()
            && !addresses.is_empty()
            && let Err(error) = release.release(&rules, &addresses, time_to_live)
        {
            let reason = format!("its addresses could not be let through: {error}");
            let notice = Notice::new(Action::Failed, name, reason);
            return Outcome { notices: vec![notice], ..Outcome::of(code::FAILED) };
        }
        self.known.remember(&name, &addresses, now + time_to_live);
        self.known.remember(&name, &closed, now);
        outcome
    }

    /// Lets through again what is let through, after the policy was replaced: for the rules that the names have now.
    pub(super) fn release_again(&self, policy: &dyn NamePolicy, release: &dyn Release, now: Instant) {
        for (text, address, time_to_live) in self.known.released(now) {
            let Some(name) = Name::from_text(&text) else { continue };
            let verdict = self.verdict(policy, &name, kind::SRV, now);
            if verdict.allowed && !verdict.denied && !verdict.rules.is_empty() {
                // What fails stays closed; the next question for the name opens it.
                let _ = release.release(&verdict.rules, &[address], time_to_live);
            }
        }
    }
}

/// What stands before a domain in a name below it.
fn without_domain(name: &Name, domain: &Name) -> Option<Name> {
    let length = name.labels().count().checked_sub(domain.labels().count())?;
    let is_below = length > 0 && *domain != Name::default() && name.is_within(domain);
    if is_below { Name::from_labels(name.labels().take(length)) } else { None }
}

/// How long addresses are let through that are to live so long.
fn in_kernel(time_to_live: Duration) -> Duration {
    (time_to_live + GRACE).max(SHORTEST)
}
