//! Files in which is kept what was made for whom, and what is under way.
//!
//! One folder for each network namespace, named by what tells it from all others: `main` for that of process 1, and for
//! others the cookie that the kernel gives to none twice between two boots. In it: `lock`; `owner-NAME.json`, the records;
//! `journal-ID.json`, the journals of the last applies; `good-NAME.json`, what was read for the last good one;
//! `unconfirmed-NAME.json`, what was read for one that is not confirmed; `boot`, of which boot it is. A file is written beside and put in its place when it is on the
//! disk, so that there is never half a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::{error, fmt};

use netwright_state::{Journal, Phase, Record};
use netwright_sys::Namespace;
use serde_json::{Value as Json, json};

/// Who may read records: everybody, since everybody may ask the kernel for what they tell of.
const RECORD: u32 = 0o644;

/// Who may read all else: texts of host files and firewalls may have secrets in them.
const PRIVATE: u32 = 0o600;

/// As many finished journals as are kept.
const KEPT: usize = 16;

/// As many folders as are kept of other namespaces of this boot: nothing tells which of them have ended.
const NAMESPACES: usize = 64;

/// The file that tells of which boot a folder is.
const BOOT: &str = "boot";

/// The start of the names of files with what waits for its confirmation, or never got it.
const UNCONFIRMED: &str = "unconfirmed-";

/// The names of folders: that of the namespace of process 1, and the starts of those of others.
const MAIN: &str = "main";
const COOKIE: &str = "cookie-";
const INODE: &str = "inode-";

/// Which namespace it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whereabouts {
    /// The name of its folder.
    pub key: String,
    /// The boot that it is of.
    pub boot: String,
}

impl Whereabouts {
    /// Those of a namespace.
    ///
    /// # Errors
    /// The namespace or `/proc` cannot be read.
    pub fn of(namespace: &Namespace) -> io::Result<Self> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned();
        let identity = namespace.identity().map_err(io::Error::other)?;
        let main = Namespace::of_pid(1).and_then(|main| main.identity());
        if main.is_ok_and(|main| main == identity) {
            return Ok(Whereabouts { key: MAIN.to_owned(), boot });
        }
        let key = match namespace.cookie() {
            Ok(cookie) => format!("{COOKIE}{cookie:x}"),
            // Linux before 5.14
            Err(_) => format!("{INODE}{:x}", identity.1),
        };
        Ok(Whereabouts { key, boot })
    }
}

/// Why something could not be kept or found.
#[derive(Debug)]
pub struct StoreError {
    /// What was asked.
    pub asked: String,
    /// Why not.
    pub cause: io::Error,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}: {}", self.asked, self.cause)
    }
}

impl error::Error for StoreError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&self.cause)
    }
}

/// Why there is no lock.
#[derive(Debug)]
pub enum LockError {
    /// Somebody else has it: the text tells who, where that is known.
    Held(String),
    /// The file cannot be opened or locked.
    Failed(StoreError),
}

fn asked(asked: impl Into<String>) -> impl FnOnce(io::Error) -> StoreError {
    let asked = asked.into();
    move |cause| StoreError { asked, cause }
}

/// The folder of a namespace.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
    whereabouts: Whereabouts,
}

/// What nobody else has as long as this is kept: the right to change the namespace by a host file.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Store {
    /// Opens the folder of a namespace below one of these, the first that can be written.
    ///
    /// # Errors
    /// None can.
    pub fn open(folders: &[PathBuf], whereabouts: Whereabouts) -> Result<Self, StoreError> {
        let mut first = None;
        for base in folders {
            let folder = base.join(&whereabouts.key);
            match make_folder(base).and_then(|()| make_folder(&folder)) {
                Ok(()) => return Ok(Store { folder, whereabouts }),
                Err(cause) => {
                    let error = StoreError { asked: format!("keep state in {}", base.display()), cause };
                    first.get_or_insert(error);
                }
            }
        }
        Err(first.unwrap_or_else(|| StoreError {
            asked: "keep state".to_owned(),
            cause: io::Error::other("no folder for it is known"),
        }))
    }

    /// Opens the folder of a namespace below another one only to read it, where it is there. Nothing is made.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn existing(base: &Path, whereabouts: Whereabouts) -> Result<Option<Self>, StoreError> {
        let folder = base.join(&whereabouts.key);
        match fs::read_dir(&folder) {
            Ok(_) => Ok(Some(Store { folder, whereabouts })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(StoreError { asked: format!("read {}", folder.display()), cause }),
        }
    }

    /// The folder of a namespace in which nothing was kept yet, to be read.
    #[must_use]
    pub fn empty(whereabouts: Whereabouts) -> Self {
        Store { folder: PathBuf::from("/nonexistent"), whereabouts }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The boot that it is.
    #[must_use]
    pub fn boot(&self) -> &str {
        &self.whereabouts.boot
    }

    /// Takes the lock, or tells who has it. `wait` waits for it.
    ///
    /// # Errors
    /// Somebody else has it, or it cannot be had.
    pub fn lock(&self, wait: bool) -> Result<Lock, LockError> {
        let path = self.folder.join("lock");
        let open =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = open.map_err(asked(format!("open {}", path.display()))).map_err(LockError::Failed)?;
        match netwright_sys::file_lock::lock(&file, wait) {
            Ok(true) => {
                let _ = file.set_len(0);
                let _ = write!(file, "{}", std::process::id());
                Ok(Lock { _file: file })
            }
            Ok(false) => {
                let holder = fs::read_to_string(&path).unwrap_or_default();
                Err(LockError::Held(holder.trim().to_owned()))
            }
            Err(cause) => {
                let asked = format!("lock {}", path.display());
                Err(LockError::Failed(StoreError { asked, cause }))
            }
        }
    }

    /// Writes a file whole or not at all, and on the disk when this returns.
    fn write(&self, name: &str, text: &str, mode: u32) -> Result<(), StoreError> {
        let path = self.folder.join(name);
        let beside = self.folder.join(format!(".{name}.{}", std::process::id()));
        let write = || -> io::Result<()> {
            let mut file =
                OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&beside)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&beside, &path)?;
            File::open(&self.folder)?.sync_all()
        };
        write().map_err(|cause| {
            let _ = fs::remove_file(&beside);
            StoreError { asked: format!("write {}", path.display()), cause }
        })
    }

    fn remove(&self, name: &str) {
        let _ = fs::remove_file(self.folder.join(name));
    }

    fn names(&self, start: &str) -> Vec<String> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> =
            names.filter(|name| name.starts_with(start) && name.ends_with(".json")).collect();
        names.sort();
        names
    }

    fn read(&self, name: &str) -> Result<Json, StoreError> {
        let path = self.folder.join(name);
        let read = || -> io::Result<Json> {
            let text = fs::read_to_string(&path)?;
            serde_json::from_str(&text).map_err(io::Error::from)
        };
        read().map_err(asked(format!("read {}", path.display())))
    }

    /// What is recorded of the owners of this boot: what was made before it is gone.
    ///
    /// # Errors
    /// A record cannot be read.
    pub fn records(&self) -> Result<Vec<Record>, StoreError> {
        let mut records = Vec::new();
        for name in self.names("owner-") {
            let json = self.read(&name)?;
            if json.get("boot").and_then(Json::as_str) != Some(self.boot()) {
                continue;
            }
            let record = Record::from_json(json.get("record").unwrap_or(&Json::Null));
            let failed = asked(format!("understand {}", self.folder.join(&name).display()));
            records.push(record.map_err(io::Error::other).map_err(failed)?);
        }
        Ok(records)
    }

    /// Keeps a record; one of nothing is removed.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep_record(&self, record: &Record) -> Result<(), StoreError> {
        let name = format!("owner-{}.json", record.owner);
        if record.is_empty() {
            self.remove(&name);
            return Ok(());
        }
        let json = json!({ "boot": self.boot(), "record": record.to_json() });
        self.write(&name, &json.to_string(), RECORD)
    }

    /// Numbers of the journals that there are, in order.
    fn numbers(&self) -> Vec<u64> {
        let number = |name: &String| {
            name.strip_prefix("journal-").and_then(|name| name.strip_suffix(".json"))?.parse().ok()
        };
        // one that no count reaches was not made here
        let counted = |number: &u64| *number < u64::from(u32::MAX);
        let names = self.names("journal-");
        let mut numbers: Vec<u64> = names.iter().filter_map(number).filter(counted).collect();
        numbers.sort_unstable();
        numbers
    }

    /// The next number of a journal.
    #[must_use]
    pub fn next_number(&self) -> u64 {
        self.numbers().last().map_or(1, |last| last + 1)
    }

    /// The path of a journal.
    #[must_use]
    pub fn journal_path(&self, id: u64) -> PathBuf {
        self.folder.join(format!("journal-{id}.json"))
    }

    /// Writes a journal: it is on the disk when this returns.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep_journal(&self, journal: &Journal) -> Result<(), StoreError> {
        self.write(&format!("journal-{}.json", journal.id), &journal.to_json().to_string(), PRIVATE)
    }

    /// A journal.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn journal(&self, id: u64) -> Result<Journal, StoreError> {
        let name = format!("journal-{id}.json");
        let json = self.read(&name)?;
        let failed = asked(format!("understand {}", self.folder.join(&name).display()));
        let journal = Journal::from_json(&json).and_then(|journal| match journal.id == id {
            true => Ok(journal),
            false => Err(format!("it says that it is journal {}", journal.id)),
        });
        journal.map_err(io::Error::other).map_err(failed)
    }

    /// The journals that there are, in order; those that cannot be read are left out.
    #[must_use]
    pub fn journals(&self) -> Vec<Journal> {
        self.all_journals().into_iter().filter_map(|(_, journal)| journal.ok()).collect()
    }

    /// The journals that there are by their numbers, in order, and why one cannot be read.
    #[must_use]
    pub fn all_journals(&self) -> Vec<(u64, Result<Journal, StoreError>)> {
        self.numbers().into_iter().map(|id| (id, self.journal(id))).collect()
    }

    /// The journal of what is under way or waits, where there is one. Behind it there may be some that were taken back.
    ///
    /// # Errors
    /// The last journal cannot be read.
    pub fn open_journal(&self) -> Result<Option<Journal>, StoreError> {
        for (place, number) in self.numbers().into_iter().rev().enumerate() {
            match self.journal(number) {
                Ok(journal) if journal.phase == Phase::TakenBack => {}
                Ok(journal) => {
                    let open = matches!(journal.phase, Phase::Running | Phase::Waiting);
                    return Ok(Some(journal).filter(|_| open));
                }
                Err(error) if place == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(None)
    }

    /// Removes the oldest of the finished journals, and the folders of namespaces that ended with an earlier boot or are the
    /// oldest of many.
    pub fn tidy(&self) {
        let numbers = self.numbers();
        let many = numbers.len().saturating_sub(KEPT);
        for number in numbers.iter().take(many) {
            self.remove(&format!("journal-{number}.json"));
        }
        if self.whereabouts.key != MAIN {
            let _ = fs::write(self.folder.join(BOOT), self.boot());
        }
        self.tidy_beside();
    }

    fn tidy_beside(&self) {
        let Some(base) = self.folder.parent() else { return };
        let mut others = Vec::new();
        for entry in fs::read_dir(base).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let of_namespace = name.to_str().is_some_and(|name| {
                name.strip_prefix(COOKIE).or(name.strip_prefix(INODE)).is_some_and(is_hexadecimal)
            });
            let changed =
                entry.metadata().ok().filter(fs::Metadata::is_dir).and_then(|found| found.modified().ok());
            if let Some(changed) = changed.filter(|_| of_namespace && entry.path() != self.folder) {
                others.push((changed, entry.path()));
            }
        }
        others.sort_unstable();
        let many = others.len().saturating_sub(NAMESPACES);
        for (place, (_, folder)) in others.into_iter().enumerate() {
            let boot = fs::read_to_string(folder.join(BOOT)).ok();
            // one without it is of an earlier version
            let earlier = boot.is_some_and(|boot| boot != self.boot());
            if earlier || place < many {
                remove_unused(&folder);
            }
        }
    }

    /// Keeps what was read for the owner's last apply that succeeded: the last known good.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep_good(&self, owner: &str, good: &Json) -> Result<(), StoreError> {
        self.write(&format!("good-{owner}.json"), &good.to_string(), PRIVATE)
    }

    /// What was read for the owner's last apply that succeeded.
    #[must_use]
    pub fn good(&self, owner: &str) -> Option<Json> {
        self.read(&format!("good-{owner}.json")).ok()
    }

    /// Keeps what was read for an apply that waits for its confirmation. It stays, whoever takes the apply back, until it is
    /// confirmed or the owner applies something else.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep_unconfirmed(&self, owner: &str, texts: &Json) -> Result<(), StoreError> {
        self.write(&format!("{UNCONFIRMED}{owner}.json"), &texts.to_string(), PRIVATE)
    }

    /// What was read for the owner's last apply that was to be confirmed, where it was not.
    #[must_use]
    pub fn unconfirmed(&self, owner: &str) -> Option<Json> {
        self.read(&format!("{UNCONFIRMED}{owner}.json")).ok()
    }

    /// Those who have such an apply.
    #[must_use]
    pub fn unconfirmed_owners(&self) -> Vec<String> {
        let owner = |name: &String| Some(name.strip_prefix(UNCONFIRMED)?.strip_suffix(".json")?.to_owned());
        self.names(UNCONFIRMED).iter().filter_map(owner).collect()
    }

    /// Forgets such an apply.
    pub fn forget_unconfirmed(&self, owner: &str) {
        self.remove(&format!("{UNCONFIRMED}{owner}.json"));
    }

    /// A file of the folder that programs leave each other word in.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

fn is_hexadecimal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Removes the folder of a namespace, unless something is under way there.
fn remove_unused(folder: &Path) {
    let lock = OpenOptions::new().read(true).write(true).open(folder.join("lock"));
    match lock {
        Ok(file) if !netwright_sys::file_lock::lock(&file, false).is_ok_and(|locked| locked) => {}
        _ => {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

/// Makes a folder that nobody else can write to; one that is there must be such.
fn make_folder(path: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().recursive(true).mode(0o755).create(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    // through a symbolic link of one's own as well, but not of others
    let (named, found) = (fs::symlink_metadata(path)?, fs::metadata(path)?);
    let own = fs::metadata("/proc/self")?.uid();
    if !found.is_dir() || named.uid() != own || found.uid() != own || found.mode() & 0o022 != 0 {
        return Err(io::Error::other("the folder is somebody else's, or others can write to it"));
    }
    // whether files can be made there is known only by making one
    let trial = path.join(format!(".trial.{}", std::process::id()));
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&trial)?;
    fs::remove_file(&trial)
}
