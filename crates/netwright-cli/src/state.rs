//! What `apply` and its kin share: the folder of a namespace, its lock, who made what, and an apply that was not finished.

pub(crate) mod confirm;
pub(crate) mod history;
pub(crate) mod probe;
pub(crate) mod recover;
pub(crate) mod watchdog;

use std::path::PathBuf;

use netwright::Net;
use netwright::state::{Live, Lock, LockError, Store, StoreError, Whereabouts};
use netwright_state::{Chosen, Journal, Owners, Phase, Record, owners};
use rustix::process::geteuid;

use crate::arguments::Global;
use crate::failure::Failure;
use crate::host::{self, Loaded};
use crate::output::{self, DIM, HELP, WARNING};

/// A namespace with the folder in which is kept what was made there.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) net: Net,
    pub(crate) store: Store,
    /// Folders of the same namespace elsewhere, which are only read: an ordinary user sees what root applied.
    elsewhere: Vec<Store>,
    /// Whether such a folder cannot be read.
    pub(crate) hidden: bool,
}

impl Session {
    /// Opens the folder of a namespace.
    pub(crate) fn open(net: Net) -> Result<Self, Failure> {
        let whereabouts = Whereabouts::of(net.namespace())
            .map_err(|error| Failure::said(format!("cannot identify the network namespace: {error}")))?;
        let store = open_store(whereabouts).map_err(|error| {
            let help = "Name a folder of your own in the environment variable NETWRIGHT_STATE_DIRECTORY.";
            Failure::from(error).with_help(Some(help))
        })?;
        Ok(Session { net, store, elsewhere: Vec::new(), hidden: false })
    }

    /// Opens what there is to be read: nothing is made, and nothing need be writable.
    pub(crate) fn open_to_read(net: Net, global: &Global) -> Result<Self, Failure> {
        let whereabouts = Whereabouts::of(net.namespace())
            .map_err(|error| Failure::said(format!("cannot identify the network namespace: {error}")))?;
        let mut folders = folders();
        let of_root = PathBuf::from(OF_ROOT);
        if std::env::var_os(DIRECTORY).is_none_or(|value| value.is_empty()) && !folders.contains(&of_root) {
            folders.push(of_root);
        }
        let (mut stores, mut hidden) = (Vec::new(), false);
        for folder in folders {
            match Store::existing(&folder, whereabouts.clone()) {
                Ok(store) => stores.extend(store),
                Err(error) => {
                    hidden = true;
                    let error = output::plain(&error.to_string()).into_owned();
                    let what = "what was applied from there is taken for somebody else's";
                    if !global.quiet {
                        output::message(&format!("{WARNING}warning{WARNING:#}: {error}: {what}"));
                    }
                }
            }
        }
        let mut stores = stores.into_iter();
        let store = stores.next().unwrap_or_else(|| Store::empty(whereabouts));
        Ok(Session { net, store, elsewhere: stores.collect(), hidden })
    }

    /// What is recorded of the owners.
    pub(crate) fn records(&self) -> Result<Vec<Record>, Failure> {
        let mut records = self.store.records()?;
        for store in &self.elsewhere {
            records.extend(store.records()?);
        }
        Ok(records)
    }

    /// The folders of this namespace.
    pub(crate) fn stores(&self) -> impl Iterator<Item = &Store> {
        std::iter::once(&self.store).chain(&self.elsewhere)
    }

    /// Takes the lock of the namespace: nobody else applies a host file meanwhile.
    pub(crate) fn lock(&self, wait: bool, global: &Global) -> Result<Lock, Failure> {
        let held = match self.store.lock(false) {
            Ok(lock) => return Ok(lock),
            Err(LockError::Failed(error)) => return Err(error.into()),
            Err(LockError::Held(by)) => by,
        };
        let who = if held.is_empty() { String::new() } else { format!(" (process {held})") };
        if !wait {
            let message = format!("another netwright changes this network namespace{who}");
            return Err(Failure::said(message).with_help(Some("Without `--no-wait` it is waited for.")));
        }
        if !global.quiet {
            output::message(&format!("{DIM}waiting for another netwright{who} to finish{DIM:#}"));
        }
        match self.store.lock(true) {
            Ok(lock) => Ok(lock),
            Err(LockError::Failed(error)) => Err(error.into()),
            Err(LockError::Held(_)) => Err(Failure::said("the lock could not be had")),
        }
    }

    /// Takes back an apply that was broken off; one that waits for its confirmation is in the way. The lock must be held.
    pub(crate) fn settle(&self, global: &Global) -> Result<(), Failure> {
        let Some(journal) = self.store.open_journal()? else { return Ok(()) };
        if journal.boot != self.store.boot() {
            // what it changed went with that boot
            return self.close(journal, Phase::TakenBack);
        }
        if journal.phase == Phase::Waiting && !recover::is_overdue(&journal) {
            let message = format!("apply {} waits for its confirmation", journal.id);
            let help = "Say `netwright confirm` or `netwright rollback` first.";
            return Err(Failure::said(message).with_help(Some(help)));
        }
        if !global.quiet {
            let file = output::plain(&journal.file).into_owned();
            output::message(&format!(
                "{HELP}note{HELP:#}: apply {} of {file} was broken off: it is taken back first",
                journal.id
            ));
        }
        recover::take_back(self, journal, global)
    }

    /// The owner whose last apply was of just these texts and was never confirmed, whoever took it back and whenever.
    pub(crate) fn never_confirmed(&self, loaded: &Loaded) -> Option<String> {
        let same = |owner: &String| {
            self.store.unconfirmed(owner).is_some_and(|texts| host::same_texts(&texts, &loaded.kept()))
        };
        self.store.unconfirmed_owners().into_iter().find(same)
    }

    fn close(&self, mut journal: Journal, phase: Phase) -> Result<(), Failure> {
        journal.phase = phase;
        Ok(self.store.keep_journal(&journal)?)
    }

    /// Who made what here, and the owner that a host file speaks for.
    pub(crate) fn owners(&self, loaded: &Loaded, global: &Global) -> Result<Owners, Failure> {
        let records = self.records()?;
        let (owners, chosen) = owners(&loaded.host, &loaded.firewall, &loaded.origin, records);
        let note = match chosen {
            Chosen::ByName => None,
            Chosen::InPlaceOf { file } => Some(format!(
                "{} takes the place of {}, whose links and tables it declares",
                loaded.name,
                named(&file)
            )),
            Chosen::Withdraws { file } => {
                Some(format!("an empty input withdraws what {} declared", named(&file)))
            }
        };
        if let Some(note) = note.filter(|_| !global.quiet) {
            output::message(&format!("{HELP}note{HELP:#}: {}", output::plain(&note)));
        }
        Ok(owners)
    }

    /// Keeps the texts of an apply that was confirmed, as the last that were good.
    pub(crate) fn keep_good_of(&self, journal: &Journal) -> Result<(), Failure> {
        if let Some(texts) = self.store.unconfirmed(&journal.owner) {
            self.store.keep_good(&journal.owner, &texts)?;
            self.store.forget_unconfirmed(&journal.owner);
        }
        Ok(())
    }

    pub(crate) fn live(&self) -> Live<'_> {
        Live::new(&self.net)
    }
}

/// Where root keeps what it applied.
const OF_ROOT: &str = "/var/lib/netwright";

/// The environment variable that names another folder.
const DIRECTORY: &str = "NETWRIGHT_STATE_DIRECTORY";

fn named(file: &str) -> &str {
    if file.is_empty() { "standard input" } else { file }
}

/// Opens the first of the folders that can be written, and tells where it is not the best: commands that find that one again see
/// nothing of what is kept elsewhere.
fn open_store(whereabouts: Whereabouts) -> Result<Store, StoreError> {
    let mut first = None;
    for folder in folders() {
        match (Store::open(std::slice::from_ref(&folder), whereabouts.clone()), &first) {
            (Ok(store), None) => return Ok(store),
            (Ok(store), Some(error)) => {
                let error = output::plain(&StoreError::to_string(error)).into_owned();
                let where_to = output::plain(&store.folder().to_string_lossy()).into_owned();
                output::message(&format!("{WARNING}warning{WARNING:#}: {error}: it is kept in {where_to}"));
                return Ok(store);
            }
            (Err(error), _) => {
                first.get_or_insert(error);
            }
        }
    }
    Err(first.unwrap_or_else(|| StoreError {
        asked: "keep state".to_owned(),
        cause: std::io::Error::other("no folder for it is known"),
    }))
}

/// The folders in which state may be kept, the best first.
fn folders() -> Vec<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(own) = variable(DIRECTORY) {
        return vec![own];
    }
    // systemd gives a unit its own, which other commands would not find
    let user = geteuid().as_raw();
    let mut folders = Vec::new();
    if user == 0 {
        folders.push(PathBuf::from(OF_ROOT));
    }
    folders.extend(variable("XDG_STATE_HOME").map(|home| home.join("netwright")));
    folders.extend(variable("HOME").map(|home| home.join(".local/state/netwright")));
    folders.extend(variable("XDG_RUNTIME_DIR").map(|folder| folder.join("netwright")));
    folders.push(std::env::temp_dir().join(format!("netwright-{user}")));
    folders
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        use std::io::ErrorKind;
        let damaged = matches!(
            error.cause.kind(),
            ErrorKind::InvalidData | ErrorKind::UnexpectedEof | ErrorKind::Other
        );
        let advice = damaged.then_some(
            "The file is damaged. See what is there (`netwright capture`), then move the file away: what it told of cannot \
             be taken back any more.",
        );
        Failure::said(error.to_string()).with_help(advice)
    }
}

/// Seconds since the machine was started.
pub(crate) fn uptime() -> Option<u64> {
    std::fs::read_to_string("/proc/uptime").ok()?.split('.').next()?.parse().ok()
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |since| since.as_secs())
}
