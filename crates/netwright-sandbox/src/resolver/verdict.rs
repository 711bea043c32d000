//! What a policy says about names.

use super::NamePolicy;
use super::message::kind;
use super::name::Name;
use super::services;

/// What the policy says about a question's name.
#[derive(Clone, Debug, Default)]
pub(super) struct Verdict {
    pub(super) rules: Vec<usize>,
    /// The names that have these rules: itself, or those whose answers lead to it.
    pub(super) sources: Vec<Name>,
    pub(super) denied: bool,
    pub(super) allowed: bool,
}

impl Verdict {
    /// What the policy's own rules say about a name, where it is asked for records of this kind.
    pub(super) fn own(policy: &dyn NamePolicy, name: &Name, kind: u16) -> Self {
        let full = policy.name_rules(&name.text());
        let mut verdict = Verdict {
            denied: full.deny.is_some(),
            allowed: full.is_allowed(),
            rules: full.allow,
            sources: Vec::new(),
        };
        if verdict.allowed {
            verdict.sources.push(name.clone());
        }
        // A name of a service belongs to whoever has the name behind it, but no address of its own is reached under that name's rules.
        if !matches!(kind, kind::A | kind::AAAA)
            && let Some(bare) = without_service(name)
        {
            let behind = policy.name_rules(&bare.text());
            verdict.denied |= behind.deny.is_some();
            if behind.is_allowed() {
                verdict.extend(&bare, behind.allow);
            }
        }
        verdict
    }

    /// Allows it by another name's rules, too.
    pub(super) fn extend(&mut self, source: &Name, rules: Vec<usize>) {
        self.allowed = true;
        self.rules.extend(rules);
        self.sources.push(source.clone());
    }
}

/// The name behind labels of services; `None` where it has none.
fn without_service(name: &Name) -> Option<Name> {
    let labels = services::labels(name.labels());
    if labels == 0 { None } else { Name::from_labels(name.labels().skip(labels)) }
}
