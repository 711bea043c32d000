//! The lines.

mod statement;

use std::fmt::{self, Write};

use super::registers::{Part, Registers, used_as_host};
use super::{Form, SetLayout, bytes_of};
use crate::expression::*;
use crate::{Data, Element, Expression, Register, Userdata, VerdictAttrs};

/// An expression with what is needed to print its values.
pub(super) struct Printer<'a> {
    pub(super) expression: &'a Expression,
    pub(super) form: Form,
    pub(super) registers: &'a Registers,
    pub(super) following: &'a [Expression],
}

/// The number of a register; one that is not said is the verdict's.
fn number(register: Option<Register>) -> u32 {
    register.unwrap_or_default().0
}

/// The text of something that may be missing.
fn text<T: fmt::Display + Default>(value: &Option<T>) -> String {
    value.as_ref().map_or_else(|| T::default().to_string(), T::to_string)
}

impl fmt::Display for Printer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[ {} ", self.expression.name())?;
        self.operands(f)?;
        f.write_str("]")
    }
}

impl Printer<'_> {
    fn operands(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.expression {
            Expression::Immediate(attrs) => self.immediate(f, attrs),
            Expression::Compare(attrs) => self.compare(f, attrs),
            Expression::Range(attrs) => self.range(f, attrs),
            Expression::Bitwise(attrs) => self.bitwise(f, attrs),
            Expression::ByteOrder(attrs) => byteorder(f, attrs),
            Expression::Lookup(attrs) => lookup(f, attrs),
            Expression::DynamicSet(attrs) => self.dynamic_set(f, attrs),
            Expression::ObjectReference(attrs) => object_reference(f, attrs),
            Expression::Payload(attrs) => payload(f, attrs),
            Expression::Meta(attrs) => load_or_set(f, &text(&attrs.key), attrs.destination, attrs.source, ""),
            Expression::Ct(attrs) => {
                let direction =
                    attrs.direction.map(|direction| format!(", dir {direction} ")).unwrap_or_default();
                load_or_set(f, &text(&attrs.key), attrs.destination, attrs.source, &direction)
            }
            Expression::Route(attrs) => load_or_set(f, &text(&attrs.key), attrs.destination, None, ""),
            Expression::Socket(attrs) => {
                let level = attrs.level.filter(|_| attrs.key == Some(SocketKey::CGROUP_V2));
                let level = level.map(|level| format!("level {level} ")).unwrap_or_default();
                load_or_set(f, &text(&attrs.key), attrs.destination, None, &level)
            }
            Expression::Tunnel(attrs) => load_or_set(f, &text(&attrs.key), attrs.destination, None, ""),
            Expression::Xfrm(attrs) => {
                let number = attrs.number.unwrap_or_default();
                let what = format!("{} {number} {}", text(&attrs.direction), text(&attrs.key));
                load_or_set(f, &what, attrs.destination, None, "")
            }
            Expression::Fingerprint(attrs) => write!(f, "dreg {} ", number(attrs.destination)),
            Expression::ExtensionHeader(attrs) => extension_header(f, attrs),
            Expression::Fib(attrs) => fib(f, attrs),
            Expression::Hash(attrs) => hash(f, attrs),
            Expression::NumberGenerator(attrs) => {
                write!(f, "reg {} = {} ", number(attrs.destination), text(&attrs.kind))?;
                modulus(f, attrs.modulus, attrs.offset)
            }
            Expression::Inner(attrs) => self.inner(f, attrs),
            other => statement::operands(f, other),
        }
    }

    /// A value that is compared or combined with what a register has.
    fn beside(&self, register: Option<Register>, data: Option<&Data>) -> String {
        let part = self.registers.at(register).unwrap_or_default();
        self.value(bytes_of(data), part.host)
    }

    fn value(&self, bytes: &[u8], host: bool) -> String {
        match self.form {
            Form::Words => words(bytes, "0x"),
            Form::Bytes => groups(bytes, host, "0x"),
        }
    }

    fn immediate(&self, f: &mut fmt::Formatter<'_>, attrs: &ImmediateAttrs) -> fmt::Result {
        write!(f, "reg {} ", number(attrs.destination))?;
        match &attrs.data {
            Some(Data::Verdict(attrs)) => write!(f, "{} ", verdict(attrs)),
            data => {
                let host = attrs.destination.is_some_and(|register| used_as_host(self.following, register));
                write!(f, "{} ", self.value(bytes_of(data.as_ref()), host))
            }
        }
    }

    fn compare(&self, f: &mut fmt::Formatter<'_>, attrs: &CompareAttrs) -> fmt::Result {
        let value = self.beside(attrs.source, attrs.data.as_ref());
        write!(f, "{} reg {} {value} ", text(&attrs.op), number(attrs.source))
    }

    fn range(&self, f: &mut fmt::Formatter<'_>, attrs: &RangeAttrs) -> fmt::Result {
        let [from, to] = [&attrs.from, &attrs.to].map(|data| self.value(bytes_of(data.as_ref()), false));
        write!(f, "{} reg {} {from} {to} ", text(&attrs.op), number(attrs.source))
    }

    fn bitwise(&self, f: &mut fmt::Formatter<'_>, attrs: &BitwiseAttrs) -> fmt::Result {
        let (to, from) = (number(attrs.destination), number(attrs.source));
        write!(f, "reg {to} = ( reg {from} ")?;
        match attrs.op.unwrap_or_default() {
            BitwiseOp::MASK_XOR => {
                let host = self.registers.bitwise(attrs, self.following).is_some_and(|part| part.host);
                let [mask, xor] =
                    [&attrs.mask, &attrs.xor].map(|data| self.value(bytes_of(data.as_ref()), host));
                write!(f, "& {mask} ) ^ {xor} ")
            }
            op @ (BitwiseOp::LEFT_SHIFT | BitwiseOp::RIGHT_SHIFT) => {
                write!(f, "{op} {} ) ", self.value(bytes_of(attrs.data.as_ref()), true))
            }
            op => write!(f, "{op} reg {} ) ", number(attrs.source2)),
        }
    }

    fn dynamic_set(&self, f: &mut fmt::Formatter<'_>, attrs: &DynamicSetAttrs) -> fmt::Result {
        let name = attrs.set.as_deref().unwrap_or_default();
        write!(f, "{} reg_key {} set {name} ", text(&attrs.op), number(attrs.key))?;
        if let Some(data) = attrs.data {
            write!(f, "sreg_data {} ", data.0)?;
        }
        if let Some(timeout) = attrs.timeout {
            write!(f, "timeout {timeout}ms ")?;
        }
        let carried = attrs.expressions.iter().flat_map(|carried| &carried.0);
        attrs.expression.as_deref().into_iter().chain(carried).try_for_each(|expression| {
            let printer = Printer { expression, ..*self };
            write!(f, "expr {printer} ")
        })
    }

    fn inner(&self, f: &mut fmt::Formatter<'_>, attrs: &InnerAttrs) -> fmt::Result {
        let (kind, size) = (attrs.kind.unwrap_or_default().0, attrs.header_size.unwrap_or_default());
        write!(f, "type {kind} hdrsize {size} flags {:x} ", attrs.flags.unwrap_or_default().bits())?;
        match &attrs.expression {
            Some(expression) => write!(f, "{} ", Printer { expression, ..*self }),
            None => Ok(()),
        }
    }
}

fn load_or_set(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    destination: Option<Register>,
    source: Option<Register>,
    more: &str,
) -> fmt::Result {
    match source {
        Some(source) => write!(f, "set {what} with reg {} {more}", source.0),
        None => write!(f, "load {what} => reg {} {more}", number(destination)),
    }
}

fn byteorder(f: &mut fmt::Formatter<'_>, attrs: &ByteOrderAttrs) -> fmt::Result {
    let (to, from) = (number(attrs.destination), number(attrs.source));
    let (size, length) = (attrs.size.unwrap_or_default(), attrs.length.unwrap_or_default());
    write!(f, "reg {to} = {}(reg {from}, {size}, {length}) ", text(&attrs.op))
}

fn lookup(f: &mut fmt::Formatter<'_>, attrs: &LookupAttrs) -> fmt::Result {
    write!(f, "reg {} set {} ", number(attrs.source), attrs.set.as_deref().unwrap_or_default())?;
    if let Some(destination) = attrs.destination {
        write!(f, "dreg {} ", destination.0)?;
    }
    match attrs.flags.unwrap_or_default().bits() {
        0 => Ok(()),
        flags => write!(f, "{flags:#x} "),
    }
}

fn object_reference(f: &mut fmt::Formatter<'_>, attrs: &ObjectReferenceAttrs) -> fmt::Result {
    match attrs.source {
        Some(source) => write!(f, "sreg {} set {} ", source.0, attrs.set.as_deref().unwrap_or_default()),
        None => {
            let name = attrs.name.as_deref().unwrap_or_default();
            write!(f, "type {} name {name} ", attrs.kind.unwrap_or_default().0)
        }
    }
}

fn payload(f: &mut fmt::Formatter<'_>, attrs: &PayloadAttrs) -> fmt::Result {
    let (length, offset) = (attrs.length.unwrap_or_default(), attrs.offset.unwrap_or_default());
    let place = format!("{length}b @ {} header + {offset}", text(&attrs.base));
    let Some(source) = attrs.source else {
        return write!(f, "load {place} => reg {} ", number(attrs.destination));
    };
    let checksum = attrs.checksum.unwrap_or_default().0;
    let (at, flags) =
        (attrs.checksum_offset.unwrap_or_default(), attrs.checksum_flags.unwrap_or_default().bits());
    write!(f, "write reg {} => {place} csum_type {checksum} csum_off {at} csum_flags {flags:#x} ", source.0)
}

fn extension_header(f: &mut fmt::Formatter<'_>, attrs: &ExtensionHeaderAttrs) -> fmt::Result {
    let word = match attrs.op.unwrap_or_default() {
        op @ (ExtensionHeaderOp::IPV6 | ExtensionHeaderOp::TCP_OPTION | ExtensionHeaderOp::IPV4) => {
            format!("{op} ")
        }
        _ => String::new(),
    };
    let (kind, length) = (attrs.kind.unwrap_or_default(), attrs.length.unwrap_or_default());
    let offset = attrs.offset.unwrap_or_default();
    let present = attrs.flags.is_some_and(|flags| flags.contains(ExtensionHeaderFlags::PRESENT));
    match (attrs.source, attrs.destination) {
        (Some(source), _) => write!(f, "write {word}reg {} => {length}b @ {kind} + {offset} ", source.0),
        (None, Some(destination)) => {
            let present = if present { "present " } else { "" };
            write!(f, "load {word}{length}b @ {kind} + {offset} {present}=> reg {} ", destination.0)
        }
        (None, None) => write!(f, "reset {word}{kind} "),
    }
}

fn fib(f: &mut fmt::Formatter<'_>, attrs: &FibAttrs) -> fmt::Result {
    let flags = attrs.flags.unwrap_or_default();
    let names = [
        (FibFlags::SOURCE, "saddr"),
        (FibFlags::DESTINATION, "daddr"),
        (FibFlags::MARK, "mark"),
        (FibFlags::INPUT, "iif"),
        (FibFlags::OUTPUT, "oif"),
    ];
    let set: Vec<_> = names.iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, name)| *name).collect();
    write!(f, "{} {} ", set.join(" . "), text(&attrs.result))?;
    let present = if flags.contains(FibFlags::PRESENT) { "present " } else { "" };
    write!(f, "{present}=> reg {} ", number(attrs.destination))
}

fn hash(f: &mut fmt::Formatter<'_>, attrs: &HashAttrs) -> fmt::Result {
    write!(f, "reg {} = ", number(attrs.destination))?;
    match attrs.kind.unwrap_or_default() {
        HashKind::JENKINS => {
            let (length, seed) = (attrs.length.unwrap_or_default(), attrs.seed.unwrap_or_default());
            write!(f, "jhash(reg {}, {length}, {seed:#x}) % ", number(attrs.source))?;
        }
        kind => write!(f, "{kind}() % ")?,
    }
    modulus(f, attrs.modulus, attrs.offset)
}

fn modulus(f: &mut fmt::Formatter<'_>, modulus: Option<u32>, offset: Option<u32>) -> fmt::Result {
    write!(f, "mod {} ", modulus.unwrap_or_default())?;
    match offset.unwrap_or_default() {
        0 => Ok(()),
        offset => write!(f, "offset {offset} "),
    }
}

fn verdict(attrs: &VerdictAttrs) -> String {
    match &attrs.chain {
        Some(chain) => format!("{} -> {chain}", text(&attrs.code)),
        None => text(&attrs.code),
    }
}

/// Bytes as words of four bytes in the machine's order, the last filled up with zeros.
fn words(bytes: &[u8], prefix: &str) -> String {
    let word = |chunk: &[u8]| {
        let mut word = [0; 4];
        word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
        format!("{prefix}{:08x}", u32::from_ne_bytes(word))
    };
    bytes.chunks(4).map(word).collect::<Vec<_>>().join(" ")
}

/// Bytes in groups of four, most significant first.
fn groups(bytes: &[u8], host: bool, prefix: &str) -> String {
    let mut bytes = bytes.to_vec();
    if host && cfg!(target_endian = "little") {
        bytes.reverse();
    }
    let group =
        |chunk: &[u8]| chunk.iter().fold(prefix.to_owned(), |text, byte| text + &format!("{byte:02x}"));
    bytes.chunks(4).map(group).collect::<Vec<_>>().join(" ")
}

/// The parts of a key or of data, each filled up to a multiple of four bytes but the last.
/// Bytes part by part. Where there are twice as many as the parts have, they are both ends of a range.
fn parts(mut bytes: &[u8], layout: &[Part]) -> String {
    let mut texts = Vec::new();
    let whole: usize = layout.iter().map(|part| part.cells() * 4).sum();
    let times = if layout.len() > 1 && bytes.len() == whole * 2 { 2 } else { 1 };
    for part in std::iter::repeat_n(layout, times).flatten() {
        let (own, rest) = bytes.split_at(part.length.min(bytes.len()));
        texts.push(groups(own, part.host && own.len() == part.length, ""));
        bytes = rest.get((part.cells() * 4 - part.length).min(rest.len())..).unwrap_or_default();
    }
    if !bytes.is_empty() {
        texts.push(groups(bytes, false, ""));
    }
    texts.join(" . ")
}

pub(super) fn element_bytes(out: &mut String, element: &Element, layout: &SetLayout) -> fmt::Result {
    if let Some(key) = &element.key {
        out.push_str(&parts(bytes_of(Some(key)), &layout.key));
    }
    if let Some(end) = &element.key_end {
        write!(out, " - {}", parts(bytes_of(Some(end)), &layout.key))?;
    }
    match (&element.data, &element.object) {
        (Some(Data::Verdict(attrs)), _) => write!(out, " : {}", verdict(attrs))?,
        (Some(data), _) => write!(out, " : {}", parts(bytes_of(Some(data)), &layout.data))?,
        (None, Some(object)) => write!(out, " : {object}")?,
        (None, None) => {}
    }
    match element.flags.unwrap_or_default().bits() {
        0 => {}
        flags => write!(out, " flags {flags:x}")?,
    }
    match &element.userdata {
        Some(Userdata(bytes)) => {
            let sum: u32 = bytes.iter().map(|byte| u32::from(*byte)).sum();
            write!(out, "  userdata len {} sum {sum:#x}", bytes.len())
        }
        None => Ok(()),
    }
}

pub(super) fn element_words(out: &mut String, element: &Element) -> fmt::Result {
    write!(out, "{}", words(bytes_of(element.key.as_ref()), ""))?;
    if let Some(end) = &element.key_end {
        write!(out, "  - {}", words(bytes_of(Some(end)), ""))?;
    }
    out.push_str("  : ");
    match &element.data {
        Some(Data::Verdict(attrs)) => write!(out, "{} ", verdict(attrs))?,
        Some(data) => write!(out, "{} ", words(bytes_of(Some(data)), ""))?,
        None => {}
    }
    write!(out, "{} [end]", element.flags.unwrap_or_default().bits())?;
    let Some(Userdata(bytes)) = &element.userdata else { return Ok(()) };
    out.push_str("  userdata = { ");
    for byte in bytes {
        match byte {
            b' '..=b'~' => out.push(char::from(*byte)),
            byte => write!(out, "\\x{byte:02x}")?,
        }
    }
    out.write_str(" }")
}
