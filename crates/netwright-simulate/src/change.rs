//! Small changes of a ruleset, such as a slip of the hand makes.

use netwright_nft::ir::{
    self, Element, Expression, Match, MatchOperator, Rule, SetReference, Statement, Value, Verdict,
};
use netwright_nft::print::{element, expression};
use netwright_nft::table::{DataType, Names, PrintOptions};
use netwright_state::Ruleset as Declared;

use crate::sources::{ChainKey, Place, RuleSource, Sources};

/// A ruleset that differs a little from what is declared.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// What was changed.
    pub(crate) place: Place,
    /// How, in a few words.
    pub(crate) what: String,
    pub(crate) changed: Declared,
    /// Where the rules are written that it has now.
    pub(crate) sources: Sources,
    /// The rule that was changed, as it is declared, where it is one.
    pub(crate) rule: Option<Rule>,
}

/// So many elements of a set are changed, one at a time.
const ELEMENTS: usize = 32;

/// All small changes, in the order of the ruleset.
pub(crate) fn changes(declared: &Declared, sources: &Sources) -> Vec<Change> {
    let mut all = Changes { declared, sources, interfaces: interfaces(declared), found: Vec::new() };
    for (table, content) in declared.tables.iter().enumerate() {
        for set in 0..content.sets.len() {
            all.set(table, set);
        }
        for chain in 0..content.chains.len() {
            all.chain(table, chain);
        }
    }
    all.found
}

struct Changes<'a> {
    declared: &'a Declared,
    sources: &'a Sources,
    /// Names of interfaces in rules.
    interfaces: Vec<Value>,
    found: Vec<Change>,
}

impl Changes<'_> {
    fn set(&mut self, table: usize, set: usize) {
        let Some(found) = self.declared.tables.get(table).and_then(|table| table.sets.get(set)) else {
            return;
        };
        let key: ChainKey = (found.family, found.table.clone(), found.name.clone());
        let count = found.elements.len();
        for index in 0..count.min(ELEMENTS) {
            let place = self.sources.element(&key, index, count).unwrap_or_else(|| Place {
                at: format!("set {} {} {}", found.family, found.table, found.name),
                ..Place::default()
            });
            let Some(written) = found.elements.get(index) else { continue };
            let place = Place { text: format!("{} of {}", text(written), place.text), ..place };
            for (what, other) in of_element(written) {
                let mut changed = self.declared.clone();
                let Some(elements) = elements_of(&mut changed, table, set) else { continue };
                match other {
                    Some(other) => {
                        elements.get_mut(index).into_iter().for_each(|element| *element = other.clone())
                    }
                    None => drop(elements.remove(index)),
                }
                let sources = self.sources.clone();
                self.found.push(Change { place: place.clone(), what, changed, sources, rule: None });
            }
        }
    }

    fn chain(&mut self, table: usize, chain: usize) {
        let found = |declared: &Declared| Some(declared.tables.get(table)?.chains.get(chain)?.clone());
        let Some(written) = found(self.declared) else { return };
        let key: ChainKey = (written.family, written.table.clone(), written.name.clone());
        let name = format!("chain {} {} {}", written.family, written.table, written.name);
        if let Some(hook) = &written.hook {
            let place = self
                .sources
                .policy(&key)
                .cloned()
                .unwrap_or_else(|| Place { at: name.clone(), ..Place::default() });
            let place = Place { text: name.clone(), ..place };
            let other = match written.policy {
                Some(Verdict::Drop) => Verdict::Accept,
                _ => Verdict::Drop,
            };
            let word = if other == Verdict::Drop { "drop" } else { "accept" };
            self.put(table, chain, &place, format!("policy {word}"), |chain| {
                chain.policy = Some(other.clone())
            });
            // before connection tracking, or behind everything else
            if hook.chain_type == "filter" {
                let priority = if hook.hook.priority < 0 { 300 } else { -301 };
                self.put(table, chain, &place, format!("priority {priority}"), |chain| {
                    if let Some(hook) = &mut chain.hook {
                        hook.hook.priority = priority;
                    }
                });
            }
        }
        for index in 0..written.rules.len() {
            let places = self.sources.rules(&key);
            let place = places.get(index).and_then(|source| source.place.clone()).unwrap_or_else(|| Place {
                at: name.clone(),
                text: format!("rule {}", index + 1),
                line: None,
            });
            self.rule(table, chain, index, &place);
        }
    }

    fn rule(&mut self, table: usize, chain: usize, index: usize, place: &Place) {
        let declared = self.declared;
        let content = declared.tables.get(table).and_then(|table| table.chains.get(chain));
        let Some(content) = content else { return };
        let rules = &content.rules;
        let Some(written) = rules.get(index) else { return };
        let before = self.found.len();
        let key: ChainKey = (content.family, content.table.clone(), content.name.clone());
        self.put(table, chain, place, "deleted".into(), |chain| drop(chain.rules.remove(index)));
        self.moved(&key, |sources| {
            if index < sources.len() {
                sources.remove(index);
            }
        });
        if rules.get(index + 1).is_some_and(|next| next != written) {
            self.put(table, chain, place, "behind the rule after it".into(), |chain| {
                chain.rules.swap(index, index + 1);
            });
            self.moved(&key, |sources| {
                if index + 1 < sources.len() {
                    sources.swap(index, index + 1);
                }
            });
        }
        for (number, statement) in written.statements.iter().enumerate() {
            for (what, other) in of_statement(statement, &self.interfaces) {
                self.put(table, chain, place, what, |chain| {
                    let rule = chain.rules.get_mut(index);
                    if let Some(place) = rule.and_then(|rule| rule.statements.get_mut(number)) {
                        *place = other.clone();
                    }
                });
            }
        }
        for change in self.found.iter_mut().skip(before) {
            change.rule = Some(written.clone());
        }
    }

    /// Notes where the rules are written that the last change has moved.
    fn moved(&mut self, chain: &ChainKey, change: impl FnOnce(&mut Vec<RuleSource>)) {
        if let Some(last) = self.found.last_mut() {
            last.sources.moved(chain, change);
        }
    }

    fn put(
        &mut self,
        table: usize,
        chain: usize,
        place: &Place,
        what: String,
        change: impl FnOnce(&mut ir::Chain),
    ) {
        let mut changed = self.declared.clone();
        if let Some(chain) = changed.tables.get_mut(table).and_then(|table| table.chains.get_mut(chain)) {
            change(chain);
        }
        let sources = self.sources.clone();
        self.found.push(Change { place: place.clone(), what, changed, sources, rule: None });
    }
}

fn elements_of(declared: &mut Declared, table: usize, set: usize) -> Option<&mut Vec<Element>> {
    Some(&mut declared.tables.get_mut(table)?.sets.get_mut(set)?.elements)
}

/// An element with another key or value; `None` is none at all.
fn of_element(written: &Element) -> Vec<(String, Option<Element>)> {
    let mut found = vec![("deleted".to_owned(), None)];
    let key = written.key.as_ref().into_iter().flat_map(|key| of_constant(key, &[]));
    found.extend(key.map(|(what, key)| (what, Some(Element { key: Some(key), ..written.clone() }))));
    let data = written.data.as_ref().into_iter().flat_map(of_data);
    found.extend(data.map(|(what, data)| (what, Some(Element { data: Some(data), ..written.clone() }))));
    found
}

fn of_data(data: &Expression) -> Vec<(String, Expression)> {
    match data {
        Expression::Verdict(verdict) => other_verdict(verdict)
            .map(|other| {
                (format!("{} in place of {}", word(&other), word(verdict)), Expression::Verdict(other))
            })
            .into_iter()
            .collect(),
        other => of_constant(other, &[]),
    }
}

fn of_statement(statement: &Statement, interfaces: &[Value]) -> Vec<(String, Statement)> {
    let mut found = Vec::new();
    match statement {
        Statement::Verdict(verdict) => found.extend(other_verdict(verdict).map(|other| {
            (format!("{} in place of {}", word(&other), word(verdict)), Statement::Verdict(other))
        })),
        Statement::Reject(_) => {
            for other in [Verdict::Drop, Verdict::Accept] {
                found.push((format!("{} in place of reject", word(&other)), Statement::Verdict(other)));
            }
        }
        Statement::Match(written) => {
            if let Some(operator) = opposite(written) {
                found.push((
                    "the opposite of a match".into(),
                    Statement::Match(Match { operator, ..written.clone() }),
                ));
            }
            for (what, right) in of_right(&written.right, interfaces) {
                found.push((what, Statement::Match(Match { right, ..written.clone() })));
            }
        }
        Statement::VerdictMap(key, SetReference::Anonymous(elements)) => {
            for (what, elements) in of_elements(elements) {
                found.push((what, Statement::VerdictMap(key.clone(), SetReference::Anonymous(elements))));
            }
        }
        Statement::Nat(nat) => {
            for (what, address) in nat.address.iter().flat_map(|address| of_right(address, &[])) {
                found.push((what, Statement::Nat(ir::Nat { address: Some(address), ..nat.clone() })));
            }
            for (what, port) in nat.port.iter().flat_map(|port| of_right(port, &[])) {
                found.push((what, Statement::Nat(ir::Nat { port: Some(port), ..nat.clone() })));
            }
        }
        _ => {}
    }
    found
}

/// The other side of a comparison, or what something is translated to.
fn of_right(right: &Expression, interfaces: &[Value]) -> Vec<(String, Expression)> {
    match right {
        Expression::Set(SetReference::Anonymous(elements)) => of_elements(elements)
            .into_iter()
            .map(|(what, elements)| (what, Expression::Set(SetReference::Anonymous(elements))))
            .collect(),
        Expression::Map(key, SetReference::Anonymous(elements)) => of_elements(elements)
            .into_iter()
            .map(|(what, elements)| (what, Expression::Map(key.clone(), SetReference::Anonymous(elements))))
            .collect(),
        other => of_constant(other, interfaces),
    }
}

/// Elements with one of them changed, or without it.
fn of_elements(elements: &[Element]) -> Vec<(String, Vec<Element>)> {
    let mut found = Vec::new();
    for (index, written) in elements.iter().enumerate().take(ELEMENTS) {
        for (what, other) in of_element(written) {
            let mut all = elements.to_vec();
            match other {
                Some(other) => all.get_mut(index).into_iter().for_each(|element| *element = other.clone()),
                None if elements.len() > 1 => drop(all.remove(index)),
                // without any it would be the rule that is deleted
                None => continue,
            }
            found.push((format!("{} {what}", text(written)), all));
        }
    }
    found
}

/// Another constant: the next port or address, a network twice as large, another interface.
fn of_constant(written: &Expression, interfaces: &[Value]) -> Vec<(String, Expression)> {
    let options = PrintOptions::default();
    let shown = |other: &Expression| {
        let names = Names::default();
        format!(
            "{} in place of {}",
            expression(other, &options, &names),
            expression(written, &options, &names)
        )
    };
    let others: Vec<Expression> = match written {
        Expression::Value(value) => match value.data_type {
            DataType::INET_SERVICE | DataType::IPV4_ADDR | DataType::IPV6_ADDR => {
                next(value).map(Expression::Value).into_iter().collect()
            }
            DataType::IFNAME => {
                let other = interfaces.iter().find(|other| *other != value);
                other.cloned().map(Expression::Value).into_iter().collect()
            }
            _ => Vec::new(),
        },
        Expression::Range(first, last) => {
            next(last).map(|last| Expression::Range(first.clone(), last)).into_iter().collect()
        }
        Expression::Prefix(value, length) => wider(value, *length).into_iter().collect(),
        Expression::Concatenation(parts) => {
            let mut found = Vec::new();
            for (index, part) in parts.iter().enumerate() {
                for (_, other) in of_constant(part, interfaces) {
                    let mut parts = parts.clone();
                    parts.get_mut(index).into_iter().for_each(|part| *part = other.clone());
                    found.push(Expression::Concatenation(parts));
                }
            }
            found
        }
        _ => Vec::new(),
    };
    others.into_iter().map(|other| (shown(&other), other)).collect()
}

fn next(value: &Value) -> Option<Value> {
    let number = value.as_number()?.checked_add(1)?;
    let fits = value.bits >= 128 || number < 1 << value.bits;
    fits.then(|| Value::number(value.data_type, value.bits, number))
}

fn wider(value: &Value, length: u32) -> Option<Expression> {
    let length = length.checked_sub(1).filter(|length| *length > 0)?;
    let host = value.bits.checked_sub(length)?;
    let mask = if host >= 128 { 0 } else { u128::MAX << host };
    let first = Value::number(value.data_type, value.bits, value.as_number()? & mask);
    Some(Expression::Prefix(first, length))
}

fn opposite(written: &Match) -> Option<MatchOperator> {
    match (written.operator, &written.right) {
        (MatchOperator::NotEqual, _) => Some(MatchOperator::Equal),
        (_, Expression::Flags(_) | Expression::Exists(_)) => None,
        (MatchOperator::Implicit | MatchOperator::Equal, _) => Some(MatchOperator::NotEqual),
        (MatchOperator::Less, _) => Some(MatchOperator::GreaterOrEqual),
        (MatchOperator::LessOrEqual, _) => Some(MatchOperator::Greater),
        (MatchOperator::Greater, _) => Some(MatchOperator::LessOrEqual),
        (MatchOperator::GreaterOrEqual, _) => Some(MatchOperator::Less),
        (MatchOperator::NoneOf, _) => None,
    }
}

fn other_verdict(verdict: &Verdict) -> Option<Verdict> {
    match verdict {
        Verdict::Accept => Some(Verdict::Drop),
        Verdict::Drop => Some(Verdict::Accept),
        _ => None,
    }
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Accept => "accept",
        Verdict::Drop => "drop",
        _ => "another verdict",
    }
}

fn text(written: &Element) -> String {
    element(written, &PrintOptions::default(), &Names::default())
}

/// The names of interfaces that rules compare with.
fn interfaces(declared: &Declared) -> Vec<Value> {
    let rules = declared.tables.iter().flat_map(|table| &table.chains).flat_map(|chain| &chain.rules);
    let mut found: Vec<Value> = Vec::new();
    for statement in rules.flat_map(crate::firewall::all_statements) {
        if let Statement::Match(Match { right: Expression::Value(value), .. }) = statement
            && value.data_type == DataType::IFNAME
            && !found.contains(value)
        {
            found.push(value.clone());
        }
    }
    found
}
