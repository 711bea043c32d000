//! What types and expressions are, and the words for their values.

use std::fmt::{self, Write};

use netwright_nft::ir::{Expression, Selector, TypePart};
use netwright_nft::table::datatype::Format;
use netwright_nft::table::{DataType, Database, Names};

use super::host_names;

/// Names that the host gives to all values of a type.
const IN_FILES: [Database; 3] = [Database::Marks, Database::Realms, Database::DeviceGroups];

/// What a type or an expression is.
#[derive(Clone, Debug)]
pub struct Description {
    /// The expression; none where a type was named.
    pub expression: Option<Expression>,
    /// The parts of its type.
    pub parts: Vec<TypePart>,
}

impl Description {
    /// Writes what each part is, as nft does.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut impl Write, names: &Names) -> fmt::Result {
        let one = match &self.expression {
            Some(Expression::Concatenation(list)) => list.iter().map(Some).collect(),
            other => vec![other.as_ref()],
        };
        for (index, part) in self.parts.iter().enumerate() {
            let expression = one.get(index).copied().flatten();
            if let Some(expression) = expression {
                write!(out, "{} expression, ", kind(expression))?;
            }
            data_type(part, expression.is_some(), out)?;
            symbols(part, names, out)?;
        }
        Ok(())
    }
}

/// What kind of expression it is.
fn kind(expression: &Expression) -> &'static str {
    let Expression::Selector(selector) = expression else {
        return match expression {
            Expression::Binary(..) => "binary",
            Expression::Set(_) => "set",
            Expression::Map(..) => "map",
            Expression::Concatenation(_) => "concat",
            _ => "value",
        };
    };
    match selector {
        Selector::Payload(_) => "payload",
        Selector::Exthdr(_) => "exthdr",
        Selector::Meta(_) => "meta",
        Selector::Ct(_) => "ct",
        Selector::Rt(_) => "rt",
        Selector::Socket(_) => "socket",
        Selector::Fib(_) => "fib",
        Selector::Numgen(_) => "numgen",
        Selector::Hash(_) => "hash",
        Selector::Xfrm(_) => "xfrm",
        Selector::Osf { .. } => "osf",
        Selector::Tunnel(_) => "tunnel",
    }
}

fn data_type(part: &TypePart, loaded: bool, out: &mut impl Write) -> fmt::Result {
    let TypePart { data_type, bits, .. } = *part;
    write!(out, "datatype {} ({})", data_type.name(), data_type.descriptor().description)?;
    let bases: Vec<&str> =
        std::iter::successors(data_type.base(), |base| base.base()).map(name_of_base).collect();
    if !bases.is_empty() {
        write!(out, " (basetype {})", bases.join(", "))?;
    }
    match loaded && data_type.is_string() {
        true => writeln!(out, ", {} characters", bits / 8),
        false => writeln!(out, ", {bits} bits"),
    }
}

/// The words of the language for values, and the names of protocols.
fn symbols(part: &TypePart, names: &Names, out: &mut impl Write) -> fmt::Result {
    let data_type = part.data_type;
    if data_type.database() == Some(Database::Protocols) {
        let number = |name| Some((names.number(Database::Protocols, name)?, name));
        let mut protocols: Vec<(u64, &str)> = names.all(Database::Protocols).filter_map(number).collect();
        let fits = |number: u64| number.checked_shr(part.bits) == Some(0);
        protocols
            .retain(|(number, name)| fits(*number) && names.name(Database::Protocols, *number) == Some(name));
        protocols.sort_unstable();
        protocols.dedup();
        return protocols.iter().try_for_each(|(number, name)| writeln!(out, "\t{name:<30}\t{number}"));
    }
    if let Some(database) = data_type.database().filter(|database| IN_FILES.contains(database)) {
        let Some((path, listed)) = host_names::listed(database) else { return Ok(()) };
        writeln!(out, "\npre-defined symbolic constants from {path} (in decimal):")?;
        return listed.iter().try_for_each(|(name, number)| writeln!(out, "\t{:<30}\t{number:>20}", name));
    }
    if data_type.symbols().is_empty() {
        return Ok(());
    }
    let hexadecimal = is_hexadecimal(data_type);
    let numbers = if hexadecimal { "hexadecimal" } else { "decimal" };
    writeln!(out, "\npre-defined symbolic constants (in {numbers}):")?;
    let digits = 2 * part.bytes();
    data_type.symbols().iter().try_for_each(|symbol| match hexadecimal {
        true => writeln!(out, "\t{:<30}\t0x{:0digits$x}", symbol.name, symbol.value),
        false => writeln!(out, "\t{:<30}\t{:>20}", symbol.name, symbol.value),
    })
}

fn is_hexadecimal(data_type: DataType) -> bool {
    matches!(data_type.descriptor().format, Format::Hex | Format::PaddedHex)
        || [DataType::ARP_OP, DataType::DCCP_PKTTYPE, DataType::IFACE_TYPE].contains(&data_type)
}

/// What a base is called among bases: link layer addresses by their description.
fn name_of_base(base: DataType) -> &'static str {
    if base == DataType::LINK_ADDRESS { base.descriptor().description } else { base.name() }
}
