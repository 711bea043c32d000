//! Writing what is told as it happens: changes of the ruleset, and the ways of packets.

use std::convert::Infallible;
use std::io::{self, Write};

use netwright_sys::{Connection, Error, protocol};

use super::event::Event;
use super::monitor::{Monitor, TraceMonitor, Traced};
use super::read;
use super::style::Style;
use super::trace::TraceWriter;

/// Why something was not written.
#[derive(Debug)]
pub enum Unwritten {
    /// The kernel does not tell it.
    Kernel(Error),
    /// Nobody takes it.
    Output(io::Error),
}

impl From<Error> for Unwritten {
    fn from(error: Error) -> Self {
        Unwritten::Kernel(error)
    }
}

impl From<io::Error> for Unwritten {
    fn from(error: io::Error) -> Self {
        Unwritten::Output(error)
    }
}

impl Monitor {
    /// Writes changes as nft does, each when it comes, until that fails. `lost` is called where some were lost.
    pub fn write_all(
        &mut self,
        style: Style<'_>,
        out: &mut impl Write,
        mut lost: impl FnMut(),
    ) -> Result<Infallible, Unwritten> {
        loop {
            let mut next = self.next(None)?;
            while let Some(event) = next {
                if event == Event::Lost {
                    lost();
                }
                let mut text = String::new();
                // writing into a String cannot fail
                let _ = event.write(&mut text, style);
                out.write_all(text.as_bytes())?;
                next = self.next_queued()?;
            }
            out.flush()?;
        }
    }
}

impl TraceMonitor {
    /// Writes the steps of packets as nft does, each when it comes, until that fails. `lost` is called where some were lost.
    pub fn write_all(
        &mut self,
        style: Style<'_>,
        out: &mut impl Write,
        mut lost: impl FnMut(),
    ) -> Result<Infallible, Unwritten> {
        let mut writer = TraceWriter::new(style);
        let mut questions = Connection::open_in(&self.namespace, protocol::NETFILTER)?;
        loop {
            let mut next = self.next(None)?;
            while let Some(traced) = next {
                match traced {
                    Traced::Lost => lost(),
                    Traced::Step(step) => {
                        if writer.misses(&step) {
                            // where the kernel does not tell the rules, they stay unknown
                            let rules = read::dump(&mut questions, &self.namespace, step.family);
                            writer.know(&rules.unwrap_or_default(), &step);
                        }
                        let mut text = String::new();
                        // writing into a String cannot fail
                        let _ = writer.write(&step, &mut text);
                        out.write_all(text.as_bytes())?;
                    }
                }
                next = self.next_queued()?;
            }
            out.flush()?;
        }
    }
}
