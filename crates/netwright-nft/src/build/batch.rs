//! From what was built to the messages of a batch. Things as the kernel has them ([`Item`]) and references can stand beside.

use netwright_netfilter::{Batch, Deletable, Item, Rule as KernelRule};

use super::{Chain, Definition, Elements, Flowtable, Invalid, Map, Object, Rule, Set, Table, Wanted};
use crate::catalog::Catalog;
use crate::ir::{Command, Operation, Target};
use crate::lower::{self, Order};

/// What can be added to a batch: things that were built, and references to things as the kernel has them.
pub trait Addition {
    /// What refers to it from now on.
    type Handle;

    /// Appends it; with [`Operation::Create`] it must not be there yet. What can be named is noted in the catalogue.
    fn append(
        self,
        operation: Operation,
        catalog: &mut Catalog,
        order: &mut Order,
        batch: &mut Batch,
    ) -> (Result<(), Invalid>, Self::Handle);
}

/// What can be deleted by a batch.
pub trait Removal {
    /// Appends its end; with [`Operation::Destroy`] it need not be there.
    ///
    /// # Errors
    /// It cannot be named.
    fn append_end(
        self,
        operation: Operation,
        catalog: &mut Catalog,
        order: &mut Order,
        batch: &mut Batch,
    ) -> Result<(), Invalid>;
}

/// A rule, which can be put at the start of its chain or in the place of another one too.
pub trait Placement {
    /// Appends it: [`Operation::Insert`] or [`Operation::Replace`].
    ///
    /// # Errors
    /// It has no meaning.
    fn place(
        self,
        operation: Operation,
        catalog: &mut Catalog,
        order: &mut Order,
        batch: &mut Batch,
    ) -> Result<(), Invalid>;
}

fn append(
    wanted: Wanted,
    operation: Operation,
    catalog: &mut Catalog,
    order: &mut Order,
    batch: &mut Batch,
) -> Result<(), Invalid> {
    let Wanted { mut target, sets, packed } = wanted;
    sets.iter().try_for_each(|set| catalog.refer(set)).map_err(Invalid)?;
    match &mut target {
        Target::Set(set) => {
            // A million elements are not copied for their set's definition.
            let elements = std::mem::take(&mut set.elements);
            catalog.add_set(set);
            set.elements = elements;
        }
        Target::Chain(chain) => {
            let chains = &mut catalog.table_mut(chain.family, &chain.table).chains;
            chains.entry(chain.name.clone()).or_default();
        }
        _ => {}
    }
    let command = Command { operation, target, span: None, elements: Vec::new() };
    lower::command(&command, catalog, order, batch).map_err(|error| Invalid(error.message))?;
    if let (Some(elements), Target::Set(set)) = (packed, command.target) {
        let target = Target::PackedElements { set: set.into(), elements };
        let command = Command { operation: Operation::Add, target, span: None, elements: Vec::new() };
        lower::command(&command, catalog, order, batch).map_err(|error| Invalid(error.message))?;
    }
    Ok(())
}

macro_rules! additions {
    ($( $type:ty $(: $($parameter:ident),*)?; )*) => {$(
        impl$(<$($parameter),*>)? Addition for $type {
            type Handle = <$type as Definition>::Handle;

            fn append(
                self,
                operation: Operation,
                catalog: &mut Catalog,
                order: &mut Order,
                batch: &mut Batch,
            ) -> (Result<(), Invalid>, Self::Handle) {
                let (wanted, handle) = self.define();
                (wanted.and_then(|wanted| append(wanted, operation, catalog, order, batch)), handle)
            }
        }
    )*};
}

additions! { Table; Chain; Set<K>: K; Map<K, V>: K, V; Elements; Object; Flowtable; Rule; }

macro_rules! removals {
    ($( $type:ty $(: $($parameter:ident),*)?; )*) => {$(
        impl$(<$($parameter),*>)? Removal for &$type {
            fn append_end(self, operation: Operation, catalog: &mut Catalog, order: &mut Order, batch: &mut Batch) -> Result<(), Invalid> {
                let selection = self.selection().ok_or_else(|| Invalid::new("a rule is deleted by its handle"))?;
                append(Target::Selection(selection).into(), operation, catalog, order, batch)
            }
        }
    )*};
}

removals! { Table; Chain; Set<K>: K; Map<K, V>: K, V; Object; Flowtable; Rule; }

impl Removal for Elements {
    fn append_end(
        self,
        operation: Operation,
        catalog: &mut Catalog,
        order: &mut Order,
        batch: &mut Batch,
    ) -> Result<(), Invalid> {
        append(self.define().0?, operation, catalog, order, batch)
    }
}

impl<T: Item> Addition for &T {
    type Handle = ();

    fn append(
        self,
        operation: Operation,
        _: &mut Catalog,
        _: &mut Order,
        batch: &mut Batch,
    ) -> (Result<(), Invalid>, ()) {
        if operation == Operation::Create {
            batch.create(self)
        } else {
            batch.add(self)
        }
        (Ok(()), ())
    }
}

impl<T: Deletable> Removal for &T {
    fn append_end(
        self,
        operation: Operation,
        _: &mut Catalog,
        _: &mut Order,
        batch: &mut Batch,
    ) -> Result<(), Invalid> {
        if operation == Operation::Destroy {
            batch.destroy(self)
        } else {
            batch.delete(self)
        }
        Ok(())
    }
}

impl Placement for Rule {
    fn place(
        self,
        operation: Operation,
        catalog: &mut Catalog,
        order: &mut Order,
        batch: &mut Batch,
    ) -> Result<(), Invalid> {
        append(self.define().0?, operation, catalog, order, batch)
    }
}

impl Placement for &KernelRule {
    fn place(
        self,
        operation: Operation,
        _: &mut Catalog,
        _: &mut Order,
        batch: &mut Batch,
    ) -> Result<(), Invalid> {
        if operation == Operation::Replace {
            batch.replace(self)
        } else {
            batch.insert(self)
        }
        Ok(())
    }
}
