//! What the policy is made of: flags, a file, presets.

use netwright_sandbox::{Place, Policy, Rule};

use crate::arguments::{ExplainPolicy, Run};
use crate::failure::Failure;

/// Where a policy comes from.
pub(crate) struct Source<'a> {
    allow: &'a [Rule],
    deny: &'a [Rule],
    file: Option<&'a std::path::Path>,
    profiles: &'a [String],
    presets: &'a [String],
    rest: Policy,
}

impl<'a> Source<'a> {
    /// From the arguments of `netwright run`.
    pub(crate) fn of_run(arguments: &'a Run) -> Self {
        let rest = Policy {
            dns: arguments.dns.clone(),
            hosts: arguments.hosts.clone(),
            sockets: arguments.socket.clone(),
            ..Policy::default()
        };
        Source {
            allow: &arguments.allow,
            deny: &arguments.deny,
            file: arguments.policy.as_deref(),
            profiles: &arguments.profile,
            presets: &arguments.preset,
            rest,
        }
    }

    /// From the arguments of `netwright explain-policy`.
    pub(crate) fn of_explanation(arguments: &'a ExplainPolicy) -> Self {
        Source {
            allow: &arguments.allow,
            deny: &arguments.deny,
            file: arguments.policy.as_deref(),
            profiles: &arguments.profile,
            presets: &arguments.preset,
            rest: Policy::default(),
        }
    }

    /// The file, which may change while the policy is in force.
    pub(crate) fn file(&self) -> Option<&std::path::Path> {
        self.file
    }

    /// Reads it all. What is wrong has been told when this fails.
    pub(crate) fn read(&self) -> Result<Policy, Failure> {
        let mut policy = self.rest.clone();
        let place = |name: &str| Place { name: name.to_owned(), line: None };
        for rule in self.allow {
            policy.places.allow.entry(rule.clone()).or_insert_with(|| place("--allow"));
        }
        for rule in self.deny {
            policy.places.deny.entry(rule.clone()).or_insert_with(|| place("--deny"));
        }
        policy.allow.extend_from_slice(self.allow);
        policy.deny.extend_from_slice(self.deny);
        Ok(policy)
    }
}
