//! A rule: its expressions one after the other.

use netwright_netfilter::expression::{BitwiseAttrs, BitwiseOp, ImmediateAttrs};
use netwright_netfilter::{Data, Expression as Kernel, Family, Register, Rule as KernelRule, userdata};

use super::dependency::Pending;
use super::load::{self, Load};
use super::register::{Held, Operand, Registers};
use super::scope::Scope;
use crate::context::Context;
use crate::ir::{self, BinaryOperator, Statement};

/// A rule that is being read.
pub(super) struct Lifter<'a> {
    pub(super) family: Family,
    pub(super) scope: &'a Scope<'a>,
    pub(super) context: Context,
    pub(super) registers: Registers,
    pub(super) pending: Vec<Pending>,
    /// The statements so far; those that turned out to be implied are gone.
    pub(super) statements: Vec<Option<Statement>>,
    code: &'a [Kernel],
    /// Which expressions have become part of a statement.
    used: Vec<bool>,
    /// How deep in chains that are written in place.
    pub(super) depth: usize,
    /// The expression that is being read.
    pub(super) at: usize,
    /// Whether a transport protocol was matched that the language has no header for.
    pub(super) foreign_transport: bool,
    /// Whether the value of an assignment is read.
    pub(super) unnamed: bool,
    /// Whether fields have no names, as in what options are set to.
    pub(super) bare: bool,
    /// The comment that iptables keeps as a match.
    pub(super) comment: Option<String>,
}

/// Reads a rule. What is not understood of it is kept as it is.
#[must_use]
pub fn rule(rule: &KernelRule, scope: &Scope<'_>) -> ir::Rule {
    rule_at(rule, scope, 0)
}

pub(super) fn rule_at(rule: &KernelRule, scope: &Scope<'_>, depth: usize) -> ir::Rule {
    let (statements, comment) = lifted(rule.family, &rule.expressions, scope, depth);
    let noted = rule.userdata.any_text(userdata::entry::COMMENT);
    ir::Rule { statements, comment: noted.or(comment), handle: rule.handle }
}

/// The statements of a rule, and the comment that is among its expressions.
fn lifted(
    family: Family,
    code: &[Kernel],
    scope: &Scope<'_>,
    depth: usize,
) -> (Vec<Statement>, Option<String>) {
    let mut lifter = Lifter {
        family,
        scope,
        context: Context::new(family),
        registers: Registers::default(),
        pending: Vec::new(),
        statements: Vec::new(),
        code,
        used: vec![false; code.len()],
        depth,
        at: 0,
        foreign_transport: false,
        unnamed: false,
        bare: false,
        comment: None,
    };
    for (at, expression) in code.iter().enumerate() {
        lifter.at = at;
        if lifter.step(expression).is_none() {
            lifter.keep_raw(expression);
        }
    }
    lifter.keep_unused();
    (lifter.statements.into_iter().flatten().collect(), lifter.comment)
}

impl<'a> Lifter<'a> {
    /// Takes in one expression; `None` where it is not understood.
    fn step(&mut self, expression: &'a Kernel) -> Option<()> {
        match expression {
            Kernel::Immediate(attrs) => self.immediate(attrs),
            Kernel::Bitwise(attrs) => self.bitwise(attrs),
            Kernel::ByteOrder(attrs) => {
                let held = self.registers.at(attrs.source)?.clone();
                let operand = match held.operand {
                    Operand::Swapped(inner) => *inner,
                    other => Operand::Swapped(Box::new(other)),
                };
                self.put(attrs.destination, operand, held.bytes, held.parts + 1, &[&held.from])
            }
            Kernel::Compare(attrs) => self.compare(attrs),
            Kernel::Range(attrs) => self.range(attrs),
            Kernel::Lookup(attrs) => self.lookup(attrs),
            Kernel::Hash(attrs) if attrs.source.is_some() => {
                let of = self.registers.span(attrs.source, attrs.length?.min(64) as usize)?;
                let parts = of.iter().map(|held| held.parts).sum::<usize>() + 1;
                let from: Vec<usize> = of.iter().flat_map(|held| held.from.iter().copied()).collect();
                let (modulus, seed, offset) = (attrs.modulus?, attrs.seed, attrs.offset.unwrap_or(0));
                let load = Load::Hash { of, modulus, seed, offset };
                self.put(attrs.destination, Operand::Load(load), 4, parts, &[&from])
            }
            _ => match (destination(expression), load::load(expression)) {
                (Some(register), Some((load, bytes))) => {
                    self.put(Some(register), Operand::Load(load), bytes, 1, &[])
                }
                (None, _) => self.statement(expression),
                _ => None,
            },
        }
    }

    /// Puts a value into a register, noting which expressions it comes from.
    pub(super) fn put(
        &mut self,
        register: Option<Register>,
        operand: Operand,
        bytes: usize,
        parts: usize,
        from: &[&[usize]],
    ) -> Option<()> {
        let mut from = from.concat();
        from.push(self.at);
        from.sort_unstable();
        from.dedup();
        self.registers.put(register, Held { operand, bytes, parts, from })
    }

    fn immediate(&mut self, attrs: &ImmediateAttrs) -> Option<()> {
        match attrs.data.as_ref()? {
            Data::Value(value) => {
                self.put(attrs.destination, Operand::Bytes(value.clone()), value.len(), 1, &[])
            }
            Data::Verdict(verdict) => {
                let verdict = self.verdict(verdict)?;
                self.done(&[]);
                self.push(Statement::Verdict(verdict));
                Some(())
            }
            Data::Unknown(_) => None,
        }
    }

    fn bitwise(&mut self, attrs: &BitwiseAttrs) -> Option<()> {
        let source = self.registers.at(attrs.source)?.clone();
        let bytes = attrs.length.map_or(source.bytes, |length| length.min(64) as usize);
        let of = Box::new(source.operand);
        let op = attrs.op.unwrap_or(BitwiseOp::MASK_XOR);
        let constant = |data: &Option<Data>| data.as_ref().and_then(Data::value).cloned();
        let operand = match op {
            BitwiseOp::MASK_XOR => {
                let (mask, xor) = (constant(&attrs.mask)?, constant(&attrs.xor)?);
                Operand::Masked { of, mask, xor }
            }
            BitwiseOp::LEFT_SHIFT | BitwiseOp::RIGHT_SHIFT => {
                let by = u32::from_ne_bytes((*constant(&attrs.data)?).try_into().ok()?);
                Operand::Shifted { of, left: op == BitwiseOp::LEFT_SHIFT, by }
            }
            BitwiseOp::AND | BitwiseOp::OR | BitwiseOp::XOR => {
                let second = self.registers.at(attrs.source2)?.clone();
                let operator = match op {
                    BitwiseOp::AND => BinaryOperator::And,
                    BitwiseOp::OR => BinaryOperator::Or,
                    _ => BinaryOperator::Xor,
                };
                let parts = source.parts + second.parts + 1;
                let operand = Operand::Binary(operator, of, Box::new(second.operand));
                return self.put(attrs.destination, operand, bytes, parts, &[&source.from, &second.from]);
            }
            _ => return None,
        };
        self.put(attrs.destination, operand, bytes, source.parts + 1, &[&source.from])
    }

    /// Notes that the expression at hand and those behind these values have become a statement.
    pub(super) fn done(&mut self, values: &[&Held]) {
        let from = values.iter().flat_map(|held| held.from.iter().copied());
        for at in from.chain([self.at]) {
            if let Some(used) = self.used.get_mut(at) {
                *used = true;
            }
        }
    }

    /// The expression at hand and those behind these values, as they are.
    pub(super) fn raw(&self, values: &[&Held]) -> Statement {
        let mut from: Vec<usize> = values.iter().flat_map(|held| held.from.iter().copied()).collect();
        from.push(self.at);
        from.sort_unstable();
        from.dedup();
        Statement::Raw(from.iter().filter_map(|&at| self.code.get(at)).cloned().collect())
    }

    /// Keeps an expression that is not understood, with all before it that has not become a statement yet.
    fn keep_raw(&mut self, expression: &Kernel) {
        let unused: Vec<usize> =
            (0..self.at).filter(|&at| !self.used.get(at).copied().unwrap_or(true)).collect();
        let mut kept: Vec<Kernel> = unused.iter().filter_map(|&at| self.code.get(at)).cloned().collect();
        kept.push(expression.clone());
        unused.iter().chain([&self.at]).for_each(|&at| {
            if let Some(used) = self.used.get_mut(at) {
                *used = true;
            }
        });
        self.pending.clear();
        self.statements.push(Some(Statement::Raw(kept)));
    }

    /// Keeps what was loaded and never used.
    fn keep_unused(&mut self) {
        let rest = self.code.iter().zip(&self.used).filter(|(_, used)| !**used);
        let kept: Vec<Kernel> = rest.map(|(expression, _)| expression.clone()).collect();
        if !kept.is_empty() {
            self.statements.push(Some(Statement::Raw(kept)));
        }
    }
}

/// The register that an expression loads into.
fn destination(expression: &Kernel) -> Option<Register> {
    match expression {
        Kernel::Payload(attrs) => attrs.destination,
        Kernel::Meta(attrs) => attrs.destination,
        Kernel::Ct(attrs) => attrs.destination,
        Kernel::Route(attrs) => attrs.destination,
        Kernel::Socket(attrs) => attrs.destination,
        Kernel::Fingerprint(attrs) => attrs.destination,
        Kernel::ExtensionHeader(attrs) => attrs.destination,
        Kernel::Fib(attrs) => attrs.destination,
        Kernel::Hash(attrs) => attrs.destination,
        Kernel::NumberGenerator(attrs) => attrs.destination,
        Kernel::Xfrm(attrs) => attrs.destination,
        Kernel::Tunnel(attrs) => attrs.destination,
        Kernel::Inner(attrs) => attrs.expression.as_deref().and_then(destination),
        _ => None,
    }
}
