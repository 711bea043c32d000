//! Whole kinds of ways at once.

use super::{Attempt, Server};

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt::one("every-option", &["sweep-options"]),
    Attempt::new("every-option-without-network", &["--no-network"], &["sweep-options"], &[]),
    Attempt::one("every-control-message", &["sweep-messages"]),
    Attempt::one("every-call-with-a-process-outside", &["sweep-calls", "victim"]).victim(),
    Attempt::one("every-name-of-a-socket", &["sweep-names", "server"]).server(Server::Waiting).contained(),
    Attempt::one("every-source", &["sweep-sources"]),
    Attempt::new("every-source-without-network", &["--no-network"], &["sweep-sources"], &[]),
    Attempt::one("every-file-of-the-kernel", &["sweep-files"]).root().contained(),
    Attempt::one("every-change-of-the-network", &["sweep-requests"]).root().contained(),
    Attempt::one("every-mount", &["sweep-mounts"]).root().contained(),
    Attempt::new("every-mount-that-is-allowed", MOUNTS, &["sweep-mounts"], &[]).root().contained(),
    Attempt::one("every-handle", &["sweep-handles"]).alone("nothing is outside there").contained(),
];

/// The command may mount.
const MOUNTS: &[&str] = &["--no-network", "--mounts"];
