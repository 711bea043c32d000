//! `netwright nft` in the place of nft(8): its options, and its exit status.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use netwright_nft::json::NFT_VERSION;

use crate::arguments::NftProgram;
use crate::failure::{Done, FAILED, Failure, say_usage};
use crate::output;

/// The words of the command line, if the program was called `nft` or its first word is that. Everything else is for
/// the command with all its verbs.
pub(crate) fn words(line: impl IntoIterator<Item = OsString>) -> Option<Vec<OsString>> {
    let mut words: Vec<OsString> = line.into_iter().collect();
    let called = Path::new(words.first()?).file_name();
    if called == Some(OsStr::new("nft")) {
        return Some(words);
    }
    if words.get(1)? != "nft" {
        return None;
    }
    words.remove(0);
    *words.first_mut()? = OsString::from("netwright nft");
    Some(words)
}

/// Does what the words say. As with nft, whatever goes wrong ends with 1.
pub(crate) fn run(words: Vec<OsString>) -> ExitCode {
    let program = match NftProgram::try_parse_from(words) {
        Ok(program) => program,
        Err(error) => {
            return say_usage(&error).unwrap_or(ExitCode::from(FAILED));
        }
    };
    program.color.choose();
    program.run().unwrap_or_else(Failure::report)
}

impl NftProgram {
    fn run(self) -> Done {
        if self.version || self.features {
            let mut out = output::stdout();
            writeln!(out, "nftables v{NFT_VERSION} (netwright {})", env!("CARGO_PKG_VERSION"))?;
            if self.features {
                writeln!(out, "  json:\t\tyes")?;
            }
            out.flush()?;
            return Ok(ExitCode::SUCCESS);
        }
        super::run(&self.nft)
    }
}
