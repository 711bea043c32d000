//! `--mutate`: which small changes of the firewall no flow notices.

use std::io::Write;
use std::ops::ControlFlow;
use std::process::ExitCode;

use netwright_confine::Signals;
use netwright_simulate::{Fate, Mutation, Session};

use crate::arguments::Global;
use crate::failure::{Done, FAILED, Failure};
use crate::files::Includes;
use crate::output::{self, BAD, DIM, ERROR, GOOD, NAME, count};

pub(super) fn run(session: &Session<'_>, json: bool, global: &Global, signals: &Signals) -> Done {
    let mut out = output::stdout();
    let (mut broken, mut interrupted) = (None, false);
    let mut listener = |mutation: &Mutation| {
        let result = match json {
            true => Ok(()),
            false => tell(mutation, global.verbose, &mut out).and_then(|()| out.flush()),
        };
        if let Err(error) = result {
            broken = Some(error);
            return ControlFlow::Break(());
        }
        interrupted |= matches!(signals.next(), Ok(Some(_)));
        if interrupted { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let all = session
        .mutate(&mut Includes::beside(), &mut listener)
        .map_err(|error| Failure::said(error.to_string()).with_help(error.help()))?;
    if let Some(error) = broken {
        return Err(error.into());
    }
    let of = |holds: fn(&Fate) -> bool| all.iter().filter(|mutation| holds(&mutation.fate)).count();
    let missed = of(|fate| matches!(fate, Fate::Missed(_)));
    let noticed = of(|fate| matches!(fate, Fate::Noticed(_)));
    let same = of(|fate| matches!(fate, Fate::Equivalent));
    let refused = of(|fate| matches!(fate, Fate::Refused(_)));
    if json {
        let list: Vec<_> = all.iter().map(Mutation::to_json).collect();
        output::json(&serde_json::json!({
            "noticed": noticed, "missed": missed, "equivalent": same, "refused": refused, "mutations": list,
        }))?;
    } else {
        let style = if missed == 0 { GOOD } else { BAD };
        writeln!(
            out,
            "{NAME}{}{NAME:#}: {GOOD}{noticed} noticed{GOOD:#}, {style}{missed} missed{style:#}, {same} that nothing told apart{}",
            count(all.len(), "change"),
            if refused == 0 { String::new() } else { format!(", {refused} that the kernel refuses") },
        )?;
        out.flush()?;
    }
    Ok(match missed {
        _ if interrupted => ExitCode::from(super::INTERRUPTED),
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(FAILED),
    })
}

fn tell(mutation: &Mutation, verbose: bool, out: &mut dyn Write) -> std::io::Result<()> {
    let place = output::one_line(&mutation.place.at);
    let change = output::one_line(&mutation.change);
    let text = output::one_line(&mutation.place.text);
    match &mutation.fate {
        Fate::Missed(flow) => {
            writeln!(out, "{ERROR}missed{ERROR:#}  {place}: {NAME}{change}{NAME:#}  {DIM}{text}{DIM:#}")?;
            writeln!(out, "{DIM}        no flow notices it; this one would:{DIM:#}\n")?;
            flow.lines().try_for_each(|line| writeln!(out, "        {}", output::plain(line)))?;
            writeln!(out)
        }
        Fate::Noticed(by) if verbose => {
            writeln!(out, "{GOOD}noticed{GOOD:#} {place}: {change}  {DIM}by {}{DIM:#}", output::one_line(by))
        }
        Fate::Equivalent if verbose => {
            writeln!(
                out,
                "same    {place}: {change}  {DIM}no packet that was tried tells it apart: {text}{DIM:#}"
            )
        }
        Fate::Refused(why) if verbose => {
            writeln!(out, "refused {place}: {change}  {DIM}{}{DIM:#}", output::plain(why))
        }
        _ => Ok(()),
    }
}
