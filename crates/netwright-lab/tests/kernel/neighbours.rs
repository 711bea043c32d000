//! Neighbours, compared with what `ip -j neigh` and `bridge -j fdb` say of them.

use std::ops::ControlFlow;

use netwright::route::neighbour::{List, NeighbourFlags, NeighbourState};
use netwright::route::{Family, Protocol};
use netwright::{Change, Create, Neighbour, Net};
use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq};
use serde_json::Value;

use crate::common::{address, column, pair, texts};

#[track_caller]
fn seen(ip: &Oracle, destination: &str) -> Result<Value, Failure> {
    let all = ip.json("neigh show nud all")?;
    Ok(all
        .as_array()
        .into_iter()
        .flatten()
        .find(|neighbour| neighbour["dst"] == destination)
        .cloned()
        .unwrap_or_default())
}

#[track_caller]
fn listed(net: &Net, list: List, destination: &str) -> Result<Option<Neighbour>, Failure> {
    let wanted = address(destination)?;
    Ok(net.neighbours().filter(list)?.into_iter().find(|neighbour| neighbour.destination == Some(wanted)))
}

pub(crate) fn neighbours_of_both_families(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let (d0, _) = pair(&net)?;
    for destination in ["10.9.9.77", "2001:db8:9::77"] {
        let neighbour = Neighbour::new(&d0, address(destination)?, [2, 0, 0, 0, 0, 1].into());
        net.neighbours().add(neighbour.clone())?;
        let read = listed(&net, List::default(), destination)?.ok_or(Failure::wrong("it is not listed"))?;
        ensure_eq!((read.link, read.address), (d0.id(), Some([2, 0, 0, 0, 0, 1].into())));
        ensure_eq!(read.state, NeighbourState::PERMANENT);
        let shown = seen(&ip, destination)?;
        ensure_eq!(shown["dev"], "d0");
        ensure_eq!(shown["lladdr"], "02:00:00:00:00:01");
        ensure_eq!(texts(&shown["state"]), ["PERMANENT"]);
        let error = net.neighbours().add(neighbour.clone()).err().ok_or(Failure::wrong("added twice"))?;
        ensure!(error.is_exists());
        let sentence = format!(
            "cannot add neighbour {destination} lladdr 02:00:00:00:00:01 dev d0: exists already (EEXIST)"
        );
        ensure!(error.to_string().starts_with(&sentence), "{error}");

        let changed = Neighbour {
            address: Some([2, 0, 0, 0, 0, 2].into()),
            state: NeighbourState::STALE,
            protocol: Some(Protocol::NETWRIGHT),
            ..neighbour.clone()
        };
        net.neighbours().replace(changed)?;
        let read = listed(&net, List::default(), destination)?.ok_or(Failure::wrong("it is not listed"))?;
        ensure_eq!((read.state, read.protocol), (NeighbourState::STALE, Some(Protocol::NETWRIGHT)));
        let shown = seen(&ip, destination)?;
        ensure_eq!(shown["lladdr"], "02:00:00:00:00:02");
        ensure_eq!(texts(&shown["state"]), ["STALE"]);
        net.neighbours().delete(neighbour.clone())?;
        ensure!(net.neighbours().delete(neighbour).is_err_and(|error| error.is_not_found()));
    }
    Ok(())
}

pub(crate) fn requests_are_answered_for_proxied_ones(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let (d0, _) = pair(&net)?;
    let proxies = List { proxies: true, ..List::default() };
    for destination in ["10.9.9.78", "2001:db8:9::78"] {
        net.neighbours().add(Neighbour::proxy(&d0, address(destination)?))?;
        let read = listed(&net, proxies, destination)?.ok_or(Failure::wrong("it is not listed"))?;
        ensure!(read.flags.contains(NeighbourFlags::PROXY));
        ensure_eq!(read.link, d0.id());
        ensure!(column(&ip.json("neigh show proxy")?, "dst").contains(&destination));
        ensure_eq!(listed(&net, List::default(), destination)?, None);
        net.neighbours().delete(Neighbour::proxy(&d0, address(destination)?))?;
        ensure!(!column(&ip.json("neigh show proxy")?, "dst").contains(&destination));
    }
    Ok(())
}

pub(crate) fn a_bridge_forwards_by_hand(_: &mut Lab) -> Outcome {
    let (tool, net) = (Oracle::bridge()?, Net::open()?);
    let (d0, _) = pair(&net)?;
    let bridge = net.links().create(Create::bridge("br0").with(Change::up()))?;
    net.links().set(&d0, Change::master(&bridge))?;
    let entry = Neighbour::forwarding(&d0, [2, 0, 0, 0, 0, 9].into());
    net.neighbours().add(entry.clone())?;
    let list = List { family: Family::BRIDGE, ..List::default() };
    let found = |net: &Net| -> Result<bool, Failure> {
        let entries = net.neighbours().filter(list)?;
        Ok(entries.iter().any(|found| found.address == entry.address && found.master == Some(bridge.index)))
    };
    ensure!(found(&net)?);
    let shown = tool.json("fdb show")?;
    let mut entries = shown.as_array().into_iter().flatten();
    ensure!(entries.any(|found| found["mac"] == "02:00:00:00:00:09"
        && found["master"] == "br0"
        && found["ifname"] == "d0"));
    net.neighbours().delete(entry.clone())?;
    ensure!(!found(&net)?);
    Ok(())
}

pub(crate) fn the_kernel_filters_lists(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let (d0, d1) = pair(&net)?;
    for (link, number) in [(&d0, 1), (&d0, 2), (&d1, 3)] {
        net.neighbours().add(Neighbour::new(
            link,
            [10, 9, 9, 100 + number].into(),
            [2, 0, 0, 0, 0, number].into(),
        ))?;
    }
    net.neighbours().add(Neighbour::new(&d1, address("2001:db8:9::3")?, [2, 0, 0, 0, 0, 3].into()))?;
    for (list, line) in [
        (List { family: Family::IPV4, ..List::default() }, "-4 neigh show"),
        (List { family: Family::IPV4, ..List::on(&d0) }, "-4 neigh show dev d0"),
        (List { family: Family::IPV6, ..List::on(&d1) }, "-6 neigh show dev d1 nud permanent"),
    ] {
        let mut ours = Vec::new();
        net.neighbours().each(list, |view| {
            if view.header.state == NeighbourState::PERMANENT {
                ours.extend(view.attributes.destination()?.map(|destination| destination.to_string()));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        let shown = ip.json(line)?;
        let mut theirs = column(&shown, "dst");
        ours.sort();
        theirs.sort_unstable();
        ensure_eq!(ours, theirs);
    }
    Ok(())
}

pub(crate) fn many_at_once(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let (d0, _) = pair(&net)?;
    let mut neighbours: Vec<Neighbour> = (0..250)
        .map(|number| Neighbour::new(&d0, [10, 9, 10, number].into(), [2, 0, 0, 0, 0, number].into()))
        .collect();
    neighbours.push(Neighbour::new(4711, [10, 9, 10, 1].into(), [2, 0, 0, 0, 0, 1].into()));
    let refused = net.neighbours().add_all(&neighbours)?;
    ensure_eq!(refused.iter().map(|failure| failure.index).collect::<Vec<_>>(), [250]);
    neighbours.truncate(250);
    ensure_eq!(net.neighbours().replace_all(&neighbours)?, []);
    ensure_eq!(ip.json("-4 neigh show")?.as_array().map(Vec::len), Some(250));
    ensure_eq!(net.neighbours().delete_all(&neighbours)?, []);
    ensure_eq!(ip.json("-4 neigh show")?, Value::Array(vec![]));
    Ok(())
}
