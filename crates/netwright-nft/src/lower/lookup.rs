//! Look-ups in sets and maps.

use netwright_netfilter::expression::{LookupAttrs, LookupFlags};
use netwright_netfilter::{Register, SetFlags};

use super::Result;
use super::load::Purpose;
use super::registers::register;
use super::relational::undone;
use super::rule::{AnonymousSet, Lowering};
use crate::ir::{self, Element, Expression, MapTarget, SetReference, TypePart, TypeSpec};

/// A set that a look-up names.
pub(super) struct Target {
    pub(super) name: String,
    pub(super) id: Option<u32>,
}

impl Lowering<'_> {
    /// Loads a key and looks it up.
    pub(super) fn look_up_key(
        &mut self,
        key: &Expression,
        reference: &SetReference,
        cell: usize,
        destination: Option<Register>,
        inverted: bool,
    ) -> Result<()> {
        self.look_up_wanted(key, reference, cell, destination, inverted, None)
    }

    /// The same for a map, with the type that is wanted of its values.
    pub(super) fn look_up_wanted(
        &mut self,
        key: &Expression,
        reference: &SetReference,
        cell: usize,
        destination: Option<Register>,
        inverted: bool,
        want: Option<&TypePart>,
    ) -> Result<()> {
        let moved = moved_to_the_elements(key, reference);
        let (key, reference) = moved.as_ref().map_or((key, reference), |(key, reference)| (key, reference));
        let (parts, shift) = match moved {
            // Bits within a byte are brought to its end first, as something was computed with them.
            Some(_) => {
                self.load_key_parts(key, cell, Purpose::Value, false)?;
                (self.parts(key), 0)
            }
            None => self.load_key(key, reference, cell)?,
        };
        // As nft: what was turned round on its way is not told.
        let turned = matches!(key, Expression::Concatenation(_))
            && self.is_interval(reference)?
            && self.parts(key).iter().any(TypePart::is_host_number);
        let target = self.target(
            reference,
            Some(key).filter(|_| !turned),
            &parts,
            shift,
            want.map(|part| MapTarget::Values(TypeSpec { parts: vec![*part], type_of: None })),
        )?;
        self.push_lookup(target, cell, destination, inverted)
    }

    /// Loads the key of a set or map as its elements have it. Gives the types, and how far to the left the bits lie.
    pub(super) fn load_key(
        &mut self,
        key: &Expression,
        reference: &SetReference,
        cell: usize,
    ) -> Result<(Vec<TypePart>, u32)> {
        let interval = self.is_interval(reference)?;
        let concatenated = matches!(key, Expression::Concatenation(_));
        let in_place = !interval && !concatenated && matches!(reference, SetReference::Anonymous(_));
        let purpose = if in_place { Purpose::Compare } else { Purpose::Value };
        let loaded = self.load_key_parts(key, cell, purpose, interval)?;
        let shift = loaded.first().filter(|_| in_place).map_or(0, |one| one.shift);
        let parts = match loaded.as_slice() {
            [one] if shift > 0 => vec![TypePart { bits: one.bytes as u32 * 8, ..one.part }],
            _ => self.parts(key),
        };
        Ok((self.widened(parts, key, reference, interval), shift))
    }

    /// As nft: in a set of its own, what was shifted into its place fills its bytes, and an interval up to its greatest value
    /// has an end.
    fn widened(
        &mut self,
        parts: Vec<TypePart>,
        key: &Expression,
        reference: &SetReference,
        interval: bool,
    ) -> Vec<TypePart> {
        let (Expression::Selector(selector), SetReference::Anonymous(elements), [one]) =
            (key, reference, parts.as_slice())
        else {
            return parts;
        };
        let map = elements.iter().any(|element| element.data.is_some());
        let shifted = self.place_of(selector).is_some_and(|place| place.shift > 0);
        match interval && !map && shifted {
            true => vec![TypePart { bits: one.bytes() as u32 * 8, ..*one }],
            false => parts,
        }
    }

    /// Looks up what is in a register already.
    pub(super) fn look_up(
        &mut self,
        reference: &SetReference,
        parts: &[TypePart],
        cell: usize,
        shift: u32,
        inverted: bool,
    ) -> Result<()> {
        let target = self.target(reference, None, parts, shift, None)?;
        self.push_lookup(target, cell, None, inverted)
    }

    fn push_lookup(
        &mut self,
        target: Target,
        cell: usize,
        destination: Option<Register>,
        inverted: bool,
    ) -> Result<()> {
        let flags = inverted.then_some(LookupFlags::INVERTED);
        let lookup = LookupAttrs::default().source(register(cell)?).set(target.name).with(|attrs| {
            attrs.destination = destination;
            attrs.set_id = target.id;
            attrs.flags = flags;
        });
        self.code.push(lookup.into());
        Ok(())
    }

    fn is_interval(&self, reference: &SetReference) -> Result<bool> {
        Ok(match reference {
            SetReference::Named(name) => self.scope.set(name)?.flags & SetFlags::INTERVAL.bits() != 0,
            SetReference::Anonymous(elements) => {
                elements.iter().any(|element| element.key.as_ref().is_some_and(Expression::is_interval))
            }
        })
    }

    /// The set that is named, or one made of the elements that are written in place.
    pub(super) fn target(
        &mut self,
        reference: &SetReference,
        key: Option<&Expression>,
        parts: &[TypePart],
        shift: u32,
        wanted: Option<MapTarget>,
    ) -> Result<Target> {
        let elements = match reference {
            SetReference::Named(name) => {
                self.scope.set(name)?;
                return Ok(Target { name: name.clone(), id: None });
            }
            SetReference::Anonymous(elements) => elements,
        };
        let interval = self.is_interval(reference)?;
        let mut flags = SetFlags::ANONYMOUS | SetFlags::CONSTANT;
        if interval {
            flags |= SetFlags::INTERVAL;
            if parts.len() > 1 {
                flags |= SetFlags::CONCAT;
            }
        }
        let target = self.map_target(elements, wanted);
        let name = match &target {
            None => "__set%d",
            Some(MapTarget::Objects(_)) => {
                flags |= SetFlags::OBJECT;
                "__objmap%d"
            }
            Some(_) => {
                flags |= SetFlags::MAP;
                "__map%d"
            }
        };
        let ranges =
            elements.iter().any(|element| element.data.as_ref().is_some_and(Expression::is_interval));
        let set = ir::Set {
            family: self.scope.family,
            table: self.scope.table.to_owned(),
            name: name.to_owned(),
            key: TypeSpec { parts: parts.to_vec(), type_of: key.cloned().map(Box::new) },
            target,
            flags: flags.bits(),
            elements: elements.clone(),
            ..ir::Set::default()
        };
        let id = (self.next_id)();
        self.sets.push(AnonymousSet { set, id, shift, ranges });
        Ok(Target { name: name.to_owned(), id: Some(id) })
    }

    fn map_target(&self, elements: &[Element], wanted: Option<MapTarget>) -> Option<MapTarget> {
        let data = elements.iter().find_map(|element| element.data.as_ref());
        match (wanted, data) {
            (wanted, None) => wanted.filter(|wanted| matches!(wanted, MapTarget::Objects(_))),
            (Some(wanted @ MapTarget::Objects(_)), _) => Some(wanted),
            (_, Some(Expression::Verdict(_))) => Some(MapTarget::Verdicts),
            (wanted, Some(data)) => {
                let parts = self.parts(data);
                let same =
                    matches!(&wanted, Some(MapTarget::Values(spec)) if spec.parts.len() == parts.len());
                wanted.filter(|_| same).or(Some(MapTarget::Values(TypeSpec { parts, type_of: None })))
            }
        }
    }
}

/// `x ^ 3 { 1, 2 }` is `x { 2, 1 }`: what is done to the key is undone in single values that stand in place.
fn moved_to_the_elements(key: &Expression, reference: &SetReference) -> Option<(Expression, SetReference)> {
    let (of, undone) = undone(key)?;
    let SetReference::Anonymous(elements) = reference else { return None };
    let moved = |element: &Element| match &element.key {
        Some(Expression::Value(value)) => {
            Some(Element { key: Some(Expression::Value(undone(value)?)), ..element.clone() })
        }
        _ => None,
    };
    let elements = elements.iter().map(moved).collect::<Option<Vec<_>>>()?;
    Some((of.clone(), SetReference::Anonymous(elements)))
}
