//! The policy of a sandbox, wherever it is in force.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use netwright_sys::Result;

use super::reports::Reports;
use super::shared::Shared;
use crate::filter::Flow;
use crate::policy::LocalNetworks;
use crate::relay::Reviewer;
use crate::resolver::Resolver;
use crate::{Decision, Destination, Event, Policy, Protocol, Rule};

/// How long an address is open whose name was just allowed, or is known from a while ago: its answer's time may be over.
const RELEASED: Duration = Duration::from_secs(60);

/// What holds the policy, and the policy that was asked for.
#[derive(Debug)]
pub(crate) struct Enforced {
    pub(super) resolver: Resolver,
    pub(super) filter: Shared,
    pub(crate) reports: Arc<Reports>,
    wanted: Mutex<Wanted>,
    whose: Whose,
}

/// Whose flows a policy binds.
#[derive(Debug)]
pub(crate) enum Whose {
    /// Those of an inside, which a relay carries in part.
    Inside(Reviewer),
    /// Those of a control group of the host, by its directory.
    Group(PathBuf),
}

/// A policy, and the rules that answers to questions have added to it.
#[derive(Debug)]
struct Wanted {
    policy: Policy,
    answers: Vec<Rule>,
}

/// What the policy says about an attempt that the filter did not decide.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It is let through by now.
    Allowed,
    /// It is not, and why.
    Refused(String),
    /// This rule would let it through.
    Undecided(Rule),
}

impl Enforced {
    pub(crate) fn new(
        resolver: Resolver,
        filter: Shared,
        reports: Arc<Reports>,
        policy: Policy,
        whose: Whose,
    ) -> Self {
        let wanted = Mutex::new(Wanted { policy, answers: Vec::new() });
        Enforced { resolver, filter, reports, wanted, whose }
    }

    /// Puts another policy in force. What answers have allowed stays allowed, where the policy does not deny it.
    pub(crate) fn reload(&self, policy: &Policy) -> Result<()> {
        let policy = &Policy { local: LocalNetworks::of_host()?, ..policy.clone() };
        let wanted = &mut *self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let open_before = self.open_anyway();
        self.put(&with(policy, &wanted.answers), || Ok(()))?;
        wanted.policy = policy.clone();
        self.cut(&open_before);
        Ok(())
    }

    /// Ends what is open and not allowed any more, but for what was open although no policy allowed it.
    fn cut(&self, open_before: &[Flow]) {
        if let Whose::Inside(reviewer) = &self.whose {
            reviewer.begin();
        }
        let flows = match self.flows() {
            Ok(flows) => flows,
            Err(error) => return self.reports.cannot_cut(&error),
        };
        for flow in flows.iter().filter(|flow| !self.keeps(flow) && !open_before.contains(flow)) {
            self.reports.cut(flow.protocol, flow.source, flow.destination);
            if let Err(error) = self.filter.lock().forget(flow) {
                self.reports.cannot_cut(&error);
            }
        }
    }

    /// What processes had open before they were put behind a policy.
    fn open_anyway(&self) -> Vec<Flow> {
        match self.whose {
            Whose::Inside(_) => Vec::new(),
            Whose::Group(_) => {
                let mut flows = self.flows().unwrap_or_default(); // cutting tells why
                flows.retain(|flow| !self.keeps(flow));
                flows
            }
        }
    }

    fn flows(&self) -> Result<Vec<Flow>> {
        let mut flows = self.filter.lock().flows()?;
        if let Whose::Group(group) = &self.whose {
            let sockets = self.reports.sockets_of(group);
            let is_of_group = |flow: &Flow| {
                sockets.iter().any(|(protocol, local)| {
                    let is_there =
                        local.ip().is_unspecified() || local.ip().to_canonical() == flow.source.ip();
                    *protocol == flow.protocol && local.port() == flow.source.port() && is_there
                })
            };
            flows.retain(is_of_group);
        }
        Ok(flows)
    }

    fn keeps(&self, flow: &Flow) -> bool {
        keeps(&self.filter, &self.reports, flow.protocol, flow.destination)
    }

    /// The host is on other networks.
    pub(crate) fn moved(&self, local: LocalNetworks) -> Result<()> {
        let wanted = &mut *self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.policy.local = local;
        let policy = with(&wanted.policy, &wanted.answers);
        if !policy.depends_on_networks() {
            return Ok(());
        }
        let open_before = self.open_anyway();
        self.put(&policy, || Ok(()))?;
        self.cut(&open_before);
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
    pub(super) fn verdict(&self, event: &Event) -> Verdict {
        let (Some(protocol), Some(address)) = (event.protocol, event.address) else {
            return Verdict::Refused(event.reason.clone());
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
                Ok(()) => Verdict::Allowed,
                Err(error) => Verdict::Refused(format!("it could not be let through: {error}")),
            },
            Decision::Denied(_) => Verdict::Refused(self.reports.why(event, protocol)),
            _ => match (Event { name, ..event.clone() }).suggestion() {
                Some(rule) => Verdict::Undecided(rule),
                None => Verdict::Refused(event.reason.clone()),
            },
        }
    }
}

/// Whether a flow that was let through may go on under the policy that is in force: by its address, by what was released for its name, or by another
/// name of the address.
pub(crate) fn keeps(filter: &Shared, reports: &Reports, protocol: Protocol, to: SocketAddr) -> bool {
    let filter = filter.lock();
    if filter.keeps(protocol, to) {
        return true;
    }
    let by_address = Destination { name: None, address: Some(to.ip()), port: to.port(), protocol };
    let is_denied = matches!(filter.policy().decide(&by_address), Decision::Denied(_));
    !is_denied && reports.allows_by_name(filter.policy(), protocol, to)
}

/// A policy with the rules that answers have added.
fn with(policy: &Policy, answers: &[Rule]) -> Policy {
    let mut policy = policy.clone();
    policy.merge(Policy { allow: answers.to_vec(), ..Policy::default() });
    policy
}
