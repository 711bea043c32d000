//! Old-style meters: a set that a rule brings along, or fills where it is there.

use netwright_netfilter::SetFlags;

use super::{Eval, Evaluator};
use crate::catalog::Found;
use crate::diagnostic::{Diagnostic, Span};
use crate::ir::{Command, Operation, Set, SetUpdate, SetUpdateOperation, Target, TypePart, TypeSpec};
use crate::syntax::ast;

/// How many keys a meter holds where it does not say.
const METER_SIZE: u32 = 65535;

impl<'a> Evaluator<'a> {
    /// A set made by the way: it becomes an order of its own before the rule.
    pub(super) fn meter(&mut self, meter: &'a ast::Meter) -> Eval<SetUpdate> {
        let name = self.text(meter.name);
        let key = self.computed(&meter.element.key, None)?;
        let parts = self.parts(&key);
        let options = meter.element.options.as_deref();
        let update = self.finish_update(SetUpdateOperation::Update, name, key, None, options)?;
        let size = meter.size.map(|size| self.fit(size, "a size")).transpose()?;
        let timed = update.timeout.is_some();
        match self.find_set(name) {
            Found::Is(set) => self.check_meter(meter.name.span, &set, &parts, size, timed)?,
            Found::Absent | Found::Unknown => self.define_meter(name, parts, size, timed),
        }
        let operation =
            if update.timeout.is_some() { SetUpdateOperation::Update } else { SetUpdateOperation::Add };
        Ok(SetUpdate { operation, ..update })
    }

    /// A meter over a set that is there fits it.
    fn check_meter(
        &mut self,
        span: Span,
        set: &Set,
        parts: &[TypePart],
        size: Option<u32>,
        timed: bool,
    ) -> Eval<()> {
        let name = &set.name;
        let flags = SetFlags::from_bits_retain(set.flags);
        if set.target.is_some() || !flags.contains(SetFlags::EVAL) {
            let diagnostic = Diagnostic::error(span, format!("`{name}` is there, and no meter"));
            return self
                .report(diagnostic.help("Take another name: rules fill a set with `flags dynamic` only."));
        }
        if let (Some(size), Some(has)) = (size, set.size)
            && size != has
        {
            return self
                .error(span, format!("`{name}` is there, and has room for {has} keys, not for {size}"));
        }
        let message = match (flags.contains(SetFlags::TIMEOUT), timed) {
            (true, false) => format!("`{name}` is there, and its keys have a time"),
            (false, true) => format!("`{name}` is there, and its keys have no time"),
            _ => return self.check_key(span, set, parts),
        };
        let help = match timed {
            true => "Leave `timeout …` out, or take another name.",
            false => "Write `timeout …` behind the key, or take another name.",
        };
        self.report(Diagnostic::error(span, message).help(help))
    }

    /// The set of an old-style meter, as an order before the rule.
    fn define_meter(&mut self, name: &str, parts: Vec<TypePart>, size: Option<u32>, timeout: bool) {
        let mut flags = SetFlags::EVAL;
        flags.set(SetFlags::TIMEOUT, timeout);
        let set = Set {
            family: self.family,
            table: self.table.clone(),
            name: name.to_owned(),
            key: TypeSpec { parts, type_of: None },
            flags: flags.bits(),
            size: size.or(Some(METER_SIZE)),
            ..Set::default()
        };
        self.catalog.add_set(&set);
        self.commands.push(Command {
            operation: Operation::Add,
            target: Target::Set(Box::new(set)),
            span: None,
            elements: Vec::new(),
        });
    }
}
