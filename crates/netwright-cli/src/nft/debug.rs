//! What `--debug` shows.

use netwright::nft::Debug;
use netwright_nft::diagnostic::nearest;

use crate::failure::Failure;
use crate::output;

/// Levels that show how nft itself works.
const INNER: [&str; 5] = ["scanner", "parser", "eval", "proto-ctx", "segtree"];
const LEVELS: [&str; 8] = ["scanner", "parser", "eval", "netlink", "mnl", "proto-ctx", "segtree", "all"];

/// Reads the levels, each argument with one or several.
pub(super) fn levels(arguments: &[String]) -> Result<Debug, Failure> {
    let mut debug = Debug::default();
    for level in arguments.iter().flat_map(|argument| argument.split(',')) {
        match level {
            "netlink" => debug.netlink = true,
            "mnl" => debug.messages = true,
            "all" => debug = Debug { netlink: true, messages: true },
            inner if INNER.contains(&inner) => {
                output::message(&format!("note: there is nothing to show for the debug level `{inner}`"));
            }
            unknown => {
                let near = nearest(unknown, LEVELS).map(|near| format!("did you mean `{near}`?"));
                let help = near.unwrap_or_else(|| format!("the levels are {}", LEVELS.join(", ")));
                return Err(Failure::said(format!("`{unknown}` is no debug level")).with_help(Some(help)));
            }
        }
    }
    Ok(debug)
}
