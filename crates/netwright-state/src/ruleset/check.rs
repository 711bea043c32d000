//! What the kernel refuses of a ruleset, and what can hardly be meant, found without it.

use netwright_netfilter::{Family, Hook};
use netwright_nft::diagnostic::{Diagnostic, Span, nearest, suggestion};
use netwright_nft::ir::{
    Chain, ChainTarget, Element, Expression, Rule, Selector, SetReference, Statement, Verdict,
};
use netwright_nft::place;
use netwright_nft::table::hook;
use netwright_wire::text;

use super::{Ruleset, Table};

/// How deep chains call each other (`NFT_JUMP_STACK_SIZE`).
const DEPTH: usize = 16;

/// A nat chain must come behind this (`NF_IP_PRI_CONNTRACK`).
const CONNECTION_TRACKING: i32 = -200;

/// What is wrong with a ruleset: errors where the kernel refuses it, warnings where it can hardly be meant. `known` tells
/// whether there is an interface of a name, and `names` are those that come into question for a misspelt one.
pub fn check(ruleset: &Ruleset, known: &dyn Fn(&str) -> bool, names: &[String]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for table in &ruleset.tables {
        let mut check = Check { table, known, names, found: &mut found, told: Vec::new() };
        check.loops();
        check.base_targets();
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

    /// Rules that lead to base chains, which the kernel refuses wherever they stand.
    fn base_targets(&mut self) {
        let table = self.table;
        for chain in &table.chains {
            for (index, rule) in chain.rules.iter().enumerate() {
                for target in self.targets(&rule.statements) {
                    if self.chain(target).is_some_and(|target| target.hook.is_some()) {
                        let message =
                            format!("{target} is a base chain, which only packets at its hook come to");
                        let help = "Move what both shall do into a chain without a hook, and jump to that.";
                        let diagnostic = Diagnostic::error(self.place(&chain.name, Some(index)), message);
                        self.tell(&chain.name, Some(index), diagnostic.help(help));
                    }
                }
            }
        }
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
        let Some(spec) = &chain.hook else { return };
        let (family, chain_type) = (self.table.table.family, spec.chain_type.as_str());
        let at = Hook::from_number(family, spec.hook.number);
        let place = self.place(&chain.name, None);
        if !hook::allows(family, at, chain_type) {
            let message = format!("a chain of type {chain_type} cannot be at the hook {}", words(&[at]));
            let diagnostic = Diagnostic::error(place, format!("{message}: chain {}", chain.name));
            let hooks: Vec<Hook> = hook::hooks(family)
                .iter()
                .copied()
                .filter(|&other| hook::allows(family, other, chain_type))
                .collect();
            let help = match hooks.as_slice() {
                [] => format!("The family {family} has no chains of this type."),
                hooks => format!("It can be at {}.", words(hooks)),
            };
            return self.tell(&chain.name, None, diagnostic.help(help));
        }
        if chain_type == "nat" && spec.hook.priority <= CONNECTION_TRACKING {
            let message = format!(
                "a chain of type nat must come behind the tracking of connections: chain {}",
                chain.name
            );
            let help =
                format!("Give it a priority above {CONNECTION_TRACKING}, such as `dstnat` or `srcnat`.");
            self.tell(&chain.name, None, Diagnostic::error(place, message).help(help));
        }
        let base = Base { chain_type, family, hook: at, name: &chain.name };
        self.rules(chain, &base, 1);
        let host = matches!(family, Family::IPV4 | Family::IPV6 | Family::INET) && at == Hook::Input;
        let dormant = self.table.table.flags & netwright_netfilter::TableFlags::DORMANT.bits() != 0;
        let drops = chain.policy == Some(Verdict::Drop) && !dormant && host && chain_type == "filter";
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
            let needs = place::needs(statement);
            for need in needs.iter().filter(|need| !need.is_met(base.family, base.hook, base.chain_type)) {
                let word = need.word;
                let place = self.place(chain, Some(index));
                let at = format!("a chain of type {} at the hook {}", base.chain_type, words(&[base.hook]));
                let via =
                    if chain == base.name { String::new() } else { format!(", from chain {}", base.name) };
                let message = format!("`{word}` cannot stand in {at}{via}");
                let help = format!("{}.", need.describe(base.family));
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
            "oif" | "oifname" => matches!(base.hook, Hook::Prerouting | Hook::Input | Hook::Ingress),
            "iif" | "iifname" => base.hook == Hook::Output,
            _ => return,
        };
        if never {
            let place = self.place(chain, Some(index));
            let message = format!("packets have no `{}` at the hook {} yet", key.name, words(&[base.hook]));
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
            let name = text::from_bytes(&value.bytes).trim_matches('\0').to_owned();
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
    family: Family,
    hook: Hook,
    name: &'a str,
}

fn words(hooks: &[Hook]) -> String {
    let names = hooks.iter().map(|hook| hook.name().unwrap_or("of an unknown number"));
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
