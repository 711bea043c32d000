//! Merging consecutive rules of a chain that differ only in the values that they compare with (`nft --optimize`).
//!
//! Rules with the same verdict become one with a set, those with different verdicts one with a verdict map,
//! translations one with a map. Rules are merged only where no packet can match two of them, so that what happens to
//! it stays the same.

mod shape;

use crate::diagnostic::{SourceMap, Span};
use crate::ir::{
    Anchor, ChainTarget, Command, Counter, Element, Expression, Match, MatchOperator, Nat, NatKind,
    Operation, Rule, Selector, SetReference, Statement, Target, Verdict,
};
use crate::table::DataType;
use shape::{Keys, Shape};

/// Rules that became one.
#[derive(Clone, Debug, PartialEq)]
pub struct Merged {
    /// Where they were written, in order.
    pub rules: Vec<Span>,
    /// What they became.
    pub into: Rule,
}

/// Merges rules that are written in blocks of chains. Orders that add single rules stay as they are, and so do the
/// chains in which an order counts rules.
#[must_use]
pub fn rules(commands: Vec<Command>, sources: &SourceMap) -> (Vec<Command>, Vec<Merged>) {
    let counted: Vec<_> = commands.iter().filter_map(counted_chain).collect();
    let set = assigned(&commands);
    let mut done = Vec::with_capacity(commands.len());
    let mut merged = Vec::new();
    let mut run: Option<Run> = None;
    for command in commands {
        let shape = match &command.target {
            Target::Rule { rule, .. } if is_in_block(&command, sources) && !is_in(&command, &counted) => {
                Shape::of(rule, &set)
            }
            _ => None,
        };
        let shape = match (&mut run, shape) {
            (Some(run), Some(shape)) => match run.take(&command, shape) {
                None => continue,
                shape => shape,
            },
            (_, shape) => shape,
        };
        if let Some(run) = run.take() {
            run.end(&mut done, &mut merged);
        }
        match shape {
            Some(shape) => run = Some(Run::new(command, shape)),
            None => done.push(command),
        }
    }
    if let Some(run) = run {
        run.end(&mut done, &mut merged);
    }
    (done, merged)
}

type Chain = (netwright_netfilter::Family, String, String);

fn chain_of(command: &Command) -> Option<Chain> {
    match &command.target {
        Target::Rule { family, table, chain, .. } => Some((*family, table.clone(), chain.clone())),
        _ => None,
    }
}

/// The chain in which an order counts rules.
fn counted_chain(command: &Command) -> Option<Chain> {
    match &command.target {
        Target::Rule { anchor: Some(Anchor::Index(_)), .. } => chain_of(command),
        Target::Selection(selection) if selection.index.is_some() => {
            Some((selection.family, selection.table.clone()?, selection.chain.clone()?))
        }
        _ => None,
    }
}

fn is_in(command: &Command, chains: &[Chain]) -> bool {
    !chains.is_empty() && chain_of(command).is_some_and(|chain| chains.contains(&chain))
}

/// Whether a rule is written in the block of its chain, not as an order of its own.
fn is_in_block(command: &Command, sources: &SourceMap) -> bool {
    let Some(span) = command.span.filter(|_| command.operation == Operation::Add) else { return false };
    let mut words = sources.snippet(span).split_whitespace();
    !matches!((words.next(), words.next()), (None, _) | (Some("rule"), _) | (Some("add"), Some("rule")))
        && !sources.snippet(span).starts_with('{')
}

/// Everything that a rule of these orders sets: what a jump may change for the rules behind it.
fn assigned(commands: &[Command]) -> Vec<Selector> {
    let rules = commands.iter().filter_map(|command| match &command.target {
        Target::Rule { rule, .. } => Some(rule),
        _ => None,
    });
    let mut found = Vec::new();
    for statement in rules.flat_map(|rule| &rule.statements) {
        if let Statement::Assign(selector, _) = statement
            && !found.contains(selector)
        {
            found.push(selector.clone());
        }
    }
    found
}

/// Consecutive rules that can be merged.
struct Run {
    commands: Vec<Command>,
    shapes: Vec<Shape>,
    keys: Keys,
    /// What can become of all of them, the best first.
    actions: Vec<Action>,
}

impl Run {
    fn new(command: Command, shape: Shape) -> Self {
        let (keys, actions) = (Keys::of(&shape), Action::of(&shape));
        Run { commands: vec![command], shapes: vec![shape], keys, actions }
    }

    /// Takes another rule; gives its shape back where it does not fit.
    fn take(&mut self, command: &Command, shape: Shape) -> Option<Shape> {
        let Some(first) = self.shapes.first() else { return Some(shape) };
        let same_chain = self.commands.first().and_then(chain_of) == chain_of(command);
        let Some(shape) = Some(&shape).filter(|_| same_chain).and_then(|shape| shape.in_order_of(first))
        else {
            return Some(shape);
        };
        let fits = |action: &Action| action.fits(first, &shape);
        let actions: Vec<Action> = self.actions.iter().copied().filter(fits).collect();
        if actions.is_empty() || !self.keys.add(&shape) {
            return Some(shape);
        }
        self.actions = actions;
        self.commands.push(command.clone());
        self.shapes.push(shape);
        None
    }

    /// Hands out what became of the rules.
    fn end(self, done: &mut Vec<Command>, merged: &mut Vec<Merged>) {
        let into = match (self.shapes.as_slice(), self.actions.first()) {
            (shapes @ [_, _, ..], Some(action)) => Some(action.merge(shapes)),
            _ => None,
        };
        let Some(mut into) = into else {
            done.extend(self.commands);
            return;
        };
        let rules: Vec<Span> = self.commands.iter().filter_map(|command| command.span).collect();
        let mut commands = self.commands.into_iter();
        let Some(mut command) = commands.next() else { return };
        let comments: Vec<Option<String>> = commands.map(|command| comment(&command)).collect();
        into.comment =
            comment(&command).filter(|one| comments.iter().all(|other| other.as_ref() == Some(one)));
        if let Target::Rule { rule, spans, .. } = &mut command.target {
            *spans = into.statements.iter().filter_map(|_| rules.first().copied()).collect();
            *rule = into.clone();
        }
        done.push(command);
        merged.push(Merged { rules, into });
    }
}

fn comment(command: &Command) -> Option<String> {
    match &command.target {
        Target::Rule { rule, .. } => rule.comment.clone(),
        _ => None,
    }
}

/// What becomes of rules that compare the same with different values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// A match with a set, and what all of them do.
    Set,
    /// A verdict map.
    VerdictMap,
    /// A verdict map whose elements count.
    CountingVerdictMap,
    /// A verdict map of verdict maps.
    JoinedVerdictMap,
    /// A translation by a map.
    NatMap,
}

impl Action {
    /// What can become of a rule, the best first. As with nft, what only jumps becomes a map also where all jump to
    /// the same chain.
    fn of(first: &Shape) -> Vec<Action> {
        let all = match first.rest.as_slice() {
            _ if first.map.is_some() => vec![Action::JoinedVerdictMap],
            [.., Statement::Verdict(Verdict::Jump(_) | Verdict::Goto(_))] => {
                vec![Action::VerdictMap, Action::CountingVerdictMap, Action::Set]
            }
            _ => vec![Action::Set, Action::VerdictMap, Action::CountingVerdictMap, Action::NatMap],
        };
        all.into_iter().filter(|action| action.fits(first, first)).collect()
    }

    /// Whether it can become of both.
    fn fits(self, first: &Shape, shape: &Shape) -> bool {
        match (self, shape.rest.as_slice()) {
            (Action::JoinedVerdictMap, _) => shape.map.is_some(),
            _ if shape.map.is_some() => false,
            (Action::Set, rest) => rest == first.rest,
            (Action::VerdictMap, [Statement::Verdict(verdict)]) => in_map(verdict),
            (Action::CountingVerdictMap, [Statement::Counter(counter), Statement::Verdict(verdict)]) => {
                *counter == Counter::default() && in_map(verdict)
            }
            (Action::NatMap, _) => nat_in_map(first, shape),
            _ => false,
        }
    }

    fn merge(self, shapes: &[Shape]) -> Rule {
        let Some(first) = shapes.first() else { return Rule::default() };
        let key = key(&first.left);
        let elements = |data: &dyn Fn(&Shape) -> Held| {
            let of = |shape: &Shape| {
                let (data, statements) = data(shape);
                let with = move |row: Vec<Expression>| Element {
                    key: Some(joined(row)),
                    data: data.clone(),
                    statements: statements.clone(),
                    ..Element::default()
                };
                shape.rows.iter().cloned().map(with).collect::<Vec<_>>()
            };
            SetReference::Anonymous(shapes.iter().flat_map(of).collect())
        };
        let verdict = |shape: &Shape| match shape.rest.last() {
            Some(Statement::Verdict(verdict)) => Some(Expression::Verdict(verdict.clone())),
            _ => None,
        };
        let statements = match self {
            Action::Set => {
                let right = Expression::Set(elements(&|_| (None, Vec::new())));
                let matched = Match { operator: MatchOperator::Implicit, left: key, right };
                std::iter::once(Statement::Match(matched)).chain(first.rest.iter().cloned()).collect()
            }
            Action::VerdictMap => {
                vec![Statement::VerdictMap(key, elements(&|shape| (verdict(shape), Vec::new())))]
            }
            Action::CountingVerdictMap => {
                let counter = |shape: &Shape| shape.rest.first().cloned().into_iter().collect();
                vec![Statement::VerdictMap(key, elements(&|shape| (verdict(shape), counter(shape))))]
            }
            Action::JoinedVerdictMap => {
                let all = shapes.iter().flat_map(|shape| shape.map.iter().flatten().cloned());
                vec![Statement::VerdictMap(key, SetReference::Anonymous(all.collect()))]
            }
            Action::NatMap => {
                vec![nat_with_map(
                    first,
                    key,
                    elements(&|shape| (nat_of(shape).and_then(nat_data), Vec::new())),
                )]
            }
        };
        Rule { statements, ..Rule::default() }
    }
}

/// What a map holds for the keys of a rule, and the statements of the elements.
type Held = (Option<Expression>, Vec<Statement>);

/// What is loaded, side by side.
fn key(left: &[Expression]) -> Expression {
    joined(left.to_vec())
}

fn joined(mut parts: Vec<Expression>) -> Expression {
    match parts.len() {
        1 => parts.remove(0),
        _ => Expression::Concatenation(parts),
    }
}

fn in_map(verdict: &Verdict) -> bool {
    !matches!(
        verdict,
        Verdict::Jump(ChainTarget::Anonymous(_))
            | Verdict::Goto(ChainTarget::Anonymous(_))
            | Verdict::Other(_)
    )
}

fn nat_of(shape: &Shape) -> Option<&Nat> {
    match shape.rest.as_slice() {
        [Statement::Nat(nat)] => Some(nat),
        _ => None,
    }
}

/// Whether two translations differ only in constant addresses and ports.
fn nat_in_map(first: &Shape, other: &Shape) -> bool {
    let (Some(first), Some(other)) = (nat_of(first), nat_of(other)) else { return false };
    let bare = |nat: &Nat| Nat { address: None, port: None, ..nat.clone() };
    let constant = |one: &Option<Expression>| matches!(one, None | Some(Expression::Value(_)));
    !first.prefix
        && first.kind != NatKind::Masquerade
        && bare(first) == bare(other)
        && constant(&other.address)
        && constant(&other.port)
        && first.address.is_some() == other.address.is_some()
        && first.port.is_some() == other.port.is_some()
}

/// What a map holds for a translation.
fn nat_data(nat: &Nat) -> Option<Expression> {
    match (&nat.address, &nat.port) {
        (Some(address), Some(port)) => Some(Expression::Concatenation(vec![address.clone(), port.clone()])),
        (address, port) => address.clone().or_else(|| port.clone()),
    }
}

fn nat_with_map(shape: &Shape, key: Expression, map: SetReference) -> Statement {
    let map = Some(Expression::Map(Box::new(key), map));
    let nat = nat_of(shape).cloned();
    Statement::Nat(match nat {
        Some(nat) if nat.address.is_some() => Nat { address: map, port: None, ..nat },
        Some(nat) => Nat { port: map, ..nat },
        None => return Statement::Raw(Vec::new()),
    })
}

/// Whether a selector says the same of a packet each time it is asked.
fn is_steady(selector: &Selector) -> bool {
    match selector {
        Selector::Numgen(_) | Selector::Osf { .. } => false,
        Selector::Meta(key) => key.name != "random",
        Selector::Payload(_)
        | Selector::Exthdr(_)
        | Selector::Ct(_)
        | Selector::Rt(_)
        | Selector::Socket(_)
        | Selector::Fib(_)
        | Selector::Hash(_)
        | Selector::Xfrm(_)
        | Selector::Tunnel(_) => true,
    }
}

/// Whether several flags can be set of a type of flags, so that a comparison with one is no look-up.
fn has_several(data_type: DataType) -> bool {
    data_type.is_bitmask() && data_type != DataType::CT_STATE
}

#[cfg(test)]
mod tests;
