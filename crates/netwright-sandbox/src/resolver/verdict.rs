//! What a policy says about names.

use super::NamePolicy;
use super::message::kind;
use super::name::Name;

/// Labels that name a service (RFC 6335 section 5.1 and RFC 8552) are this long with their underscore.
const LONGEST_SERVICE_LABEL: usize = 16;
/// Labels of services in front of a name.
const SERVICE_LABELS: usize = 3;

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

/// The name behind `_service._protocol.`; `None` where it has none.
fn without_service(name: &Name) -> Option<Name> {
    let is_service = |label: &&[u8]| label.first() == Some(&b'_') && label.len() <= LONGEST_SERVICE_LABEL;
    let labels = name.labels().take(SERVICE_LABELS).take_while(is_service).count();
    if labels == 0 { None } else { Name::from_labels(name.labels().skip(labels)) }
}
