//! Bringing a host to what its file declares, and back: from `plan` to `recover`.

use std::path::PathBuf;

use clap::Args;

use super::{HostFile, Where};

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  netwright plan host.toml
  netwright plan host.toml --exit-code --quiet || echo 'something is pending'
  netwright plan host.toml --json | jq '.steps[].text'

Nothing is changed. Signs: + comes, - goes, ~ changes, = stays but must be put back.
Exit status: 0 done, 1 failed; with --exit-code 10 when changes are pending.")]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) host: HostFile,
    /// End with exit status 10 when changes are pending
    #[arg(short, long)]
    pub(crate) exit_code: bool,
    /// Print JSON: an object with `steps` (does, object, text, details, file, line) and `problems`
    #[arg(short, long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: Where,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  netwright plan host.toml && netwright apply host.toml
  netwright apply host.toml --netns blue
  netwright apply host.toml --confirm 60s      taken back unless `netwright confirm` is said within a minute
  netwright apply host.toml --probe gateway    taken back where the gateway does not answer afterwards
  netwright apply /etc/netwright.d             all *.toml of a folder, in the order of their names, as one host

What is as declared already stays untouched, so that applying twice changes nothing the second time. What others \
made is left alone. The firewall changes in one transaction; where something fails, all is taken back.

Exit status: 0 done, 1 failed and taken back, 2 wrong usage, 3 done but for links that are missing.")]
pub(crate) struct Apply {
    #[command(flatten)]
    pub(crate) host: HostFile,
    #[command(flatten)]
    pub(crate) place: Where,
    /// Fail where another netwright changes the namespace, instead of waiting for it
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Take all back unless `netwright confirm` is said in this time, such as 60s or 5m
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    pub(crate) confirm: Option<u64>,
    /// Take all back where this does not answer afterwards: `gateway`, `tcp ADDRESS:PORT`, or `ssh`, the other end of this
    /// ssh session; can be given several times
    #[arg(long, value_name = "WHAT")]
    pub(crate) probe: Vec<crate::state::probe::Probe>,
    /// Also where it would cut the ssh session that this runs in
    #[arg(long)]
    pub(crate) force: bool,
    /// For the start of the machine: what may fail, fails behind the firewall, and a wrong file gives way to the last good
    #[arg(long)]
    pub(crate) boot: bool,
}

/// How long an apply may wait to be confirmed.
fn seconds(text: &str) -> Result<u64, String> {
    match super::time(text)?.as_secs() {
        seconds @ 1..=86400 => Ok(seconds),
        _ => Err("the time is from 1 second to 24 hours".to_owned()),
    }
}

/// `netwright confirm`.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  netwright apply host.toml --confirm 60s && netwright confirm")]
pub(crate) struct Confirm {
    #[command(flatten)]
    pub(crate) place: Where,
}

/// `netwright withdraw`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  netwright withdraw               what the only host file made that was applied here
  netwright withdraw --owner vpn   what the one of this owner made")]
pub(crate) struct Withdraw {
    /// The owner; the only one when not said
    #[arg(long, value_name = "NAME")]
    pub(crate) owner: Option<String>,
    #[command(flatten)]
    pub(crate) place: Where,
}

/// `netwright history`.
#[derive(Args, Debug)]
pub(crate) struct History {
    /// Print JSON: an array of objects with `id`, `time` (seconds since 1970), `owner`, `file`, `phase` and `steps`
    #[arg(short, long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: Where,
}

/// `netwright status`.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit status: 0 all is as declared, 1 it could not be found out, 10 something differs or waits.")]
pub(crate) struct Status {
    /// Print JSON: an object with `owners` (owner, file, differs) and `waiting`
    #[arg(short, long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: Where,
}

/// `netwright capture`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  netwright capture > host.toml            all in one file
  netwright capture /etc/netwright.d       host.toml and firewall.nft in a folder
  netwright capture --owner vpn            what was applied for this owner alone

Applying it changes nothing where it was captured. What a host file does not declare, such as routes from DHCP, stands \
in it as comments.

Exit status: 0 written, 1 failed, 3 written, but applying it would change what is told on standard error.")]
pub(crate) struct Capture {
    /// Folder to write host.toml and firewall.nft to; all goes to standard output when not said
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
    /// What this owner's host file made alone
    #[arg(long, value_name = "NAME")]
    pub(crate) owner: Option<String>,
    #[command(flatten)]
    pub(crate) place: Where,
}

/// `netwright watch`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  netwright watch /etc/netwright.d          apply it, and again when one of its links appears
  netwright watch host.toml --mend          apply it whenever something differs

It applies what was applied last: a file that was edited meanwhile waits for `netwright apply`. It ends with SIGTERM or \
SIGINT, and leaves all as it is.")]
pub(crate) struct Watch {
    #[command(flatten)]
    pub(crate) host: HostFile,
    /// Mend also what others change
    #[arg(long)]
    pub(crate) mend: bool,
    #[command(flatten)]
    pub(crate) place: Where,
}

/// What `netwright apply --confirm` starts.
#[derive(Args, Debug)]
pub(crate) struct Watchdog {
    /// The journal's number
    pub(crate) id: u64,
    /// The process that applies
    pub(crate) process: u32,
    /// Seconds that it comes later than the other one
    pub(crate) later: u64,
    #[command(flatten)]
    pub(crate) place: Where,
}

/// `netwright rollback`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  netwright rollback         take back the last apply
  netwright rollback 7       take back apply 7 and all that came after it

What there was before comes back: what was made goes, what was changed or removed is made again, and what others have \
made since stays. `netwright history` shows the numbers.")]
pub(crate) struct Rollback {
    /// The number of the first apply to take back; the last one when not said
    #[arg(value_name = "ID")]
    pub(crate) id: Option<u64>,
    #[command(flatten)]
    pub(crate) place: Where,
}

/// `netwright recover`.
#[derive(Args, Debug)]
pub(crate) struct Recover {
    #[command(flatten)]
    pub(crate) place: Where,
}
