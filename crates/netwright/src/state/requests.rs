//! The messages of actions, written beforehand, so that many go with one system call.

use std::fmt;

use netwright_route::link::{AlternativeNames, Change, Create, Delete as DeleteLink, Set};
use netwright_route::{Add, Append, Delete, LinkId, Object, Replace};
use netwright_state::step::Verb;
use netwright_wire::{Acknowledged, Errno, MessageFlags, Request, Subject, Writer};

use crate::{Error, Result};

/// A message that is ready to be sent.
#[derive(Clone, Debug)]
pub(super) struct Ready {
    kind: u16,
    flags: MessageFlags,
    body: Vec<u8>,
    text: String,
    /// Whether it takes something away, makes something, or changes something.
    sort: Sort,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Sort {
    Deletes,
    Makes,
    Changes,
}

struct Described<'a, S>(&'a S);

impl<S: Subject> fmt::Display for Described<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe(f)
    }
}

impl Ready {
    fn new<R: Request>(request: &R, sort: Sort) -> Result<Self> {
        let mut writer = Writer::new();
        request.write(&mut writer);
        writer.check().map_err(|fault| Error::request(request, fault))?;
        Ok(Ready {
            kind: request.kind(),
            flags: request.flags(),
            body: writer.bytes().to_vec(),
            text: Described(request).to_string(),
            sort,
        })
    }

    pub(super) fn change(link: LinkId, change: &Change) -> Result<Self> {
        Ready::new(&Set { link, change }, Sort::Changes)
    }

    pub(super) fn creation(create: &Create) -> Result<Self> {
        Ready::new(create, Sort::Changes)
    }

    pub(super) fn delete_link(link: LinkId) -> Result<Self> {
        Ready::new(&DeleteLink::new(link), Sort::Deletes)
    }

    pub(super) fn alternative_name(verb: Verb, link: LinkId, name: &str) -> Result<Self> {
        match verb {
            Verb::Delete => Ready::new(&AlternativeNames::remove(link, name), Sort::Deletes),
            Verb::Add | Verb::Replace | Verb::Append => {
                Ready::new(&AlternativeNames::add(link, name), Sort::Makes)
            }
        }
    }

    pub(super) fn object<T: Object>(verb: Verb, object: &T) -> Result<Self> {
        match verb {
            Verb::Add => Ready::new(&Add(object), Sort::Changes),
            Verb::Replace => Ready::new(&Replace(object), Sort::Changes),
            Verb::Append => Ready::new(&Append(object), Sort::Makes),
            Verb::Delete => Ready::new(&Delete(object), Sort::Deletes),
        }
    }

    /// Whether a refusal says that all is as it shall be: what is to be deleted is gone, what is to be made behind others
    /// is there.
    pub(super) fn is_done_by(&self, error: &Error) -> bool {
        let gone = [Errno::ESRCH, Errno::ENOENT, Errno::EADDRNOTAVAIL, Errno::ENODEV];
        error.errno().is_some_and(|errno| match self.sort {
            Sort::Deletes => gone.contains(&errno),
            Sort::Makes => errno == Errno::EEXIST,
            Sort::Changes => false,
        })
    }
}

impl Subject for Ready {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Request for Ready {
    const PROTOCOL: i32 = netwright_route::message::ROUTE_PROTOCOL;

    fn kind(&self) -> u16 {
        self.kind
    }

    fn flags(&self) -> MessageFlags {
        self.flags
    }

    fn write(&self, writer: &mut Writer) {
        writer.push(&self.body);
    }
}

impl Acknowledged for Ready {}
