//! The kernel's floor: bytes that were encoded before are sent at once, and replies are received and not looked at.

use netwright_netfilter::Batch;
use netwright_nft::catalog::Catalog;
use netwright_nft::diagnostic::SourceMap;
use netwright_nft::evaluate::{Options, compile};
use netwright_nft::lower;
use netwright_nft::syntax::{NoIncludes, parse};
use netwright_nft::table::Names;
use netwright_sys::{Received, Socket};
use netwright_wire::{Big, MessageFlags, Writer};

use crate::Result;
use crate::measure::{Measured, measure};

/// `struct nfgenmsg` of IPv4, and of batches.
const IPV4: [u8; 4] = [2, 0, 0, 0];
const BATCH: [u8; 4] = [0, 0, 0, 10];
const NFTABLES: u16 = 10 << 8;
const BEGIN: u16 = 0x10;
const END: u16 = 0x11;

/// Messages of one transaction, by numbers.
#[derive(Default)]
pub(crate) struct Transaction {
    pub(crate) writer: Writer,
    sequence: u32,
}

impl Transaction {
    /// Begins it with the table `t`.
    pub(crate) fn new() -> Self {
        let mut transaction = Transaction::default();
        transaction.message(BEGIN, BATCH, MessageFlags::empty(), |_| {});
        transaction.change(0, |writer| text(writer, 1, "t"));
        transaction
    }

    /// A message that makes something.
    pub(crate) fn change(&mut self, kind: u16, write: impl FnOnce(&mut Writer)) {
        let flags = MessageFlags::CREATE | MessageFlags::APPEND;
        self.message(NFTABLES | kind, IPV4, flags, write);
    }

    fn message(&mut self, kind: u16, head: [u8; 4], flags: MessageFlags, write: impl FnOnce(&mut Writer)) {
        let mark = self.writer.begin_message(kind, flags | MessageFlags::REQUEST, self.sequence);
        self.sequence += 1;
        self.writer.push(&head);
        write(&mut self.writer);
        self.writer.end_message(mark);
    }

    /// Measures its commit.
    pub(crate) fn commit(mut self) -> Result<Measured> {
        self.message(END, BATCH, MessageFlags::empty(), |_| {});
        let socket = Socket::open(netwright_sys::protocol::NETFILTER)?;
        socket.reserve_send(self.writer.len())?;
        measure_send(&socket, [self.writer.bytes()])
    }
}

/// Measures sending what a text becomes.
pub(crate) fn measure_text(written: &str) -> Result<Measured> {
    let (mut sources, names, catalog) = (SourceMap::default(), Names::new(), Catalog::default());
    let id = sources.add("text", written.to_owned());
    let parsed = parse(&mut sources, id, &mut NoIncludes);
    let options = Options { names: &names, catalog: &catalog, zone: Default::default() };
    let compiled = compile(&sources, &parsed, &options);
    if let Some(wrong) = parsed.diagnostics.iter().chain(&compiled.diagnostics).next() {
        return Err(wrong.message.clone().into());
    }
    let mut batch = Batch::new();
    let lowered = lower::batch(&compiled.commands, &compiled.catalog, &mut batch);
    lowered.map_err(|failed| failed.error.message)?;
    let bytes = batch.finish()?;
    let socket = Socket::open(netwright_sys::protocol::NETFILTER)?;
    socket.reserve_send(bytes.len())?;
    measure_send(&socket, [bytes])
}

/// Measures sending messages, burst by burst, of which only the refused are answered. An error where there is an answer.
pub(crate) fn measure_send<'a>(
    socket: &Socket,
    bursts: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Measured> {
    let mut buffer = vec![0; 64 << 10];
    let (measured, answers) = measure(|| {
        let mut answers = 0;
        for messages in bursts {
            socket.send(messages)?;
            while socket.receive(&mut buffer)? != Received::Nothing {
                answers += 1;
            }
        }
        Ok(answers)
    })?;
    match answers {
        0 => Ok(measured),
        answers => Err(format!("the kernel refused {answers} of the messages").into()),
    }
}

/// Measures a dump whose parts are received until none comes. Its parts come without waiting.
pub(crate) fn measure_dump(socket: &Socket, request: &[u8]) -> Result<(Measured, usize)> {
    let mut buffer = vec![0; 64 << 10];
    measure(|| {
        socket.send(request)?;
        let mut bytes = 0;
        loop {
            match socket.receive(&mut buffer)? {
                Received::Datagram(part) => bytes += part.len(),
                Received::Nothing => return Ok(bytes),
                other => return Err(format!("the dump broke off: {other:?}").into()),
            }
        }
    })
}

/// A text attribute.
pub(crate) fn text(writer: &mut Writer, kind: u16, text: &str) {
    writer.attribute::<Big, String>(kind, &text.to_owned());
}

/// A number as nf_tables has it.
pub(crate) fn number(writer: &mut Writer, kind: u16, number: u32) {
    writer.attribute::<Big, u32>(kind, &number);
}

/// A nest.
pub(crate) fn nest(writer: &mut Writer, kind: u16, write: impl FnOnce(&mut Writer)) {
    let mark = writer.begin_nest(kind);
    write(writer);
    writer.end_nest(mark);
}
