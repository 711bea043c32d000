//! Rulesets as of one moment, however many others change them meanwhile.
//!
//! The kernel hands a ruleset out in many answers, and a transaction may end between two of them or within one. What was
//! read at once is of one moment if its generation was the same before and after, and the transaction that made it had
//! ended when it began: the kernel tells of each at its end.
//!
//! Where others write all the time there may be no such moment. Then the ruleset is read in parts, and the kernel's
//! notifications say which generations changed which of them: each part is known to be that of some generations, and a
//! ruleset is whole as soon as there is a generation that all its parts are of ([`parts`]).

mod parts;
mod untouched;

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use netwright_netfilter::request::{Find, FindGeneration, ListElements};
use netwright_netfilter::{
    self as kernel, Batch, ElementView, Family, Generation, MessageKind, SetFlags, SetRef, StoredElements,
    group,
};
use netwright_sys::{Cause, Connection, Error, Namespace, protocol};
use netwright_wire::{Malformed, Value as _};

use super::monitor::listen;
use crate::Result;

use parts::Parts;
pub(super) use parts::{Part, Wanted, Whole};
pub(super) use untouched::{Thing, Untouched};

/// Sets of fewer elements than this do not grow long enough to be met at it.
pub(super) const FEW: usize = 1000;
/// Sets of at least so many elements are looked at before they are read, whether their tables still grow.
const MANY: u32 = 30_000;
/// Sets whose count is not the number of elements that are listed: both ends of an interval count, and elements whose
/// time is over do until they are collected.
pub(super) const UNCOUNTED: SetFlags = SetFlags::INTERVAL.union(SetFlags::TIMEOUT).union(SetFlags::EVAL);

/// How often a set that still grows is read again.
const TRIES: u32 = 10;
/// How long a ruleset is tried in one way before it is tried in the other.
const SPELL: Duration = Duration::from_millis(100);
/// How long a ruleset that others change is tried to be read as of one moment. After that its parts are taken as they
/// were met.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the kernel may take to tell of a transaction that it has counted.
const TOLD: Duration = Duration::from_millis(500);

/// What is wanted of the ruleset, as of one moment.
pub(super) fn read(
    connection: &mut Connection,
    namespace: &Namespace,
    wanted: &Wanted,
) -> Result<kernel::Ruleset> {
    Ok(read_as(connection, namespace, wanted, false)?.ruleset)
}

/// As [`read`]; the elements of sets with a name and the rules of chains are only stored, where everything is wanted.
pub(super) fn read_stored(
    connection: &mut Connection,
    namespace: &Namespace,
    wanted: &Wanted,
) -> Result<Whole> {
    read_as(connection, namespace, wanted, true)
}

fn read_as(
    connection: &mut Connection,
    namespace: &Namespace,
    wanted: &Wanted,
    stored: bool,
) -> Result<Whole> {
    let start = Instant::now();
    loop {
        let mut listener = Listener::open(namespace)?;
        if let Some(whole) = between(connection, namespace, &mut listener, wanted, stored)? {
            return Ok(whole);
        }
        let late = start.elapsed() > PATIENCE;
        let mut listener = Listener::open(namespace)?;
        listener.told = settled(connection)?;
        let parts = Parts::new(wanted.clone(), namespace, listener.told, stored);
        if let Some(whole) = in_parts(connection, &mut listener, parts, late)? {
            return Ok(whole);
        }
    }
}

/// What is wanted, if there is a moment between two transactions that is long enough, within a spell.
fn between(
    connection: &mut Connection,
    namespace: &Namespace,
    listener: &mut Listener,
    wanted: &Wanted,
    stored: bool,
) -> Result<Option<Whole>> {
    let start = Instant::now();
    let mut first = true;
    while first || start.elapsed() < SPELL {
        let now = generation(connection)?;
        // one that has ended before anybody listened is not told of
        if !first && !listener.hear(None, now)? {
            return Ok(None);
        }
        let mut parts = Parts::new(wanted.clone(), namespace, now, stored);
        if parts.fill(connection, now)?
            && (!first || listener.take(&mut None)? == Heard::Nothing)
            && let Some(ruleset) = parts.ruleset_of(now)
        {
            return Ok(Some(ruleset));
        }
        first = false;
    }
    Ok(None)
}

/// What is wanted, part by part, where that is known of some generation within a spell. Where it is late, each part has
/// the time that it takes.
fn in_parts(
    connection: &mut Connection,
    listener: &mut Listener,
    mut parts: Parts,
    late: bool,
) -> Result<Option<Whole>> {
    let start = Instant::now();
    while late || start.elapsed() < SPELL {
        let (mut read, mut last) = (Vec::new(), 0);
        let mut whole = true;
        for part in parts.stale() {
            // what was told is done, so that what is read now is of this generation or a later one
            let now = generation(connection)?;
            whole &= listener.hear(Some(&mut parts), now)?;
            let told = listener.told;
            let mut one = parts.read(part, told, connection)?;
            last = generation(connection)?;
            one.after = last;
            read.push(one);
        }
        whole = whole && listener.hear(Some(&mut parts), last)?;
        if !whole {
            // what was lost is unknown
            return Ok(None);
        }
        parts.keep(read, late);
        if let Some(ruleset) = parts.ruleset() {
            return Ok(Some(ruleset));
        }
    }
    Ok(None)
}

/// Hears what has changed.
struct Listener {
    connection: Connection,
    /// The last generation that was told of: of all later ones it will be told.
    told: u32,
}

/// What came at once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Heard {
    Nothing,
    Some,
    /// Some, and some of it was lost.
    Lost,
}

impl Listener {
    fn open(namespace: &Namespace) -> Result<Self> {
        Ok(Listener { connection: listen(namespace, group::NFTABLES, "read the ruleset")?, told: 0 })
    }

    /// Notes what has changed up to a generation; false where something was lost.
    fn hear(&mut self, mut parts: Option<&mut Parts>, until: u32) -> Result<bool> {
        let start = Instant::now();
        while self.told < until {
            match self.take(&mut parts)? {
                Heard::Some => {}
                Heard::Nothing if start.elapsed() < TOLD => {
                    self.connection.socket().wait(Some(TOLD))?;
                }
                Heard::Nothing | Heard::Lost => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Notes what came, without waiting.
    fn take(&mut self, parts: &mut Option<&mut Parts>) -> Result<Heard> {
        let told = &mut self.told;
        let heard = self.connection.some_notifications(|message| {
            let kind = MessageKind::of(message);
            if kind == Some(MessageKind::NEW_GENERATION)
                && let Ok(generation) = Generation::read(message)
            {
                *told = generation.id.max(*told);
                parts.iter_mut().for_each(|parts| parts.end_transaction(generation.id));
            } else {
                parts.iter_mut().for_each(|parts| parts.note(message));
            }
        });
        match heard {
            Ok(true) => Ok(Heard::Some),
            Ok(false) => Ok(Heard::Nothing),
            Err(error) if matches!(error.cause(), Cause::Overrun | Cause::Truncated { .. }) => {
                Ok(Heard::Lost)
            }
            Err(error) => Err(error),
        }
    }
}

/// Everything of a family, or of all ([`Family::UNSPECIFIED`]).
pub(super) fn dump(
    connection: &mut Connection,
    namespace: &Namespace,
    family: Family,
) -> Result<kernel::Ruleset> {
    read(connection, namespace, &Wanted { family, table: None, part: Part::All })
}

/// Number of the ruleset's generation.
pub(super) fn generation(connection: &mut Connection) -> Result<u32> {
    Ok(connection.query(&FindGeneration)?.id)
}

/// The generation, after all transactions that it counts have ended: an empty one waits for others.
fn settled(connection: &mut Connection) -> Result<u32> {
    let generation = generation(connection)?;
    connection.commit("list the ruleset", &mut Batch::new())?;
    Ok(generation)
}

/// The elements of a set. The kernel's hash table still grows for a moment after a large load, and a walk over it then
/// passes some elements over and meets others twice, without a word. With the namespace, it is looked for that before.
pub(crate) fn elements(
    connection: &mut Connection,
    namespace: Option<&Namespace>,
    set: &kernel::Set,
) -> Result<Vec<kernel::Element>> {
    let large = namespace.filter(|_| has_many(set));
    elements_by(connection, &set.reference(), large, |connection, request, all: &mut Vec<kernel::Element>| {
        for tries in 1.. {
            all.clear();
            match collect(connection, request, all) {
                Err(error) if tries < TRIES && error.is_passing() => {}
                listed => return listed,
            }
        }
        Ok(())
    })
}

/// Whether a set has very many elements, in a table that grows: intervals lie in trees, and a size that is given is there at once.
fn has_many(set: &kernel::Set) -> bool {
    let grows = !set.flags.contains(SetFlags::INTERVAL) && set.description.size.is_none();
    grows && set.count.is_some_and(|count| count >= MANY)
}

/// Waits until the table of a set has grown, as far as can be seen: while its elements move, a walk does not begin where the one
/// before began. Each walk has a connection of its own, with which ends what is left of it.
fn settle(namespace: &Namespace, request: &ListElements) -> Result<()> {
    const PAUSE: Duration = Duration::from_millis(1);
    const MOST: u32 = 1000;
    let begin = || {
        let mut first = Vec::new();
        Connection::open_in(namespace, protocol::NETFILTER)?.dump(request, |mut some| {
            if let Some(element) = some.next() {
                first.push(kernel::Element::own(element?)?);
            }
            Ok(ControlFlow::Break(()))
        })?;
        Ok::<_, Error>(first)
    };
    let mut before = begin()?;
    for _ in 0..MOST {
        std::thread::sleep(PAUSE);
        let now = begin()?;
        if now == before {
            break;
        }
        before = now;
    }
    Ok(())
}

type Read = std::result::Result<(), Malformed>;

/// What elements are listed into.
trait Elements: Default {
    fn clear(&mut self);
    fn push(&mut self, element: ElementView<'_>) -> Read;
    fn len(&self) -> usize;
    /// Whether no key comes twice.
    fn are_distinct(&self) -> bool;
}

impl Elements for Vec<kernel::Element> {
    fn clear(&mut self) {
        self.clear();
    }

    fn push(&mut self, element: ElementView<'_>) -> Read {
        self.push(kernel::Element::own(element)?);
        Ok(())
    }

    fn len(&self) -> usize {
        self.len()
    }

    fn are_distinct(&self) -> bool {
        let mut keys: Vec<&[u8]> = self.iter().filter_map(kernel::Element::key_bytes).collect();
        keys.sort_unstable();
        keys.is_sorted_by(|one, next| one < next)
    }
}

impl Elements for StoredElements {
    fn clear(&mut self) {
        self.clear();
    }

    fn push(&mut self, element: ElementView<'_>) -> Read {
        self.push(element)
    }

    fn len(&self) -> usize {
        self.len()
    }

    fn are_distinct(&self) -> bool {
        self.are_distinct()
    }
}

/// As [`elements`], with another way to list them; `large` where they are very many.
fn elements_by<E: Elements>(
    connection: &mut Connection,
    set: &SetRef,
    large: Option<&Namespace>,
    list: impl Fn(&mut Connection, &ListElements, &mut E) -> Result<()>,
) -> Result<E> {
    const GROWING: Duration = Duration::from_millis(100);
    let request = ListElements::of(set);
    let mut elements = E::default();
    for _ in 0..TRIES {
        elements.clear();
        if let Some(namespace) = large {
            settle(namespace, &request)?;
        }
        list(connection, &request, &mut elements)?;
        if elements.len() < FEW {
            return Ok(elements);
        }
        let now = connection.query(&Find(set.clone()))?;
        let whole = now.count.is_none_or(|count| count as usize == elements.len());
        if now.flags.intersects(UNCOUNTED) || whole && elements.are_distinct() {
            return Ok(elements);
        }
        std::thread::sleep(GROWING);
    }
    Err(Error::request(&request, Cause::Interrupted { tries: TRIES }))
}

/// Appends the elements that one dump hands out.
fn collect(connection: &mut Connection, request: &ListElements, all: &mut impl Elements) -> Result<()> {
    connection.dump(request, |some| {
        for element in some {
            all.push(element?)?;
        }
        Ok(ControlFlow::Continue(()))
    })
}
