//! What was refused, and why: as data, and as a diagnostic at the place where it was written.

mod fault;

use std::collections::HashSet;

use netwright_netfilter::{Batch, MessageKind, Step, TableRef};
use netwright_nft::catalog::Catalog;
use netwright_nft::diagnostic::{Diagnostic, SourceMap, Span};
use netwright_nft::ir::{Command, Entity, ObjectKind};
use netwright_nft::lower;
use netwright_sys::{Cause, Connection, Error, Namespace, Refusal as KernelRefusal};
use netwright_wire::Errno;

use fault::{CHAIN_NAME, Fault, NAME, TABLE, object_kind};

/// Why something is not done, as programs tell it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The text is not of the language, or has no meaning.
    Text,
    /// Something that is named is not there.
    Missing,
    /// Something is there already.
    Exists,
    /// Something is in use.
    Busy,
    /// The kernel lacks a feature: a module, or an option that it was built with.
    Feature,
    /// The kernel knows it, but not in this place: another family, type of chain or hook is needed.
    Place,
    /// A privilege is missing, or something belongs to somebody else.
    Permission,
    /// The kernel refuses it for another reason, which the error number and its words tell.
    Kernel,
}

/// Something that was refused. Then nothing was changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// Why.
    pub code: Code,
    /// The kernel's error number, where it was asked.
    pub errno: Option<Errno>,
    /// Which of the commands, counted from 0; `None` where there are none to count, as in a text that cannot be read.
    pub command: Option<usize>,
    /// What is wrong, where it was written, and what to do.
    pub diagnostic: Diagnostic,
    /// What the kernel said, where it was asked.
    pub error: Option<Error>,
}

impl Refusal {
    /// As an error, without its place.
    #[must_use]
    pub fn into_error(self) -> Error {
        let message = self.diagnostic.message;
        self.error.unwrap_or_else(|| Error::new("run the commands", Cause::Invalid(message)))
    }

    /// A refusal of a text.
    pub(super) fn text(diagnostic: Diagnostic) -> Self {
        let code = if diagnostic.missing { Code::Missing } else { Code::Text };
        Refusal { code, errno: None, command: None, diagnostic, error: None }
    }
}

/// The refusals of a batch that was made of commands, in their order, and without those that follow from others.
pub(super) struct Refused<'a> {
    pub(super) batch: &'a Batch,
    pub(super) commands: &'a [Command],
    pub(super) catalog: &'a Catalog,
    pub(super) sources: &'a SourceMap,
    pub(super) namespace: &'a Namespace,
}

impl Refused<'_> {
    pub(super) fn tell(&self, refusals: Vec<KernelRefusal>, connection: &mut Connection) -> Vec<Refusal> {
        let mut told: Vec<Refusal> = Vec::new();
        // what earlier messages would have made
        let mut unmade: HashSet<Thing> = HashSet::new();
        for refusal in refusals {
            let Some(step) = self.batch.step(refusal.index) else { continue };
            let step = step.at(refusal.error.extended.offset);
            let fault = Fault::of(&step, refusal.error.errno);
            unmade.extend(made_by(&step));
            if let Fault::Missing(thing) = &fault
                && is_unmade(&unmade, &step, thing)
            {
                continue;
            }
            let one = self.one(&step, &fault, refusal, connection);
            if !told.contains(&one) {
                told.push(one);
            }
        }
        told
    }

    fn one(
        &self,
        step: &Step<'_>,
        fault: &Fault,
        refusal: KernelRefusal,
        connection: &mut Connection,
    ) -> Refusal {
        let errno = refusal.error.errno;
        let number = step.tag.map(|tag| tag as usize);
        let command = number.and_then(|number| self.commands.get(number));
        let error = Error::new(step.to_string(), refusal.error).with_part(step.part()).with_tag(step.tag);
        let message = format!("Could not process rule: {}", words(errno));
        let (said, mut help) = fault.explain(connection, self.namespace);
        let place = command.and_then(|command| lower::place(command, self.catalog, step));
        let place = place.map(|place| self.sources.written(place));
        let whole = command.and_then(|command| command.span).map(|span| self.sources.written(span));
        let word = fault.word().zip(place.or(whole));
        let word = word.and_then(|(word, span)| word_in(self.sources, span, &word));
        let word = word.or_else(|| word_in(self.sources, whole?, &fault.word()?));
        let advice = error.help().filter(|_| matches!(fault, Fault::Other)).map(str::to_owned);
        help.extend(advice);
        let mut diagnostic = match word.or(place).or(whole) {
            Some(span) => Diagnostic::error(span, message).label(said.unwrap_or_else(|| error.to_string())),
            None => Diagnostic {
                labels: Vec::new(),
                ..Diagnostic::error(Span::default(), said.unwrap_or_else(|| error.to_string()))
            },
        };
        diagnostic.help = help;
        let code = fault.code(errno);
        Refusal { code, errno: Some(errno), command: number, diagnostic, error: Some(error) }
    }
}

/// The error for a message that was refused: what it was, where it was written, if it was, and the reason as far as it can be
/// found out.
pub(super) fn error_of(
    batch: &mut Batch,
    refusal: KernelRefusal,
    connection: &mut Connection,
    namespace: &Namespace,
    place: impl FnOnce(&Step<'_>) -> Option<String>,
) -> Error {
    let KernelRefusal { index, error, .. } = refusal;
    let bytes = batch.finish().map(<[u8]>::to_vec).unwrap_or_default();
    let Some(step) = batch.step(index) else { return Error::new("commit the batch", error) };
    let step = step.at(error.extended.offset);
    let asked = match place(&step) {
        Some(place) => format!("{step} ({place})"),
        None => step.to_string(),
    };
    let (said, help) = Fault::of(&step, error.errno).explain(connection, namespace);
    let reason = said.map(|said| match help.first() {
        Some(help) => format!("{said}; {help}"),
        None => said,
    });
    let error = Error::new(asked, error).with_sent(&bytes).with_part(step.part()).with_tag(step.tag);
    error.with_reason(reason)
}

/// Something in a ruleset by its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Thing {
    entity: Entity,
    table: TableRef,
    /// Of a table its own.
    name: String,
}

impl Thing {
    fn noun(&self) -> &'static str {
        match self.entity {
            Entity::Table => "table",
            Entity::Chain => "chain",
            Entity::Set | Entity::Map | Entity::Meter => "set or map",
            Entity::Flowtable => "flow table",
            Entity::Object(kind) => kind.name().unwrap_or("object"),
            Entity::Rule | Entity::Ruleset => "rule",
        }
    }
}

/// What a message would have made.
fn made_by(step: &Step<'_>) -> Option<Thing> {
    let table = TableRef::new(step.family(), step.text_of(TABLE)?);
    let (entity, name) = match step.kind()? {
        MessageKind::NEW_TABLE => (Entity::Table, table.name.clone()),
        MessageKind::NEW_CHAIN => (Entity::Chain, step.text_of(CHAIN_NAME)?),
        MessageKind::NEW_SET => (Entity::Set, step.text_of(NAME)?),
        MessageKind::NEW_OBJECT => (Entity::Object(object_kind(step)), step.text_of(NAME)?),
        MessageKind::NEW_FLOWTABLE => (Entity::Flowtable, step.text_of(NAME)?),
        _ => return None,
    };
    Some(Thing { entity, table, name })
}

/// Whether something is not there since an earlier message that makes it was refused.
fn is_unmade(unmade: &HashSet<Thing>, step: &Step<'_>, thing: &Thing) -> bool {
    made_by(step).as_ref() != Some(thing)
        && unmade.iter().any(|one| {
            let object =
                matches!((one.entity, thing.entity), (Entity::Object(_), Entity::Object(ObjectKind(0))));
            (one.entity == thing.entity || object) && one.table == thing.table && one.name == thing.name
        })
}

/// An error number in the words of the C library.
fn words(errno: Errno) -> String {
    let text = std::io::Error::from_raw_os_error(errno.0).to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// Where a word stands in a command; the last place, since names come behind what they are of.
pub(super) fn word_in(sources: &SourceMap, span: Span, word: &str) -> Option<Span> {
    let text = sources.snippet(span);
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let bounded = |&(at, _): &(usize, &str)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let behind = text.get(at + word.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(inside) && !behind.is_some_and(inside)
    };
    let (at, _) = text.match_indices(word).filter(bounded).last()?;
    let start = span.start + at as u32;
    Some(Span { start, end: start + word.len() as u32, ..span })
}
