use std::net::{SocketAddr, UdpSocket};

use super::*;
use crate::relay::allowance::Allowance;

fn flow(port: u16, used: Instant, replied: bool) -> Flow {
    let socket = || UdpSocket::bind("127.0.0.1:0").unwrap().into();
    Flow {
        tuple: Tuple {
            source: "192.0.0.2:40000".parse().unwrap(),
            destination: SocketAddr::new("198.51.100.7".parse().unwrap(), port),
        },
        inside: socket(),
        outside: socket(),
        used,
        replied,
        _permit: Allowance::new(2).take(2).unwrap(),
    }
}

#[test]
fn a_flow_ends_after_silence() {
    let (mut flows, start) = (Flows::default(), Instant::now());
    let after = |seconds| start + Duration::from_secs(seconds);
    for (port, replied) in [(53, true), (1000, false), (1001, true)] {
        flows.add(flow(port, start, replied));
    }
    let there =
        |flows: &Flows| [53, 1000, 1001].map(|port| flows.find(&flow(port, start, false).tuple).is_some());
    assert_eq!(flows.sweep(start), Some(after(10)));
    assert_eq!(there(&flows), [true, true, true]);
    assert_eq!(flows.sweep(after(10)), Some(after(30)));
    assert_eq!(there(&flows), [false, true, true]);
    assert_eq!(flows.sweep(after(30)), Some(after(180)));
    assert_eq!(there(&flows), [false, false, true]);
    assert_eq!(flows.sweep(after(180)), None);
    assert!(flows.is_empty() && flows.numbers.is_empty());
}

#[test]
fn the_oldest_flow_gives_way() {
    let (mut flows, start) = (Flows::default(), Instant::now());
    let young = flows.add(flow(1, start + Duration::from_secs(1), false));
    let old = flows.add(flow(2, start, false));
    flows.give_way();
    assert!(flows.get(old).is_none() && flows.get(young).is_some());
}
