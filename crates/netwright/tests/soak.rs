//! Everything at once for a while: threads, tasks, namespaces, events, and `ip` beside them. `SOAK_SECONDS` makes it longer:
//!
//!     SOAK_SECONDS=1800 cargo test --release -p netwright --all-features --test soak
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use netwright::route::Table;
use netwright::route::link::{Change, Create};
use netwright::route::route::RouteKind;
use netwright::tokio::{AsyncNet, open_in};
use netwright::watch::{Event, Kinds, Live, Options};
use netwright::{Namespace, Net, Prefix, Route};
use netwright_lab::random::Random;
use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq, kernel_tests, wait_until};
use tokio::sync::RwLock;

kernel_tests! {
    every_answer_is_of_its_question_and_nothing_is_left,
}

const THREADS: usize = 8;
const TASKS: usize = 100;
const PLACES: usize = 4;
const CHECKPOINTS: u32 = 100;
/// How much more memory may be in use in the end than after the first checkpoints.
const GROWTH: usize = 32 << 20;

struct Place {
    namespace: Namespace,
    net: Net,
    tasks: AsyncNet,
    live: Live,
}

impl Place {
    fn new() -> Result<Self, Failure> {
        let namespace = Namespace::create_anonymous()?;
        let net = Net::open_in(&namespace)?;
        for name in ["a0", "b0"] {
            let peer = name.replace('0', "1");
            net.links().create(Create::veth(name, peer.as_str()).with(Change::up()))?;
            net.links().set(&net.links().get(&peer)?, Change::up())?;
        }
        Ok(Self { tasks: open_in(&namespace)?, live: net.live(Kinds::ROUTING)?, net, namespace })
    }

    fn ip(&self, ip: &Oracle, line: &str) -> Result<serde_json::Value, Failure> {
        let output = self.namespace.command(ip.program()).arg("-j").args(line.split(' ')).output()?;
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Whether the live copy is what `ip` lists.
    fn is_as_listed(&self, ip: &Oracle) -> Outcome {
        fn of(
            listed: &serde_json::Value,
            make: impl Fn(&serde_json::Value) -> Vec<String>,
        ) -> BTreeSet<String> {
            listed.as_array().into_iter().flatten().flat_map(make).collect()
        }
        let text =
            |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.live.update()?;
        let store = self.live.store();
        ensure_eq!(
            store
                .links()
                .map(|link| format!("{} {} {}", link.index, link.name, link.mtu.unwrap_or(0)))
                .collect::<BTreeSet<_>>(),
            of(&self.ip(ip, "link show")?, |link| {
                vec![format!("{} {} {}", link["ifindex"], text(&link["ifname"]), link["mtu"])]
            })
        );
        ensure_eq!(
            store
                .addresses()
                .map(|address| {
                    let link = store.link_by_index(address.link.index).map(|link| link.name.clone());
                    format!("{} {}/{}", link.unwrap_or_default(), address.address, address.prefix_length)
                })
                .collect::<BTreeSet<_>>(),
            of(&self.ip(ip, "address show")?, |link| {
                link["addr_info"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|info| {
                        format!("{} {}/{}", text(&link["ifname"]), text(&info["local"]), info["prefixlen"])
                    })
                    .collect()
            })
        );
        for (family, of_family) in [("-4", true), ("-6", false)] {
            let routes = self.ip(ip, &format!("{family} route show table main"))?;
            let mut listed: Vec<String> =
                routes.as_array().into_iter().flatten().map(|route| text(&route["dst"])).collect();
            let mut followed: Vec<String> = store
                .routes()
                .filter(|route| {
                    route.effective_table() == Table::MAIN && route.destination.address.is_ipv4() == of_family
                })
                .map(|route| {
                    let to = route.destination;
                    if to.is_host() { to.address.to_string() } else { to.to_string() }
                })
                .collect();
            listed.sort();
            followed.sort();
            ensure_eq!(followed, listed);
        }
        Ok(())
    }
}

/// A random command of `ip`, which it may refuse.
fn churn(random: &mut Random) -> String {
    let (link, n, m) = (["a0", "b0"][random.below(2)], random.below(4), random.below(4));
    let verb = ["add", "append", "replace", "del"][random.below(4)];
    match random.below(8) {
        0 => format!("link set {link} {}", ["up", "down", "up", "up"][m]),
        1 => format!("link set {link} mtu {}", 1300 + n),
        2 => format!("address {} 172.16.{n}.{m}/24 dev {link}", ["add", "del"][random.below(2)]),
        3 => format!("-6 address {} 2001:db8:{n}::{m}/64 dev {link} nodad", ["add", "del"][random.below(2)]),
        4 => format!("route {verb} 198.51.{n}.0/24 dev {link} metric {}", m + 1),
        5 => format!("-6 route {verb} 2001:db8:f{n}::/48 dev {link} metric {}", m + 1),
        6 => format!("route {verb} 203.0.{n}.0/24 nexthop dev a0 weight {} nexthop dev b0", m + 1),
        _ => format!("rule {} from 172.16.{n}.0/24 pref {}", ["add", "del"][random.below(2)], 10 + m),
    }
}

/// What a thread or a task has for itself in each place: routes to networks that have its number.
struct Worker {
    number: usize,
    random: Random,
    mine: Vec<BTreeSet<u8>>,
}

/// What it does next.
enum Step {
    Link(String),
    Nothing(String),
    Add(u8),
    Delete(u8),
    List,
    Loopback,
}

impl Worker {
    fn new(number: usize) -> Self {
        Self { number, random: Random::new(number as u64), mine: vec![BTreeSet::new(); PLACES] }
    }

    fn next(&mut self) -> (usize, Step) {
        let (place, route) = (self.random.below(PLACES), self.random.below(8) as u8);
        let step = match self.random.below(8) {
            0 => Step::Link(format!("w{}", self.number)),
            1 => Step::Nothing(format!("none{}", self.number)),
            2..=4 if self.mine[place].remove(&route) => Step::Delete(route),
            2..=4 => {
                self.mine[place].insert(route);
                Step::Add(route)
            }
            5 => Step::List,
            _ => Step::Loopback,
        };
        (place, step)
    }

    fn route(&self, number: u8) -> Route {
        let to = Prefix::new([10, self.number as u8, number, 0].into(), 24).unwrap();
        Route { kind: RouteKind::BLACKHOLE, ..Route::to(to) }
    }

    /// Whether the routes listed hold exactly those of its own that it has added.
    fn are_mine(&self, place: usize, routes: &[Route]) -> bool {
        let found: BTreeSet<u8> = routes
            .iter()
            .filter_map(|route| match route.destination.address {
                std::net::IpAddr::V4(address) => Some(address.octets()),
                std::net::IpAddr::V6(_) => None,
            })
            .filter(|octets| octets[..2] == [10, self.number as u8])
            .map(|octets| octets[2])
            .collect();
        found == self.mine[place]
    }

    fn step(&mut self, places: &[Place]) -> Result<bool, netwright::Error> {
        let (place, step) = self.next();
        let net = &places[place].net;
        Ok(match step {
            Step::Link(name) => {
                let made = net.links().create(Create::bridge(&name))?;
                let found = net.links().get(&name)?;
                net.links().delete(&made)?;
                made.name == name && (found.index, &found.name) == (made.index, &name)
            }
            Step::Nothing(name) => net.links().get(&name).is_err_and(|error| error.is_not_found()),
            Step::Add(route) => net.routes().add(self.route(route)).is_ok(),
            Step::Delete(route) => net.routes().delete(self.route(route)).is_ok(),
            Step::List => self.are_mine(place, &net.routes().list()?),
            Step::Loopback => net.links().get("lo")?.index == 1,
        })
    }

    async fn step_of_task(&mut self, places: &[Place]) -> Result<bool, netwright::Error> {
        let (place, step) = self.next();
        let net = &places[place].tasks;
        Ok(match step {
            Step::Link(name) => {
                let made = net.links().create(Create::bridge(&name)).await?;
                let found = net.links().get(&name).await?;
                net.links().delete(&made).await?;
                made.name == name && (found.index, &found.name) == (made.index, &name)
            }
            Step::Nothing(name) => net.links().get(&name).await.is_err_and(|error| error.is_not_found()),
            Step::Add(route) => net.routes().add(self.route(route)).await.is_ok(),
            Step::Delete(route) => net.routes().delete(self.route(route)).await.is_ok(),
            Step::List => self.are_mine(place, &net.routes().list().await?),
            Step::Loopback => net.links().get("lo").await?.index == 1,
        })
    }
}

/// Descriptors, threads, and bytes of memory of this process.
fn held() -> Result<(usize, usize, usize), Failure> {
    let pages: usize = fs::read_to_string("/proc/self/statm")?
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse().ok())
        .ok_or_else(|| Failure::wrong("statm"))?;
    Ok((fs::read_dir("/proc/self/fd")?.count(), fs::read_dir("/proc/self/task")?.count(), pages * 4096))
}

fn every_answer_is_of_its_question_and_nothing_is_left(_: &mut Lab) -> Outcome {
    let seconds = std::env::var("SOAK_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(5);
    let (descriptors, threads, _) = held()?;
    let ip = Oracle::ip()?;
    let grown = at_once(Duration::from_secs(seconds), &ip)?;
    ensure!(grown < GROWTH, "{grown} bytes more are in use");
    wait_until("threads and descriptors are given back", || {
        let (now, of_threads, _) = held()?;
        // Fewer where a thread of the harness was about to end at the start.
        Ok((now <= descriptors && of_threads <= threads).then_some(()))
    })
    .map_err(|failure| Failure::wrong(format_args!("{failure:?}: {descriptors} and {threads}: {:?}", held())))
}

/// Runs everything for that time. How many bytes of memory were added after the first tenth.
fn at_once(time: Duration, ip: &Oracle) -> Result<usize, Failure> {
    let places = Arc::new((0..PLACES).map(|_| Place::new()).collect::<Result<Vec<_>, _>>()?);
    // Whoever does something has it for reading; who compares has it for writing.
    let working = Arc::new(RwLock::new(()));
    let (stop, done, told) =
        (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build()?;
    let tasks: Vec<_> = (0..TASKS)
        .map(|number| {
            let (places, working, stop, done) =
                (Arc::clone(&places), Arc::clone(&working), Arc::clone(&stop), Arc::clone(&done));
            runtime.spawn(async move {
                let mut worker = Worker::new(THREADS + number);
                while !stop.load(Ordering::Relaxed) {
                    let at_work = working.read().await;
                    assert!(worker.step_of_task(&places).await.unwrap(), "task {number}");
                    drop(at_work);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let checked = thread::scope(|scope| {
        for number in 0..THREADS {
            let (places, working, stop, done) = (&places, &working, &stop, &done);
            scope.spawn(move || {
                let mut worker = Worker::new(number);
                while !stop.load(Ordering::Relaxed) {
                    let at_work = working.blocking_read();
                    assert!(worker.step(places).unwrap(), "thread {number}");
                    drop(at_work);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for (number, place) in places.iter().enumerate() {
            let (working, stop, told) = (&working, &stop, &told);
            scope.spawn(move || {
                let mut random = Random::new(1000 + number as u64);
                while !stop.load(Ordering::Relaxed) {
                    let lines: String = (0..25).map(|_| churn(&mut random) + "\n").collect();
                    let at_work = working.blocking_read();
                    batch(place, ip, &lines).unwrap();
                    drop(at_work);
                }
            });
            scope.spawn(move || {
                let mut watch = place.net.watch(Options::new(Kinds::ALL).existing()).unwrap();
                while !stop.load(Ordering::Relaxed) {
                    if let Some(Event::Link(_) | Event::Route(_)) =
                        watch.next_timeout(Duration::from_millis(50)).unwrap()
                    {
                        told.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        let checked = checkpoints(time, &places, &working, ip);
        stop.store(true, Ordering::Relaxed);
        checked
    });
    for task in tasks {
        runtime.block_on(task).map_err(Failure::wrong)?;
    }
    println!(
        "{} operations, {} events of links and routes",
        done.load(Ordering::Relaxed),
        told.load(Ordering::Relaxed)
    );
    checked
}

fn checkpoints(
    time: Duration,
    places: &[Place],
    working: &RwLock<()>,
    ip: &Oracle,
) -> Result<usize, Failure> {
    let (start, mut first) = (Instant::now(), 0);
    let count = CHECKPOINTS.min(u32::try_from(time.as_secs()).unwrap_or(CHECKPOINTS).max(1));
    for checkpoint in 1..=count {
        thread::sleep((start + time * checkpoint / count).saturating_duration_since(Instant::now()));
        let paused = working.blocking_write();
        for (number, place) in places.iter().enumerate() {
            // Carriers and duplicate detection go on by themselves.
            wait_until("the copy is what ip lists", || Ok(place.is_as_listed(ip).ok())).or_else(|_| {
                place.is_as_listed(ip).map_err(|failure| {
                    Failure::wrong(format_args!("checkpoint {checkpoint}, place {number}: {failure:?}"))
                })
            })?;
            ensure!(place.live.failure().is_none());
        }
        drop(paused);
        if checkpoint == count.div_ceil(10) {
            first = held()?.2;
        }
    }
    Ok(held()?.2.saturating_sub(first))
}

fn batch(place: &Place, ip: &Oracle, lines: &str) -> Outcome {
    use std::io::Write;
    use std::process::Stdio;
    let mut child = place
        .namespace
        .command(ip.program())
        .args(["-force", "-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(lines.as_bytes())?;
    }
    child.wait()?;
    Ok(())
}
