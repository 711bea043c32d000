//! `differential NETWRIGHT [INPUTS] [SEED]`: compares the command with nft; see `cargo xtask differential`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use netwright_lab::{Failure, Oracle};
use netwright_nft_lab::differential::{
    Documents, Form, Generator, Mutator, Reasons, Report, Setting, Trial, batches, seeds,
};
use netwright_sys::isolate;

/// One input in so many more is JSON.
const JSON: usize = 5;

/// One input in so many more is a text of commands, a script, and a document of commands.
const COMMANDS: usize = 180;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("{failure:?}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool, Failure> {
    let mut arguments = std::env::args().skip(1);
    let ours = PathBuf::from(arguments.next().ok_or_else(|| Failure::missing("which command is compared?"))?);
    let count: usize = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(18_000);
    let seed: u64 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1);
    isolate::enter()?;
    let nft = Oracle::nft_since((1, 1, 7))?.program().to_owned();
    let folder = std::env::temp_dir().join(format!("netwright-differential-{}", std::process::id()));
    // Under nft's name it is spoken to like nft.
    std::fs::create_dir_all(&folder)?;
    let link = folder.join("ours").join("nft");
    std::fs::create_dir_all(folder.join("ours"))?;
    std::os::unix::fs::symlink(std::fs::canonicalize(&ours)?, &link)?;

    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/reasons");
    let mut report = Report::new(Reasons::read(&file)?);
    let start = Instant::now();
    let known = seeds()?;
    let mut trials: Vec<Trial> = known.iter().map(|seed| seed.trial()).collect();
    let mut mutator = Mutator::new(seed, known);
    let mut generator = Generator::new(seed);
    while trials.len() < count {
        trials.push(mutator.trial());
        trials.push(generator.rule());
    }
    trials.truncate(count);
    // Only some kinds, to look into them.
    let kind = std::env::var("DIFFERENTIAL_KIND").unwrap_or_default();
    let mut commands = Generator::new(seed.wrapping_add(1));
    // Where they are asked for there are more of them.
    let some = if kind.is_empty() { count / COMMANDS } else { count / COMMANDS * 10 };
    let mut json_commands = Vec::new();
    for _ in 0..some {
        trials.push(commands.commands());
        trials.push(commands.script());
        json_commands.push(commands.json_commands());
    }
    let mut documents = Documents::new(seed)?;
    let mut json = documents.known();
    while json.len() < count / JSON {
        match documents.trial() {
            Some(trial) => json.push(trial),
            None => break,
        }
    }
    json.truncate(count / JSON);
    json.extend(json_commands);
    let only = std::env::var("DIFFERENTIAL_TEXTS").map(std::fs::read_to_string).ok().transpose()?;
    let wanted = |trial: &Trial| {
        trial.kind.contains(&kind)
            && only
                .as_ref()
                .is_none_or(|texts| texts.contains(&format!("[{}] {}\n", trial.family, trial.text)))
    };
    trials.retain(wanted);
    json.retain(wanted);
    let forms = [(Form::Text, batches(trials)), (Form::Json, batches(json))];
    let batches: Vec<(Form, Vec<Trial>)> = forms
        .into_iter()
        .flat_map(|(form, batches)| batches.into_iter().map(move |batch| (form, batch)))
        .collect();
    let setting = Setting::new(&nft, &link, &folder);
    let next = std::sync::atomic::AtomicUsize::new(0);
    let outcomes = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some((form, batch)) = batches.get(number) else { return };
                    let outcome = setting.judge(*form, batch);
                    let mut outcomes = outcomes.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                    outcomes.push((number, outcome));
                }
            });
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    outcomes.sort_by_key(|(number, _)| *number);
    for (_, outcome) in outcomes {
        report.add(outcome?);
    }
    std::fs::remove_dir_all(&folder)?;
    if let Some(path) = std::env::var_os("DIFFERENTIAL_FINDINGS") {
        let mut text = String::new();
        report.findings.sort_by_key(|finding| finding.class);
        for finding in report.findings.iter().chain(&report.undecided) {
            text += &format!(
                "== {} ({})\n{}\n{}\n",
                finding.class.name(),
                finding.kind,
                finding.text,
                finding.detail
            );
        }
        std::fs::write(path, text)?;
    }
    print!("{}", report.table());
    println!("{} inputs in {:.0} s", report.total(), start.elapsed().as_secs_f64());
    // Of these inputs it is known how far we are; of others each difference counts.
    if (count, seed, kind.as_str(), only.is_some()) != (18_000, 1, "", false) {
        return Ok(report.findings.is_empty());
    }
    let above = report.above(&file.with_file_name("reached"))?;
    above.iter().for_each(|line| println!("{line}"));
    Ok(above.is_empty())
}
