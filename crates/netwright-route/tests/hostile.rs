//! Bytes that no kernel sends: whatever they are, reading them ends, and with an error where they do not fit.
#![allow(clippy::unwrap_used, clippy::panic)]

use netwright_route::link::{Change, Create, LinkAttrs, LinkKind, LinkView};
use netwright_route::route::{Multipath, NextHop, RouteView};
use netwright_route::{
    Add, Address, Link, Neighbour, Nexthop, Object, Purpose, Route, Rule, message::kind as of,
};
use netwright_wire::{Header, Message, MessageFlags, Native, Request, Value, Writer};

fn message(kind: u16, payload: &[u8]) -> Message<'_> {
    let length = payload.len() as u32 + 16;
    let header = Header { length, kind, flags: MessageFlags::empty(), sequence: 1, port: 0 };
    Message { header, payload }
}

/// Reads as everything; what comes out does not matter, that it comes does.
fn read_all(payload: &[u8]) {
    let _ = LinkView::read(&message(of::NEW_LINK, payload)).unwrap().map(|view| view.own());
    let _ = Address::read(&message(of::NEW_ADDRESS, payload));
    let _ = Route::read(&message(of::NEW_ROUTE, payload));
    let _ = Rule::read(&message(of::NEW_RULE, payload));
    let _ = Neighbour::read(&message(of::NEW_NEIGHBOUR, payload));
    let _ = Nexthop::read(&message(of::NEW_NEXTHOP, payload));
}

fn written(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::new();
    write(&mut writer);
    writer.bytes().to_vec()
}

fn samples() -> Vec<Vec<u8>> {
    let route = Route::to("198.51.103.0/24".parse().unwrap())
        .by(NextHop::via([10, 9, 9, 2].into()).weight(2))
        .by(NextHop::via("fe80::1".parse().unwrap()).dev(3));
    let address = "2001:db8::1/64".parse::<Address>().unwrap().on(2);
    let neighbour = Neighbour::new(3, [10, 9, 9, 5].into(), [2, 0, 0, 0, 0, 1].into());
    vec![
        written(|writer| Create::veth("a", Change::rename("b")).with(Change::mtu(9)).write(writer)),
        written(|writer| Create::vlan("v5", 3, 5).write(writer)),
        written(|writer| Add(&route).write(writer)),
        written(|writer| Add(&address).write(writer)),
        written(|writer| neighbour.write(Purpose::New, writer)),
        written(|writer| Add(&Rule::default().mark(7)).write(writer)),
    ]
}

#[test]
fn truncated_messages() {
    for sample in samples() {
        for length in 0..=sample.len() {
            read_all(&sample[..length]);
        }
    }
}

#[test]
fn every_byte_changed() {
    for sample in samples() {
        for position in 0..sample.len() {
            for value in [0, 1, 2, 3, 4, 5, 7, 8, 0x7f, 0x80, 0xff] {
                let mut changed = sample.clone();
                changed[position] = value;
                read_all(&changed);
            }
        }
    }
}

#[test]
fn noise() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for round in 0..20_000 {
        let bytes: Vec<u8> = (0..round % 120)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                // Small numbers make lengths and types that mean something.
                if state & 0x100 == 0 { (state & 0x1f) as u8 } else { (state >> 16) as u8 }
            })
            .collect();
        read_all(&bytes);
    }
}

#[test]
fn a_next_hop_that_does_not_fit_is_an_error() {
    let hop = |length: u16| [&length.to_ne_bytes()[..], &[0; 6]].concat();
    for (length, fits) in
        [(0, false), (4, false), (7, false), (8, true), (9, false), (12, false), (u16::MAX, false)]
    {
        let read = Multipath::read::<Native>(&hop(length));
        assert_eq!(read.is_ok(), fits, "length {length}: {read:?}");
    }
    assert_eq!(Multipath::read::<Native>(&[]).unwrap().0, []);
    assert!(Multipath::read::<Native>(&[8, 0]).is_err());
}

#[test]
fn an_error_ends_a_walk() {
    let payload = [&8_u16.to_ne_bytes()[..], &[0; 6], &100_u16.to_ne_bytes()[..], &[0; 6]].concat();
    let mut hops = Multipath::view::<Native>(&payload).unwrap();
    assert!(hops.next().unwrap().is_ok());
    assert!(hops.next().unwrap().is_err());
    assert!(hops.next().is_none());
}

#[test]
fn deep_nests_do_not_exhaust_the_stack() {
    // A veth in a veth in a veth: each layer costs 48 bytes, so a nest of 64 KiB has at most about 1300.
    let mut payload = Vec::new();
    for _ in 0..1300 {
        let mut writer = Writer::new();
        let info = writer.begin_nest(18);
        writer.attribute::<Native, String>(1, &"veth".into());
        let data = writer.begin_nest(2);
        let peer = writer.begin_nest(1);
        writer.push(&[0; 16]);
        writer.push(&payload);
        for nest in [peer, data, info] {
            writer.end_nest(nest);
        }
        if writer.check().is_err() {
            break;
        }
        payload = writer.bytes().to_vec();
    }
    assert!(payload.len() > 40_000);
    let attrs = LinkAttrs::read_attributes(&payload).unwrap();
    assert!(matches!(attrs.info.unwrap().kind, Some(LinkKind::Veth(_))));
}

#[test]
fn messages_of_other_kinds_are_passed_over() {
    assert_eq!(LinkView::read(&message(of::NEW_ROUTE, &[])).unwrap(), None);
    assert_eq!(RouteView::read(&message(of::NEW_LINK, &[2; 12])).unwrap(), None);
    assert_eq!(RouteView::read(&message(of::NEW_ROUTE, &[128; 12])).unwrap(), None);
    assert_eq!(Link::default().kind_name(), None);
}
