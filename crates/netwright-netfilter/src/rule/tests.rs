use netwright_wire::Writer;

use super::{Rule, RuleAttrs, RuleCompatAttrs};
use crate::raw::{counter, verdict};
use crate::{Family, Item, Userdata, Verdict};

/// A rule that has all that a rule can have, and an attribute that is not known behind each of its own.
fn full() -> Rule {
    let mut rule = Rule::new(Family::IPV4, "t", "c", [counter(), verdict(Verdict::ACCEPT)]);
    rule.chain_id = Some(1);
    rule.handle = Some(2);
    rule.position = Some(3);
    rule.id = Some(4);
    rule.position_id = Some(5);
    rule.compat = Some(RuleCompatAttrs::default().protocol(6).flags(7));
    rule.userdata = Userdata::comment("a comment").expect("it is short");
    let mut writer = Writer::new();
    for row in RuleAttrs::ROWS {
        let own = Rule { unknown: Default::default(), ..rule.clone() }.attributes();
        let mut one = Writer::new();
        own.write_attributes(&mut one);
        let own = netwright_wire::Attributes::new(one.bytes()).find(row.kind);
        let own = own.expect("it was just written").expect("the rule has it");
        writer.bytes_attribute(row.kind, own.payload);
        writer.bytes_attribute(100 + row.kind, &row.kind.to_ne_bytes());
    }
    let read = RuleAttrs::read_attributes(writer.bytes()).expect("it is well-formed");
    Rule::from_attributes(Family::IPV4, read).expect("it is a rule")
}

#[test]
fn a_rule_is_written_as_its_attributes_are() {
    let written = |write: &dyn Fn(&mut Writer)| {
        let mut writer = Writer::new();
        write(&mut writer);
        writer.bytes().to_vec()
    };
    for rule in [full(), Rule::new(Family::INET, "t", "", [])] {
        let definition = RuleAttrs { handle: None, ..rule.attributes() };
        let replacement = RuleAttrs { position: None, position_id: None, ..rule.attributes() };
        assert_eq!(
            written(&|writer| rule.write_definition(writer)),
            written(&|writer| definition.write_attributes(writer))
        );
        assert_eq!(
            written(&|writer| rule.write_replacement(writer)),
            written(&|writer| replacement.write_attributes(writer))
        );
    }
}
