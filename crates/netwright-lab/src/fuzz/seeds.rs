//! Inputs that mean something, for the fuzzers to start from.

use netwright_route::message::kind::{NEW_LINK, NEW_ROUTE};
use netwright_route::{Address, LinkId, Neighbour, Nexthop, Object, Purpose, Route, Rule};
use netwright_wire::{MessageFlags, Writer, message_type};

fn message(kind: u16, flags: MessageFlags, sequence: u32, payload: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::new();
    let mark = writer.begin_message(kind, flags, sequence);
    payload(&mut writer);
    writer.end_message(mark);
    writer.bytes().to_vec()
}

/// What the kernel answers to requests: an acknowledgement, refusals with and without words, the end of a dump.
pub(super) fn answers() -> Vec<Vec<u8>> {
    let request = message(NEW_LINK, MessageFlags::REQUEST, 1, |writer| writer.push(&[0; 16]));
    let refused = message(message_type::ERROR, MessageFlags::ACK_ATTRIBUTES, 1, |writer| {
        writer.push(&(-22_i32).to_ne_bytes());
        writer.push(&request);
        writer.attribute::<netwright_wire::Native, String>(1, &"it is not so".into());
        writer.attribute::<netwright_wire::Native, u32>(2, &16);
    });
    let simple = |code: i32| {
        message(message_type::ERROR, MessageFlags::CAPPED, 1, |writer| {
            writer.push(&code.to_ne_bytes());
            writer.push(request.get(..16).unwrap_or_default());
        })
    };
    let done = message(message_type::DONE, MessageFlags::MULTI, 1, |writer| writer.push(&[0; 4]));
    let object = message(NEW_ROUTE, MessageFlags::MULTI, 1, |writer| writer.push(&[2; 12]));
    vec![simple(0), simple(-1), refused, [object, done].concat()]
}

/// Messages about objects of rtnetlink.
pub(super) fn routes() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let parsed = ["192.0.2.1/24", "2001:db8::1/64"].iter().filter_map(|text| text.parse::<Address>().ok());
    all.extend(parsed.map(|address| object(&address.on(LinkId::new(1)))));
    let gateways = ["192.0.2.2", "2001:db8::2"].iter().filter_map(|text| text.parse().ok());
    all.extend(gateways.map(|gateway| object(&Route::default_via(gateway).dev(LinkId::new(1)))));
    all.extend([object(&Rule::default()), object(&Neighbour::default()), object(&Nexthop::default())]);
    all.push(message(NEW_LINK, MessageFlags::MULTI, 1, |writer| {
        writer.push(&[0; 16]);
        writer.attribute::<netwright_wire::Native, String>(3, &"eth0".into());
        writer.attribute::<netwright_wire::Native, u32>(4, &1500);
    }));
    all
}

fn object<T: Object>(object: &T) -> Vec<u8> {
    message(T::NEW, MessageFlags::MULTI, 1, |writer| object.write(Purpose::New, writer))
}
