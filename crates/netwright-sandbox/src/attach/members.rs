//! The processes of a control group, watched: one that may write to groups around it (delegation) can leave, and is put back and told of.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use netwright_sys::{Error, Result};

use super::group::Group;
use super::sockets;
use crate::attribution::{all_processes, processes_of};
use crate::relay::{EventFlags, Events, Poll, Waker};
use crate::sandbox::reports::Reports;

/// How often it is looked.
const PERIOD: Duration = Duration::from_millis(100);
const ASKED: &str = "watch the processes of the control group";

/// A thread that watches. Dropped, it stops.
#[derive(Debug)]
pub(super) struct Members {
    stop: Arc<AtomicBool>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

impl Members {
    pub(super) fn watch(group: Group, mark: u32, reports: Arc<Reports>) -> Result<Self> {
        let failed = |errno: rustix::io::Errno| Error::new(ASKED, errno);
        let waker = Waker::new().map_err(failed)?;
        let poll = Poll::new().map_err(failed)?;
        poll.add(&waker, 0, EventFlags::IN).map_err(failed)?;
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let work = move || {
            let mut events = Events::new();
            let mut known = Known::default();
            while !told.load(Ordering::Relaxed) {
                known.look(&group, mark, &reports);
                poll.wait(&mut events, Some(PERIOD));
            }
        };
        let thread = std::thread::Builder::new().name("netwright-members".to_owned()).spawn(work);
        Ok(Members { stop, waker, thread: Some(thread.map_err(|error| Error::new(ASKED, error))?) })
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.waker.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Processes that were in the group, each with when it started, by which numbers are told apart that are used again.
#[derive(Default)]
struct Known(HashMap<u32, u64>);

impl Known {
    fn look(&mut self, group: &Group, mark: u32, reports: &Reports) {
        let members = processes_of(&group.directory);
        self.0.retain(|id, started| state(*id).is_some_and(|state| state.started == *started));
        let mut left: Vec<u32> = self.0.keys().copied().filter(|id| !members.contains(id)).collect();
        if !left.is_empty() {
            // What it has started since has its group.
            let parents: HashMap<u32, u32> =
                all_processes().into_iter().filter_map(|id| Some((id, state(id)?.parent))).collect();
            // Looked at one after the other, they may seem to be each other's parents.
            let comes_from = |id: u32, left: &[u32]| {
                let parent = |id: &u32| parents.get(id).copied();
                std::iter::successors(parent(&id), parent).take(parents.len()).any(|id| left.contains(&id))
            };
            let children: Vec<u32> = parents
                .keys()
                .copied()
                .filter(|id| !members.contains(id) && !left.contains(id) && comes_from(*id, &left))
                .collect();
            left.extend(children);
        }
        let has_left = !left.is_empty();
        for id in left {
            let is_back = group.move_here(id).is_ok();
            if state(id).is_some() {
                reports.left_the_group(id, is_back);
            }
        }
        if has_left {
            // What they have opened meanwhile is bound from now on.
            for id in sockets::mark(&group.directory, mark) {
                reports.has_unbound_sockets(id);
            }
        }
        for id in processes_of(&group.directory) {
            if let Some(state) = state(id) {
                self.0.insert(id, state.started);
            }
        }
    }
}

/// What is told a process by.
struct State {
    parent: u32,
    started: u64,
}

/// The state of a process that has not ended.
fn state(id: u32) -> Option<State> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let mut fields = text.rsplit_once(") ")?.1.split(' ');
    let ended = matches!(fields.next()?, "Z" | "X");
    let parent = fields.next()?.parse().ok()?;
    let started = fields.nth(17)?.parse().ok()?;
    (!ended).then_some(State { parent, started })
}
