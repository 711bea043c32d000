//! What stands against routing packets on this host.

use std::fs;
use std::path::Path;

use netwright_netfilter::request::List;
use netwright_netfilter::{Batch, Chain, ChainPolicy, Family, Hook, Rule};
use netwright_sys::{Cause, Connection, Error, Result, capability, protocol};

use super::PREFIX;

/// An error where this process has no power over the host's network, or where the host's own firewall drops what it forwards,
/// unless one of its rules names the sandboxes' interfaces.
pub(super) fn check() -> Result<()> {
    let refused = |what: String| Error::new("route the sandbox's packets", Cause::Invalid(what));
    if !capability::net_admin() {
        return Err(refused("it needs CAP_NET_ADMIN over the host's network".into())
            .with_help("Use `--mode relay`, which needs no privilege, or run it as root."));
    }
    let mut connection = Connection::open(protocol::NETFILTER)?;
    for chain in connection.dump_all(&List::<Chain>::new(Family::UNSPECIFIED))? {
        if drops(&chain) && !names_sandboxes(&mut connection, &chain)? {
            let Chain { family, table, name, .. } = chain;
            let what =
                format!("the chain {name} of the table {family} {table} drops what it does not accept");
            return Err(refused(what).with_help(
                "Use `--mode relay`, or accept there what has `iifname \"nwrun*\"` and `oifname \"nwrun*\"`.",
            ));
        }
    }
    Ok(())
}

/// Whether the host has a firewall that cannot be read here: the filter tables of `iptables-legacy`.
pub(super) fn is_unreadable() -> bool {
    let has_filter = |list: &str| {
        let tables = fs::read_to_string(Path::new("/proc/thread-self/net").join(list));
        tables.is_ok_and(|tables| tables.lines().any(|table| table == "filter"))
    };
    ["ip_tables_names", "ip6_tables_names"].into_iter().any(has_filter)
}

fn drops(chain: &Chain) -> bool {
    let ip = matches!(chain.family, Family::IPV4 | Family::IPV6 | Family::INET);
    let base = chain.base.as_ref().filter(|_| ip);
    base.is_some_and(|base| base.hook == Hook::Forward && base.policy == Some(ChainPolicy::DROP))
}

/// Whether a rule compares something with the start of our interfaces' names.
fn names_sandboxes(connection: &mut Connection, chain: &Chain) -> Result<bool> {
    let rules = List::<Rule>::new(chain.family).in_chain(chain.table.as_str(), chain.name.as_str());
    let names = |rule: &Rule| {
        let mut batch = Batch::new();
        batch.add(rule);
        let bytes = batch.finish().map(<[u8]>::to_vec).unwrap_or_default();
        bytes.windows(PREFIX.len()).any(|part| part == PREFIX.as_bytes())
    };
    Ok(connection.dump_all(&rules)?.iter().any(names))
}
