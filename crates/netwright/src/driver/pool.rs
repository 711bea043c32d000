//! Connections that wait for their next user.

use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use netwright_sys::{Connection, Namespace};

use crate::Result;

/// Connections of one protocol that are kept while nobody uses them. There are more only while more are used at once.
const KEPT: usize = 4;

/// The connections of a namespace. The lock is held while one is taken out or put back, and never longer.
#[derive(Debug)]
pub(crate) struct Pool {
    namespace: Namespace,
    idle: Mutex<Idle>,
}

/// What nobody uses at the moment.
#[derive(Debug, Default)]
struct Idle {
    /// The process that opened them. A forked child has the same sockets, where each takes the other's answers for its own.
    owner: u32,
    connections: Vec<Connection>,
}

impl Idle {
    /// Leaves a parent's connections to it: they are closed here, and stay open there.
    fn disown(&mut self) {
        let process = process::id();
        if self.owner != process {
            *self = Idle { owner: process, connections: Vec::new() };
        }
    }
}

impl Pool {
    pub(crate) fn new(namespace: Namespace) -> Self {
        Pool { namespace, idle: Mutex::default() }
    }

    pub(crate) fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// This process's connections.
    fn idle(&self) -> MutexGuard<'_, Idle> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.disown();
        idle
    }

    /// The connection that was used last, whose buffers are warm, and the process that uses it.
    fn take(&self, protocol: i32) -> (u32, Option<Connection>) {
        let mut idle = self.idle();
        let is = |connection: &Connection| connection.socket().protocol() == protocol;
        let place = idle.connections.iter().rposition(is);
        (idle.owner, place.map(|place| idle.connections.remove(place)))
    }

    fn put(&self, owner: u32, connection: Connection) {
        let protocol = connection.socket().protocol();
        let mut idle = self.idle();
        let kept = idle.connections.iter().filter(|other| other.socket().protocol() == protocol).count();
        if kept < KEPT && idle.owner == owner {
            idle.connections.push(connection);
        }
    }
}

/// A connection that one user has, and that goes back into the pool afterwards.
#[derive(Debug)]
pub(crate) struct Lease {
    pool: Arc<Pool>,
    /// The process that has it.
    owner: u32,
    /// There until the end.
    connection: Option<Connection>,
}

impl Lease {
    pub(crate) fn take(pool: &Arc<Pool>, protocol: i32) -> Result<Self> {
        let (owner, idle) = pool.take(protocol);
        let connection = match idle {
            Some(connection) => connection,
            None => Connection::open_in(&pool.namespace, protocol)?,
        };
        Ok(Lease { pool: Arc::clone(pool), owner, connection: Some(connection) })
    }
}

impl AsMut<Connection> for Lease {
    fn as_mut(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("it is there until it is dropped")
    }
}

/// Also where its user has panicked: a connection takes away what is left of the last exchange before the next.
impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(mut connection) = self.connection.take()
            && connection.is_clean()
        {
            self.pool.put(self.owner, connection);
        }
    }
}

#[cfg(test)]
mod tests;
