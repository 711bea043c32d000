//! `netwright run --attach`: running processes behind a policy, until this one ends.

use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use netwright_sandbox::{AttachOptions, AttachTarget, Attached};
use rustix::process::Signal;

use super::policy::Source;
use super::supervise;
use super::telling::Telling;
use super::watch::Watch;
use crate::arguments::{Global, Run};
use crate::failure::{Done, Failure, reason};
use crate::output;

pub(super) fn run(target: &AttachTarget, arguments: &Run, global: &Global) -> Done {
    if arguments.detach {
        Attached::detach_left(target)?;
        return Ok(ExitCode::SUCCESS);
    }
    let source = Source::of_run(arguments);
    let watch = Watch::of(&source);
    let policy = source.read()?;
    let telling = Telling::new(arguments, Arc::new(Mutex::new(policy.clone())), global)?;
    let signals = supervise::receive(&[Signal::INT, Signal::TERM, Signal::HUP])?;
    let options = AttachOptions { open: arguments.learn.is_some(), tell_allowed: global.verbose };
    let mut attached = Attached::attach(target, &policy, options)?;
    let told = telling.start(attached.take_events());
    if !global.quiet {
        output::message("the policy is in force until this ends (Ctrl-C)");
    }
    loop {
        let changed = supervise::wait(&signals, watch.as_ref(), None)?;
        if signals
            .next()
            .map_err(|error| Failure::said(format!("cannot read signals: {}", reason(&error))))?
            .is_some()
        {
            break;
        }
        if let (true, Some(watch)) = (changed, &watch) {
            supervise::reload(&source, watch.opened(|_| false), &told, |policy| attached.reload(policy));
        }
    }
    attached.detach()?;
    told.finish()?;
    Ok(ExitCode::SUCCESS)
}
