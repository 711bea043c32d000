//! `netwright history` and `netwright status`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use netwright::state::Store;
use netwright_state::{Journal, Origin, Owners, Phase, Record};
use serde_json::json;

use super::{Session, named, now, recover};
use crate::arguments::{self, Global, HostFile};
use crate::failure::{Done, FAILED, Failure};
use crate::host::Loaded;
use crate::output::{self, BAD, Cell, DIM, ERROR, GOOD, Table};
use crate::plan::make;

/// The exit code of `status` where something differs.
const DIFFERS: u8 = 10;

/// `netwright history`.
pub(crate) fn history(arguments: &arguments::History, global: &Global) -> Done {
    let session = Session::open_to_read(arguments.place.open()?, global)?;
    let journals: Vec<_> = session.stores().flat_map(Store::all_journals).collect();
    let damaged = session.hidden || journals.iter().any(|(_, journal)| journal.is_err());
    let code = if damaged { ExitCode::from(FAILED) } else { ExitCode::SUCCESS };
    if arguments.json {
        let list = journals.iter().map(|(id, journal)| match journal {
            Ok(journal) => json!({
                "id": journal.id, "time": journal.time, "owner": journal.owner, "file": journal.file,
                "phase": phase(&session, journal), "steps": journal.steps,
            }),
            Err(error) => json!({ "id": id, "phase": DAMAGED, "error": error.to_string() }),
        });
        output::json(&list.collect())?;
        return Ok(code);
    }
    let mut table = Table::new([">ID", "AGO", "OWNER", ">CHANGES", "", "FILE"]);
    for (id, journal) in &journals {
        let Ok(journal) = journal else {
            let cell = |text: &str| Cell::from(text.to_owned());
            table.row([cell(&id.to_string()), cell("?"), cell("?"), cell("?"), cell(DAMAGED), cell("?")]);
            continue;
        };
        table.row([
            Cell::from(journal.id.to_string()),
            Cell::from(ago(now().saturating_sub(journal.time))),
            Cell::from(&journal.owner),
            Cell::from(journal.steps.len().to_string()),
            Cell::from(phase(&session, journal)),
            Cell::new(&journal.file, DIM),
        ]);
    }
    let mut out = output::stdout();
    table.write(&mut out)?;
    if journals.is_empty() && !session.hidden {
        writeln!(out, "Nothing was applied here yet.")?;
    }
    out.flush()?;
    for error in journals.iter().filter_map(|(_, journal)| journal.as_ref().err()) {
        output::message(&format!("{ERROR}error{ERROR:#}: {}", output::plain(&error.to_string())));
    }
    Ok(code)
}

/// What is said of a journal that cannot be read.
const DAMAGED: &str = "cannot be read";

fn phase<'a>(session: &Session, journal: &'a Journal) -> &'a str {
    match journal.phase {
        Phase::Running if journal.boot != session.store.boot() => "ended with its boot",
        Phase::Running => "broken off or under way",
        phase => phase.as_str(),
    }
}

fn ago(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86400 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86400),
    }
}

/// `netwright status`.
pub(crate) fn status(arguments: &arguments::Status, global: &Global) -> Done {
    let session = Session::open_to_read(arguments.place.open()?, global)?;
    let records = session.records()?;
    let waiting = open_journal(&session)?.filter(|journal| journal.boot == session.store.boot());
    let mut differs = waiting.is_some() || session.hidden;
    let mut all = Vec::new();
    for record in &records {
        let rest = drift(&session, record, &records, global);
        differs |= !matches!(&rest, Ok(rest) if rest.is_empty());
        all.push((record, rest));
    }
    if arguments.json {
        let owners = all.iter().map(|(record, rest)| {
            let (steps, error) = match rest {
                Ok(steps) => (Some(steps), None),
                Err(error) => (None, Some(error)),
            };
            json!({ "owner": record.owner, "file": record.file, "differs": steps, "error": error })
        });
        let waits = waiting.as_ref().map(|journal| {
            json!({ "id": journal.id, "phase": phase(&session, journal), "confirm": journal.confirm })
        });
        output::json(&json!({ "owners": owners.collect::<Vec<_>>(), "waiting": waits }))?;
    } else {
        show(&session, &all, waiting.as_ref())?;
    }
    Ok(if differs { ExitCode::from(DIFFERS) } else { ExitCode::SUCCESS })
}

/// The apply that is under way or waits. What an ordinary user may not read of root's is not known.
fn open_journal(session: &Session) -> Result<Option<Journal>, Failure> {
    for store in session.stores() {
        match store.open_journal() {
            Ok(None) => {}
            Ok(open) => return Ok(open),
            Err(error) if error.cause.kind() == std::io::ErrorKind::PermissionDenied => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

type Drift = Result<Vec<String>, String>;

fn show(session: &Session, all: &[(&Record, Drift)], waiting: Option<&Journal>) -> std::io::Result<()> {
    let mut out = output::stdout();
    if all.is_empty() && waiting.is_none() && !session.hidden {
        writeln!(out, "Nothing is applied here.")?;
    }
    for (record, rest) in all {
        let file = output::plain(named(&record.file));
        match rest {
            Ok(rest) if rest.is_empty() => {
                writeln!(out, "{}: {GOOD}as declared{GOOD:#} {DIM}({file}){DIM:#}", record.owner)?;
            }
            Ok(rest) => {
                writeln!(out, "{}: {BAD}differs{BAD:#} {DIM}({file}){DIM:#}", record.owner)?;
                for step in rest {
                    writeln!(out, "    {}", output::plain(step))?;
                }
            }
            Err(error) => {
                writeln!(out, "{}: {BAD}not known{BAD:#}: {}", record.owner, output::plain(error))?;
            }
        }
    }
    if let Some(journal) = waiting {
        match journal.phase {
            Phase::Waiting => {
                let left = recover::left(journal);
                writeln!(
                    out,
                    "apply {} {BAD}waits{BAD:#} {left} s more for `netwright confirm`",
                    journal.id
                )?;
            }
            _ => writeln!(out, "apply {}: {}", journal.id, phase(session, journal))?,
        }
    }
    out.flush()
}

/// What would have to be done for one owner.
fn drift(session: &Session, record: &Record, records: &[Record], global: &Global) -> Drift {
    let quiet = Global { color: global.color, quiet: true, verbose: false };
    let said = |failure: Failure| failure.text();
    // what was applied counts, and not what the file has become since
    let good = |name: &str| session.stores().find_map(|store| store.good(name));
    let waits = open_journal(session).ok().flatten().filter(|journal| journal.owner == record.owner);
    let pending = waits.and_then(|_| session.stores().find_map(|store| store.unconfirmed(&record.owner)));
    let loaded = match pending.or_else(|| good(&record.owner)) {
        Some(kept) => Loaded::of_kept(&kept, Origin::Path(record.file.clone()), &quiet, &session.net),
        None if record.file.is_empty() => return Err("it was read from standard input".to_owned()),
        None => HostFile { file: PathBuf::from(&record.file) }.load(&quiet, Some(&session.net)),
    };
    let loaded = loaded.map_err(said)?;
    let others = records.iter().filter(|other| other.owner != record.owner).cloned().collect();
    let owners = Owners { own: record.clone(), others };
    let (plan, _) = make(&loaded, &owners, &mut session.live()).map_err(said)?;
    let missing = plan.missing.iter().filter(|missing| !missing.optional);
    let missing = missing.map(|missing| format!("! link {} is not there", missing.name));
    let errors = plan.errors().map(|error| format!("! {}", error.message)).chain(missing);
    Ok(errors.chain(plan.steps.iter().map(ToString::to_string)).collect())
}
