//! Names that a host gives to numbers: protocols, services, marks, users and so on.
//!
//! The library does no IO: the caller reads the files and hands their text to [`Names::read`], or adds single names;
//! or says with [`Names::later`] how to do so once a name is looked up.
//! The usual protocols and services are built in, so that `tcp` and `ssh` are understood without any file.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::datatype::Database;

mod builtin;

/// Names by [`Database`].
#[derive(Clone, Debug, Default)]
pub struct Names {
    tables: BTreeMap<Database, Table>,
    later: BTreeMap<Database, Arc<Later>>,
    hosts: Option<Arc<Hosts>>,
    addresses: Option<Arc<Addresses>>,
}

/// How the addresses of hosts are found by their names.
struct Addresses(Box<FindAddresses>);

type FindAddresses = dyn Fn(&str) -> Vec<IpAddr> + Send + Sync;

impl fmt::Debug for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Addresses").finish_non_exhaustive()
    }
}

/// Names of hosts, each looked up once.
struct Hosts {
    find: Arc<dyn Fn(IpAddr) -> Option<String> + Send + Sync>,
    found: Mutex<HashMap<IpAddr, Option<String>>>,
}

impl fmt::Debug for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosts").field("found", &self.found).finish_non_exhaustive()
    }
}

/// Names that are found when the first of them is looked up.
struct Later {
    find: Arc<dyn Fn() -> Arc<Names> + Send + Sync>,
    found: OnceLock<Arc<Names>>,
}

impl fmt::Debug for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Later").field("found", &self.found).finish_non_exhaustive()
    }
}

/// One database, both ways.
#[derive(Clone, Debug, Default)]
struct Table {
    numbers: HashMap<String, u64>,
    names: HashMap<u64, String>,
}

impl Names {
    /// Nothing but what is built in.
    #[must_use]
    pub fn new() -> Names {
        Names::default()
    }

    /// Adds a name. The first name of a number is the one that is printed; the first number of a name is the one
    /// that it means.
    pub fn insert(&mut self, database: Database, name: &str, number: u64) {
        let table = self.tables.entry(database).or_default();
        table.numbers.entry(name.to_owned()).or_insert(number);
        table.names.entry(number).or_insert_with(|| name.to_owned());
    }

    /// Says where the names of a database are found once one is looked up; of what is found only this database counts.
    /// Names that were added go before them.
    pub fn later(&mut self, database: Database, find: impl Fn() -> Names + Send + Sync + 'static) {
        self.later_shared(database, move || Arc::new(find()));
    }

    /// As [`Names::later`], for what may have been found already.
    pub fn later_shared(
        &mut self,
        database: Database,
        find: impl Fn() -> Arc<Names> + Send + Sync + 'static,
    ) {
        self.later.insert(database, Arc::new(Later { find: Arc::new(find), found: OnceLock::new() }));
    }

    /// Forgets what was found: names of [`Names::later`] and of hosts are found again when they are looked up.
    pub fn forget_found(&mut self) {
        for later in self.later.values_mut().filter(|later| later.found.get().is_some()) {
            *later = Arc::new(Later { find: later.find.clone(), found: OnceLock::new() });
        }
        if let Some(hosts) = &mut self.hosts {
            *hosts = Arc::new(Hosts { find: hosts.find.clone(), found: Mutex::default() });
        }
    }

    /// Says how the name of the host with an address is found; it is asked once for each address.
    pub fn find_hosts(&mut self, find: impl Fn(IpAddr) -> Option<String> + Send + Sync + 'static) {
        self.hosts = Some(Arc::new(Hosts { find: Arc::new(find), found: Mutex::default() }));
    }

    /// The name of the host with an address.
    #[must_use]
    pub fn host(&self, address: IpAddr) -> Option<String> {
        let hosts = self.hosts.as_ref()?;
        let mut found = hosts.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.entry(address).or_insert_with(|| (hosts.find)(address)).clone()
    }

    /// Says how the addresses of the host with a name are found.
    pub fn find_addresses(&mut self, find: impl Fn(&str) -> Vec<IpAddr> + Send + Sync + 'static) {
        self.addresses = Some(Arc::new(Addresses(Box::new(find))));
    }

    /// The addresses of the host with a name.
    #[must_use]
    pub fn addresses(&self, name: &str) -> Vec<IpAddr> {
        self.addresses.as_ref().map_or_else(Vec::new, |addresses| (addresses.0)(name))
    }

    /// The names of a database: those that were added, and those that are found now.
    fn tables(&self, database: Database) -> impl Iterator<Item = &Table> {
        let found = move || {
            let later = self.later.get(&database)?;
            later.found.get_or_init(|| (later.find)()).tables.get(&database)
        };
        self.tables.get(&database).into_iter().chain(std::iter::once_with(found).flatten())
    }

    /// Adds the names of a database file: `/etc/protocols`, `/etc/services`, `/etc/passwd`, `/etc/group`, or a file
    /// of lines `NUMBER NAME` as iproute2 and `connlabel.conf` have them. Lines that say nothing are skipped.
    pub fn read(&mut self, database: Database, text: &str) {
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = match database {
                Database::Users | Database::Groups => line.split(':').collect::<Vec<_>>().into_iter(),
                _ => line.split_whitespace().collect::<Vec<_>>().into_iter(),
            };
            let (Some(first), Some(second)) = (words.next(), words.next()) else { continue };
            match database {
                Database::Users | Database::Groups => {
                    if let Some(number) = words.next().and_then(|word| word.parse().ok()) {
                        self.insert(database, first, number);
                    }
                }
                Database::Protocols | Database::Services => {
                    let number = second.split('/').next().unwrap_or_default();
                    if let Ok(number) = number.parse() {
                        self.insert(database, first, number);
                        words.for_each(|alias| self.insert(database, alias, number));
                    }
                }
                _ => {
                    if let Some(number) = parse_number(first).and_then(|number| u64::try_from(number).ok()) {
                        self.insert(database, second, number);
                    }
                }
            }
        }
    }

    /// The number of a name.
    #[must_use]
    pub fn number(&self, database: Database, name: &str) -> Option<u64> {
        // Paths may begin and end with a slash.
        let name = match name.trim_matches('/') {
            path if database == Database::ControlGroups && !path.is_empty() => path,
            _ => name,
        };
        let known = self.tables(database).find_map(|table| table.numbers.get(name)).copied();
        known.or_else(|| builtin::number(database, name))
    }

    /// The name of a number.
    #[must_use]
    pub fn name(&self, database: Database, number: u64) -> Option<&str> {
        let known = self.tables(database).find_map(|table| table.names.get(&number)).map(String::as_str);
        known.or_else(|| builtin::name(database, number))
    }

    /// All names of a database that were added, and those built in, in no particular order: for suggestions.
    pub fn all(&self, database: Database) -> impl Iterator<Item = &str> {
        let added = self.tables(database).flat_map(|table| table.numbers.keys().map(String::as_str));
        added.chain(builtin::table(database).iter().map(|symbol| symbol.name))
    }
}

/// A number as nft writes it: decimal, hexadecimal after `0x`, octal after `0`.
#[must_use]
pub fn parse_number(text: &str) -> Option<u128> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (&text[1..], 8),
        None => (text, 10),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    u128::from_str_radix(digits, radix).ok()
}

#[cfg(test)]
mod tests;
