//! Changes of one thing while others change the ruleset: what they do to the rest of it does not matter.

use netwright_netfilter::Batch;
use netwright_sys::{Connection, Namespace};
use netwright_wire::Message;

use super::read::{self, Thing, Untouched};
use super::send::{self, Sent};
use crate::Result;

/// How often a batch is sent again for another generation.
const TRIES: u32 = 100;

/// Others who may change a thing meanwhile.
pub(super) struct Others<'a> {
    namespace: &'a Namespace,
    thing: Thing,
    /// Only listened to once somebody has changed something.
    untouched: Option<Untouched>,
}

impl<'a> Others<'a> {
    pub(super) fn new(namespace: &'a Namespace, thing: Thing) -> Self {
        Others { namespace, thing, untouched: None }
    }

    /// Whether the thing is known to be in one generation what it was in an earlier one.
    pub(super) fn leave_it(&mut self, connection: &mut Connection, seen: u32, now: u32) -> Result<bool> {
        if seen == now {
            return Ok(true);
        }
        if let Some(untouched) = &mut self.untouched {
            return untouched.is_untouched(seen, now);
        }
        self.untouched = Some(Untouched::open(connection, self.namespace, self.thing.clone())?);
        Ok(false)
    }

    /// Commits what is for the thing as it was in a generation. It is outdated only where the thing is.
    pub(super) fn commit(
        &mut self,
        connection: &mut Connection,
        seen: u32,
        batch: &mut Batch,
        mut reply: impl FnMut(usize, &Message<'_>),
    ) -> Result<Sent> {
        let mut sent = send::commit(connection, batch, &mut reply)?;
        for _ in 0..TRIES {
            if !matches!(sent, Sent::Outdated(_)) {
                break;
            }
            let now = read::generation(connection)?;
            if !self.leave_it(connection, seen, now)? {
                break;
            }
            batch.require_generation(now);
            sent = send::commit(connection, batch, &mut reply)?;
        }
        Ok(sent)
    }
}
