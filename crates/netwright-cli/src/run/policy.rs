//! What the policy is made of: flags, a file, presets.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use netwright_nft::diagnostic::SourceMap;
use netwright_sandbox::{FileAccess, LocalNetworks, Place, Policy, Presets, SearchPath};

use crate::arguments::{ExplainPolicy, PolicyArguments, Run};
use crate::failure::{Failure, reason};
use crate::{diagnostics, files};

/// Where a policy comes from.
pub(crate) struct Source<'a> {
    rules: &'a PolicyArguments,
    rest: Policy,
    presets: Remembered,
}

/// Presets as they were when they were read first: a command that runs may change them, and its policy would change with them.
#[derive(Default)]
struct Remembered {
    texts: RefCell<HashMap<String, Found>>,
    /// No others are read any more.
    is_all: Cell<bool>,
}

/// A preset's name for messages and its text, where there is one; else why it cannot be read.
type Found = Result<Option<(String, String)>, String>;

impl Presets for Remembered {
    fn load(&self, name: &str) -> Found {
        if let Some(found) = self.texts.borrow().get(name) {
            return found.clone();
        }
        if self.is_all.get() {
            return Err(
                "presets are read when a command is started, and this one was not: start it again".into()
            );
        }
        let found = SearchPath::usual().load(name);
        self.texts.borrow_mut().insert(name.to_owned(), found.clone());
        found
    }

    fn names(&self) -> Vec<String> {
        SearchPath::usual().names()
    }
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
        Source { rules: &arguments.rules, rest, presets: Remembered::default() }
    }

    /// From the arguments of `netwright explain-policy`.
    pub(crate) fn of_explanation(arguments: &'a ExplainPolicy) -> Self {
        let (rest, presets) = (Policy::default(), Remembered::default());
        Source { rules: &arguments.rules, rest, presets }
    }

    /// The file, which may change while the policy is in force.
    pub(crate) fn file(&self) -> Option<&'a Path> {
        self.rules.policy.as_deref()
    }

    /// Reads it all. What is wrong with files has been told when this fails.
    pub(crate) fn read(&self) -> Result<Policy, Failure> {
        let text = self.file().map(files::read_argument).transpose()?;
        let policy = self.policy(text);
        self.presets.is_all.set(true);
        policy
    }

    /// The same with what the file has in it now.
    pub(crate) fn read_again(&self, mut file: File) -> Result<Policy, Failure> {
        let name = self.file().map(|path| path.display().to_string()).unwrap_or_default();
        let mut text = String::new();
        file.read_to_string(&mut text)
            .map_err(|error| Failure::said(format!("cannot read {name}: {}", reason(&error))))?;
        self.policy(Some((name, text)))
    }

    fn policy(&self, text: Option<(String, String)>) -> Result<Policy, Failure> {
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
        let (presets, mut sources) = (&self.presets, SourceMap::default());
        let mut read = Vec::new();
        for name in &self.rules.preset {
            read.push(Policy::from_preset(&mut sources, name, presets));
        }
        if let Some((name, text)) = text {
            let profiles: Vec<&str> = self.rules.profile.iter().map(String::as_str).collect();
            read.push(Policy::from_toml(&mut sources, &name, &text, &profiles, presets));
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
