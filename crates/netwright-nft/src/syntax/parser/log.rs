//! The `log` statement.

use super::super::ast::{
    Expression, ExpressionKind, LiteralKind, Log, LogFlag, LogPrefix, StatementKind, unquote,
};
use super::super::lexer::TokenKind;
use super::super::words::Scope;
use super::{Parse, Parser};
use crate::diagnostic::Span;
use crate::table::{symbol, vocabulary};

impl Parser<'_> {
    pub(super) fn log(&mut self) -> Parse<StatementKind> {
        self.advance();
        self.scoped(Scope::Log, Self::log_options)
    }

    fn log_options(&mut self) -> Parse<StatementKind> {
        let mut log = Log::default();
        loop {
            match self.word() {
                "prefix" => {
                    self.advance();
                    log.prefix = Some(self.log_prefix()?);
                }
                "level" => {
                    self.advance();
                    let level = self.key("a level such as `warn`")?;
                    // The last one counts, and the others must be levels too.
                    if let Some(before) = log.level.replace(level)
                        && symbol::value(vocabulary::LOG_LEVEL, before.text(self.sources)).is_none()
                    {
                        let word = before.text(self.sources);
                        return Err(self.error(before.span, format!("there is no log level `{word}`")));
                    }
                }
                "group" => log.group = self.number_after("group")?,
                "snaplen" => log.snaplen = self.number_after("snaplen")?,
                "queue-threshold" => log.queue_threshold = self.number_after("queue-threshold")?,
                "flags" => {
                    self.advance();
                    self.log_flags(&mut log.flags)?;
                }
                _ => return Ok(StatementKind::Log(Box::new(log))),
            }
        }
    }

    /// A string in which `$name` stands for a variable.
    fn log_prefix(&mut self) -> Parse<LogPrefix> {
        let span = self.span();
        if self.kind() == TokenKind::Dollar {
            let variable = self.variable()?;
            return Ok(LogPrefix { span: variable.span, parts: vec![variable] });
        }
        let text = self.text().to_string();
        self.string("the prefix, between double quotes")?;
        let inner = unquote(&text);
        let mut at = span.start + u32::from(inner.len() < text.len());
        let mut parts = Vec::new();
        for (index, piece) in inner.split('$').enumerate() {
            let name = piece.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
            let (name, rest) = if index == 0 { ("", piece) } else { piece.split_at(name) };
            if index > 0 {
                let end = at + 1 + name.len() as u32;
                parts.push(self.variable_named(Span { start: at, end, ..span }, name));
                at = end;
            }
            if !rest.is_empty() {
                let end = at + rest.len() as u32;
                let kind = ExpressionKind::Literal(LiteralKind::String);
                parts.push(Expression { span: Span { start: at, end, ..span }, kind });
                at = end;
            }
        }
        Ok(LogPrefix { span, parts })
    }

    fn log_flags(&mut self, flags: &mut Vec<LogFlag>) -> Parse<()> {
        let flag = match self.word() {
            "tcp" => {
                self.advance();
                return self.log_tcp_flags(flags);
            }
            "ip" => {
                self.advance();
                if !self.at("options") {
                    return Err(self.unexpected("`options`"));
                }
                LogFlag::IpOptions
            }
            "skuid" => LogFlag::SocketUser,
            "ether" => LogFlag::Ether,
            "all" => LogFlag::All,
            _ => return Err(self.unknown("log flag", &[&["tcp", "ip", "skuid", "ether", "all"]])),
        };
        self.advance();
        flags.push(flag);
        Ok(())
    }

    fn log_tcp_flags(&mut self, flags: &mut Vec<LogFlag>) -> Parse<()> {
        loop {
            flags.push(match self.word() {
                "sequence" => LogFlag::TcpSequence,
                "options" => LogFlag::TcpOptions,
                _ => return Err(self.unknown("log flag of tcp", &[&["sequence", "options"]])),
            });
            self.advance();
            if !self.take(TokenKind::Comma) {
                return Ok(());
            }
        }
    }
}
