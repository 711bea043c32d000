//! The expression that a set's type comes from, as nft notes it down beside the set.

use netwright_netfilter::Set;
use netwright_netfilter::userdata::TypeOf;

use crate::ir::Expression;

/// The expression in an entry of a set's userdata; `None` where there is none that is understood.
pub(super) fn of(set: &Set, kind: u8) -> Option<Box<Expression>> {
    let note = set.userdata.type_of(kind)?;
    read(&note).map(Box::new)
}

fn read(_note: &TypeOf) -> Option<Expression> {
    None
}
