//! Records, rulesets and recipes in the kernel of the calling thread's network namespace, whose ruleset is flushed.

mod lines;
mod records;
mod rulesets;

pub use records::records;
pub use rulesets::{listings, recipes, rulesets};

use netwright::Net;
use netwright_netfilter::{Batch, Family};
use netwright_nft::catalog::Catalog;
use netwright_nft::ir::Command;
use netwright_nft::lift::{self, Dump};
use netwright_nft::print;
use netwright_sys::{Cause, Connection, protocol};

use super::Language;
use super::language::batch;
use netwright_lab::{Failure, Oracle};

/// Two ways to the kernel's ruleset: ours and, where there is one that is new enough, nft's.
struct Bench<'a> {
    language: &'a Language,
    connection: Connection,
    nft: Option<Oracle>,
}

/// Why a text is not in the kernel.
#[derive(Debug)]
enum Refused {
    /// We do not compile it.
    ByUs(String),
    /// The kernel does not take it.
    ByKernel(String),
}

impl Refused {
    fn text(&self) -> &str {
        match self {
            Refused::ByUs(why) | Refused::ByKernel(why) => why,
        }
    }
}

impl<'a> Bench<'a> {
    fn open(language: &'a Language) -> Result<Self, Failure> {
        let nft = match Oracle::nft_since((1, 1, 7)) {
            Ok(nft) => Some(nft.with("TZ", "UTC-2")),
            Err(why) => {
                println!("not compared with nft: {why:?}");
                None
            }
        };
        Ok(Bench { language, connection: Connection::open(protocol::NETFILTER)?, nft })
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let mut batch = Batch::new();
        batch.flush_ruleset(Family::UNSPECIFIED);
        self.commit(&mut batch)?.map_err(Failure::wrong)
    }

    /// Sends a batch; the inner error is the kernel's.
    fn commit(&mut self, batch: &mut Batch) -> Result<Result<(), String>, Failure> {
        match self.connection.commit("load it", batch) {
            Ok(()) => Ok(Ok(())),
            Err(refused) if matches!(refused.cause(), Cause::Kernel(_)) => Ok(Err(refused.to_string())),
            Err(error) => Err(error.into()),
        }
    }

    /// Compiles a text and loads it in one transaction.
    fn load(&mut self, text: &str, catalog: &Catalog) -> Result<Result<Catalog, Refused>, Failure> {
        self.load_compiled(self.language.compile(text, catalog))
    }

    /// The same for a text of JSON, into an empty ruleset.
    fn load_json(&mut self, text: &str) -> Result<Result<Catalog, Refused>, Failure> {
        self.flush()?;
        self.load_compiled(self.language.compile_json(text, &Catalog::default()))
    }

    fn load_compiled(
        &mut self,
        compiled: Result<(Vec<Command>, Catalog), String>,
    ) -> Result<Result<Catalog, Refused>, Failure> {
        let made = compiled.and_then(|(commands, catalog)| Ok((batch(&commands, &catalog, 1)?, catalog)));
        Ok(match made {
            Err(why) => Err(Refused::ByUs(why)),
            Ok((mut batch, catalog)) => self.commit(&mut batch)?.map(|()| catalog).map_err(Refused::ByKernel),
        })
    }

    /// Everything that the kernel has.
    fn dump(&mut self) -> Result<Dump, Failure> {
        Ok(Net::open()?.nft().dump(Family::UNSPECIFIED)?)
    }

    /// Our listing.
    fn ours(&mut self) -> Result<String, Failure> {
        let ruleset = lift::ruleset(&self.dump()?);
        Ok(print::ruleset(&ruleset, &self.language.options, &self.language.names))
    }

    /// nft's listing, or how it failed, where there is an nft.
    fn theirs(&self) -> Option<String> {
        let options = &self.language.options;
        let mut arguments = Vec::new();
        arguments.extend(options.stateless.then_some("-s"));
        arguments.extend(options.numeric_protocol.then_some("-p"));
        self.theirs_with(&arguments)
    }

    /// The same with these options.
    fn theirs_with(&self, options: &[&str]) -> Option<String> {
        let nft = self.nft.as_ref()?;
        let listed = nft.text([options, &["list", "ruleset"]].concat());
        Some(listed.unwrap_or_else(|failure| format!("{failure:?}")))
    }

    /// Flushes the ruleset and lets nft load a text; whether it could, where there is an nft.
    fn load_theirs(&mut self, text: &str) -> Result<Option<bool>, Failure> {
        self.flush()?;
        let Some(nft) = &self.nft else { return Ok(None) };
        Ok(Some(nft.output(&["-f", "-"], text)?.status.success()))
    }
}
