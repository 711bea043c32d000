//! Matches and targets of iptables, ip6tables and ebtables in words of the language.
//!
//! The kernel keeps them as structs of their own. What is said here must mean exactly the same: a ruleset that was listed is
//! loaded again. What the language cannot say as exactly has no words, and is refused where it is loaded.

mod bridge;
mod info;
mod matches;
mod port;
mod target;
mod translation;

use netwright_netfilter::{Expression as Kernel, Family};

use crate::catalog::Catalog;
use crate::diagnostic::SourceMap;
use crate::evaluate::{Options, compile};
use crate::ir::{Extension, Statement, Target};
use crate::syntax::{NoIncludes, parse};
use crate::table::Names;
use info::Info;

/// What an extension is asked with, beside its own struct.
#[derive(Clone, Copy, Debug)]
struct Around {
    family: Family,
    /// The transport protocol that was matched before it.
    transport: Option<u8>,
}

impl Around {
    /// The keyword of the network header.
    fn network(self) -> &'static str {
        if self.family == Family::IPV6 { "ip6" } else { "ip" }
    }
}

/// The words for a match or target; `None` where there are none. Nothing to say is an empty text.
pub(crate) fn words(code: &Kernel, family: Family, transport: Option<u8>) -> Option<String> {
    let around = Around { family, transport };
    let (name, revision, info) = parts(code)?;
    let info = Info::new(info);
    match (code, family) {
        (Kernel::Match(_), Family::BRIDGE) => bridge::matched(name, revision, info),
        (Kernel::Target(_), Family::BRIDGE) => bridge::target(name, revision, info),
        (Kernel::Match(_), _) => matches::words(name, revision, info, around),
        (Kernel::Target(_), _) => target::words(name, revision, info, around),
        _ => None,
    }
}

/// The comment that a match of iptables is.
pub(crate) fn comment(code: &Kernel) -> Option<&str> {
    match code {
        Kernel::Match(attrs) if attrs.name.as_deref() == Some("comment") => {
            let bytes = attrs.info.as_deref()?;
            let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
            std::str::from_utf8(bytes.get(..end)?).ok()
        }
        _ => None,
    }
}

/// `match` or `target`, and the name.
pub(crate) fn title(code: &Kernel) -> (&'static str, &str) {
    match code {
        Kernel::Match(attrs) => ("match", attrs.name.as_deref().unwrap_or_default()),
        Kernel::Target(attrs) => ("target", attrs.name.as_deref().unwrap_or_default()),
        other => ("expression", other.name()),
    }
}

fn parts(code: &Kernel) -> Option<(&str, u32, &[u8])> {
    match code {
        Kernel::Match(attrs) => {
            Some((attrs.name.as_deref()?, attrs.revision.unwrap_or(0), attrs.info.as_deref()?))
        }
        Kernel::Target(attrs) => {
            Some((attrs.name.as_deref()?, attrs.revision.unwrap_or(0), attrs.info.as_deref()?))
        }
        _ => None,
    }
}

impl Extension {
    /// What its words mean; `None` where it has none.
    pub(crate) fn statements(&self) -> Option<Vec<Statement>> {
        let words = self.words.as_deref()?;
        if words.is_empty() {
            return Some(Vec::new());
        }
        let before = self.transport.map(|protocol| format!("meta l4proto {protocol} ")).unwrap_or_default();
        let mut sources = SourceMap::default();
        let source = sources.add(String::new(), format!("add rule {} t c {before}{words}", self.family));
        let parsed = parse(&mut sources, source, &mut NoIncludes);
        let (names, catalog) = (Names::new(), Catalog::default());
        let compiled = compile(
            &sources,
            &parsed,
            &Options { names: &names, catalog: &catalog, zone: crate::table::Zone::UTC },
        );
        if !parsed.diagnostics.is_empty() || !compiled.diagnostics.is_empty() {
            return None;
        }
        match compiled.commands.into_iter().next()?.target {
            Target::Rule { rule, .. } => {
                Some(rule.statements.into_iter().skip(usize::from(!before.is_empty())).collect())
            }
            _ => None,
        }
    }
}
