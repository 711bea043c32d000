//! Elements are seen as they were written, however they are kept.

use super::super::{CommandKind, Element, ExpressionKind};
use super::{Elements, Written};
use crate::diagnostic::SourceMap;
use crate::syntax::{NoIncludes, parse};

/// The elements that are written between braces.
fn elements(written: &str) -> Elements {
    let mut sources = SourceMap::default();
    let id = sources.add("text", format!("define ab = 1\nadd element ip t s {{ {written} }}"));
    let parsed = parse(&mut sources, id, &mut NoIncludes);
    assert!(parsed.diagnostics.is_empty(), "{written}: {:?}", parsed.diagnostics);
    match &parsed.commands.first().expect("a command").kind {
        CommandKind::Elements { elements, .. } => match &elements.kind {
            ExpressionKind::Set(set) => set.elements.clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

const PLAIN: &[&str] = &[
    "10.0.0.1, 10.0.0.2,\n 10.0.0.3",
    "10.0.0.0/8, 192.0.2.1, 198.51.100.1-198.51.100.9, 203.0.113.0/24",
    "2001:db8::/32, ::1, [::2], 2001:db8:1::-2001:db8:2::, ::/0, ::/128",
    "ssh . 80, 1 . 2, 1\n . 2, 10.0.0.0/8 . 1-2",
    "1 : 2, a : b, 1.2.3.4 : 5",
    "1 . 2 : 3 . 4, 5 . 6 : 7 . 8-9",
    "\"eth0\", eth*, *, 1h, 0x10, -1",
];

const MIXED: &[&str] = &[
    "10.0.0.0 / 8, 10.0.0.0/010, [2001:db8::]/32, 10.0.0.0/255",
    "1, 2 . 3",
    "1, 2 : 3",
    "1 : 2, 3 : accept, 4 : jump c",
    "1 timeout 5s, 2",
    "1, 2 comment \"c\", 3",
    "1, $ab, { 2, 3 }",
    "1 | 2, 3",
    "[::1] . 1, ::1 . [::2]",
];

/// Behind a variable nothing is kept in another way than it was read.
fn as_read(written: &str) -> Vec<Element> {
    elements(&format!("$ab, {written}")).iter().skip(1).cloned().collect()
}

#[test]
fn elements_are_as_they_were_read() {
    for written in PLAIN.iter().chain(MIXED) {
        let read = as_read(written);
        // behind as many characters, so that all places are the same
        let all = elements(&format!("     {written}"));
        assert_eq!(*all, *read, "{written}");
        let all = elements(&format!("123, {written}"));
        assert_eq!(all.get(1..), Some(&*read), "{written}");
        let all = elements(written);
        let (length, values) = (all.len(), all.have_values());
        assert_eq!(all.iter().len(), length, "{written}");
        assert_eq!(all.iter().any(|element| element.value.is_some()), values, "{written}");
    }
}

#[test]
fn plain_ones_are_kept_as_literals() {
    for written in PLAIN {
        let all = elements(written);
        assert!(all.plain().is_some() && all.list.get().is_none(), "{written}");
        let literals: Vec<Option<Written>> = match &*all {
            [first, ..] => {
                let values = first.value.as_ref().map_or(0, |value| value.parts().len());
                all.constants(first.key.parts().len(), values).expect(written).collect()
            }
            [] => Vec::new(),
        };
        let read = as_read(written);
        let parts = read
            .iter()
            .flat_map(|one| one.key.parts().iter().chain(one.value.iter().flat_map(|value| value.parts())));
        assert_eq!(literals.len(), parts.clone().count(), "{written}");
        assert!(literals.iter().all(Option::is_some), "{written}");
        assert!(all.constants(9, 0).is_none(), "{written}");
    }
    for written in MIXED {
        assert!(elements(written).plain().is_none(), "{written}");
    }
    assert_eq!(size_of::<super::Packed>(), 8);
}
