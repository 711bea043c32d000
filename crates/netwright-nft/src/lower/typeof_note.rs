//! The note by which a set remembers the expression its type was taken from.

use netwright_netfilter::userdata::{TypeOf, TypeOfKind};

use crate::ir::{Expression, PayloadLocation, Selector};

/// The note of an expression; `None` where nft has none for it.
pub(super) fn type_of(expression: &Expression) -> Option<TypeOf> {
    match expression {
        Expression::Concatenation(parts) => {
            let parts: Option<Vec<TypeOf>> = parts.iter().map(type_of).collect();
            TypeOf::concatenation(&parts?).ok()
        }
        Expression::Selector(Selector::Payload(payload)) => match &payload.location {
            PayloadLocation::Field(header, field) => {
                TypeOf::with_numbers(TypeOfKind::PAYLOAD, &[header.userdata_number, field.number]).ok()
            }
            PayloadLocation::Raw { .. } => None,
        },
        Expression::Selector(Selector::Meta(key)) => TypeOf::with_numbers(TypeOfKind::META, &[key.number]).ok(),
        _ => None,
    }
}
