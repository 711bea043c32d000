//! Network namespaces, compared with what `ip netns` says of them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use netwright::{Create, Namespace, Net};
use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq};

use crate::common::{column, is_everywhere, names, own};

/// Device and inode number of the calling thread's namespace.
fn here() -> Result<(u64, u64), Failure> {
    Ok(Namespace::current()?.identity()?)
}

pub(crate) fn names_are_made_listed_opened_and_deleted(_: &mut Lab) -> Outcome {
    const NAME: &str = "netwright-kernel-blue";
    let ip = Oracle::ip()?;
    let made = Namespace::create_named(NAME)?;
    ensure!(Namespace::list_named()?.iter().any(|name| name == NAME));
    ensure!(column(&ip.json("netns list")?, "name").contains(&NAME));
    let opened = Namespace::open_named(NAME)?;
    ensure!(opened.same_as(&made)? && opened.name() == Some(NAME));
    ensure!(Namespace::open_path(format!("/run/netns/{NAME}"))?.same_as(&made)?);
    ensure!(Namespace::create_named(NAME).is_err_and(|error| error.is_exists()));

    Net::open_in(&opened)?.links().create(Create::bridge("br-blue"))?;
    let shown = ip.json(&format!("-n {NAME} link show"))?;
    ensure_eq!(names(&shown), ["lo", "br-blue"]);
    ensure!(Net::open()?.links().get("br-blue").is_err_and(|error| error.is_not_found()));

    Namespace::delete_named(NAME)?;
    ensure!(!column(&ip.json("netns list")?, "name").contains(&NAME));
    let error = Namespace::open_named(NAME).err().ok_or(Failure::wrong("it is still there"))?;
    ensure_eq!(
        error.to_string(),
        format!("cannot open the network namespace {NAME}: no such object (ENOENT)")
    );
    ensure!(Namespace::delete_named(NAME).is_err_and(|error| error.is_not_found()));
    // what is open stays
    ensure_eq!(Net::open_in(&opened)?.links().get("br-blue")?.name, "br-blue");
    for name in ["", "..", "a/b", "a\0b"] {
        ensure!(
            Namespace::create_named(name).is_err() && Namespace::open_named(name).is_err(),
            "{name:?} was taken"
        );
    }
    Ok(())
}

pub(crate) fn one_that_ip_made_is_opened(_: &mut Lab) -> Outcome {
    const NAME: &str = "netwright-kernel-red";
    let ip = Oracle::ip()?;
    ip.line(&format!("netns add {NAME}"))?;
    let net = Net::open_in(&Namespace::open_named(NAME)?)?;
    ensure_eq!(own(net.links().list()?).len(), 1);
    Namespace::delete_named(NAME)?;
    ensure!(!column(&ip.json("netns list")?, "name").contains(&NAME));
    Ok(())
}

pub(crate) fn anonymous_ones_and_those_of_processes(_: &mut Lab) -> Outcome {
    let before = here()?;
    let one = Namespace::create_anonymous()?;
    let two = Namespace::create_anonymous()?;
    ensure!(!one.same_as(&two)? && one.identity()? != before);
    let mut child = one.command("sleep").arg("60").spawn()?;
    let of_child = Namespace::of_pid(child.id());
    child.kill()?;
    child.wait()?;
    ensure!(of_child?.same_as(&one)?);
    let error = Namespace::of_pid(u32::MAX).err().ok_or(Failure::wrong("there is such a process"))?;
    ensure!(error.is_not_found() && error.to_string().contains("of process 4294967295"));
    ensure_eq!(here()?, before);
    Ok(())
}

pub(crate) fn closures_and_commands_run_inside(_: &mut Lab) -> Outcome {
    let ip = Oracle::ip()?;
    let inside = Namespace::create_anonymous()?;
    let net = Net::open_in(&inside)?;
    net.links().create(Create::bridge("inside0"))?;
    let before = here()?;
    ensure_eq!(inside.run(here)??, inside.identity()?);
    ensure_eq!(names(&inside.run(|| ip.json("link show"))??), ["lo", "inside0"]);
    let output = inside.command(ip.program()).args(["-o", "link", "show", "inside0"]).output()?;
    ensure!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("inside0"));
    ensure!(inside.command("/no/such/program").spawn().is_err());
    let output = inside.command_with_files("ls")?.arg("/sys/class/net").output()?;
    let shown = String::from_utf8_lossy(&output.stdout);
    let shown: Vec<_> = shown.lines().filter(|name| !is_everywhere(name)).collect();
    ensure_eq!(shown, ["inside0", "lo"]);
    ensure_eq!(here()?, before);
    Ok(())
}

pub(crate) fn the_thread_stays_even_in_a_panic(_: &mut Lab) -> Outcome {
    let before = here()?;
    let inside = Namespace::create_anonymous()?;
    let payload =
        catch_unwind(AssertUnwindSafe(|| inside.run(|| std::panic::resume_unwind(Box::new("on purpose")))));
    let payload = payload.err().ok_or(Failure::wrong("there was no panic"))?;
    ensure_eq!(payload.downcast_ref::<&str>(), Some(&"on purpose"));
    ensure_eq!(here()?, before);
    ensure_eq!(inside.run(here)??, inside.identity()?);
    // nor does a panic in the middle of a list break what comes after
    let net = Net::open()?;
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        net.links().each(Default::default(), |_| std::panic::resume_unwind(Box::new("on purpose")))
    }));
    ensure!(panicked.is_err());
    ensure_eq!(own(net.links().list()?).len(), 1);
    Ok(())
}

pub(crate) fn one_net_serves_many_threads(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|number| {
                let net = &net;
                scope.spawn(move || -> Outcome {
                    for round in 0..20 {
                        let name = format!("t{number}-{round}");
                        let made = net.links().create(Create::bridge(&name))?;
                        ensure_eq!(net.links().get_by_index(made.index)?.name, name);
                        net.links().delete(&made)?;
                    }
                    Ok(())
                })
            })
            .collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| Failure::wrong("a thread panicked"))?)
    })?;
    ensure_eq!(own(net.links().list()?).len(), 1);
    Ok(())
}
