//! What the policy is made of: flags, a file, presets.

use std::path::Path;

use netwright_nft::diagnostic::SourceMap;
use netwright_sandbox::{FileAccess, LocalNetworks, Place, Policy, SearchPath};

use crate::arguments::{ExplainPolicy, PolicyArguments, Run};
use crate::failure::Failure;
use crate::{diagnostics, files};

/// Where a policy comes from.
pub(crate) struct Source<'a> {
    rules: &'a PolicyArguments,
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
        Source { rules: &arguments.rules, rest }
    }

    /// From the arguments of `netwright explain-policy`.
    pub(crate) fn of_explanation(arguments: &'a ExplainPolicy) -> Self {
        Source { rules: &arguments.rules, rest: Policy::default() }
    }

    /// The file, which may change while the policy is in force.
    pub(crate) fn file(&self) -> Option<&'a Path> {
        self.rules.policy.as_deref()
    }

    /// Reads it all. What is wrong with files has been told when this fails.
    pub(crate) fn read(&self) -> Result<Policy, Failure> {
        let mut policy = self.rest.clone();
        let PolicyArguments { read, write, workspace, cache, .. } = self.rules;
        policy.files = FileAccess {
            read: read.clone(),
            write: write.clone(),
            workspace: *workspace,
            caches: cache.clone(),
        };
        let flags = [
            (&self.rules.allow, "--allow", &mut policy.allow, &mut policy.places.allow),
            (&self.rules.deny, "--deny", &mut policy.deny, &mut policy.places.deny),
        ];
        for (rules, flag, all, places) in flags {
            let place = Place { name: flag.to_owned(), line: None };
            places.extend(rules.iter().map(|rule| (rule.clone(), place.clone())));
            all.extend_from_slice(rules);
        }
        let (presets, mut sources) = (SearchPath::usual(), SourceMap::default());
        let mut read = Vec::new();
        for name in &self.rules.preset {
            read.push(Policy::from_preset(&mut sources, name, &presets));
        }
        if let Some(path) = self.file() {
            let (name, text) = files::read_argument(path)?;
            let profiles: Vec<&str> = self.rules.profile.iter().map(String::as_str).collect();
            read.push(Policy::from_toml(&mut sources, &name, &text, &profiles, &presets));
        }
        let mut errors = 0;
        for (more, diagnostics) in read {
            errors += diagnostics::show(&diagnostics, &sources);
            policy.merge(more.unwrap_or_default());
        }
        // Where the kernel does not tell, private addresses are local ones at least.
        policy.local = LocalNetworks::of_host().unwrap_or_default();
        if errors > 0 { Err(Failure::Reported) } else { Ok(policy) }
    }
}
