//! Rules to expressions.

use netwright_netfilter::{Expression, Family};

use super::merge::{self, Piece, PieceKind};
use super::registers::Registers;
use super::{Error, Result};
use crate::catalog::Catalog;
use crate::context::{Conflict, Context, Dependency, DependencyOf};
use crate::ir::{self, Match, MatchOperator, Selector, SetReference, Statement, TypePart, Value};
use crate::table::HeaderId;

/// Where a rule is.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// Family of the table.
    pub family: Family,
    /// The table.
    pub table: &'a str,
    /// Sets that rules may name.
    pub catalog: &'a Catalog,
}

impl Scope<'_> {
    /// A set of the table by name.
    pub(super) fn set(&self, name: &str) -> Result<&ir::Set> {
        self.catalog
            .set(self.family, self.table, name)
            .map(|set| &**set)
            .ok_or_else(|| Error::missing(format!("table `{}` has no set or map `{name}`", self.table)))
    }

    /// The types of what a named map holds.
    pub(super) fn data_of(&self, name: &str) -> Vec<TypePart> {
        match self.set(name).ok().and_then(|set| set.target.as_ref()) {
            Some(ir::MapTarget::Values(spec)) => spec.parts.clone(),
            _ => Vec::new(),
        }
    }
}

/// A set that a rule brings along.
#[derive(Clone, Debug, PartialEq)]
pub struct AnonymousSet {
    /// The set; the kernel puts a number in the place of `%d` in its name.
    pub set: ir::Set,
    /// The number by which the rule refers to it in the batch.
    pub id: u32,
    /// How many bits keys lie to the left of their end: a field within a byte is compared in its place.
    pub shift: u32,
    /// Whether each data is a range, as its two ends.
    pub ranges: bool,
}

/// A chain that a rule brings along.
#[derive(Clone, Debug, PartialEq)]
pub struct AnonymousChain {
    /// The number by which the rule refers to it in the batch.
    pub id: u32,
    /// Its rules.
    pub rules: Vec<ir::Rule>,
}

/// What a rule becomes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Code {
    /// Sets that must be there before it.
    pub sets: Vec<AnonymousSet>,
    /// Chains that must be there before it, with their rules behind it.
    pub chains: Vec<AnonymousChain>,
    /// What the kernel runs.
    pub expressions: Vec<Expression>,
    /// For each expression the statement that it is for, counted from 0.
    pub origins: Vec<usize>,
    /// The same for each set.
    pub set_origins: Vec<usize>,
}

/// Lowers a rule.
///
/// # Errors
/// A named set is unknown, values do not fit the registers, or matches contradict each other.
pub fn rule(scope: &Scope<'_>, rule: &ir::Rule) -> Result<Code> {
    let mut last = 0u32;
    rule_with(scope, rule, &mut || {
        last = last.wrapping_add(1);
        last
    })
}

/// Lowers a rule; sets and chains that it brings along are numbered by the caller.
///
/// # Errors
/// Those of [`rule`].
pub fn rule_with(scope: &Scope<'_>, rule: &ir::Rule, next_id: &mut dyn FnMut() -> u32) -> Result<Code> {
    let mut lowering = Lowering::new(scope, next_id);
    // with some that others need before them
    lowering.pieces.reserve_exact(rule.statements.len() + 2);
    lowering.owners.reserve_exact(rule.statements.len() + 2);
    for (index, statement) in rule.statements.iter().enumerate() {
        if index + 1 < rule.statements.len() && says_nothing(scope.family, statement) {
            continue;
        }
        lowering.index = index;
        lowering.statement(statement).map_err(|error| Error { statement: Some(index), ..error })?;
        lowering.set_origins.resize(lowering.sets.len(), index);
    }
    let Lowering { mut pieces, owners, sets, chains, set_origins, .. } = lowering;
    merge::merge(&mut pieces);
    let count = pieces.iter().map(|piece| piece.code.len()).sum();
    let (mut expressions, mut origins) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for (owner, piece) in owners.into_iter().zip(pieces) {
        origins.extend(piece.code.iter().map(|_| owner));
        expressions.extend(piece.code);
    }
    Ok(Code { sets, chains, expressions, origins, set_origins })
}

/// Whether a match holds for every packet of a family: `meta protocol ip` in a table of the family `ip`. At the end of a rule
/// it is kept, as a rule of nothing would be no rule.
fn says_nothing(family: Family, statement: &Statement) -> bool {
    let own = match family {
        Family::IPV4 => HeaderId::Ip,
        Family::IPV6 => HeaderId::Ip6,
        _ => return false,
    };
    let Statement::Match(Match { left: ir::Expression::Selector(Selector::Meta(key)), operator, right }) =
        statement
    else {
        return false;
    };
    let equal = matches!(operator, MatchOperator::Implicit | MatchOperator::Equal);
    let number = match right {
        ir::Expression::Value(value) => value.as_number(),
        ir::Expression::Set(SetReference::Anonymous(elements)) => match elements.as_slice() {
            [only] => match &only.key {
                Some(ir::Expression::Value(value)) => value.as_number(),
                _ => None,
            },
            _ => None,
        },
        ir::Expression::Range(..)
        | ir::Expression::Prefix(..)
        | ir::Expression::Wildcard(_)
        | ir::Expression::Verdict(_)
        | ir::Expression::ObjectName(_)
        | ir::Expression::Flags(_)
        | ir::Expression::Selector(_)
        | ir::Expression::Concatenation(_)
        | ir::Expression::Binary(..)
        | ir::Expression::Set(_)
        | ir::Expression::Map(..)
        | ir::Expression::Exists(_) => None,
    };
    let types = own.header().ether_types;
    equal
        && key.name == "protocol"
        && number.is_some_and(|number| types.iter().any(|&own| u128::from(own) == number))
}

/// Lowers a stateful statement that an element or an object carries.
pub(super) fn stateful(scope: &Scope<'_>, statement: &Statement) -> Result<Expression> {
    let mut next_id = || 0;
    let mut lowering = Lowering::new(scope, &mut next_id);
    lowering.statement(statement)?;
    let mut code = lowering.pieces.into_iter().flat_map(|piece| piece.code);
    match (code.next(), code.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(Error::new("this statement cannot be part of an element")),
    }
}

/// A rule on its way.
pub(super) struct Lowering<'a> {
    pub(super) scope: &'a Scope<'a>,
    pub(super) next_id: &'a mut dyn FnMut() -> u32,
    pub(super) context: Context,
    pub(super) registers: Registers,
    /// What the statement at hand became so far.
    pub(super) code: Vec<Expression>,
    pub(super) pieces: Vec<Piece>,
    /// For each piece its statement.
    pub(super) owners: Vec<usize>,
    /// The statement at hand.
    pub(super) index: usize,
    set_origins: Vec<usize>,
    pub(super) sets: Vec<AnonymousSet>,
    pub(super) chains: Vec<AnonymousChain>,
}

impl<'a> Lowering<'a> {
    fn new(scope: &'a Scope<'a>, next_id: &'a mut dyn FnMut() -> u32) -> Self {
        Lowering {
            scope,
            next_id,
            context: Context::new(scope.family),
            registers: Registers::default(),
            code: Vec::new(),
            pieces: Vec::new(),
            owners: Vec::new(),
            index: 0,
            set_origins: Vec::new(),
            sets: Vec::new(),
            chains: Vec::new(),
        }
    }

    fn statement(&mut self, statement: &Statement) -> Result<()> {
        for selector in statement.selectors() {
            let needed = self.context.require(selector, None)?;
            for dependency in needed {
                let piece = self.dependency(&dependency)?;
                // As nft: the protocol that has an option or an extension header is asked for before everything else.
                let at = if matches!(selector, Selector::Exthdr(_)) { 0 } else { self.pieces.len() };
                self.pieces.insert(at, piece);
                self.owners.insert(at, self.index);
            }
        }
        self.registers = Registers::default();
        let kind = if let Statement::Match(matched) = statement {
            let kind = self.matched(matched)?;
            self.context.learn(matched, None);
            kind
        } else {
            self.other_statement(statement)?;
            PieceKind::Other
        };
        let code = std::mem::take(&mut self.code);
        self.pieces.push(Piece { kind, code });
        self.owners.push(self.index);
        Ok(())
    }

    /// The match that a selector or statement needs before it.
    pub(super) fn dependency(&mut self, dependency: &Dependency) -> Result<Piece> {
        let saved = std::mem::take(&mut self.code);
        self.registers = Registers::default();
        let tunnel = dependency.tunnel.map(|id| id.header());
        let (part, key) = match dependency.of {
            DependencyOf::Meta(key) => {
                self.load_meta(key, tunnel, 0)?;
                (TypePart::of_key(key), None)
            }
            DependencyOf::Payload(field) => {
                let part = TypePart { data_type: field.data_type, bits: field.bits, order: field.order };
                (part, Some(field))
            }
        };
        let values: Vec<Value> = dependency
            .values
            .iter()
            .map(|&n| Value::number(part.data_type, part.bits, u128::from(n)))
            .collect();
        let kind = match (key, values.as_slice()) {
            (Some(field), [value]) => self.field_equals(field, tunnel, value)?,
            (None, [value]) => {
                self.compare(0, &part, ir::MatchOperator::Equal, value)?;
                PieceKind::Match
            }
            (field, values) => {
                if let Some(field) = field {
                    self.load_field(field, tunnel, 0)?;
                }
                let element = |value: &Value| ir::Element {
                    key: Some(ir::Expression::Value(value.clone())),
                    ..ir::Element::default()
                };
                let elements = SetReference::Anonymous(values.iter().map(element).collect());
                self.look_up(&elements, &[part], 0, 0, false)?;
                PieceKind::Match
            }
        };
        let code = std::mem::replace(&mut self.code, saved);
        self.registers = Registers::default();
        Ok(Piece { kind, code })
    }
}

impl From<Conflict> for Error {
    fn from(conflict: Conflict) -> Self {
        Error::new(conflict.message)
    }
}
