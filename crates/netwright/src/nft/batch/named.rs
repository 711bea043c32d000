//! Changes of what is referred to by name: elements of sets, and flushes.

use netwright_netfilter::{ByHandle, ChainRef, SetRef, TableRef, WriteElement};

use super::Batch;

impl<D> Batch<'_, D> {
    /// Adds elements to a set; those that are there already stay as they are.
    pub fn add_elements<E: WriteElement>(
        &mut self,
        set: impl Into<SetRef>,
        elements: impl IntoIterator<Item = E>,
    ) {
        self.raw_mut().add_elements(set, elements);
    }

    /// Adds elements that must not be there yet.
    pub fn create_elements<E: WriteElement>(
        &mut self,
        set: impl Into<SetRef>,
        elements: impl IntoIterator<Item = E>,
    ) {
        self.raw_mut().create_elements(set, elements);
    }

    /// Deletes elements, which must be there.
    pub fn delete_elements<E: WriteElement>(
        &mut self,
        set: impl Into<SetRef>,
        elements: impl IntoIterator<Item = E>,
    ) {
        self.raw_mut().delete_elements(set, elements);
    }

    /// Deletes elements if they are there; kernels before 6.3 do not know this.
    pub fn destroy_elements<E: WriteElement>(
        &mut self,
        set: impl Into<SetRef>,
        elements: impl IntoIterator<Item = E>,
    ) {
        self.raw_mut().destroy_elements(set, elements);
    }

    /// Deletes all tables of a family, or of all ([`Family::UNSPECIFIED`](crate::nft::Family::UNSPECIFIED)), whoever made them.
    pub fn flush_ruleset(&mut self, family: crate::nft::Family) {
        self.raw_mut().flush_ruleset(family);
    }

    /// Deletes all rules of a table.
    pub fn flush_table(&mut self, table: impl Into<TableRef>) {
        self.raw_mut().flush_table(table);
    }

    /// Deletes all rules of a chain.
    pub fn flush_chain(&mut self, chain: impl Into<ChainRef>) {
        self.raw_mut().flush_chain(chain);
    }

    /// Deletes all elements of a set.
    pub fn flush_set(&mut self, set: impl Into<SetRef>) {
        self.raw_mut().flush_set(set);
    }

    /// Gives a chain another name; the kernel finds it by its handle alone.
    pub fn rename_chain(&mut self, chain: &ByHandle<netwright_netfilter::Chain>, name: &str) {
        self.raw_mut().rename_chain(chain, name);
    }
}
