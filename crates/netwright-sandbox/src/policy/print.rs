//! Policies as files.

use std::fmt::{Display, Write};

use super::{Policy, Rule};

impl Policy {
    /// The policy as a file that reads back as the same.
    #[must_use]
    pub fn to_toml(&self) -> String {
        self.to_toml_with(&|_| None)
    }

    /// The same with a comment above each allow rule that has one.
    pub(super) fn to_toml_with(&self, comment: &dyn Fn(&Rule) -> Option<String>) -> String {
        let mut out = String::new();
        rules(&mut out, "allow", &self.allow, comment);
        if !self.deny.is_empty() {
            rules(&mut out, "deny", &self.deny, &|_| None);
        }
        list(&mut out, "dns", self.dns.iter());
        list(&mut out, "sockets", self.sockets.iter().map(|path| path.display()));
        if self.files.is_confined() {
            out.push_str("\n[files]\n");
            list(&mut out, "read", self.files.read.iter().map(|path| path.display()));
            list(&mut out, "write", self.files.write.iter().map(|path| path.display()));
            list(&mut out, "caches", self.files.caches.iter());
            if self.files.workspace {
                out.push_str("workspace = true\n");
            }
        }
        if !self.hosts.is_empty() {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "\n[hosts]");
            let mut names: Vec<&str> = self.hosts.iter().map(|(name, _)| name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                let addresses =
                    self.hosts.iter().filter(|(host, _)| host == name).map(|(_, address)| quoted(address));
                let _ = writeln!(out, "{} = [{}]", quoted(name), addresses.collect::<Vec<_>>().join(", "));
            }
        }
        out
    }
}

fn rules(out: &mut String, key: &str, rules: &[Rule], comment: &dyn Fn(&Rule) -> Option<String>) {
    if rules.is_empty() {
        let _ = writeln!(out, "{key} = []");
        return;
    }
    let _ = writeln!(out, "{key} = [");
    for rule in rules {
        if let Some(comment) = comment(rule) {
            let visible: String =
                comment.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
            let _ = writeln!(out, "    # {visible}");
        }
        let _ = writeln!(out, "    {},", quoted(rule));
    }
    let _ = writeln!(out, "]");
}

fn list(out: &mut String, key: &str, items: impl Iterator<Item = impl Display>) {
    let items: Vec<String> = items.map(quoted).collect();
    if !items.is_empty() {
        let _ = writeln!(out, "{key} = [{}]", items.join(", "));
    }
}

/// A basic string of TOML.
fn quoted(text: impl Display) -> String {
    let mut out = String::from("\"");
    for c in text.to_string().chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
