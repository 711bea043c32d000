//! Files that texts include.

use std::fs::{self, File};
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use netwright_nft::syntax::Loader;

mod glob;

/// Finds what `include` names.
#[derive(Clone, Debug)]
pub struct Includes {
    /// Where names that begin with `./` start: beside the file that has the `include`, or in the current directory.
    pub beside: bool,
    /// Directories to search for other relative names.
    pub directories: Vec<PathBuf>,
    /// Where other relative names are searched for at last: as nft has it, beside the file that it was told to read, whichever
    /// of the included files has the `include`.
    pub base: Option<PathBuf>,
}

/// As nft finds it: in `/etc`.
impl Default for Includes {
    fn default() -> Self {
        Includes { beside: false, directories: vec!["/etc".into()], base: None }
    }
}

impl Includes {
    /// What is beside the including file comes first.
    #[must_use]
    pub fn beside() -> Self {
        Includes { beside: true, ..Includes::default() }
    }

    /// As nft finds it for a file that it is told to read.
    #[must_use]
    pub fn of_file(path: &Path) -> Self {
        Includes::default().with_base_of(path)
    }

    /// The directory of a file as the last that is searched.
    #[must_use]
    pub fn with_base_of(self, path: &Path) -> Self {
        Includes { base: path.parent().map(Path::to_owned), ..self }
    }

    /// The directories in which a name is looked for, in order.
    fn places(&self, pattern: &str, from: &str) -> Vec<PathBuf> {
        let own = Path::new(from).parent().unwrap_or(Path::new("")).to_owned();
        if pattern.starts_with('/') {
            return vec![PathBuf::new()];
        }
        if pattern.starts_with("./") || pattern.starts_with("../") {
            return vec![if self.beside { own } else { PathBuf::new() }];
        }
        let first = self.beside.then_some(own);
        first.into_iter().chain(self.directories.iter().cloned()).chain(self.base.clone()).collect()
    }
}

impl Loader for Includes {
    fn load(&mut self, pattern: &str, from: &str) -> Result<Vec<(String, String)>, String> {
        let name = |path: &Path| path.display().to_string();
        let places = self.places(pattern, from);
        if glob::is_pattern(pattern) {
            // all that fit anywhere; nft reads those of the last place first
            let paths = places.iter().rev().flat_map(|place| glob::find(place, pattern));
            return paths.map(|path| Ok((name(&path), read_script(&path)?))).collect();
        }
        for place in places {
            let path = place.join(pattern);
            match fs::metadata(&path) {
                Ok(_) => return Ok(vec![(name(&path), read_script(&path)?)]),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(reason(&error)),
            }
        }
        Err("there is no such file".into())
    }
}

/// The text of a file. What is none (a directory, a FIFO, a device) is not read, as that may never end.
///
/// # Errors
/// The end of a sentence that says why there is none.
pub fn read_text(path: &Path) -> Result<String, String> {
    regular(path)?;
    fs::read(path).map_err(|error| reason(&error)).and_then(utf8_text)
}

/// The text of a file in the language, whose names and comments may have bytes that are not UTF-8.
fn read_script(path: &Path) -> Result<String, String> {
    regular(path)?;
    let bytes = fs::read(path).map_err(|error| reason(&error))?;
    Ok(netwright_wire::text::from_bytes(&bytes).into_owned())
}

/// Whether reading ends: what is no file (a directory, a FIFO, a device) is not even opened.
fn regular(path: &Path) -> Result<(), String> {
    let kind = fs::metadata(path).map_err(|error| reason(&error))?.file_type();
    if kind.is_file() { Ok(()) } else { Err(not_a_file(kind).into()) }
}

/// What a user named has: also a pipe, such as the shell's `<(…)`.
///
/// # Errors
/// Those of [`read_text`].
pub fn read_named(path: &Path) -> Result<Vec<u8>, String> {
    use std::os::unix::fs::FileTypeExt;
    let kind = fs::metadata(path).map_err(|error| reason(&error))?.file_type();
    if path == Path::new("/dev/stdin") {
        return read_standard_input();
    }
    if kind.is_file() {
        return fs::read(path).map_err(|error| reason(&error));
    }
    if !kind.is_fifo() {
        return Err(not_a_file(kind).into());
    }
    limited(File::open(path).map_err(|error| reason(&error))?)
}

/// The longest text that is read, in bytes.
const MOST: u64 = 1 << 30;

/// All of standard input: not of a device that has no end, nor of a program that never stops.
///
/// # Errors
/// The end of a sentence that says why not.
pub fn read_standard_input() -> Result<Vec<u8>, String> {
    let stdin = io::stdin().lock();
    if is_endless(&stdin) {
        return Err("it is no file, pipe or terminal but a device".to_owned());
    }
    limited(stdin)
}

/// Whether standard input is a device that can be read for ever.
#[must_use]
pub fn is_endless(stdin: &io::StdinLock<'_>) -> bool {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    const NULL: u64 = 0x103; // device 1:3
    fs::metadata("/proc/self/fd/0").is_ok_and(|found| {
        let kind = found.file_type();
        let device = kind.is_block_device() || kind.is_char_device() && found.rdev() != NULL;
        device && !stdin.is_terminal()
    })
}

fn limited(from: impl Read) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    from.take(MOST + 1).read_to_end(&mut bytes).map_err(|error| reason(&error))?;
    if bytes.len() as u64 > MOST {
        return Err("it is more than 1 GiB".to_owned());
    }
    Ok(bytes)
}

/// What something is that is no file, as the end of a sentence.
fn not_a_file(kind: fs::FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    if kind.is_dir() {
        "it is a directory"
    } else if kind.is_fifo() {
        "it is no regular file but a FIFO"
    } else if kind.is_socket() {
        "it is no regular file but a socket"
    } else {
        "it is no regular file but a device"
    }
}

/// Bytes as text.
///
/// # Errors
/// The end of a sentence that says in which line they are none.
pub fn utf8_text(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(good).filter(|&&byte| byte == b'\n').count() + 1;
        format!("it is not UTF-8 text (line {line})")
    })
}

/// What went wrong, as the end of a sentence.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".into(),
        io::ErrorKind::IsADirectory => "it is a directory".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string().split(" (os error").next().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests;
