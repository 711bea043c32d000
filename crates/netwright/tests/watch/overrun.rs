//! Sockets that run over again and again while others write: what the kernel drops until they are empty it tells nobody.

use std::time::Duration;

use netwright::tokio::open;
use tokio::runtime::Builder;

use super::*;

/// Far less than is told at once.
const BUFFER: usize = 50_000;
const ROUTES: u32 = 5_000;

/// Adds and deletes routes of both families, many with each system call, and says when it has ended.
fn write(ended: &AtomicBool) -> netwright::Result<()> {
    let net = Net::open()?;
    let route = |n: u32, ipv6: bool| {
        let address = match ipv6 {
            true => std::net::Ipv6Addr::from_bits((0x2001_0db8 << 96) + u128::from(n)).into(),
            false => (0x0a00_0000 + n).to_be_bytes().into(),
        };
        Route::to(netwright::Prefix::host(address)).dev(1)
    };
    let all = |step| (0..ROUTES).step_by(step).flat_map(move |n| [route(n, false), route(n, true)]);
    let mut refused = net.routes().add_all(all(1))?.len();
    refused += net.routes().delete_all(all(3))?.len();
    ended.store(true, Ordering::SeqCst);
    assert_eq!(refused, 0);
    Ok(())
}

fn up() -> Result<Net, Failure> {
    let net = Net::open()?;
    net.links().set(&net.links().get("lo")?, LinkChange::up())?;
    Ok(net)
}

pub(super) fn copies_are_right_after_others_wrote_too_fast(_: &mut Lab) -> Outcome {
    let net = up()?;
    let options = || Options::new(Kinds::ROUTES).buffer(BUFFER);
    let (mut watch, live) = (net.watch(options().existing())?, net.live(options())?);
    let (ended, mut sum) = (AtomicBool::new(false), Sum::default());
    thread::scope(|scope| {
        let writer = scope.spawn(|| write(&ended));
        while !ended.load(Ordering::SeqCst) {
            // In its tries it may have run over again each time, which it says.
            live.update().or_else(|error| match error.cause() {
                netwright::sys::Cause::Interrupted { .. } => Ok(()),
                _ => Err(error),
            })?;
            told(&mut watch)?.iter().try_for_each(|event| sum.add(event))?;
        }
        writer.join().unwrap()?;
        Ok::<_, Failure>(())
    })?;
    // No more is written: one update tells the rest.
    live.update()?;
    watch.update()?;
    told(&mut watch)?.iter().try_for_each(|event| sum.add(event))?;
    let listed = all_routes(&net)?;
    same("the live copy", &live.store().routes().map(plain).collect(), &listed)?;
    same("the store", &watch.store().routes().map(plain).collect(), &listed)?;
    same("what was told", &sum.routes, &listed)
}

pub(super) fn a_task_is_right_after_others_wrote_too_fast(_: &mut Lab) -> Outcome {
    let blocking = up()?;
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut watch = open()?.watch(Options::new(Kinds::ROUTES).existing().buffer(BUFFER)).await?;
        let mut sum = Sum::default();
        let ended = std::sync::Arc::new(AtomicBool::new(false));
        let writer = thread::spawn({
            let ended = std::sync::Arc::clone(&ended);
            move || write(&ended)
        });
        // What is told last comes when it has been read again, however long that takes.
        let mut listed = BTreeSet::new();
        for _ in 0..200 {
            while let Ok(event) = tokio::time::timeout(Duration::from_millis(100), watch.next()).await {
                sum.add(&event.ok_or(Failure::wrong("it ended"))??)?;
            }
            if listed.is_empty() && ended.load(Ordering::SeqCst) {
                listed = all_routes(&blocking)?;
            }
            if !listed.is_empty() && sum.routes == listed {
                break;
            }
        }
        writer.join().unwrap()?;
        same("the store", &watch.store().routes().map(plain).collect(), &listed)?;
        same("what was told", &sum.routes, &listed)
    })
}
