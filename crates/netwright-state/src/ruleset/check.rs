//! What the kernel refuses of a ruleset, and what can hardly be meant, found without it.

use netwright_netfilter::Family;
use netwright_nft::diagnostic::{Diagnostic, Span, nearest, suggestion};
use netwright_nft::ir::{
    Chain, ChainTarget, Element, Expression, NatKind, Rule, Selector, SetReference, Statement, Verdict,
};

use super::{Ruleset, Table};

/// How deep chains call each other (`NFT_JUMP_STACK_SIZE`).
const DEPTH: usize = 16;

/// A nat chain must come behind this (`NF_IP_PRI_CONNTRACK`).
const CONNECTION_TRACKING: i32 = -200;

/// Hooks of the families that see packets of IP (`NF_INET_*`).
const HOOKS: [&str; 6] = ["prerouting", "input", "forward", "output", "postrouting", "ingress"];

const PREROUTING: u32 = 1;
const INPUT: u32 = 1 << 1;
const FORWARD: u32 = 1 << 2;
const OUTPUT: u32 = 1 << 3;
const POSTROUTING: u32 = 1 << 4;
const INGRESS: u32 = 1 << 5;

/// What is wrong with a ruleset: errors where the kernel refuses it, warnings where it can hardly be meant. `known` tells
/// whether there is an interface of a name, and `names` are those that come into question for a misspelt one.
pub fn check(ruleset: &Ruleset, known: &dyn Fn(&str) -> bool, names: &[String]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for table in &ruleset.tables {
        let mut check = Check { table, known, names, found: &mut found, told: Vec::new() };
        check.loops();
        for chain in &table.chains {
            check.base(chain);
        }
    }
    found
}

struct Check<'a> {
    table: &'a Table,
    known: &'a dyn Fn(&str) -> bool,
    names: &'a [String],
    found: &'a mut Vec<Diagnostic>,
    /// Rules that were told of, so that none is told twice for being reached from two chains.
    told: Vec<(String, usize, String)>,
}

impl<'a> Check<'a> {
    fn place(&self, chain: &str, rule: Option<usize>) -> Span {
        let rule = rule.and_then(|rule| self.table.rule_places.of(chain, rule).rule);
        rule.or(self.table.place).unwrap_or_default()
    }

    fn tell(&mut self, chain: &str, rule: Option<usize>, diagnostic: Diagnostic) {
        let key = (chain.to_owned(), rule.unwrap_or(usize::MAX), diagnostic.message.clone());
        if !self.told.contains(&key) {
            self.told.push(key);
            self.found.push(diagnostic);
        }
    }

    fn chain(&self, name: &str) -> Option<&'a Chain> {
        self.table.chains.iter().find(|chain| chain.name == name)
    }

    /// Chains that lead back to themselves.
    fn loops(&mut self) {
        let mut done: Vec<&str> = Vec::new();
        // the kernel looks from where packets come in
        for chain in self.table.chains.iter().filter(|chain| chain.hook.is_some()) {
            let mut way = Vec::new();
            self.follow(chain, &mut way, &mut done);
        }
    }

    fn follow(&mut self, chain: &'a Chain, way: &mut Vec<&'a str>, done: &mut Vec<&'a str>) {
        if done.contains(&chain.name.as_str()) {
            return;
        }
        way.push(&chain.name);
        for (index, rule) in chain.rules.iter().enumerate() {
            for target in self.targets(&rule.statements) {
                if let Some(start) = way.iter().position(|name| *name == target) {
                    let names =
                        way.iter().skip(start).copied().chain([target]).collect::<Vec<_>>().join(" → ");
                    let message = format!("chains lead back to where they came from: {names}");
                    let diagnostic = Diagnostic::error(self.place(&chain.name, Some(index)), message);
                    self.tell(&chain.name, Some(index), diagnostic);
                } else if let Some(next) = self.chain(target) {
                    self.follow(next, way, done);
                }
            }
        }
        way.pop();
        done.push(&chain.name);
    }

    /// The chains that statements lead to.
    fn targets(&self, statements: &'a [Statement]) -> Vec<&'a str> {
        let mut found = Vec::new();
        self.each_verdict(statements, &mut |verdict| {
            if let Verdict::Jump(ChainTarget::Named(name)) | Verdict::Goto(ChainTarget::Named(name)) = verdict
            {
                found.push(name.as_str());
            }
        });
        found
    }

    fn each_verdict(&self, statements: &'a [Statement], tell: &mut dyn FnMut(&'a Verdict)) {
        for statement in statements {
            match statement {
                Statement::Verdict(verdict) => {
                    tell(verdict);
                    if let Verdict::Jump(ChainTarget::Anonymous(rules))
                    | Verdict::Goto(ChainTarget::Anonymous(rules)) = verdict
                    {
                        rules.iter().for_each(|rule| self.each_verdict(&rule.statements, tell));
                    }
                }
                Statement::VerdictMap(_, map) => {
                    for element in self.elements(map) {
                        if let Some(Expression::Verdict(verdict)) = &element.data {
                            tell(verdict);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn elements(&self, set: &'a SetReference) -> &'a [Element] {
        match set {
            SetReference::Anonymous(elements) => elements,
            SetReference::Named(name) => {
                let found = self.table.sets.iter().find(|set| set.name == *name);
                found.map_or(&[], |set| set.elements.as_slice())
            }
        }
    }

    fn base(&mut self, chain: &'a Chain) {
        let Some(hook) = &chain.hook else { return };
        let family = self.table.table.family;
        if !matches!(family, Family::IPV4 | Family::IPV6 | Family::INET) || hook.hook.number > 5 {
            return;
        }
        let number = hook.hook.number;
        let name = HOOKS.get(number as usize).copied().unwrap_or("hook");
        let hooks = match hook.chain_type.as_str() {
            "nat" => PREROUTING | INPUT | OUTPUT | POSTROUTING,
            "route" => OUTPUT,
            _ => u32::MAX,
        };
        let place = self.place(&chain.name, None);
        if hooks & (1 << number) == 0 {
            let message = format!("a chain of type {} cannot be at the hook {name}", hook.chain_type);
            let diagnostic = Diagnostic::error(place, format!("{message}: chain {}", chain.name));
            return self.tell(&chain.name, None, diagnostic.help(format!("It can be at {}.", words(hooks))));
        }
        if hook.chain_type == "nat" && hook.hook.priority <= CONNECTION_TRACKING {
            let message = format!(
                "a chain of type nat must come behind the tracking of connections: chain {}",
                chain.name
            );
            let help =
                format!("Give it a priority above {CONNECTION_TRACKING}, such as `dstnat` or `srcnat`.");
            self.tell(&chain.name, None, Diagnostic::error(place, message).help(help));
        }
        let base = Base { chain_type: &hook.chain_type, hook: 1 << number, name: &chain.name };
        self.rules(chain, &base, 1);
        let drops =
            chain.policy == Some(Verdict::Drop) && 1 << number == INPUT && hook.chain_type == "filter";
        if drops && !self.accepts(chain, 1) {
            let message = format!("chain {} accepts nothing: the host can be reached by nobody", chain.name);
            let help = "Accept at least `ct state established,related` and what comes in by `lo`.";
            self.tell(&chain.name, None, Diagnostic::warning(place, message).help(help));
        }
    }

    fn accepts(&self, chain: &'a Chain, depth: usize) -> bool {
        chain.rules.iter().any(|rule| {
            let mut accepts = false;
            let mut next = Vec::new();
            self.each_verdict(&rule.statements, &mut |verdict| match verdict {
                Verdict::Accept | Verdict::Other(_) => accepts = true,
                Verdict::Jump(ChainTarget::Named(name)) | Verdict::Goto(ChainTarget::Named(name)) => {
                    next.push(name);
                }
                _ => {}
            });
            let other = |statement: &Statement| {
                matches!(statement, Statement::Queue(_) | Statement::Raw(_) | Statement::Tproxy(_))
            };
            accepts
                || rule.statements.iter().any(other)
                || depth < DEPTH
                    && next
                        .into_iter()
                        .any(|name| self.chain(name).is_some_and(|chain| self.accepts(chain, depth + 1)))
        })
    }

    fn rules(&mut self, chain: &'a Chain, base: &Base<'_>, depth: usize) {
        if depth > DEPTH {
            return;
        }
        for (index, rule) in chain.rules.iter().enumerate() {
            self.rule(&chain.name, index, rule, base);
            for target in self.targets(&rule.statements) {
                if let Some(next) = self.chain(target).filter(|next| next.hook.is_none()) {
                    self.rules(next, base, depth + 1);
                }
            }
        }
    }

    fn rule(&mut self, chain: &str, index: usize, rule: &'a Rule, base: &Base<'_>) {
        for statement in &rule.statements {
            if let Some((word, types, hooks)) = needs(statement)
                && (types.is_some_and(|needed| needed != base.chain_type) || hooks & base.hook == 0)
            {
                let place = self.place(chain, Some(index));
                let at = format!("a chain of type {} at the hook {}", base.chain_type, words(base.hook));
                let via =
                    if chain == base.name { String::new() } else { format!(", from chain {}", base.name) };
                let message = format!("`{word}` cannot stand in {at}{via}");
                let of = types.map_or_else(String::new, |word| format!(" of type {word}"));
                let help = format!("It belongs in a chain{of} at {}.", words(hooks));
                self.tell(chain, Some(index), Diagnostic::error(place, message).help(help));
            }
            if let Statement::Match(condition) = statement {
                self.interface(chain, index, &condition.left, &condition.right, base);
            }
            if let Statement::VerdictMap(key, map) = statement {
                for element in self.elements(map) {
                    if let Some(right) = &element.key {
                        self.interface(chain, index, key, right, base);
                    }
                }
            }
        }
    }

    /// Names of interfaces that there are nowhere, and interfaces that a packet has no such of at a hook.
    fn interface(
        &mut self,
        chain: &str,
        index: usize,
        left: &Expression,
        right: &'a Expression,
        base: &Base<'_>,
    ) {
        let Expression::Selector(Selector::Meta(key)) = left else { return };
        let never = match key.name {
            "oif" | "oifname" => base.hook & (PREROUTING | INPUT | INGRESS) != 0,
            "iif" | "iifname" => base.hook & OUTPUT != 0,
            _ => return,
        };
        if never {
            let place = self.place(chain, Some(index));
            let message = format!("packets have no `{}` at the hook {} yet", key.name, words(base.hook));
            self.tell(chain, Some(index), Diagnostic::warning(place, message));
        }
        if !key.name.ends_with("name") {
            return;
        }
        let named: Vec<&Expression> = match right {
            Expression::Set(set) => {
                self.elements(set).iter().filter_map(|element| element.key.as_ref()).collect()
            }
            other => vec![other],
        };
        for expression in named {
            let Expression::Value(value) = expression else { continue };
            let name = String::from_utf8_lossy(&value.bytes).trim_matches('\0').to_owned();
            if name.is_empty() || (self.known)(&name) {
                continue;
            }
            let near = nearest(&name, self.names.iter().map(String::as_str)).map(suggestion);
            let help = near.unwrap_or_else(|| {
                format!("If it appears later, say so with `optional = true` in a table `[link.{name}]`.")
            });
            let place = self.place(chain, Some(index));
            let message = format!("there is no interface `{name}`, neither declared nor on this host");
            self.tell(chain, Some(index), Diagnostic::warning(place, message).help(help));
        }
    }
}

struct Base<'a> {
    chain_type: &'a str,
    hook: u32,
    name: &'a str,
}

/// What chain a statement must stand in: of which type, and at which hooks.
fn needs(statement: &Statement) -> Option<(&'static str, Option<&'static str>, u32)> {
    Some(match statement {
        Statement::Nat(nat) => match nat.kind {
            NatKind::Source => ("snat", Some("nat"), POSTROUTING | INPUT),
            NatKind::Destination => ("dnat", Some("nat"), PREROUTING | OUTPUT),
            NatKind::Masquerade => ("masquerade", Some("nat"), POSTROUTING),
            NatKind::Redirect => ("redirect", Some("nat"), PREROUTING | OUTPUT),
        },
        Statement::Reject(_) => ("reject", None, PREROUTING | INPUT | FORWARD | OUTPUT | INGRESS),
        Statement::Tproxy(_) => ("tproxy", None, PREROUTING),
        Statement::Synproxy(_) => ("synproxy", None, INPUT | FORWARD),
        Statement::FlowAdd(_) => ("flow add", None, FORWARD),
        _ => return None,
    })
}

fn words(hooks: u32) -> String {
    let names = HOOKS.iter().enumerate().filter(|(bit, _)| hooks & (1 << bit) != 0).map(|(_, name)| *name);
    names.collect::<Vec<_>>().join(", ")
}

/// Errors for sets that a host file says are kept, and that its firewall does not have.
#[must_use]
pub fn check_sets(host: &crate::model::Host, ruleset: &Ruleset) -> Vec<Diagnostic> {
    let there = |set: &&crate::model::FirewallSet| {
        let table = super::TableName::written(&set.table).and_then(|name| ruleset.table(&name));
        table.is_some_and(|table| table.sets.iter().any(|found| found.name == set.name))
    };
    let missing = host.firewall.sets.iter().filter(|set| !there(set) && set.is_kept());
    let error = |set: &crate::model::FirewallSet| {
        let span = set.place.key("name").unwrap_or(set.place.span);
        let message = format!("there is no set `{}` in a table `{}`", set.name, set.table);
        Diagnostic::error(span, message)
            .help("Sets are declared in the rules; this says only which elements stay.")
    };
    missing.map(error).collect()
}
