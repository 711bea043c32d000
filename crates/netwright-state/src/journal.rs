//! The journal of an apply: all that is needed to take it back, whoever does it and whenever.

use serde_json::{Value as Json, json};

use crate::encode;
use crate::plan::Plan;
use crate::record::Record;
use crate::ruleset::Ruleset;
use crate::scope::Scope;
use crate::snapshot::{Snapshot, Wanted};

/// How far an apply has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It is under way, or its process is gone.
    Running,
    /// All is as declared, and waits for a confirmation.
    Waiting,
    /// It is done.
    Done,
    /// It was taken back.
    TakenBack,
}

impl Phase {
    /// A word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Running => "running",
            Phase::Waiting => "waiting",
            Phase::Done => "done",
            Phase::TakenBack => "taken back",
        }
    }

    fn of(word: &str) -> Option<Self> {
        let all = [Phase::Running, Phase::Waiting, Phase::Done, Phase::TakenBack];
        all.into_iter().find(|phase| phase.as_str() == word)
    }
}

/// The journal of an apply.
#[derive(Clone, Debug, PartialEq)]
pub struct Journal {
    /// Its number: those of a namespace count up.
    pub id: u64,
    /// When it was begun, or is done, in seconds since 1970.
    pub time: u64,
    /// The same in seconds since the machine was started, where that is known.
    pub uptime: Option<u64>,
    /// The boot that it happened in.
    pub boot: String,
    /// Whose host file it was, and where that was.
    pub owner: String,
    /// The host file.
    pub file: String,
    /// How far it has come.
    pub phase: Phase,
    /// Seconds that it waits for a confirmation once it is done; without, it does not.
    pub confirm: Option<u64>,
    /// What is changed, in words.
    pub steps: Vec<String>,
    /// What it touches.
    pub scope: Scope,
    /// What there was.
    pub before: Snapshot,
    /// What has to be looked at on the way back.
    pub wanted: Wanted,
    /// The owner's record before.
    pub record_before: Record,
    /// The owner's record behind it, once it is known.
    pub record_after: Option<Record>,
    /// What there was behind it, once it is done: what others have changed since then stays.
    pub after: Option<Snapshot>,
}

impl Journal {
    /// The journal of a plan that is about to be applied. Number, time and boot are the caller's to fill in.
    #[must_use]
    pub fn new(plan: &Plan, before: &Snapshot, record_before: &Record) -> Self {
        let scope = Scope::of(plan, before);
        Journal {
            id: 0,
            time: 0,
            uptime: None,
            boot: String::new(),
            owner: record_before.owner.clone(),
            file: plan.record.file.clone(),
            phase: Phase::Running,
            confirm: None,
            steps: plan.steps.iter().map(ToString::to_string).collect(),
            before: scope.reduce(before),
            scope,
            wanted: plan.wanted.clone(),
            record_before: record_before.clone(),
            record_after: None,
            after: None,
        }
    }

    /// Notes that all is done, with the owner's record and what there is now.
    pub fn done(&mut self, record: Record, after: &Snapshot) {
        self.record_after = Some(record);
        let after = self.scope.reduce(after);
        self.after = Some(Snapshot { firewall: Ruleset::default(), dump: Default::default(), ..after });
    }

    /// Begins the way back of an apply that was done: what others have removed or changed since then stays so. Whoever finds the
    /// way back broken off goes the rest of it.
    pub fn begin_way_back(&mut self, now: &Snapshot) {
        if let Some(after) = self.after.take() {
            crate::since::narrow(&mut self.before, &after, now);
        }
        self.phase = Phase::Running;
    }

    /// The journal in JSON.
    #[must_use]
    pub fn to_json(&self) -> Json {
        json!({
            "version": 1,
            "id": self.id, "time": self.time, "uptime": self.uptime, "boot": self.boot, "owner": self.owner, "file": self.file,
            "phase": self.phase.as_str(), "confirm": self.confirm, "steps": self.steps,
            "scope": self.scope.to_json(), "before": self.before.to_json(), "wanted": self.wanted.to_json(),
            "record-before": self.record_before.to_json(),
            "record-after": self.record_after.as_ref().map(Record::to_json),
            "after": self.after.as_ref().map(Snapshot::to_json),
        })
    }

    /// Reads what [`to_json`](Journal::to_json) gives.
    ///
    /// # Errors
    /// It is something else, or of a later version.
    pub fn from_json(json: &Json) -> Result<Self, String> {
        if json.get("version").and_then(Json::as_u64) != Some(1) {
            return Err("the journal is of a version that is not known".to_owned());
        }
        let number = |key: &str| json.get(key).and_then(Json::as_u64);
        let part = |key: &str| json.get(key).unwrap_or(&Json::Null);
        let phase = Phase::of(&encode::text(json, "phase")?).ok_or("the phase is not known")?;
        let optional = |key: &str| Some(part(key)).filter(|part| !part.is_null());
        Ok(Journal {
            id: number("id").ok_or("`id` is missing")?,
            time: number("time").unwrap_or(0),
            uptime: number("uptime"),
            boot: encode::text(json, "boot")?,
            owner: encode::text(json, "owner")?,
            file: encode::text(json, "file")?,
            phase,
            confirm: number("confirm"),
            steps: encode::texts(json.get("steps")),
            scope: Scope::from_json(part("scope"))?,
            before: Snapshot::from_json(part("before"))?,
            wanted: Wanted::from_json(part("wanted"))?,
            record_before: Record::from_json(part("record-before"))?,
            record_after: optional("record-after").map(Record::from_json).transpose()?,
            after: optional("after").map(Snapshot::from_json).transpose()?,
        })
    }
}
