//! Whole kinds of ways at once.

use super::{Attempt, Server};

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt::one("every-option", &["sweep-options"]),
    Attempt::new("every-option-without-network", &["--no-network"], &["sweep-options"], &[]),
    Attempt::one("every-control-message", &["sweep-messages"]),
    Attempt::one("every-call-with-a-process-outside", &["sweep-calls", "victim"]).victim(),
    Attempt::one("every-name-of-a-socket", &["sweep-names", "server"]).server(Server::Waiting).contained(),
];
