//! Where output goes: to a file of C, or into memory.

use std::ffi::{CStr, CString};
use std::io::{self, Write};
use std::ptr;

use libc::FILE;
use netwright::wire::text::to_bytes;

#[allow(unsafe_code)]
unsafe extern "C" {
    static stdout: *mut FILE;
    static stderr: *mut FILE;
}

/// Output, or errors.
pub(crate) struct Stream {
    file: *mut FILE,
    /// What was written since the last question, while it is kept.
    kept: Option<Vec<u8>>,
    /// What the last question was answered with: C may still look at it.
    told: CString,
}

impl Stream {
    #[allow(unsafe_code)]
    pub(crate) fn output() -> Self {
        // SAFETY: the C library has set it before any of our code runs.
        Stream::to(unsafe { stdout })
    }

    #[allow(unsafe_code)]
    pub(crate) fn errors() -> Self {
        // SAFETY: the C library has set it before any of our code runs.
        Stream::to(unsafe { stderr })
    }

    fn to(file: *mut FILE) -> Self {
        Stream { file, kept: None, told: CString::default() }
    }

    /// Takes another file, and gives the one before back; null where the other one is none.
    #[allow(unsafe_code)]
    pub(crate) fn set_file(&mut self, file: *mut FILE) -> *mut FILE {
        // SAFETY: C gives an open file, as the header asks it to.
        if file.is_null() || unsafe { libc::ferror(file) } != 0 {
            return ptr::null_mut();
        }
        std::mem::replace(&mut self.file, file)
    }

    pub(crate) fn buffer(&mut self) {
        self.kept.get_or_insert_default();
    }

    /// Whether something was kept.
    pub(crate) fn unbuffer(&mut self) -> bool {
        self.told = CString::default();
        self.kept.take().is_some()
    }

    /// What was kept since this was last asked. A text of C ends at its first null byte.
    pub(crate) fn take(&mut self) -> &CStr {
        let mut bytes = self.kept.as_mut().map(std::mem::take).unwrap_or_default();
        if bytes.is_empty() {
            return c"";
        }
        bytes.truncate(bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len()));
        self.told = CString::new(bytes).unwrap_or_default();
        &self.told
    }

    /// Forgets what was told: new commands are run.
    pub(crate) fn forget_told(&mut self) {
        self.told = CString::default();
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // texts come whole, with the bytes that stand behind them
        let written = match std::str::from_utf8(bytes) {
            Ok(text) => to_bytes(text),
            Err(_) => bytes.into(),
        };
        match &mut self.kept {
            Some(kept) => kept.extend_from_slice(&written),
            None => write(self.file, &written)?,
        }
        Ok(bytes.len())
    }

    #[allow(unsafe_code)]
    fn flush(&mut self) -> io::Result<()> {
        // SAFETY: the file is open for as long as it is in use here, as the header asks.
        if self.kept.is_none() && unsafe { libc::fflush(self.file) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }
}

#[allow(unsafe_code)]
fn write(file: *mut FILE, bytes: &[u8]) -> io::Result<()> {
    // SAFETY: the file is open for as long as it is in use here, as the header asks, and the bytes are as many.
    let written = unsafe { libc::fwrite(bytes.as_ptr().cast(), 1, bytes.len(), file) };
    if written == bytes.len() { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Tells something where there is no context to tell it to.
#[allow(unsafe_code)]
pub(crate) fn standard_error(bytes: &[u8]) {
    // SAFETY: the C library has set it before any of our code runs.
    let file = unsafe { stderr };
    // where it cannot be said, there is nobody to say it to
    let _ = write(file, bytes);
}
