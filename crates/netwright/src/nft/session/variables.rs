//! Variables that outlive the text that defined them: what one script of a session defines, the next ones can use.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use netwright_nft::diagnostic::{SourceId, SourceMap};
use netwright_nft::syntax::Parsed;

/// The definitions that are visible, and those that these refer to, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Variables(Vec<Variable>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Variable {
    name: String,
    /// As it was written.
    value: String,
    /// Whether its name means it, and not only values of others do.
    visible: bool,
}

impl Variables {
    /// The definitions that a text needs, as text; empty where it needs none.
    pub(super) fn needed_by(&self, text: &str) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let everything = text.contains("include");
        let mentioned = |name: &str| everything || text.contains(name);
        let wanted = self.0.iter().enumerate().filter(|(_, one)| one.visible && mentioned(&one.name));
        let wanted = self.with_referred(wanted.map(|(index, _)| index));
        let mut all = String::new();
        let mut visible = BTreeMap::new();
        for variable in wanted.iter().filter_map(|&index| self.0.get(index)) {
            let Variable { name, value, .. } = variable;
            let verb = if visible.contains_key(name) { "redefine" } else { "define" };
            // writing into a String cannot fail
            let _ = writeln!(all, "{verb} {name} = {value}");
            visible.insert(name, variable.visible);
        }
        for (name, _) in visible.into_iter().filter(|(_, visible)| !visible) {
            let _ = writeln!(all, "undefine {name}");
        }
        all
    }

    /// These, and those that their values refer to.
    fn with_referred(&self, start: impl Iterator<Item = usize>) -> BTreeSet<usize> {
        let mut all = BTreeSet::new();
        let mut open: Vec<usize> = start.collect();
        while let Some(index) = open.pop() {
            if !all.insert(index) {
                continue;
            }
            let (Some(variable), Some(before)) = (self.0.get(index), self.0.get(..index)) else { continue };
            let mut names = BTreeSet::new();
            for (at, one) in before.iter().enumerate().rev() {
                // the last definition before it is meant
                if variable.value.contains(&format!("${}", one.name)) && names.insert(&one.name) {
                    open.push(at);
                }
            }
        }
        all
    }

    /// Notes what a text defined. `known` is the source of the definitions that it needed, `bound` are those of variables
    /// that are bound for each text anew.
    pub(super) fn note(&mut self, parsed: &Parsed, sources: &SourceMap, known: SourceId, bound: &[SourceId]) {
        let mut given = BTreeSet::new();
        for definition in &parsed.definitions {
            let name = definition.name.text(sources);
            let source = definition.name.span.source;
            if source == known {
                given.insert(name);
            } else if !bound.contains(&source) && definition.value.span != definition.name.span {
                let value = sources.snippet(definition.value.span).to_owned();
                self.0.push(Variable { name: name.to_owned(), value, visible: true });
                given.insert(name);
            }
        }
        if given.is_empty() {
            return;
        }
        let mut later = BTreeSet::new();
        for variable in self.0.iter_mut().rev() {
            let last = later.insert(variable.name.clone());
            let known = parsed.variables.contains_key(&variable.name);
            variable.visible &= last && (known || !given.contains(variable.name.as_str()));
        }
        let visible = self.0.iter().enumerate().filter(|(_, one)| one.visible).map(|(index, _)| index);
        let kept = self.with_referred(visible);
        let mut index = 0..;
        self.0.retain(|_| index.next().is_some_and(|index| kept.contains(&index)));
    }
}

#[cfg(test)]
mod tests {
    use netwright_nft::syntax::{NoIncludes, parse_behind};

    use super::*;

    /// What the texts define, one after another, and what is wrong with the last.
    fn after(texts: &[&str]) -> (Variables, Vec<String>) {
        let (mut variables, mut wrong) = (Variables::default(), Vec::new());
        for text in texts {
            let mut sources = SourceMap::default();
            let before = sources.add("before", variables.needed_by(text));
            let id = sources.add("text", *text);
            let parsed = parse_behind(&mut sources, &[before], id, &mut NoIncludes);
            variables.note(&parsed, &sources, before, &[]);
            wrong = parsed.diagnostics.into_iter().map(|one| one.message).collect();
        }
        (variables, wrong)
    }

    #[test]
    fn definitions_stay() {
        let (variables, wrong) = after(&["define x = 1", "define y = { $x, 2 }", "add rule t c mark $y"]);
        assert_eq!(wrong, [""; 0]);
        assert_eq!(variables.needed_by("mark $y"), "define x = 1\ndefine y = { $x, 2 }\n");
        assert_eq!(variables.needed_by("mark $z"), "");
        assert_eq!(after(&["define x = 1", "define x = 2"]).1, ["the variable `x` is defined already"]);
        assert_eq!(after(&["define x = 1", "foo", "add rule t c mark $x"]).1, [""; 0]);
        assert_eq!(after(&["define x = { 1, $nothing }", "list tables"]).1, [""; 0]);
        assert_eq!(
            after(&["define x = $nothing", "add rule t c mark $x"]).1,
            ["there is no variable `x` here"]
        );
    }

    #[test]
    fn values_keep_what_they_referred_to() {
        let (variables, wrong) = after(&[
            "define x = 1",
            "define y = $x",
            "redefine x = { $x, 7 }",
            "redefine x = 3",
            "undefine x",
        ]);
        assert_eq!(wrong, [""; 0]);
        assert_eq!(variables.needed_by("$x $y"), "define x = 1\ndefine y = $x\nundefine x\n");
        let (variables, _) = after(&["define x = 1", "redefine x = { $x, 7 }"]);
        assert_eq!(variables.needed_by("$x"), "define x = 1\nredefine x = { $x, 7 }\n");
        let (variables, _) = after(&["define x = 1", "redefine x = 2", "redefine x = 3"]);
        assert_eq!(variables.0.len(), 1, "nobody refers to the others");
    }

    #[test]
    fn what_was_defined_wrongly_or_in_a_block_does_not_stay() {
        let (variables, _) = after(&["define x = ", "table ip t {\n define y = 1\n chain c { mark $y; }\n}"]);
        assert_eq!(variables, Variables::default());
    }
}
