//! Following routes that are added: what there is to be taken of a queue, some at a time. Adding them is not measured.

use netwright::Net;
use netwright::watch::{Event, Kinds};
use netwright_sys::{Connection, Received, Socket, protocol};
use netwright_wire::Messages;

use crate::measure::{Measured, measure};
use crate::routes::{add, link, routes};
use crate::{Peer, Result, Workload};

/// Each event, or the copy alone.
pub(crate) const FOLLOW: Workload = Workload {
    name: "route-follow",
    sizes: &[10_000, 100_000],
    peers: &[
        Peer { name: "floor", tool: None, run: floor },
        Peer { name: "netwright, events", tool: None, run: events },
        Peer { name: "netwright, copy", tool: None, run: copy },
    ],
};

/// `RTNLGRP_IPV4_ROUTE`
const GROUP: u32 = 7;
/// As many as fit into the receive buffer that anybody may have.
const AT_ONCE: usize = 64;

/// Adds routes some at a time, and lets them be taken. Each time all must be there.
fn follow(count: usize, mut take: impl FnMut(usize) -> Result<usize>) -> Result<Measured> {
    let mut connection = Connection::open(protocol::ROUTE)?;
    let link = link(&mut connection)?;
    let routes = routes(count, link);
    // What the link's own setting up has told.
    take(0)?;
    let mut sum = Measured::default();
    for routes in routes.chunks(AT_ONCE) {
        add(&mut connection, routes)?;
        let (measured, taken) = measure(|| take(routes.len()))?;
        if taken != routes.len() {
            return Err(format!("{taken} of {} were told", routes.len()).into());
        }
        sum.wall += measured.wall;
        sum.processor += measured.processor;
        sum.peak = sum.peak.max(measured.peak);
    }
    Ok(sum)
}

fn floor(count: usize) -> Result<Measured> {
    let socket = Socket::open(protocol::ROUTE)?;
    socket.join(GROUP)?;
    let mut buffer = vec![0; 64 << 10];
    follow(count, |_| {
        let mut taken = 0;
        while let Received::Datagram(datagram) = socket.receive(&mut buffer)? {
            taken += Messages::new(datagram).count();
        }
        Ok(taken)
    })
}

fn events(count: usize) -> Result<Measured> {
    let mut watch = Net::open()?.watch(Kinds::ROUTES)?;
    follow(count, |_| {
        let mut taken = 0;
        while let Some(event) = watch.try_next()? {
            taken += usize::from(matches!(event, Event::Route(_)));
        }
        Ok(taken)
    })
}

fn copy(count: usize) -> Result<Measured> {
    let mut watch = Net::open()?.watch(Kinds::ROUTES)?;
    let mut before = 0;
    follow(count, |_| {
        watch.update()?;
        let now = watch.store().route_count();
        Ok(now - std::mem::replace(&mut before, now))
    })
}
