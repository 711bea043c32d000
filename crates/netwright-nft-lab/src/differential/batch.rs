//! Many trials at once.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use netwright_lab::{Failure, Node};
use netwright_sys::Namespace;
use serde_json::Value;

use super::block::{Parts, bytecode, parts, readable, sorted, still};
use super::trial::{Place, places};
use super::{Answer, Class, Finding, Form, Program, Trial};

/// Where batches are tried: the two programs, and a folder for their files.
#[derive(Debug)]
pub struct Setting {
    nft: PathBuf,
    ours: PathBuf,
    folder: PathBuf,
    made: AtomicUsize,
}

impl Setting {
    /// nft, ours, and a folder that nobody else uses.
    #[must_use]
    pub fn new(nft: &Path, ours: &Path, folder: &Path) -> Self {
        let (nft, ours, folder) = (nft.to_owned(), ours.to_owned(), folder.to_owned());
        Setting { nft, ours, folder, made: AtomicUsize::new(0) }
    }

    /// Tries all. Where nft cannot even list what is there, the half of it is tried, and so on.
    pub fn judge(&self, form: Form, trials: &[Trial]) -> Result<Vec<Finding>, Failure> {
        let failure = match self.pair()?.run(form, trials) {
            Ok(findings) => return Ok(findings),
            Err(failure) => failure,
        };
        match trials {
            [] => Ok(Vec::new()),
            [one] => {
                let what = format!("{failure:?}");
                // Each namespace has a folder named after its program.
                let class = if what.contains("/ours/nft ") { Class::Died } else { Class::NftDied };
                Ok(vec![Finding::new(one, class, what)])
            }
            _ => {
                let (front, back) = trials.split_at(trials.len() / 2);
                Ok([self.judge(form, front)?, self.judge(form, back)?].concat())
            }
        }
    }

    fn pair(&self) -> Result<Pair, Failure> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let program = |path: &Path, name: &str| -> Result<Program, Failure> {
            let namespace = Namespace::create_anonymous()?;
            Node::in_namespace(name, namespace.clone())?;
            Ok(Program::new(path, namespace, &self.folder.join(number.to_string()).join(name)))
        };
        Ok(Pair { nft: program(&self.nft, "nft")?, ours: program(&self.ours, "ours")? })
    }
}

/// nft and ours.
#[derive(Clone, Debug)]
struct Pair {
    /// The judge.
    nft: Program,
    /// What is judged.
    ours: Program,
}

/// What a program made of the trials.
struct Made {
    answers: Vec<Answer>,
    /// What was sent.
    sent: Parts,
    /// What nft says that the kernel has.
    kernel: Parts,
    /// nft's listing.
    listing: Parts,
}

/// A listing of what nft made, by both.
struct Read {
    text: Parts,
    nft_json: Parts,
    own_json: Parts,
}

impl Pair {
    /// Tries all, in namespaces that have nothing yet.
    fn run(&self, form: Form, trials: &[Trial]) -> Result<Vec<Finding>, Failure> {
        let places = places(trials);
        let all = || trials.iter().zip(&places);
        let mut tables: Vec<&str> = Vec::new();
        let mut world = String::new();
        for (trial, place) in all() {
            if !tables.contains(&place.table.as_str()) {
                tables.push(&place.table);
                world += &trial.table_at(place);
            }
            world += &trial.chain_at(place);
        }
        let texts: Vec<String> = all().map(|(trial, place)| trial.text_at(place)).collect();
        let nft = make(&self.nft, &self.nft, form, &world, &texts)?;
        let judge = self.nft.clone().inside(&self.ours);
        let ours = make(&self.ours, &judge, form, &world, &texts)?;
        let reader = self.ours.clone().inside(&self.nft);
        let read = Read {
            text: parts(&still(&reader.list(&[])?)),
            nft_json: json_parts(&self.nft.list(&["-j"])?)?,
            own_json: json_parts(&reader.list(&["-j"])?)?,
        };
        let mut findings = Vec::new();
        for (number, (trial, place)) in all().enumerate() {
            let answers = (&nft.answers[number], &ours.answers[number]);
            let (class, detail) = compare(answers, &place.key(), &nft, &ours, &read);
            let class = match class {
                Class::Bytecode | Class::Listing | Class::Json if answers.0.is_taken() => {
                    self.at_fault(trial, place, class, (&nft, &ours, &read))?
                }
                _ => class,
            };
            findings.push(Finding::new(trial, class, detail));
        }
        Ok(findings)
    }
}

impl Pair {
    /// Whose fault a difference is, where nft shows itself that it is its own.
    fn at_fault(
        &self,
        trial: &Trial,
        place: &Place,
        class: Class,
        (nft, ours, read): (&Made, &Made, &Read),
    ) -> Result<Class, Failure> {
        let key = place.key();
        let (Some(theirs), Some(own)) = (nft.kernel.get(&key), ours.kernel.get(&key)) else {
            return Ok(class);
        };
        let again = |program: &Program, listing: Option<&String>| match listing {
            Some(listing) => self.again(program, trial, place, listing),
            None => Ok(None),
        };
        let kernel = |again: Option<(String, String)>| again.map(|(kernel, _)| kernel);
        if theirs == own {
            // Both made the same: what nft lists of it means something else to nft, what we list the same to us.
            let listing = if class == Class::Bytecode { &ours.listing } else { &read.text };
            let lies = kernel(again(&self.nft, nft.listing.get(&key))?).as_ref() != Some(theirs)
                && kernel(again(&self.ours, listing.get(&key))?).as_ref() == Some(own);
            return Ok(if lies { Class::NftLies } else { class });
        }
        // Only what is in sets differs. Given what it lists of ours, nft lists something else; we have what we were given.
        let listed = ours.listing.get(&key);
        let alters = without_elements(theirs) == without_elements(own)
            && again(&self.nft, listed)?.is_some_and(|(_, again)| Some(&again) != listed)
            && kernel(again(&self.ours, listed)?).as_ref() == Some(own);
        Ok(if alters { Class::NftAlters } else { class })
    }

    /// What the kernel has and nft lists where a program loads the listing of a trial's chain into the trial's world; nothing where it
    /// does not take it, or where the trial has no chain of its own.
    fn again(
        &self,
        program: &Program,
        trial: &Trial,
        place: &Place,
        listing: &str,
    ) -> Result<Option<(String, String)>, Failure> {
        let Some(chain) = &place.chain else { return Ok(None) };
        let judge = self.nft.clone().elsewhere("again")?;
        judge.load(&format!("{}{}", trial.table_at(place), trial.chain_at(place)))?;
        // A rule may have made a set with a name; what is JSON has not.
        let _ = judge.load(&trial.text_at(place));
        let table = format!("{} {}", trial.family, place.table);
        let text = format!("flush chain {table} {chain}\ntable {table} {{\n{}}}\n", readable(listing));
        if program.clone().inside(&judge).load(&text).is_err() {
            return Ok(None);
        }
        let part = |parts: Parts| parts.get(&place.key()).cloned().unwrap_or_default();
        let kernel = part(bytecode(&judge.list(&["--debug=netlink"])?));
        Ok(Some((kernel, part(parts(&still(&judge.list(&[])?))))))
    }
}

fn make(
    program: &Program,
    judge: &Program,
    form: Form,
    world: &str,
    texts: &[String],
) -> Result<Made, Failure> {
    judge.load(world)?;
    let (answers, printed) = program.answers(form, texts, true)?;
    Ok(Made {
        answers,
        sent: bytecode(&printed),
        kernel: bytecode(&judge.list(&["--debug=netlink"])?),
        listing: parts(&still(&judge.list(&[])?)),
    })
}

fn compare(answers: (&Answer, &Answer), key: &str, nft: &Made, ours: &Made, read: &Read) -> (Class, String) {
    match answers {
        (Answer::Died(how), _) => return (Class::NftDied, how.clone()),
        (_, Answer::Died(how)) => return (Class::Died, how.clone()),
        (Answer::Taken, Answer::Refused(why)) => return (Class::Refused, why.clone()),
        (Answer::Refused(why), Answer::Taken) => return (Class::Taken, why.clone()),
        (Answer::Refused(why), Answer::Refused(own)) => {
            // What the kernel refused was sent all the same.
            return match (nft.sent.get(key), ours.sent.get(key)) {
                // With a table of its own, what is printed is also what was there.
                (Some(one), Some(other))
                    if why.contains("process rule") && key.contains('/') && one != other =>
                {
                    (Class::Bytecode, format!("both refused: {why} | {own}\n{}", differ(one, other)))
                }
                _ => (Class::Same, String::new()),
            };
        }
        (Answer::Taken, Answer::Taken) => {}
    }
    let pairs = [
        (Class::Bytecode, &nft.kernel, &ours.kernel),
        (Class::Bytecode, &nft.listing, &ours.listing),
        (Class::Listing, &nft.listing, &read.text),
        (Class::Json, &read.nft_json, &read.own_json),
    ];
    for (number, (class, theirs, own)) in pairs.into_iter().enumerate() {
        let (theirs, own) = (theirs.get(key), own.get(key));
        // The second pair is of two kernels.
        if theirs != own && (number != 1 || theirs.map(|text| sorted(text)) != own.map(|text| sorted(text))) {
            let shown = |text: Option<&String>| text.map(String::as_str).unwrap_or_default().to_owned();
            return (class, differ(&shown(theirs), &shown(own)));
        }
    }
    (Class::Same, String::new())
}

/// Bytecode without what is in the sets that stand in their rules.
fn without_elements(code: &str) -> String {
    let mut rest = code;
    let mut text = String::new();
    while let Some((before, behind)) = rest.split_once('{') {
        text += before;
        rest = behind.split_once('}').map_or("", |(_, behind)| behind);
    }
    text + rest
}

/// The lines that differ.
fn differ(theirs: &str, own: &str) -> String {
    let mut text = String::new();
    let theirs: Vec<&str> = theirs.lines().collect();
    let own: Vec<&str> = own.lines().collect();
    for line in theirs.iter().filter(|line| !own.contains(line)) {
        text += &format!("  nft:  {}\n", line.trim());
    }
    for line in own.iter().filter(|line| !theirs.contains(line)) {
        text += &format!("  ours: {}\n", line.trim());
    }
    if text.is_empty() {
        text = "  the same lines in another order\n".to_owned();
    }
    text
}

/// The parts of a listing as JSON, as lines. Handles and times that run on are left out.
fn json_parts(text: &str) -> Result<Parts, Failure> {
    let mut parts = Parts::new();
    let listed: Value = serde_json::from_str(text)?;
    for item in listed["nftables"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let Some((kind, body)) = item.as_object().and_then(|members| members.iter().next()) else { continue };
        let (table, chain) = match kind.as_str() {
            "table" => (&body["name"], &Value::Null),
            "chain" => (&body["table"], &body["name"]),
            _ => (&body["table"], &body["chain"]),
        };
        let Some(table) = table.as_str() else { continue };
        let chain = chain.as_str().map(|chain| format!("{table}/{chain}"));
        let line = format!("{}\n", bare(item.clone()));
        for key in std::iter::once(table.to_owned()).chain(chain) {
            parts.entry(key).or_default().push_str(&line);
        }
    }
    Ok(parts)
}

fn bare(mut json: Value) -> Value {
    match &mut json {
        Value::Object(members) => {
            members.remove("handle");
            members.remove("expires");
            if let Some(Value::Object(last)) = members.get_mut("last") {
                last.remove("used");
            }
            members.values_mut().for_each(|member| *member = bare(member.take()));
        }
        Value::Array(list) => list.iter_mut().for_each(|item| *item = bare(item.take())),
        _ => {}
    }
    json
}
