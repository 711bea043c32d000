//! The name server inside of a sandbox: it answers for allowed names only, and opens the way to their addresses before it tells them.
//!
//! - Names that a rule allows, and those that the answers for them lead to (targets of SRV, MX, NAPTR, HTTPS and SVCB records), are asked of the
//!   host's name servers, from the host's namespace. Any other name "does not exist", with the extended error `Blocked` (RFC 8914): the
//!   resolvers of libraries understand that at once, where they take "refused" for a broken server.
//! - Answers are built anew from the chain of aliases that begins at the question and from the records at its end; nothing else that a
//!   name server says gets inside. Addresses that are not public are held back, unless a rule for addresses has them too, and are reached as that says.
//! - Signatures (DNSSEC) are not asked for and no answer is marked as authentic: what was built anew cannot be proven. Keys and the
//!   like are answered as other records are, to those who ask for them.
//! - Questions of one name by many are asked once; clients, questions in flight and everything that is remembered are bounded.

mod answer;
mod behaviour;
mod binding;
mod client;
pub mod config;
mod dry_run;
mod engine;
mod hosts;
mod local;
mod memory;
mod message;
mod name;
mod query;
mod reporter;
mod rules;
mod service;
mod services;
mod targets;
#[cfg(test)]
mod testing;
mod upstream;
mod verdict;

use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, eventfd};

pub use config::ResolverConfig;
pub use dry_run::{DryRun, dry_message, dry_questions, dry_run};
pub use memory::KnownNames;
pub use reporter::Attribute;

use crate::policy::Names;
use crate::{Event, Undecided};
use behaviour::Behaviour;
use engine::Engine;
use reporter::QuestionReporter;
use service::{Listener, Service, Shared, State, Upstream};
use upstream::Servers;

/// Lets addresses through.
pub trait Release: Send + Sync {
    /// Lets these addresses through for these rules, by their places in the policy's `allow`, for so long. Returns when the kernel has it.
    fn release(
        &self,
        rules: &[usize],
        addresses: &[IpAddr],
        time_to_live: Duration,
    ) -> Result<(), Box<dyn Error + Send + Sync>>;
}

/// What the resolver wants to know of a policy.
pub trait NamePolicy: Send + Sync {
    /// What the rules say about a name, which is in lower case and has no last dot.
    fn name_rules(&self, name: &str) -> Names;
    /// Whether a rule for addresses allows this one.
    fn covers(&self, address: IpAddr) -> bool;
    /// Whether an address is one of the internet's; that of what stands for an IPv4 address, where it does.
    fn is_public(&self, address: IpAddr) -> bool;
    /// Names with addresses of their own.
    fn hosts(&self) -> &[(String, IpAddr)];
}

/// Where it listens: sockets of the sandbox's namespace that are bound to port 53 of [`crate::constants::RESOLVER`], or to where
/// questions are led.
#[derive(Debug)]
pub struct Sockets {
    /// Of UDP.
    pub udp: OwnedFd,
    /// Of TCP, listening.
    pub tcp: OwnedFd,
}

/// Tells of other name servers and listed names, where they have changed. It is asked before questions are, once a second at the most.
pub type Changed = dyn FnMut() -> Option<(ResolverConfig, Vec<(String, IpAddr)>)> + Send;

/// How it answers, apart from the policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolverOptions {
    /// Which name servers are asked and how.
    pub config: ResolverConfig,
    /// The host's own list of names ([`config::parse_hosts`]), for names that the policy allows.
    pub hosts: Vec<(String, IpAddr)>,
    /// What becomes of names that no rule decides: unless they are refused, they are resolved, to whatever address. Those that are let through are told,
    /// once each, and those that rules deny among them.
    pub undecided: Undecided,
    /// The host has IPv6.
    pub ipv6: bool,
}

/// A running resolver; it stops when this is dropped.
#[derive(Debug)]
pub struct Resolver {
    shared: Arc<Shared>,
    known: Arc<KnownNames>,
    stop: OwnedFd,
    thread: Option<JoinHandle<()>>,
}

impl Resolver {
    /// Starts it on a thread of its own. It sends events of what it did not answer, each once for a name and a process;
    /// `attribute` finds the process.
    pub fn start(
        sockets: Vec<Sockets>,
        options: ResolverOptions,
        policy: Arc<dyn NamePolicy>,
        release: Arc<dyn Release>,
        events: Sender<Event>,
        attribute: Box<Attribute>,
        changed: Option<Box<Changed>>,
    ) -> io::Result<Self> {
        let known = Arc::new(KnownNames::default());
        let behaviour = Behaviour {
            undecided: options.undecided,
            ipv6: options.ipv6,
            search: options.config.search_names(),
            hosts: config::foreign_hosts(&options.hosts),
        };
        let engine = Engine::new(behaviour, Arc::clone(&known));
        let shared = Arc::new(Shared::new(State { engine, policy, release }));
        let stop = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let listeners = sockets.into_iter().map(Listener::new).collect::<io::Result<_>>()?;
        let reporter = QuestionReporter::new(events, attribute, Instant::now());
        let servers = Servers::new(&options.config);
        let upstream = Upstream::new(servers, changed);
        let service = Service::new(Arc::clone(&shared), listeners, stop.try_clone()?, upstream, reporter);
        let thread = std::thread::Builder::new().name("resolver".to_owned()).spawn(move || service.run())?;
        Ok(Self { shared, known, stop, thread: Some(thread) })
    }

    /// The names that addresses were given out for.
    #[must_use]
    pub fn names(&self) -> Arc<KnownNames> {
        Arc::clone(&self.known)
    }

    /// Puts another policy in place. `replace` makes the filter agree with it; no address is let through meanwhile, and those that were
    /// are let through again for the rules that their names have now. Where `replace` fails, the policy stays.
    pub fn replace<T, E>(
        &self,
        policy: Arc<dyn NamePolicy>,
        replace: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let state = &mut *self.shared.lock();
        let done = replace()?;
        state.policy = policy;
        state.engine.release_again(&*state.policy, &*state.release, Instant::now());
        Ok(done)
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        // The counter is 0 until now, so that there is room.
        let _ = rustix::io::write(&self.stop, &1_u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
