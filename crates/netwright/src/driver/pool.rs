//! Connections that wait for their next user.

use std::sync::{Arc, Mutex, PoisonError};

use netwright_sys::{Connection, Namespace};

use crate::Result;

/// Connections of one protocol that are kept while nobody uses them. There are more only while more are used at once.
const KEPT: usize = 4;

/// The connections of a namespace. The lock is held while one is taken out or put back, and never longer.
#[derive(Debug)]
pub(crate) struct Pool {
    namespace: Namespace,
    idle: Mutex<Vec<Connection>>,
}

impl Pool {
    pub(crate) fn new(namespace: Namespace) -> Self {
        Pool { namespace, idle: Mutex::default() }
    }

    pub(crate) fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The connection that was used last, whose buffers are warm.
    fn take(&self, protocol: i32) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let place = idle.iter().rposition(|connection| connection.socket().protocol() == protocol)?;
        Some(idle.remove(place))
    }

    fn put(&self, connection: Connection) {
        let protocol = connection.socket().protocol();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle.iter().filter(|other| other.socket().protocol() == protocol).count();
        if kept < KEPT {
            idle.push(connection);
        }
    }
}

/// A connection that one user has, and that goes back into the pool afterwards.
#[derive(Debug)]
pub(crate) struct Lease {
    pool: Arc<Pool>,
    /// There until the end.
    connection: Option<Connection>,
}

impl Lease {
    pub(crate) fn take(pool: &Arc<Pool>, protocol: i32) -> Result<Self> {
        let connection = match pool.take(protocol) {
            Some(connection) => connection,
            None => Connection::open_in(&pool.namespace, protocol)?,
        };
        Ok(Lease { pool: Arc::clone(pool), connection: Some(connection) })
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
            self.pool.put(connection);
        }
    }
}
