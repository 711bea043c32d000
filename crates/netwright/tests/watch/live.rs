//! Copies that a thread keeps up to date.

use super::*;

/// Lists are read again, since routes go with a link without a word, while others take what is told.
pub(super) fn a_live_copy_is_brought_up_to_date_by_several(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let link = net.links().create(Create::veth("d0", "d1").with(LinkChange::up()))?;
    net.addresses().add(&link, Address::new("192.0.2.1".parse()?, 24))?;
    let live = net.live(Kinds::ROUTING)?;
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    live.update().unwrap();
                }
            });
        }
        let checked = (0..60).try_for_each(|round| {
            net.links().set(&link, LinkChange::down())?;
            net.links().set(&link, LinkChange::up())?;
            net.links().set(&link, LinkChange { mtu: Some(1300 + round), ..LinkChange::default() })?;
            live.update()?;
            ensure_eq!(live.store().link("d0").and_then(|link| link.mtu), Some(1300 + round));
            Ok(())
        });
        stop.store(true, Ordering::Relaxed);
        checked
    })
}

pub(super) fn a_live_copy_is_up_to_date_when_asked(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let live = net.live(Kinds::ROUTING)?;
    for number in 0..50_u8 {
        let name = format!("b{number}");
        let link = net.links().create(Create::bridge(&name).with(LinkChange::up()))?;
        net.addresses().add(&link, Address::new([10, 0, number, 1].into(), 24))?;
        live.update()?;
        let store = live.store();
        ensure_eq!(store.link(&name).map(|link| link.index), Some(link.index));
        ensure_eq!(store.addresses_of(&link).filter(|address| address.address.is_ipv4()).count(), 1);
        ensure_eq!(store.link_with([10, 0, number, 1].into()).map(|link| &*link.name), Some(&*name));
        let best = store.longest_match(netwright::route::Table::MAIN, [10, 0, number, 77].into());
        ensure_eq!(best.map(|route| route.destination.to_string()), Some(format!("10.0.{number}.0/24")));
    }
    // Without being asked, a little later.
    net.links().delete(&net.links().get("b7")?)?;
    wait_until("the link is gone", || Ok(live.store().link("b7").is_none().then_some(())))?;
    wait_until("the copy is what there is", || {
        live.update()?; // addresses of links come by and by
        Ok(is_what_there_is(&live.store(), &net).is_ok().then_some(()))
    })?;
    // A look within a look never waits for what is to be taken over meanwhile.
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let changing = scope.spawn(|| -> netwright::Result<()> {
            let b0 = net.links().get("b0")?;
            while !stop.load(Ordering::Relaxed) {
                net.links().set(&b0, LinkChange::mtu(1400))?;
                net.links().set(&b0, LinkChange::mtu(1300))?;
            }
            Ok(())
        });
        for _ in 0..200 {
            let outer = live.store();
            let inner = |link| live.store().addresses_of(link).count();
            ensure!(outer.links().map(inner).sum::<usize>() >= 50);
            ensure!(live.update().is_err(), "it would wait for this thread");
        }
        stop.store(true, Ordering::Relaxed);
        changing.join().unwrap()?;
        Ok(())
    })?;
    live.update()?;
    drop(live);
    Ok(())
}
