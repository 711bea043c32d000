//! Texts that a copy of a process makes without allocating.

use std::ffi::CStr;
use std::fmt::{self, Arguments, Write};

use rustix::io::{Errno, Result};

/// A name or short path on the stack, with its NUL.
pub(super) struct ShortText {
    bytes: [u8; 64],
    length: usize,
}

impl ShortText {
    pub(super) fn new(text: Arguments<'_>) -> Result<Self> {
        let mut short = ShortText { bytes: [0; 64], length: 0 };
        short.write_fmt(text).map_err(|_| Errno::NAMETOOLONG)?;
        Ok(short)
    }

    pub(super) fn as_str(&self) -> &str {
        self.bytes.get(..self.length).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default()
    }

    pub(super) fn text(&self) -> Result<&CStr> {
        CStr::from_bytes_until_nul(&self.bytes).map_err(|_| Errno::NAMETOOLONG)
    }
}

impl Write for ShortText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        let place = self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}
