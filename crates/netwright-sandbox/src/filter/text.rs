//! Text of the nft language, as it grows.

use std::fmt::{Display, Write};

use crate::policy::address::{self, Prefix};

/// Text that grows, indented as `nft` does.
#[derive(Debug, Default)]
pub(super) struct Text {
    out: String,
    depth: usize,
}

impl Text {
    pub(super) fn finish(self) -> String {
        self.out
    }

    pub(super) fn line(&mut self, line: impl Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.out, "{:1$}{line}", "", self.depth * 4);
    }

    pub(super) fn lines(&mut self, lines: impl IntoIterator<Item = impl Display>) {
        lines.into_iter().for_each(|line| self.line(line));
    }

    pub(super) fn block(&mut self, head: impl Display, inside: impl FnOnce(&mut Text)) {
        self.line(format_args!("{head} {{"));
        self.depth += 1;
        inside(self);
        self.depth -= 1;
        self.line("}");
    }

    pub(super) fn chain(&mut self, name: &str, inside: impl FnOnce(&mut Text)) {
        self.block(format_args!("chain {name}"), inside);
    }

    /// A set of prefixes for each family.
    pub(super) fn prefix_sets(&mut self, name: &str, prefixes: &[Prefix]) {
        for ipv4 in [true, false] {
            let of_family = prefixes.iter().filter(|(address, _)| address.is_ipv4() == ipv4);
            let elements = of_family.map(|(address, length)| match *length == address::length(*address) {
                true => address.to_string(),
                false => format!("{address}/{length}"),
            });
            self.set(&format!("{name}_{}", family(ipv4)), ipv4, "interval", elements.collect());
        }
    }

    /// A set of addresses of one family, with a flag.
    pub(super) fn set(&mut self, name: &str, ipv4: bool, flag: &str, elements: Vec<String>) {
        self.block(format_args!("set {name}"), |text| {
            text.line(format_args!("type {}_addr", family(ipv4)));
            text.line(format_args!("flags {flag}"));
            if !elements.is_empty() {
                text.line(format_args!("elements = {{ {} }}", elements.join(", ")));
            }
        });
    }
}

fn family(ipv4: bool) -> &'static str {
    if ipv4 { "ipv4" } else { "ipv6" }
}

/// The set of an allow rule with a name, of one family.
pub(super) fn name_set(number: u32, ipv4: bool) -> String {
    format!("allow_{number}_{}", family(ipv4))
}
