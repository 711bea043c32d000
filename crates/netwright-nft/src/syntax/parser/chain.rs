//! Chains and flow tables.

use super::super::ast::{
    Chain, Expression, ExpressionKind, Flowtable, HookSpec, LiteralKind, Name, Priority,
};
use super::super::lexer::TokenKind;
use super::block::Ends;
use super::{Parse, Parser};
use crate::diagnostic::{Diagnostic, Span};

/// What a chain says of itself.
pub(super) const PROPERTIES: &[&str] = &["type", "devices", "policy", "flags", "comment"];

impl Parser<'_> {
    /// The braces of a chain.
    pub(super) fn chain_block(&mut self, name: Name) -> Parse<Chain> {
        let mut chain =
            Chain { name, hook: None, policy: None, flags: Vec::new(), comment: None, rules: Vec::new() };
        self.block(&mut |parser, start| parser.chain_line(&mut chain, start))?;
        Ok(chain)
    }

    fn chain_line(&mut self, chain: &mut Chain, start: Span) -> Parse<Ends> {
        match self.word() {
            "type" => {
                let spec = self.hook_spec(start)?;
                // Devices may stand on a line of their own, also before.
                let devices = chain.hook.take().map(|before| before.devices).unwrap_or_default();
                let devices = if spec.devices.is_empty() { devices } else { spec.devices };
                chain.hook = Some(HookSpec { devices, ..spec });
            }
            "devices" => {
                let devices = self.devices()?;
                let empty =
                    HookSpec { span: start, kind: None, hook: None, devices: Vec::new(), priority: None };
                let spec = chain.hook.get_or_insert(empty);
                spec.devices = devices;
            }
            "policy" => {
                let again = self.once(chain.policy.as_ref().map(|policy| policy.span), start);
                self.advance();
                chain.policy = Some(self.policy()?);
                again?;
            }
            "flags" => {
                self.advance();
                chain.flags = self.keys("a flag")?;
            }
            "comment" => {
                let again = self.once(chain.comment.map(|comment| comment.span), start);
                self.advance();
                chain.comment = Some(self.comment()?);
                again?;
            }
            _ => chain.rules.push(self.rule()?),
        }
        Ok(Ends::Separated)
    }

    /// Reports what may stand once only, where it stood before.
    pub(super) fn once(&mut self, earlier: Option<Span>, span: Span) -> Parse<()> {
        match earlier {
            None => Ok(()),
            Some(earlier) => {
                let diagnostic =
                    Diagnostic::error(span, "this can be said only once").also(earlier, "it was said here");
                Err(self.report(diagnostic))
            }
        }
    }

    /// `accept`, `drop`, or a variable.
    fn policy(&mut self) -> Parse<Expression> {
        let span = self.span();
        match self.kind() {
            TokenKind::Dollar => self.variable(),
            TokenKind::Word => {
                self.advance();
                Ok(Expression { span, kind: ExpressionKind::Literal(LiteralKind::Word) })
            }
            _ => Err(self.unexpected("`accept` or `drop`")),
        }
    }

    /// `type filter hook input device "eth0" priority 0`, in this order.
    fn hook_spec(&mut self, start: Span) -> Parse<HookSpec> {
        self.expect_word("type")?;
        let kind = Some(self.key("`filter`, `nat` or `route`")?);
        self.expect_word("hook")?;
        let hook = Some(self.key("a hook such as `input`")?);
        let devices = match self.word() {
            "device" => {
                self.advance();
                vec![self.device()?]
            }
            "devices" => self.devices()?,
            _ => Vec::new(),
        };
        self.expect_word("priority")?;
        let priority = Some(self.priority()?);
        Ok(HookSpec { span: self.since(start), kind, hook, devices, priority })
    }

    /// The name of a device, the start of names, or a variable.
    fn device(&mut self) -> Parse<Expression> {
        let span = self.span();
        if self.kind() == TokenKind::Dollar {
            return self.variable();
        }
        let kind = match self.kind() {
            TokenKind::Wildcard => LiteralKind::Wildcard,
            TokenKind::String => LiteralKind::String,
            _ => LiteralKind::Word,
        };
        self.string("the name of a device")?;
        Ok(Expression { span, kind: ExpressionKind::Literal(kind) })
    }

    /// `devices = { a, b }` or `devices = $name`.
    fn devices(&mut self) -> Parse<Vec<Expression>> {
        self.advance();
        self.assign()?;
        match self.kind() {
            TokenKind::Dollar => Ok(vec![self.variable()?]),
            TokenKind::OpenBrace => {
                let joined = self.open_joined();
                let mut devices = vec![self.device()?];
                while self.kind() != TokenKind::CloseBrace {
                    if !self.take(TokenKind::Comma) {
                        return Err(self.unexpected_in_set());
                    }
                    if self.kind() != TokenKind::CloseBrace {
                        devices.push(self.device()?);
                    }
                }
                self.close_joined(joined)?;
                Ok(devices)
            }
            _ => Err(self.unexpected("`{`")),
        }
    }

    /// `filter + 10`, `-300`, `$base - 1`.
    fn priority(&mut self) -> Parse<Priority> {
        let start = self.span();
        let base = match self.kind() {
            TokenKind::Dollar => Some(self.variable()?),
            TokenKind::Word => {
                self.name("a priority: a number, or a name such as `filter`")?;
                Some(Expression { span: start, kind: ExpressionKind::Literal(LiteralKind::Word) })
            }
            _ => None,
        };
        let negative = self.kind() == TokenKind::Dash;
        let signed = self.take(TokenKind::Dash) || (base.is_some() && self.take(TokenKind::Plus));
        let mut offset = 0;
        if signed || base.is_none() {
            let number = self.number("a priority: a number, or a name such as `filter`")?;
            let Ok(value) = i64::try_from(number.value) else {
                return Err(self.error(number.span, "this is too large for a priority"));
            };
            offset = if negative { -value } else { value };
        }
        Ok(Priority { span: self.since(start), base, offset })
    }

    /// The braces of a flow table.
    pub(super) fn flowtable_block(&mut self, name: Name) -> Parse<Flowtable> {
        let mut flowtable = Flowtable {
            name,
            hook: None,
            priority: None,
            devices: Vec::new(),
            flags: Vec::new(),
            counter: false,
        };
        self.block(&mut |parser, _| {
            match parser.word() {
                "hook" => {
                    parser.advance();
                    flowtable.hook = Some(parser.key("`ingress`")?);
                    parser.expect_word("priority")?;
                    flowtable.priority = Some(parser.priority()?);
                }
                "devices" => flowtable.devices = parser.devices()?,
                "flags" => {
                    parser.advance();
                    flowtable.flags = parser.keys("`offload`")?;
                }
                "counter" => {
                    parser.advance();
                    flowtable.counter = true;
                }
                _ => {
                    const KNOWN: &[&str] = &["hook", "devices", "flags", "counter"];
                    return Err(parser.unknown("property of a flow table", &[KNOWN]));
                }
            }
            Ok(Ends::Separated)
        })?;
        Ok(flowtable)
    }
}
