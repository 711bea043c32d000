use netwright_wire::{MessageFlags, Messages};

use super::*;
use crate::MessageKind;

fn datagram(kind: u16, write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::new();
    let mark = writer.begin_message(kind, MessageFlags::MULTI, 1);
    write(&mut writer);
    writer.end_message(mark);
    writer.bytes().to_vec()
}

fn message(bytes: &[u8]) -> Message<'_> {
    Messages::new(bytes).next().unwrap().unwrap()
}

fn request() -> ListHooked {
    ListHooked { family: Family::IPV4, hook: Hook::Input, device: None }
}

fn answer(owner: Option<HookedOwnerAttrs>) -> Vec<u8> {
    let attributes = HookedAttrs {
        number: Some(1),
        priority: Some(-150),
        function: Some("do_it".into()),
        module: Some("doer".into()),
        owner,
        ..HookedAttrs::default()
    };
    datagram(KIND, |writer| {
        NetfilterHeader::new(Family::IPV4).write::<Big>(writer);
        attributes.write_attributes(writer);
    })
}

fn read(bytes: &[u8]) -> Result<Option<Hooked>, Malformed> {
    request().view(&message(bytes))?.map(|view| request().own(view)).transpose()
}

fn described(kind: HookedKind, write: impl FnOnce(&mut Writer)) -> HookedOwnerAttrs {
    let mut writer = Writer::new();
    write(&mut writer);
    let description = Some(writer.bytes().to_vec());
    HookedOwnerAttrs { description, kind: Some(kind), ..HookedOwnerAttrs::default() }
}

fn named(kind: HookedKind) -> HookedOwnerAttrs {
    let names = HookedNameAttrs {
        table: Some("t".into()),
        family: Some(Family::INET),
        name: Some("c".into()),
        ..HookedNameAttrs::default()
    };
    described(kind, |writer| names.write_attributes(writer))
}

#[test]
fn the_question_names_hook_and_device() {
    let asked = ListHooked { family: Family::NETDEV, hook: Hook::Egress, device: Some("d0".into()) };
    let bytes = datagram(asked.kind(), |writer| asked.write(writer));
    assert_eq!(bytes.get(4..6), Some([0, 12].as_slice()), "its subsystem is in the upper byte");
    let expected = [5, 0, 0, 0, 8, 0, 1, 0, 0, 0, 0, 1, 7, 0, 3, 0, b'd', b'0', 0, 0];
    assert_eq!(bytes.get(16..), Some(expected.as_slice()));
}

#[test]
fn a_function_is_read_with_its_owner() {
    let function = read(&answer(None)).unwrap().unwrap();
    assert_eq!((function.family, function.hook, function.priority), (Family::IPV4, Hook::Input, -150));
    assert_eq!((function.function.as_deref(), function.module.as_deref()), (Some("do_it"), Some("doer")));
    assert_eq!(function.owner, None);
    let owner = |attributes| read(&answer(Some(attributes))).unwrap().unwrap().owner;
    let (family, table, name) = (Family::INET, "t".to_owned(), "c".to_owned());
    let chain = HookedOwner::Chain { family, table: table.clone(), name: name.clone() };
    assert_eq!(owner(named(HookedKind::CHAIN)), Some(chain));
    assert_eq!(owner(named(HookedKind::FLOWTABLE)), Some(HookedOwner::Flowtable { family, table, name }));
    let bpf = HookedBpfAttrs { program: Some(7), ..HookedBpfAttrs::default() };
    let bpf = described(HookedKind::BPF, |writer| bpf.write_attributes(writer));
    assert_eq!(owner(bpf), Some(HookedOwner::Bpf(7)));
    assert_eq!(owner(named(HookedKind(99))), None, "what came later is passed over");
}

#[test]
fn other_messages_are_passed_over_and_hostile_ones_refused() {
    let other = datagram(MessageKind::NEW_TABLE.number(), |writer| {
        NetfilterHeader::new(Family::IPV4).write::<Big>(writer);
    });
    assert_eq!(read(&other).unwrap(), None);
    let bytes = answer(Some(named(HookedKind::CHAIN)));
    for place in 16..bytes.len() {
        for change in [0, 1, 4, 0x80, 0xff] {
            let mut changed = bytes.clone();
            changed[place] = change;
            let _ = read(&changed);
        }
    }
    let silent = datagram(KIND, |writer| NetfilterHeader::new(Family::IPV4).write::<Big>(writer));
    assert!(read(&silent).is_err());
}
