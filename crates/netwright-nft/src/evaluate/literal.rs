//! Constants: words, numbers and addresses as values of the type that is wanted.

use std::net::IpAddr;

use super::{Eval, Evaluator, Shifted};
use crate::diagnostic::{Diagnostic, Span};
use crate::ir::{BinaryOperator, Bytes, Expression, Selector, TypePart, Value};
use crate::syntax::ast::{self, ExpressionKind, LiteralKind};
use crate::table::names::parse_number;
use crate::table::value::{self, ValueError};
use crate::table::{ByteOrder, DataType};

/// The longest name of an interface with its NUL.
const INTERFACE_NAME: usize = 16;

impl<'a> Evaluator<'a> {
    /// Whether an expression is made of constants only.
    pub(super) fn is_constant(&self, expression: &'a ast::Expression) -> bool {
        let Ok(expression) = self.resolve(expression) else { return true };
        match &expression.kind {
            ExpressionKind::Literal(_) | ExpressionKind::Range(_) | ExpressionKind::Prefix(_) => true,
            ExpressionKind::List(list) | ExpressionKind::Concat(list) => {
                list.items.iter().all(|item| self.is_constant(item))
            }
            ExpressionKind::Binary(binary) => {
                self.is_constant(&binary.left) && self.is_constant(&binary.right)
            }
            _ => false,
        }
    }

    /// A constant of a type: a value, a range, a prefix, the start of a string, flags.
    pub(super) fn constant(&mut self, expression: &'a ast::Expression, part: &TypePart) -> Eval<Expression> {
        let expression = self.resolve(expression)?;
        let span = expression.span;
        match &expression.kind {
            ExpressionKind::Literal(kind) => self.literal(expression, *kind, part),
            ExpressionKind::Range(range) => {
                if part.data_type.is_string() {
                    return self.error(span, "names have no order: a range of them cannot be matched");
                }
                let (from, to) = (self.value(&range.from, part)?, self.value(&range.to, part)?);
                let wraps = matches!(part.data_type, DataType::HOUR | DataType::DAY);
                if from.bytes > to.bytes && !wraps {
                    return self.error(span, "a range must end with its greater value");
                }
                match from.bytes == to.bytes {
                    true => Ok(Expression::Value(from)),
                    false => Ok(Expression::Range(from, to)),
                }
            }
            ExpressionKind::Prefix(prefix) => {
                let value = self.value(&prefix.value, part)?;
                let length: u32 = self.fit(prefix.length, "a prefix")?;
                let asked = part.bits == 1 && part.order == ByteOrder::Host;
                if part.data_type == DataType::BOOLEAN || asked {
                    return self.error(span, "what is there or not has no prefix");
                }
                if part.data_type.is_string() {
                    return self.string_prefix(prefix.length.span, value, length);
                }
                // The bits that are kept are those of a great number.
                if let (Some(below), 1..) = (self.below, length) {
                    return self.never_reached(span, below);
                }
                if length > part.bits {
                    let message = format!("a prefix of this type has at most {} bits", part.bits);
                    return self.error(prefix.length.span, message);
                }
                Ok(Expression::Prefix(value, length))
            }
            ExpressionKind::List(list) => {
                if !part.data_type.is_bitmask() || part.data_type == DataType::BITMASK {
                    let message = format!("{} has no flags that could be listed", describe(part));
                    let diagnostic = Diagnostic::error(span, message);
                    let help = "Values of which one must match stand in a set: `{ 22, 80 }`.";
                    return self.report(diagnostic.help(help));
                }
                if let [only] = list.items.as_slice() {
                    return self.value(only, part).map(Expression::Value);
                }
                let values =
                    list.items.iter().map(|item| self.value(item, part)).collect::<Eval<Vec<_>>>()?;
                Ok(Expression::Flags(values))
            }
            ExpressionKind::Binary(binary) => self.folded(span, binary, part).map(Expression::Value),
            ExpressionKind::Meta(_) | ExpressionKind::Tunnel(_) => {
                self.literal(expression, LiteralKind::Word, part)
            }
            _ => self.error(span, format!("a constant is needed here: {}", describe(part))),
        }
    }

    /// The first bytes of a name.
    fn string_prefix(&mut self, span: Span, mut value: Value, length: u32) -> Eval<Expression> {
        let bytes = (length / 8) as usize;
        match value.bytes.get(..bytes).filter(|bytes| !bytes.is_empty() && length.is_multiple_of(8)) {
            Some(start) => {
                value.bytes = Bytes::new(start);
                Ok(Expression::Wildcard(value))
            }
            None => {
                let message = "the start of a name has whole bytes, and not more than the name";
                let diagnostic = Diagnostic::error(span, message);
                self.report(diagnostic.help("Write `eth*` for all names that begin with `eth`."))
            }
        }
    }

    /// One value.
    pub(super) fn value(&mut self, expression: &'a ast::Expression, part: &TypePart) -> Eval<Value> {
        let span = expression.span;
        match self.constant(expression, part)? {
            Expression::Value(value) => Ok(value),
            Expression::Exists(there) => Ok(Value::number(part.data_type, part.bits, u128::from(there))),
            Expression::Flags(values) => Ok(self.join_flags(&values, part)),
            Expression::Range(..)
            | Expression::Prefix(..)
            | Expression::Wildcard(_)
            | Expression::Verdict(_)
            | Expression::ObjectName(_)
            | Expression::Selector(_)
            | Expression::Concatenation(_)
            | Expression::Binary(..)
            | Expression::Set(_)
            | Expression::Map(..) => {
                self.error(span, format!("a single value is needed here: {}", describe(part)))
            }
        }
    }

    fn join_flags(&self, values: &[Value], part: &TypePart) -> Value {
        let all = values.iter().filter_map(Value::as_number).fold(0, |all, number| all | number);
        Value::number(part.data_type, part.bits, all)
    }

    /// Whether something is shifted: by nothing it stays what it is where it stands alone.
    fn is_shift(&self, binary: &'a ast::Binary) -> bool {
        let by = |by: &ast::Expression| parse_number(by.text(self.sources));
        matches!(binary.operator, ast::BinaryOperator::ShiftLeft | ast::BinaryOperator::ShiftRight)
            && (self.shifted == Shifted::Compared
                || self.resolve(&binary.right).map_or(true, |right| by(right) != Some(0)))
    }

    /// An operation on constants, done here.
    fn folded(&mut self, span: Span, binary: &'a ast::Binary, part: &TypePart) -> Eval<Value> {
        let shift = self.is_shift(binary);
        let amount = TypePart { data_type: DataType::INTEGER, bits: 32, order: ByteOrder::Host };
        if matches!(binary.operator, ast::BinaryOperator::ShiftLeft | ast::BinaryOperator::ShiftRight)
            && !shift
        {
            return self.value(&binary.left, part);
        }
        let number = match (part.data_type, self.shifted) {
            (DataType::INTEGER | DataType::HEX_INTEGER, _) => true,
            (DataType::MARK | DataType::BOOLEAN, Shifted::Alone) => true,
            (_, Shifted::Beside) => !part.data_type.is_string(),
            (_, Shifted::Alone | Shifted::Compared) => false,
        };
        for operand in [&binary.left, &binary.right].into_iter().filter(|_| !shift) {
            self.check_string(operand, part)?;
        }
        if shift && !number {
            return self.not_shifted(span, part);
        }
        // The first tells the type.
        let left = self.value(&binary.left, part);
        let (loose, shifted, below) = (self.loose, self.shifted, self.below);
        self.loose = true;
        if shifted == Shifted::Alone {
            self.shifted = Shifted::Beside;
        }
        self.below = below.filter(|_| !shift);
        let right = self.value(&binary.right, if shift { &amount } else { part });
        (self.loose, self.shifted, self.below) = (loose, shifted, below);
        let (left, right) = (left?, right?);
        if part.data_type.is_string() {
            return self.folded_string(span, binary.operator, &left, &right);
        }
        let (Some(left), Some(right)) = (left.as_number(), right.as_number()) else {
            return self.error(span, "strings cannot be combined bit by bit");
        };
        if shift {
            self.check_shift(binary, right, u128::from(part.bits))?;
        }
        let by = u32::try_from(right).unwrap_or(u32::MAX);
        let number = match binary.operator {
            ast::BinaryOperator::Or => left | right,
            ast::BinaryOperator::Xor => left ^ right,
            ast::BinaryOperator::And => left & right,
            ast::BinaryOperator::ShiftLeft => left.checked_shl(by).unwrap_or(0) & value::greatest(part.bits),
            ast::BinaryOperator::ShiftRight => left.checked_shr(by).unwrap_or(0),
        };
        Ok(Value::number(part.data_type, part.bits, number))
    }

    /// Strings are combined character by character, from the first on.
    fn folded_string(
        &mut self,
        span: Span,
        operator: ast::BinaryOperator,
        left: &Value,
        right: &Value,
    ) -> Eval<Value> {
        let at = |value: &Value, at: usize| value.bytes.get(at).copied().unwrap_or(0);
        let combined = |place: usize| {
            let (left, right) = (at(left, place), at(right, place));
            match operator {
                ast::BinaryOperator::Or => left | right,
                ast::BinaryOperator::Xor => left ^ right,
                ast::BinaryOperator::And => left & right,
                ast::BinaryOperator::ShiftLeft | ast::BinaryOperator::ShiftRight => left,
            }
        };
        let mut bytes: Vec<u8> = (0..left.bytes.len().max(right.bytes.len())).map(combined).collect();
        bytes.truncate(bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1));
        if bytes.first().is_none_or(|&first| first == 0) {
            return self.error(span, "an empty string cannot be matched");
        }
        Ok(Value { bytes: Bytes::new(&bytes), ..left.clone() })
    }

    fn literal(
        &mut self,
        expression: &ast::Expression,
        kind: LiteralKind,
        part: &TypePart,
    ) -> Eval<Expression> {
        let (span, text) = (expression.span, expression.text(self.sources));
        if part.data_type.is_string() {
            return match typed_word(text) {
                Some((data_type, number)) if kind == LiteralKind::Word && data_type != DataType::BOOLEAN => {
                    self.typed(span, data_type, number, part)
                }
                // A number that is no quoted text is the number, however it is written.
                _ if kind == LiteralKind::Number => {
                    let number = parse_number(text).map(|number| number.to_string());
                    self.string(span, number.as_deref().unwrap_or(text), kind, part)
                }
                _ => self.string(span, text, kind, part),
            };
        }
        if kind == LiteralKind::Word
            && let Some((data_type, number)) = typed_word(text)
        {
            return self.typed(span, data_type, number, part);
        }
        match value::parse(part.data_type, part.bits, text, self.names, self.zone) {
            Ok(number) if part.data_type == DataType::IFACE_INDEX && number > i32::MAX as u128 => {
                self.error(span, format!("there is no interface of the number {number}"))
            }
            Ok(number) => match self.below {
                Some(below) if number >= below => self.never_reached(span, below),
                _ => Ok(Expression::Value(Value::number(part.data_type, part.bits, number))),
            },
            Err(error) => match self.host(span, text, kind, part)? {
                Some(address) => Ok(Expression::Value(address)),
                None => match self.advice(text, part) {
                    Some(advice) => {
                        let diagnostic =
                            Diagnostic::error(span, format!("`{text}` is not {}", describe(part)));
                        self.report(diagnostic.help(advice))
                    }
                    None => self.bad_value(span, error, part),
                },
            },
        }
    }

    /// What was meant by a word that is no value of a type, where that can be told.
    fn advice(&self, word: &str, part: &TypePart) -> Option<String> {
        let reads = |word: &str| value::parse(part.data_type, part.bits, word, self.names, self.zone).is_ok();
        if word == "any" || word == "all" {
            return Some("Leave the match out: what is not asked for may be anything.".to_owned());
        }
        let lower = word.to_ascii_lowercase();
        if lower != word && lower.split(',').all(reads) {
            return Some(format!("nft writes it in lower case: `{lower}`."));
        }
        if let Some((from, to)) = word.split_once(':').filter(|(from, to)| reads(from) && reads(to)) {
            return Some(format!("A range is written `{from}-{to}`."));
        }
        match (part.data_type, word.parse::<IpAddr>().ok()?) {
            (DataType::IPV4_ADDR, IpAddr::V6(_)) => Some("IPv6 addresses are those of `ip6`.".to_owned()),
            (DataType::IPV6_ADDR, IpAddr::V4(_)) => Some("IPv4 addresses are those of `ip`.".to_owned()),
            _ => None,
        }
    }

    /// The address of a host by its name, where an address is needed.
    fn host(&mut self, span: Span, name: &str, kind: LiteralKind, part: &TypePart) -> Eval<Option<Value>> {
        let ipv6 = part.data_type == DataType::IPV6_ADDR;
        if !ipv6 && part.data_type != DataType::IPV4_ADDR || kind != LiteralKind::Word {
            return Ok(None);
        }
        let found: Vec<u128> = self
            .names
            .addresses(name)
            .into_iter()
            .filter_map(|address| match address {
                IpAddr::V4(address) if !ipv6 => Some(u128::from(u32::from(address))),
                IpAddr::V6(address) if ipv6 => Some(u128::from(address)),
                _ => None,
            })
            .collect();
        match found.as_slice() {
            [] => Ok(None),
            [only] => Ok(Some(Value::number(part.data_type, part.bits, *only))),
            several => {
                let message =
                    format!("the host `{name}` has {} addresses: write the one that is meant", several.len());
                self.error(span, message)
            }
        }
    }

    /// A word that has a type of its own. In a set that is written in place it counts as its number.
    fn typed(&mut self, span: Span, data_type: DataType, number: u8, part: &TypePart) -> Eval<Expression> {
        let fits = data_type == part.data_type || part.data_type == DataType::MARK || self.loose;
        if !fits {
            let kind = describe(&TypePart::of(data_type));
            return self.error(span, format!("{} is needed here, this is {kind}", describe(part)));
        }
        if data_type == DataType::BOOLEAN && part.data_type == DataType::BOOLEAN {
            return Ok(Expression::Exists(number != 0));
        }
        Ok(Expression::Value(Value::number(part.data_type, part.bits, u128::from(number))))
    }

    /// A mark takes any number, but is not compared with a word of another type, and neither it nor an answer with what is shifted.
    pub(super) fn check_mark(&mut self, expression: &'a ast::Expression, part: &TypePart) -> Eval<()> {
        let mut first = self.resolve(expression)?;
        loop {
            first = match &first.kind {
                ExpressionKind::Binary(binary) if self.is_shift(binary) => break,
                ExpressionKind::Binary(binary) => self.resolve(&binary.left)?,
                ExpressionKind::Range(range) => self.resolve(&range.from)?,
                _ => break,
            }
        }
        if matches!(first.kind, ExpressionKind::Binary(_))
            && matches!(part.data_type, DataType::MARK | DataType::BOOLEAN)
        {
            return self.not_shifted(first.span, part);
        }
        let word = matches!(first.kind, ExpressionKind::Literal(LiteralKind::Word));
        match typed_word(first.text(self.sources)).filter(|_| word && part.data_type == DataType::MARK) {
            Some((data_type, _)) => {
                let (wanted, kind) = (describe(part), describe(&TypePart::of(data_type)));
                self.error(first.span, format!("{wanted} is needed here, this is {kind}"))
            }
            None => Ok(()),
        }
    }

    fn not_shifted<T>(&mut self, span: Span, part: &TypePart) -> Eval<T> {
        self.error(span, format!("{} is needed here, what is shifted is a number", describe(part)))
    }

    /// Evaluates a constant beside something, which may be a number that is generated and below one that is known.
    pub(super) fn beside<T>(
        &mut self,
        other: &Expression,
        evaluate: impl FnOnce(&mut Self) -> Eval<T>,
    ) -> Eval<T> {
        let before = std::mem::replace(&mut self.below, end_of_generated(other));
        let evaluated = evaluate(self);
        self.below = before;
        evaluated
    }

    fn never_reached<T>(&mut self, span: Span, below: u128) -> Eval<T> {
        let greatest = below.saturating_sub(1);
        self.error(span, format!("this is never reached: the numbers here are from 0 to {greatest}"))
    }

    fn bad_value<T>(&mut self, span: Span, error: ValueError, part: &TypePart) -> Eval<T> {
        let diagnostic = match error {
            ValueError::Unknown { word, suggestion, .. } if part.data_type == DataType::IFACE_INDEX => {
                let diagnostic = Diagnostic::error(span, format!("there is no interface `{word}`"));
                diagnostic.did_you_mean(suggestion).help(
                    "`iifname` and `oifname` compare names, and so also match interfaces that come later.",
                )
            }
            ValueError::Unknown { word, suggestion, .. }
                if matches!(part.data_type, DataType::UID | DataType::GID) =>
            {
                let what = if part.data_type == DataType::UID { "user" } else { "group" };
                Diagnostic::error(span, format!("there is no {what} `{word}`")).did_you_mean(suggestion)
            }
            ValueError::Unknown { word, suggestion, .. } => {
                let diagnostic = Diagnostic::error(span, format!("`{word}` is not {}", describe(part)));
                diagnostic.did_you_mean(suggestion)
            }
            ValueError::OutOfRange { number, greatest } => Diagnostic::error(
                span,
                format!("{number} is too large: the greatest value here is {greatest}"),
            ),
            ValueError::NoText { .. } => {
                Diagnostic::error(span, format!("{} has no constants", describe(part)))
            }
        };
        self.report(diagnostic)
    }

    fn string(&mut self, span: Span, text: &str, kind: LiteralKind, part: &TypePart) -> Eval<Expression> {
        let value = |text: &str| Value {
            data_type: part.data_type,
            bits: part.bits,
            bytes: Bytes::new(&netwright_wire::text::to_bytes(text)),
        };
        let escaped = text.strip_suffix("\\*").map(|rest| format!("{rest}*"));
        let wildcard = match (&escaped, kind) {
            (None, LiteralKind::String | LiteralKind::Wildcard | LiteralKind::Word) => text.strip_suffix('*'),
            _ => None,
        };
        let text = escaped.as_deref().or(wildcard).unwrap_or(text);
        if text.is_empty() {
            return self.error(span, "an empty string cannot be matched");
        }
        let limit = part.bytes().min(INTERFACE_NAME);
        if netwright_wire::text::to_bytes(text).len() >= limit.max(1) && limit > 0 {
            let message = format!("this has {} bytes, and at most {} fit here", text.len(), limit - 1);
            return self.error(span, message);
        }
        Ok(if wildcard.is_some() {
            Expression::Wildcard(value(text))
        } else {
            Expression::Value(value(text))
        })
    }
}

/// Words of the language that are values of one type, whatever is compared with them.
pub(super) fn typed_word(word: &str) -> Option<(DataType, u8)> {
    Some(match word {
        "icmp" => (DataType::INET_PROTO, 1),
        "igmp" => (DataType::INET_PROTO, 2),
        "tcp" => (DataType::INET_PROTO, 6),
        "udp" => (DataType::INET_PROTO, 17),
        "dccp" => (DataType::INET_PROTO, 33),
        "gre" => (DataType::INET_PROTO, 47),
        "esp" => (DataType::INET_PROTO, 50),
        "ah" => (DataType::INET_PROTO, 51),
        "icmpv6" => (DataType::INET_PROTO, 58),
        "comp" => (DataType::INET_PROTO, 108),
        "sctp" => (DataType::INET_PROTO, 132),
        "udplite" => (DataType::INET_PROTO, 136),
        "redirect" => (DataType::ICMP_TYPE, 5),
        "missing" => (DataType::BOOLEAN, 0),
        "exists" => (DataType::BOOLEAN, 1),
        _ => return None,
    })
}

/// What numbers are below that are generated.
fn end_of_generated(expression: &Expression) -> Option<u128> {
    if let Expression::Binary(operator, left, right) = expression {
        return match operator {
            BinaryOperator::And | BinaryOperator::Or | BinaryOperator::Xor => {
                end_of_generated(left).or_else(|| end_of_generated(right))
            }
            BinaryOperator::ShiftLeft | BinaryOperator::ShiftRight => None,
        };
    }
    let Expression::Selector(selector) = expression else { return None };
    let (modulus, offset) = if let Selector::Numgen(numgen) = selector {
        (numgen.modulus, numgen.offset)
    } else if let Selector::Hash(hash) = selector {
        (hash.modulus, hash.offset)
    } else {
        return None;
    };
    Some(u128::from(modulus) + u128::from(offset))
}

/// A type in words.
pub(super) fn describe(part: &TypePart) -> String {
    let description = part.data_type.descriptor().description;
    if description.starts_with(['a', 'e', 'i', 'o', 'I', 'E', 'A']) {
        format!("an {description}")
    } else {
        format!("a {description}")
    }
}
