//! The policy of a sandbox, wherever it is in force.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use netwright_sys::Result;

use super::reports::Reports;
use super::shared::Shared;
use crate::resolver::Resolver;
use crate::{Decision, Destination, Event, Policy, Rule};

/// How long an address is open whose name was just allowed, or is known from a while ago: its answer's time may be over.
const RELEASED: Duration = Duration::from_secs(60);

/// What holds the policy, and the policy that was asked for.
#[derive(Debug)]
pub(super) struct Enforced {
    pub(super) resolver: Resolver,
    pub(super) filter: Shared,
    pub(super) reports: Arc<Reports>,
    wanted: Mutex<Wanted>,
}

/// A policy, and the rules that answers to questions have added to it.
#[derive(Debug)]
struct Wanted {
    policy: Policy,
    answers: Vec<Rule>,
}

/// What the policy says about an attempt that the filter did not decide.
#[derive(Debug)]
pub(super) enum Standing {
    /// It is let through by now.
    Allowed,
    /// It is not, and why.
    Refused(String),
    /// This rule would let it through.
    Undecided(Rule),
}

impl Enforced {
    pub(super) fn new(resolver: Resolver, filter: Shared, reports: Arc<Reports>, policy: Policy) -> Self {
        let wanted = Mutex::new(Wanted { policy, answers: Vec::new() });
        Enforced { resolver, filter, reports, wanted }
    }

    /// Puts another policy in force. What answers have allowed stays allowed, where the policy does not deny it.
    pub(super) fn reload(&self, policy: &Policy) -> Result<()> {
        let wanted = &mut *self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        self.put(&with(policy, &wanted.answers), || Ok(()))?;
        wanted.policy = policy.clone();
        Ok(())
    }

    /// Adds rules, and lets these addresses through for them at once, where they have a name.
    pub(super) fn allow(&self, rules: &[Rule], addresses: &[IpAddr]) -> Result<()> {
        let wanted = &mut *self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let mut answers = wanted.answers.clone();
        answers.extend(rules.iter().filter(|rule| !wanted.answers.contains(rule)).cloned());
        self.put(&with(&wanted.policy, &answers), || {
            let mut filter = self.filter.lock();
            let allow = filter.policy().allow.iter().enumerate();
            let places: Vec<usize> =
                allow.filter(|(_, rule)| rules.contains(rule)).map(|(place, _)| place).collect();
            filter.release(&places, addresses, RELEASED)
        })?;
        wanted.answers = answers;
        Ok(())
    }

    fn put(&self, policy: &Policy, then: impl FnOnce() -> Result<()>) -> Result<()> {
        self.resolver.replace(Arc::new(policy.clone()), || {
            self.filter.lock().replace(policy)?;
            then()
        })?;
        self.reports.policy_changed(policy.clone());
        Ok(())
    }

    /// What becomes of an attempt that the filter did not decide. Where the policy allows it, it does from now on.
    pub(super) fn standing(&self, event: &Event) -> Standing {
        let (Some(protocol), Some(address)) = (event.protocol, event.address) else {
            return Standing::Refused(event.reason.clone());
        };
        let mut filter = self.filter.lock();
        let policy = filter.policy();
        let name = event.name.clone().filter(|name| policy.admits(name, address));
        let destination = Destination {
            name: name.clone(),
            address: Some(address),
            port: event.port.unwrap_or_default(),
            protocol,
        };
        match policy.decide(&destination) {
            Decision::Allowed(rule) => match filter.release(&[rule], &[address], RELEASED) {
                Ok(()) => Standing::Allowed,
                Err(error) => Standing::Refused(format!("it could not be let through: {error}")),
            },
            Decision::Denied(_) => Standing::Refused(self.reports.why(event, protocol)),
            _ => match (Event { name, ..event.clone() }).suggestion() {
                Some(rule) => Standing::Undecided(rule),
                None => Standing::Refused(event.reason.clone()),
            },
        }
    }
}

/// A policy with the rules that answers have added.
fn with(policy: &Policy, answers: &[Rule]) -> Policy {
    let mut policy = policy.clone();
    policy.merge(Policy { allow: answers.to_vec(), ..Policy::default() });
    policy
}
