//! Rules and verdicts.

use std::fmt;

use super::Printer;
use crate::ir::{ChainTarget, Rule, Verdict};

impl<W: fmt::Write> Printer<'_, W> {
    pub(super) fn rule(&mut self, rule: &Rule) -> fmt::Result {
        self.separated(&rule.statements, " ", |printer, statement| printer.statement(statement))?;
        if let Some(comment) = &rule.comment {
            // As nft, also where nothing stands before it.
            write!(self.out, " comment \"{comment}\"")?;
        }
        // Rules of a chain that is written in place are known by the rule around them.
        self.handle(rule.handle.filter(|_| !self.inside))
    }

    pub(super) fn verdict(&mut self, verdict: &Verdict) -> fmt::Result {
        match verdict {
            Verdict::Accept => self.word("accept"),
            Verdict::Drop => self.word("drop"),
            Verdict::Continue => self.word("continue"),
            Verdict::Return => self.word("return"),
            Verdict::Jump(target) => self.leading("jump", target),
            Verdict::Goto(target) => self.leading("goto", target),
            Verdict::Other(code) => write!(self.out, "verdict {code}"),
        }
    }

    /// `jump NAME`, or the rules of the chain on lines of their own.
    fn leading(&mut self, word: &str, target: &ChainTarget) -> fmt::Result {
        match target {
            ChainTarget::Named(name) => write!(self.out, "{word} {name}"),
            ChainTarget::Anonymous(rules) => {
                writeln!(self.out, "{word} {{")?;
                self.indent += 1;
                let outside = std::mem::replace(&mut self.inside, true);
                for rule in rules {
                    self.tabs()?;
                    self.rule(rule)?;
                    self.word("\n")?;
                }
                self.inside = outside;
                self.indent -= 1;
                self.tabs()?;
                self.word("}")
            }
        }
    }
}
