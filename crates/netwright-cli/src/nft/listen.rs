//! Listening to what the kernel tells by itself.

use netwright::sys::{Cause, Connection, protocol};
use netwright::{Error, Net};

use crate::output::{self, WARNING};

/// What is asked of the kernel, for errors.
pub(super) const ASKED: &str = "follow the changes of the ruleset";
/// Bytes of notifications that may wait while others are written.
const QUEUE: usize = 16 << 20;

/// A connection that hears a group.
pub(super) fn listen(net: &Net, group: u32) -> Result<Connection, Error> {
    let connection = Connection::open_in(net.namespace(), protocol::NETFILTER)?;
    connection.socket().reserve_receive(QUEUE).map_err(|cause| Error::new(ASKED, cause))?;
    connection.socket().join(group)?;
    Ok(connection)
}

/// Whether notifications were lost, which is told.
pub(super) fn lost(heard: Result<(), Error>) -> Result<bool, Error> {
    match heard {
        Ok(()) => Ok(false),
        Err(error) if matches!(error.cause(), Cause::Overrun | Cause::Truncated { .. }) => {
            output::message(&format!("{WARNING}warning{WARNING:#}: some notifications were lost"));
            Ok(true)
        }
        Err(error) => Err(error),
    }
}
