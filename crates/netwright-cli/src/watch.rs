//! `netwright watch`: configures links when they appear, and mends what others changed where that is asked for.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use netwright::watch::{Kinds, Options};
use netwright_state::{Plan, Snapshot};

use crate::apply;
use crate::arguments::{self, Global};
use crate::failure::{Done, Failure};
use crate::host::Loaded;
use crate::output::{self, CHANGED, DIM};
use crate::plan::make;
use crate::state::Session;

/// How long there is quiet before it is looked what changed.
const SETTLE: Duration = Duration::from_millis(300);

/// How often signals are looked for.
const LOOK: Duration = Duration::from_millis(500);

/// After how long what failed is tried again, at most.
const LATEST: Duration = Duration::from_secs(60);

/// `netwright watch`.
pub(crate) fn run(arguments: &arguments::Watch, global: &Global) -> Done {
    let signals = apply::take_signals()?;
    let session = Session::open(arguments.place.open()?)?;
    let kinds = if arguments.mend {
        Kinds::ROUTING.union(Kinds::NEIGHBOURS).union(Kinds::FORWARDING).union(Kinds::RULESET)
    } else {
        Kinds::LINKS
    };
    // before it is looked for the first time, so that nothing is missed
    let mut watch = session.net.watch(Options::new(kinds))?;
    let (loaded, fell_back) = apply::trusted(&arguments.host, &session, global)?;
    let mut keeper = Keeper { arguments, session: &session, global, loaded, fell_back, seen: None };
    let mut due = Some(Instant::now());
    let mut wait = Duration::from_secs(1);
    loop {
        if signals.next().map_err(|error| Failure::said(error.to_string()))?.is_some() {
            return Ok(ExitCode::SUCCESS);
        }
        let now = Instant::now();
        if due.is_some_and(|due| due <= now) {
            due = None;
            match keeper.look(&signals) {
                Ok(()) => wait = Duration::from_secs(1),
                Err(failure) => {
                    let _ = failure.report();
                    due = Some(Instant::now() + wait);
                    wait = (wait * 2).min(LATEST);
                }
            }
            continue;
        }
        let left = due.map_or(LOOK, |due| due.saturating_duration_since(now).min(LOOK));
        if watch.next_timeout(left.max(Duration::from_millis(1)))?.is_some() {
            // what failed is not tried again sooner because something else changes
            let settled = Instant::now() + SETTLE;
            due = Some(due.map_or(settled, |due| due.max(settled).min(now + LATEST)));
        }
    }
}

struct Keeper<'a> {
    arguments: &'a arguments::Watch,
    session: &'a Session,
    global: &'a Global,
    loaded: Loaded,
    /// Whether that is not what the file says, since it is wrong or was never confirmed.
    fell_back: bool,
    /// The declared links that were there, with their indexes, and the names of those that were not.
    seen: Option<(BTreeMap<String, u32>, Vec<String>)>,
}

impl Keeper<'_> {
    /// Applies the file where something is there to do.
    fn look(&mut self, signals: &netwright_confine::Signals) -> Result<(), Failure> {
        let _lock = self.session.lock(true, self.global)?;
        self.session.settle(self.global)?;
        if self.fell_back && self.seen.is_none() {
            // it may have been confirmed meanwhile
            (self.loaded, self.fell_back) = apply::trusted(&self.arguments.host, self.session, self.global)?;
        }
        let owners = self.session.owners(&self.loaded, self.global)?;
        // what was applied meanwhile counts, and the numbers of links may be others by now
        let kept = self.session.store.good(&owners.own.owner).unwrap_or_else(|| self.loaded.kept());
        let kept = if self.seen.is_none() { self.loaded.kept() } else { kept };
        let origin = self.arguments.host.origin();
        let loaded = Loaded::of_kept(&kept, origin, self.global, &self.session.net)?;
        let owners = self.session.owners(&loaded, self.global)?;
        let (plan, before) = make(&loaded, &owners, &mut self.session.live())?;
        let now = seen(&loaded, &plan, &before);
        let appeared = self.seen.as_ref().is_none_or(|seen| {
            now.0.iter().any(|link| !seen.0.contains_key(link.0) || seen.0.get(link.0) != Some(link.1))
                || seen.1.iter().any(|name| !now.1.contains(name))
        });
        if plan.steps.is_empty() || !(appeared || self.arguments.mend) {
            self.seen = Some(now);
            return Ok(());
        }
        if !self.global.quiet {
            let why =
                if appeared { "links have appeared" } else { "something differs from what is declared" };
            let first = self.seen.is_none();
            let why = if first { "applying the host file" } else { why };
            let name = output::plain(&self.loaded.name);
            output::message(&format!("{CHANGED}{why}{CHANGED:#} {DIM}({name}){DIM:#}"));
        }
        apply::again(self.session, &loaded, &self.arguments.place, signals, self.global)?;
        let (plan, after) = make(&loaded, &owners, &mut self.session.live())?;
        self.seen = Some(seen(&loaded, &plan, &after));
        Ok(())
    }
}

fn seen(loaded: &Loaded, plan: &Plan, snapshot: &Snapshot) -> (BTreeMap<String, u32>, Vec<String>) {
    let names = loaded.host.links.iter().map(|link| &link.name);
    let there = names.filter_map(|name| Some((name.clone(), snapshot.link(name)?.index))).collect();
    (there, plan.missing.iter().map(|missing| missing.name.clone()).collect())
}
