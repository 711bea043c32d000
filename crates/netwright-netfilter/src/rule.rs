//! Rules.

mod stored;

use netwright_wire::{Big, Malformed, Unknown, Value, Writer};

use crate::item::lacks;
use crate::{Expression, Family, Item, ItemKinds, MessageKind, Userdata};

pub use stored::StoredRules;

netwright_wire::attrs! {
    /// What xtables needs (`enum nft_rule_compat_attributes`).
    pub struct RuleCompatAttrs, RuleCompatView: Big {
        NFTA_RULE_COMPAT_PROTO = 1 => protocol: u32,
        NFTA_RULE_COMPAT_FLAGS = 2 => flags: u32,
    }

    /// Attributes of a rule (`enum nft_rule_attributes`).
    pub struct RuleAttrs, RuleView: Big {
        NFTA_RULE_TABLE = 1 => table: String,
        NFTA_RULE_CHAIN = 2 => chain: String,
        /// Number of a chain made in the same batch.
        NFTA_RULE_CHAIN_ID = 11 => chain_id: u32,
        NFTA_RULE_HANDLE = 3 => handle: u64,
        NFTA_RULE_EXPRESSIONS = 4 => expressions: Vec<Expression>,
        NFTA_RULE_COMPAT = 5 => compat: RuleCompatAttrs,
        /// Handle of the rule that it goes behind or before; in listings of the one before it.
        NFTA_RULE_POSITION = 6 => position: u64,
        NFTA_RULE_USERDATA = 7 => userdata: Userdata,
        /// Number within a batch.
        NFTA_RULE_ID = 9 => id: u32,
        /// Number of a rule made in the same batch that it goes behind or before.
        NFTA_RULE_POSITION_ID = 10 => position_id: u32,
    }
}

/// A rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Family of its table.
    pub family: Family,
    /// Its table.
    pub table: String,
    /// Its chain; empty where `chain_id` says which.
    pub chain: String,
    /// Number of a chain made in the same batch.
    pub chain_id: Option<u32>,
    /// Number that the kernel gave it.
    pub handle: Option<u64>,
    /// Handle of the rule that it goes behind or before; in listings of the one before it.
    pub position: Option<u64>,
    /// Number within a batch.
    pub id: Option<u32>,
    /// Number of a rule made in the same batch that it goes behind or before.
    pub position_id: Option<u32>,
    /// What it does.
    pub expressions: Vec<Expression>,
    /// What xtables needs.
    pub compat: Option<RuleCompatAttrs>,
    /// What tools left.
    pub userdata: Userdata,
    /// Attributes that are newer than this crate.
    pub unknown: Unknown,
}

impl Rule {
    /// A rule in a chain.
    #[must_use]
    pub fn new(
        family: Family,
        table: impl Into<String>,
        chain: impl Into<String>,
        expressions: impl IntoIterator<Item = Expression>,
    ) -> Self {
        let expressions = expressions.into_iter().collect();
        Rule { family, table: table.into(), chain: chain.into(), expressions, ..Default::default() }
    }

    /// Writes what the kernel needs to put it in another's place, which its handle names.
    pub fn write_replacement(&self, writer: &mut Writer) {
        self.write(self.handle, None, None, writer);
    }

    /// Writes it as its [`RuleAttrs`] are written, without a copy of its expressions: there may be very many rules.
    fn write(
        &self,
        handle: Option<u64>,
        position: Option<u64>,
        position_id: Option<u32>,
        writer: &mut Writer,
    ) {
        let chain = (!self.chain.is_empty()).then_some(&self.chain);
        let userdata = (!self.userdata.is_empty()).then_some(&self.userdata);
        self.unknown.write_after(u16::MAX, writer);
        self.write_one(1, Some(&self.table), writer);
        self.write_one(2, chain, writer);
        self.write_one(11, self.chain_id.as_ref(), writer);
        self.write_one(3, handle.as_ref(), writer);
        self.write_one(4, Some(&self.expressions), writer);
        self.write_one(5, self.compat.as_ref(), writer);
        self.write_one(6, position.as_ref(), writer);
        self.write_one(7, userdata, writer);
        self.write_one(9, self.id.as_ref(), writer);
        self.write_one(10, position_id.as_ref(), writer);
    }

    /// Writes an attribute of [`RuleAttrs`], with what was kept behind it.
    fn write_one<T: Value>(&self, kind: u16, value: Option<&T>, writer: &mut Writer) {
        if let Some(value) = value {
            writer.attribute::<Big, T>(kind, value);
        }
        self.unknown.write_after(kind, writer);
    }
}

impl Item for Rule {
    type Attributes = RuleAttrs;
    const KINDS: ItemKinds = ItemKinds {
        noun: "rule",
        new: MessageKind::NEW_RULE,
        get: MessageKind::GET_RULE,
        delete: MessageKind::DELETE_RULE,
        destroy: MessageKind::DESTROY_RULE,
    };

    fn family(&self) -> Family {
        self.family
    }

    fn handle(&self) -> Option<u64> {
        self.handle
    }

    fn from_attributes(family: Family, attributes: RuleAttrs) -> Result<Self, Malformed> {
        let RuleAttrs {
            table,
            chain,
            chain_id,
            handle,
            expressions,
            compat,
            position,
            userdata,
            id,
            position_id,
            unknown,
        } = attributes;
        Ok(Rule {
            family,
            table: table.ok_or(lacks("the table of a rule"))?,
            chain: chain.unwrap_or_default(),
            chain_id,
            handle,
            position,
            id,
            position_id,
            expressions: expressions.unwrap_or_default(),
            compat,
            userdata: userdata.unwrap_or_default(),
            unknown,
        })
    }

    fn attributes(&self) -> RuleAttrs {
        RuleAttrs {
            table: Some(self.table.clone()),
            chain: (!self.chain.is_empty()).then(|| self.chain.clone()),
            chain_id: self.chain_id,
            handle: self.handle,
            expressions: Some(self.expressions.clone()),
            compat: self.compat.clone(),
            position: self.position,
            userdata: self.userdata.some(),
            id: self.id,
            position_id: self.position_id,
            unknown: self.unknown.clone(),
        }
    }

    fn write_definition(&self, writer: &mut Writer) {
        self.write(None, self.position, self.position_id, writer);
    }
}

#[cfg(test)]
mod tests;
