//! The resolver and the filter, which belong together wherever they are.

use std::error::Error as StdError;
use std::net::IpAddr;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use netwright_sys::{Error, Result};

use super::files::Files;
use super::reports::Reports;
use crate::filter::Filter;
use crate::resolver::{Release, Resolver, ResolverOptions, Sockets};
use crate::{Event, Policy, Undecided};

/// What a resolver is started with.
pub(crate) struct ResolverParts<'a> {
    pub(crate) sockets: Vec<Sockets>,
    pub(crate) files: Files,
    pub(crate) policy: &'a Policy,
    pub(crate) undecided: Undecided,
    pub(crate) ipv6: bool,
    pub(crate) filter: &'a Shared,
    pub(crate) events: Sender<Event>,
    pub(crate) reports: &'a Arc<Reports>,
}

/// Starts the resolver; the names that it learns are known to the reports from then on.
pub(crate) fn start_resolver(parts: ResolverParts<'_>) -> Result<Resolver> {
    let ResolverParts { sockets, files, policy, undecided, ipv6, filter, events, reports } = parts;
    let options =
        ResolverOptions { config: files.config.clone(), hosts: files.hosts.clone(), undecided, ipv6 };
    let owners = Arc::clone(reports);
    let attribute =
        Box::new(move |protocol, source, destination| owners.process(protocol, source, destination));
    let changed = files.changes(policy.dns.clone());
    let policy = Arc::new(policy.clone());
    let release = Arc::new(filter.clone());
    let resolver = Resolver::start(sockets, options, policy, release, events, attribute, Some(changed))
        .map_err(|error| Error::new("start the resolver", error))?;
    reports.know(resolver.names());
    Ok(resolver)
}

/// The filter, which the resolver and reloads change.
#[derive(Clone, Debug)]
pub(crate) struct Shared(Arc<Mutex<Filter>>);

impl Shared {
    pub(crate) fn new(filter: Filter) -> Self {
        Shared(Arc::new(Mutex::new(filter)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Filter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Release for Shared {
    fn release(
        &self,
        rules: &[usize],
        addresses: &[IpAddr],
        time_to_live: Duration,
    ) -> std::result::Result<(), Box<dyn StdError + Send + Sync>> {
        Ok(self.lock().release(rules, addresses, time_to_live)?)
    }
}
