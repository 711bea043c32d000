//! One field or several side by side, and what they are compared with: values, prefixes, ranges, sets and maps.

use std::ops::RangeInclusive;

use super::value::{Constant, Declared, Scalar};
use super::{Invalid, Map, Set, Typed};
use crate::ir::{self, Element, Expression, MapTarget, SetReference, TypePart, TypeSpec, Verdict};

/// One [`Typed`] field, or two to four of them side by side: `(ip::SADDR, tcp::DPORT)`.
pub trait Fields {
    /// What they are compared with: a value, or as many side by side.
    type Value;

    /// What is loaded.
    ///
    /// # Errors
    /// Never for the constants of this crate.
    fn expression(&self) -> Result<Expression, Invalid>;

    /// The types of their values in the language.
    ///
    /// # Errors
    /// As for [`Fields::expression`].
    fn parts(&self) -> Result<Vec<TypePart>, Invalid>;
}

impl<T: Scalar> Fields for Typed<T> {
    type Value = T;

    fn expression(&self) -> Result<Expression, Invalid> {
        self.selector().map(Expression::Selector)
    }

    fn parts(&self) -> Result<Vec<TypePart>, Invalid> {
        self.part().map(|part| vec![part])
    }
}

/// The key of a set, or what a map holds, that can be declared by its type alone.
pub trait Key {
    /// The types side by side.
    fn parts() -> Vec<TypePart>;
}

impl<T: Declared> Key for T {
    fn parts() -> Vec<TypePart> {
        vec![TypePart::of(T::KIND)]
    }
}

/// What a map holds.
pub trait Data {
    /// What it is; where it is a value, of the type that can be declared.
    fn target() -> MapTarget;
}

impl<T: Key> Data for T {
    fn target() -> MapTarget {
        MapTarget::Values(TypeSpec { parts: T::parts(), type_of: None })
    }
}

impl Data for Verdict {
    fn target() -> MapTarget {
        MapTarget::Verdicts
    }
}

/// What a field of values `K` can be compared with, and a set of keys `K` can hold: a value, a [`PrefixOf`], a range; side
/// by side where `K` is.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be compared with a field of type `{K}`",
    label = "this field has values of type `{K}`"
)]
pub trait Member<K> {
    /// The constant in places of these types.
    ///
    /// # Errors
    /// It does not fit.
    fn member(self, parts: &[TypePart]) -> Result<Expression, Invalid>;
}

/// The only type of a single place.
pub(super) fn only(parts: &[TypePart]) -> Result<&TypePart, Invalid> {
    match parts {
        [part] => Ok(part),
        _ => Err(Invalid::new(format!("one value is given where {} are needed", parts.len()))),
    }
}

impl<T: Scalar, C: Constant<T>> Member<T> for RangeInclusive<C> {
    fn member(self, parts: &[TypePart]) -> Result<Expression, Invalid> {
        let part = only(parts)?;
        let (first, last) = self.into_inner();
        let (first, last) = (first.into_scalar().value(part)?, last.into_scalar().value(part)?);
        if first.bytes > last.bytes {
            return Err(Invalid::new("a range ends before it starts"));
        }
        Ok(Expression::Range(first, last))
    }
}

/// All values whose first bits are the same, such as the addresses of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PrefixOf<T> {
    /// One of the values; the bits behind the first ones do not matter.
    pub address: T,
    /// How many bits.
    pub length: u32,
}

/// [`PrefixOf`] by the name that it had.
#[deprecated(note = "is called PrefixOf, as Prefix is of addresses")]
pub type Prefix<T> = PrefixOf<T>;

/// All values whose first `length` bits are those of `address`.
pub fn prefix<T>(address: T, length: u32) -> PrefixOf<T> {
    PrefixOf { address, length }
}

impl<T: Scalar> Member<T> for PrefixOf<T> {
    fn member(self, parts: &[TypePart]) -> Result<Expression, Invalid> {
        let part = only(parts)?;
        let value = self.address.value(part)?;
        let number = value.as_number().unwrap_or_default();
        match part.bits.checked_sub(self.length) {
            None => {
                Err(Invalid::new(format!("a prefix of {} bits is longer than {}", self.length, part.bits)))
            }
            Some(0) => Ok(Expression::Value(value)),
            Some(rest) => {
                let kept = number.checked_shr(rest).and_then(|kept| kept.checked_shl(rest)).unwrap_or(0);
                let value = ir::Value::number(part.data_type, part.bits, kept);
                Ok(Expression::Prefix(value, self.length))
            }
        }
    }
}

impl Member<Verdict> for Verdict {
    fn member(self, _: &[TypePart]) -> Result<Expression, Invalid> {
        Ok(Expression::Verdict(self))
    }
}

macro_rules! side_by_side {
    ($( ($($type:ident $member:ident $index:tt),*) )*) => {$(
        impl<$($type: Scalar),*> Fields for ($(Typed<$type>,)*) {
            type Value = ($($type,)*);

            fn expression(&self) -> Result<Expression, Invalid> {
                Ok(Expression::Concatenation(vec![$( self.$index.expression()? ),*]))
            }

            fn parts(&self) -> Result<Vec<TypePart>, Invalid> {
                Ok(vec![$( self.$index.part()? ),*])
            }
        }

        impl<$($type: Declared),*> Key for ($($type,)*) {
            fn parts() -> Vec<TypePart> {
                vec![$( TypePart::of($type::KIND) ),*]
            }
        }

        impl<$($type: Scalar, $member: Member<$type>),*> Member<($($type,)*)> for ($($member,)*) {
            fn member(self, parts: &[TypePart]) -> Result<Expression, Invalid> {
                let mut parts = parts.chunks(1);
                Ok(Expression::Concatenation(vec![$( self.$index.member(parts.next().unwrap_or_default())? ),*]))
            }
        }
    )*};
}

side_by_side! {
    (A Ma 0, B Mb 1)
    (A Ma 0, B Mb 1, C Mc 2)
    (A Ma 0, B Mb 1, C Mc 2, D Md 3)
}

/// What a field can be in: a named [`Set`], values in an array, a slice or a vector, or a [`PrefixOf`] or range alone.
pub trait Membership<K> {
    /// What is looked into, in places of these types, and the named set that it is.
    ///
    /// # Errors
    /// A value does not fit.
    fn membership(self, parts: &[TypePart]) -> Result<(Expression, Option<ir::Set>), Invalid>;
}

impl<K> Membership<K> for &Set<K> {
    fn membership(self, _: &[TypePart]) -> Result<(Expression, Option<ir::Set>), Invalid> {
        let reference = SetReference::Named(self.name().to_owned());
        Ok((Expression::Set(reference), Some(self.declaration())))
    }
}

/// Values in place; one alone needs no set.
fn in_place<K, M: Member<K>>(
    members: impl IntoIterator<Item = M>,
    parts: &[TypePart],
) -> Result<(Expression, Option<ir::Set>), Invalid> {
    let keys = members.into_iter().map(|member| member.member(parts)).collect::<Result<Vec<_>, _>>()?;
    match (<[Expression; 1]>::try_from(keys), parts) {
        (Ok([only]), [_]) => Ok((only, None)),
        (Ok(one), _) => Ok((anonymous(one.into()), None)),
        (Err(keys), _) if keys.is_empty() => Err(Invalid::new("a set in a rule holds something")),
        (Err(keys), _) => Ok((anonymous(keys), None)),
    }
}

pub(super) fn anonymous(keys: Vec<Expression>) -> Expression {
    let elements = keys.into_iter().map(|key| Element { key: Some(key), ..Element::default() });
    Expression::Set(SetReference::Anonymous(elements.collect()))
}

impl<K, M: Member<K>, const N: usize> Membership<K> for [M; N] {
    fn membership(self, parts: &[TypePart]) -> Result<(Expression, Option<ir::Set>), Invalid> {
        in_place(self, parts)
    }
}

impl<K, M: Member<K>> Membership<K> for Vec<M> {
    fn membership(self, parts: &[TypePart]) -> Result<(Expression, Option<ir::Set>), Invalid> {
        in_place(self, parts)
    }
}

impl<K, M: Member<K> + Clone> Membership<K> for &[M] {
    fn membership(self, parts: &[TypePart]) -> Result<(Expression, Option<ir::Set>), Invalid> {
        in_place(self.iter().cloned(), parts)
    }
}

impl<T: Scalar> Membership<T> for PrefixOf<T> {
    fn membership(self, parts: &[TypePart]) -> Result<(Expression, Option<ir::Set>), Invalid> {
        Ok((self.member(parts)?, None))
    }
}

impl<T: Scalar, C: Constant<T>> Membership<T> for RangeInclusive<C> {
    fn membership(self, parts: &[TypePart]) -> Result<(Expression, Option<ir::Set>), Invalid> {
        Ok((self.member(parts)?, None))
    }
}

/// What keys lead to: a named [`Map`], or pairs in an array or a vector.
pub trait Mapping<K, V> {
    /// What is looked into by keys of these types, and the named map that it is.
    ///
    /// # Errors
    /// A key or value does not fit.
    fn mapping(self, parts: &[TypePart]) -> Result<(SetReference, Option<ir::Set>), Invalid>;
}

impl<K, V> Mapping<K, V> for &Map<K, V> {
    fn mapping(self, _: &[TypePart]) -> Result<(SetReference, Option<ir::Set>), Invalid> {
        Ok((SetReference::Named(self.name().to_owned()), Some(self.declaration())))
    }
}

fn pairs<K, V: Data, M: Member<K>, D: Member<V>>(
    pairs: impl IntoIterator<Item = (M, D)>,
    keys: &[TypePart],
) -> Result<(SetReference, Option<ir::Set>), Invalid> {
    let target = V::target();
    let values = super::set::data_parts(&target);
    let elements = pairs
        .into_iter()
        .map(|(key, data)| {
            let (key, data) = (Some(key.member(keys)?), Some(data.member(values)?));
            Ok(Element { key, data, ..Element::default() })
        })
        .collect::<Result<Vec<_>, Invalid>>()?;
    if elements.is_empty() {
        return Err(Invalid::new("a map in a rule holds something"));
    }
    Ok((SetReference::Anonymous(elements), None))
}

impl<K, V: Data, M: Member<K>, D: Member<V>, const N: usize> Mapping<K, V> for [(M, D); N] {
    fn mapping(self, parts: &[TypePart]) -> Result<(SetReference, Option<ir::Set>), Invalid> {
        pairs(self, parts)
    }
}

impl<K, V: Data, M: Member<K>, D: Member<V>> Mapping<K, V> for Vec<(M, D)> {
    fn mapping(self, parts: &[TypePart]) -> Result<(SetReference, Option<ir::Set>), Invalid> {
        pairs(self, parts)
    }
}
