//! Chains and flow tables.

use netwright_netfilter::{Family, Hook as KernelHook};

use super::{Eval, Evaluator};
use crate::ir::{Chain, ChainHook, Flowtable, Hook, Verdict};
use crate::syntax::ast::{self, ExpressionKind};
use crate::table::hook;

impl<'a> Evaluator<'a> {
    /// A chain without its rules.
    pub(super) fn chain(&mut self, chain: &'a ast::Chain) -> Eval<Chain> {
        let mut made = Chain {
            family: self.family,
            table: self.table.clone(),
            name: self.new_name(chain.name)?,
            comment: chain.comment.map(|comment| self.text(comment).to_owned()),
            ..Chain::default()
        };
        if let Some(spec) = &chain.hook {
            made.hook = Some(self.chain_hook(spec)?);
        }
        for flag in &chain.flags {
            match self.text(*flag) {
                "offload" => made.offload = true,
                word => return self.unknown(flag.span, word, "flag of chains", &["offload"]),
            }
        }
        if let Some(policy) = &chain.policy {
            let policy = self.resolve(policy)?;
            made.policy = Some(match policy.text(self.sources) {
                "accept" => Verdict::Accept,
                "drop" => Verdict::Drop,
                word => return self.unknown(policy.span, word, "policy", &["accept", "drop"]),
            });
        }
        Ok(made)
    }

    fn chain_hook(&mut self, spec: &'a ast::HookSpec) -> Eval<ChainHook> {
        let devices = self.devices(&spec.devices)?;
        let Some(name) = spec.hook else {
            return Ok(ChainHook { devices, ..ChainHook::default() });
        };
        let (found, number) = self.hook(name)?;
        let chain_type = spec.kind.map_or("filter", |kind| self.text(kind));
        if let Some(kind) = spec.kind {
            if !hook::CHAIN_TYPES.contains(&chain_type) {
                return self.unknown(kind.span, chain_type, "type of chains", hook::CHAIN_TYPES);
            }
            if !hook::allows(self.family, found, chain_type) {
                let message = format!("a chain of type `{chain_type}` cannot be at this hook of this family");
                return self.error(spec.span, message);
            }
        }
        let priority = match &spec.priority {
            Some(priority) => self.priority(found, priority)?,
            None => 0,
        };
        Ok(ChainHook { chain_type: chain_type.to_owned(), hook: Hook { number, priority }, devices })
    }

    fn hook(&mut self, name: ast::Name) -> Eval<(KernelHook, u32)> {
        let word = self.text(name);
        let found = KernelHook::from_name(word).filter(|found| hook::hooks(self.family).contains(found));
        match found.and_then(|found| Some((found, found.number(self.family)?))) {
            Some(both) => Ok(both),
            None => {
                let known: Vec<&str> =
                    hook::hooks(self.family).iter().filter_map(|hook| hook.name()).collect();
                self.unknown(name.span, word, "hook of this family", &known)
            }
        }
    }

    pub(super) fn priority(&mut self, at: KernelHook, priority: &'a ast::Priority) -> Eval<i32> {
        let base = match &priority.base {
            None => 0,
            Some(base) => {
                let base = self.resolve(base)?;
                let word = base.text(self.sources);
                match hook::parse_priority(self.family, at, word) {
                    Some(number) => i64::from(number),
                    None => {
                        let known: Vec<&str> =
                            hook::priorities_at(self.family, at).map(|named| named.name).collect();
                        return self.unknown(base.span, word, "priority at this hook", &known);
                    }
                }
            }
        };
        match base.checked_add(priority.offset).and_then(|sum| i32::try_from(sum).ok()) {
            Some(number) => Ok(number),
            None => self.error(priority.span, "a priority has 32 bits"),
        }
    }

    /// Names of devices; a variable may stand for several.
    fn devices(&mut self, list: &'a [ast::Expression]) -> Eval<Vec<String>> {
        let mut devices = Vec::new();
        for device in list {
            let device = self.resolve(device)?;
            match &device.kind {
                ExpressionKind::Set(set) => {
                    for element in &set.elements {
                        devices.extend(self.devices(std::slice::from_ref(&element.key))?);
                    }
                }
                _ => devices.push(device.text(self.sources).to_owned()),
            }
        }
        Ok(devices)
    }

    pub(super) fn flowtable(&mut self, table: &'a ast::Flowtable) -> Eval<Flowtable> {
        let mut made = Flowtable {
            family: self.family,
            table: self.table.clone(),
            name: self.new_name(table.name)?,
            devices: self.devices(&table.devices)?,
            counter: table.counter,
            ..Flowtable::default()
        };
        if let Some(name) = table.hook
            && self.text(name) != "ingress"
        {
            return self.unknown(name.span, self.text(name), "hook of flow tables", &["ingress"]);
        }
        if let Some(priority) = &table.priority {
            // Flow tables sit at the ingress of their devices, whatever the family of the table.
            let family = std::mem::replace(&mut self.family, Family::NETDEV);
            let number = self.priority(KernelHook::Ingress, priority);
            self.family = family;
            made.hook = Some(Hook { number: 0, priority: number? });
        }
        for flag in &table.flags {
            match self.text(*flag) {
                "offload" => made.offload = true,
                word => return self.unknown(flag.span, word, "flag of flow tables", &["offload"]),
            }
        }
        Ok(made)
    }
}
