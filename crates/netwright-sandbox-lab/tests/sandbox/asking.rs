//! What no rule decides waits for an answer: with the library and a closure that answers.

use std::io::Read;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use netwright_lab::{Failure, Lab, Outcome, Prepared, ensure, ensure_eq, wait_until};
use netwright_sandbox::{
    Action, Answer, Asker, Event, Mode as Way, Policy, Question, Rule, Running, Sandbox,
};

use crate::attempts::{self, Attempt};
use crate::leak::World;
use crate::permits::Permit;
use crate::report::note;
use crate::run::{Mode, as_user, token};
use crate::surroundings::surroundings;

type Scenario = (&'static str, fn(&mut Lab, Mode) -> Outcome);

const SCENARIOS: &[Scenario] = &[
    ("yes-to-a-name", yes_to_a_name),
    ("yes-to-addresses", yes_to_addresses),
    ("no", no),
    ("all-ports", all_ports),
    ("stop", stop),
    ("many-at-once", many_at_once),
    ("late", late),
    ("private-address-of-a-name", private_address),
    ("denied-and-special", denied_and_special),
    ("ended-without-an-answer", ended_without_an_answer),
    ("reload-keeps-answers", reload_keeps_answers),
    ("reload-lets-through-what-waits", reload_lets_through),
];

/// Every scenario, and attempts to get out, by the relay and by a link.
pub(crate) fn tests() -> Vec<Prepared> {
    let mut tests = Vec::new();
    for mode in [Mode::Root, Mode::Routed] {
        for &(what, scenario) in SCENARIOS {
            let name = format!("asking::{}::{what}", mode.name());
            let body = move |lab: &mut Lab| note("asking", mode.name(), what, scenario(lab, mode));
            tests.push(Prepared { name, body: Box::new(body) });
        }
        for tried in attempts::on_the_way().filter(|tried| !tried.handed_down) {
            let name = format!("asking::{}::{}", mode.name(), tried.name);
            let body =
                move |lab: &mut Lab| note("asking", mode.name(), tried.name, attempt(lab, mode, tried));
            tests.push(Prepared { name, body: Box::new(body) });
        }
    }
    tests
}

/// Nothing gets out that the answer is no for: attempts of the other suite, with somebody who says so.
fn attempt(lab: &mut Lab, mode: Mode, attempt: &Attempt) -> Outcome {
    let world = World::new(lab)?;
    let token = token();
    let rules = |flag: &str| {
        let pairs = attempt.policy.chunks(2).filter(|pair| pair.first() == Some(&flag));
        pairs.filter_map(|pair| pair.get(1).copied()).collect::<Vec<_>>()
    };
    let rules = policy(&rules("--allow"), &rules("--deny"))?;
    let script = format!("NETWRIGHT_TOKEN={token} probe {}", attempt.probe.join(" "));
    let ended = run(mode, &rules, &script, |_| Answer::No)?;
    let asked_for = Permit::read("dns *");
    let permits = attempt.permits.iter().map(|permit| Permit::read(permit)).chain([asked_for]);
    let leaks = world.leaks(&permits.collect::<Result<Vec<_>, _>>()?, &token)?;
    ensure!(leaks.is_empty() && !ended.said.contains("breach: "), "LEAK: {leaks:?}; {ended:?}");
    let tried = ended.said.contains("refused: ") || ended.said.contains("reached: ");
    ensure!(tried || attempt.may_be_killed, "the attempt was not made: {ended:?}");
    Ok(())
}

/// A shell script that runs in a sandbox, in which `probe` is the probe.
struct Run {
    running: Running,
    questions: Arc<Mutex<Vec<Question>>>,
    events: Receiver<Event>,
}

/// What came of it.
#[derive(Debug)]
struct Ended {
    said: String,
    questions: Vec<String>,
    events: Vec<Event>,
}

impl Run {
    fn start(
        mode: Mode,
        policy: &Policy,
        script: &str,
        mut answer: impl FnMut(&Question) -> Answer + Send + 'static,
    ) -> Result<Self, Failure> {
        let questions = Arc::new(Mutex::new(Vec::new()));
        let asked = Arc::clone(&questions);
        let asker = Asker::new(move |question| {
            asked.lock().unwrap_or_else(PoisonError::into_inner).push(question.clone());
            answer(question)
        });
        let way = if mode == Mode::Routed { Way::Nat } else { Way::Relay };
        let sandbox = Sandbox { mode: way, ask: Some(asker), ..Sandbox::new(policy.clone()) };
        let mut command = as_user(mode, "sh")?;
        let probe = surroundings()?.probe.display();
        command.args(["-c", &format!("probe() {{ {probe} \"$@\"; }}\n{script}")]);
        let mut running = sandbox.spawn(command).map_err(Failure::wrong)?;
        let events = running.take_events();
        Ok(Run { running, questions, events })
    }

    fn asked(&self) -> Vec<String> {
        let questions = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
        questions.iter().map(|question| question.rule.to_string()).collect()
    }

    fn end(mut self) -> Result<Ended, Failure> {
        let mut said = String::new();
        if let Some(mut stdout) = self.running.child().stdout.take() {
            stdout.read_to_string(&mut said)?;
        }
        self.running.wait()?;
        let questions = self.asked();
        drop(self.running);
        Ok(Ended { said, questions, events: self.events.iter().collect() })
    }
}

fn run(
    mode: Mode,
    policy: &Policy,
    script: &str,
    answer: impl FnMut(&Question) -> Answer + Send + 'static,
) -> Result<Ended, Failure> {
    Run::start(mode, policy, script, answer)?.end()
}

fn policy(allow: &[&str], deny: &[&str]) -> Result<Policy, Failure> {
    let rules = |texts: &[&str]| texts.iter().map(|text| text.parse::<Rule>()).collect::<Result<_, _>>();
    Ok(Policy { allow: rules(allow)?, deny: rules(deny)?, ..Policy::default() })
}

/// What the probe must have said, and how often.
fn came(ended: &Ended, reached: usize, refused: usize) -> Outcome {
    let count = |word: &str| ended.said.matches(word).count();
    let found = (count("reached: "), count("refused: "));
    ensure!(found == (reached, refused), "{reached} reached and {refused} refused: {ended:?}");
    Ok(())
}

fn yes_to_a_name(lab: &mut Lab, mode: Mode) -> Outcome {
    let _world = World::new(lab)?;
    let script = "probe echo good.example.org 7; probe echo good.example.org 7; probe echo six.example.org 7";
    let ended = run(mode, &Policy::default(), script, |_| Answer::Yes)?;
    came(&ended, 3, 0)?;
    ensure_eq!(ended.questions, ["good.example.org:7/tcp", "six.example.org:7/tcp"]);
    let mut allowed = ended.events.iter().filter(|event| event.action == Action::Allowed);
    ensure!(allowed.any(|event| event.target() == "good.example.org:7"), "{ended:?}");
    Ok(())
}

fn yes_to_addresses(lab: &mut Lab, mode: Mode) -> Outcome {
    let _world = World::new(lab)?;
    let script = "for address in 198.51.100.10 2001:db8:10::10; do
        probe echo $address 7; probe udp-kinds $address 5000; probe ping $address 64
    done";
    let ended = run(mode, &Policy::default(), script, |_| Answer::Yes)?;
    came(&ended, 6, 0)?;
    let expected = [
        "198.51.100.10:7/tcp",
        "198.51.100.10:5000/udp",
        "198.51.100.10/icmp",
        "[2001:db8:10::10]:7/tcp",
        "[2001:db8:10::10]:5000/udp",
        "2001:db8:10::10/icmp",
    ];
    ensure_eq!(ended.questions, expected);
    Ok(())
}

fn no(lab: &mut Lab, mode: Mode) -> Outcome {
    let world = World::new(lab)?;
    let token = token();
    let script = "for time in 1 2; do
        probe refusals 203.0.113.66 443 refused; probe refusals 2001:db8:bad::66 443 refused
        probe udp 203.0.113.66 5000; probe ping 203.0.113.66 64
    done";
    let script = format!("export NETWRIGHT_TOKEN={token}; {script}");
    let ended = run(mode, &Policy::default(), &script, |_| Answer::No)?;
    came(&ended, 4, 4)?; // the probe reaches its aim where a connection is refused at once
    let expected =
        ["203.0.113.66:443/tcp", "[2001:db8:bad::66]:443/tcp", "203.0.113.66:5000/udp", "203.0.113.66/icmp"];
    ensure_eq!(ended.questions, expected);
    let told = ended.events.iter().filter(|event| {
        event.action == Action::Blocked && event.reason == "the answer was no" && event.process.is_some()
    });
    ensure!(told.count() >= 8, "{ended:?}");
    let leaks = world.leaks(&[], &token)?;
    ensure!(leaks.is_empty(), "{leaks:?}");
    Ok(())
}

fn all_ports(lab: &mut Lab, mode: Mode) -> Outcome {
    let _world = World::new(lab)?;
    let script = "probe echo good.example.org 7; probe upload good.example.org 9 1000
        probe udp-kinds good.example.org 5000";
    let ended = run(mode, &Policy::default(), script, |_| Answer::AllPorts)?;
    came(&ended, 3, 0)?;
    ensure_eq!(ended.questions, ["good.example.org:7/tcp"]);
    Ok(())
}

fn stop(lab: &mut Lab, mode: Mode) -> Outcome {
    let _world = World::new(lab)?;
    let script = "probe echo 198.51.100.10 7; probe echo 198.51.100.11 7; probe echo 198.51.100.12 7";
    let ended = run(mode, &policy(&["198.51.100.12:7"], &[])?, script, |_| Answer::Stop)?;
    came(&ended, 1, 2)?;
    ensure_eq!(ended.questions, ["198.51.100.10:7/tcp"]);
    Ok(())
}

fn many_at_once(lab: &mut Lab, mode: Mode) -> Outcome {
    let _world = World::new(lab)?;
    let script = "for one in $(seq 20); do probe echo good.example.org 7 & done; wait";
    let ended = run(mode, &Policy::default(), script, |_| {
        thread::sleep(Duration::from_millis(1500)); // segments are repeated after a second
        Answer::Yes
    })?;
    came(&ended, 20, 0)?;
    ensure_eq!(ended.questions, ["good.example.org:7/tcp"]);
    Ok(())
}

/// The answer's addresses have run out when somebody says yes, and datagrams wait as well as connections.
fn late(lab: &mut Lab, mode: Mode) -> Outcome {
    let _world = World::new(lab)?;
    let script = "probe echo good.example.org 7 & probe udp-kinds 198.51.100.10 5000 & wait";
    let ended = run(mode, &Policy::default(), script, |_| {
        thread::sleep(Duration::from_millis(2500));
        Answer::Yes
    })?;
    came(&ended, 2, 0)?;
    ensure_eq!(ended.questions.len(), 2);
    Ok(())
}

/// A name that leads to a private address opens the address only if somebody says so of the address.
fn private_address(lab: &mut Lab, mode: Mode) -> Outcome {
    let _world = World::new(lab)?;
    let script = "probe echo rebind-private.example.org 7; probe echo 10.66.0.1 7";
    let allowed = policy(&["rebind-private.example.org"], &[])?;
    let ended = run(mode, &allowed, script, |_| Answer::Yes)?;
    came(&ended, 2, 0)?;
    ensure_eq!(ended.questions, ["10.66.0.1:7/tcp"]);
    let ended = run(mode, &allowed, script, |_| Answer::No)?;
    came(&ended, 0, 2)
}

/// Nobody is asked about what a rule denies, and about addresses that no rule for many means.
fn denied_and_special(lab: &mut Lab, mode: Mode) -> Outcome {
    let world = World::new(lab)?;
    let token = token();
    let script = "probe echo 198.51.100.10 7; probe resolve good.example.org
        probe tcp 169.254.169.254 80; probe udp 239.1.2.3 5000; probe tcp 255.255.255.255 80";
    let script = format!("export NETWRIGHT_TOKEN={token}; {script}");
    let ended = run(mode, &policy(&[], &["198.51.100.0/24", "*.example.org"])?, &script, |_| Answer::Yes)?;
    ensure!(ended.questions.is_empty(), "{ended:?}");
    ensure!(!ended.said.contains("reached: "), "{ended:?}");
    let leaks = world.leaks(&[], &token)?;
    ensure!(leaks.is_empty(), "{leaks:?}");
    Ok(())
}

/// Whoever ends before there was an answer is told of all the same.
fn ended_without_an_answer(lab: &mut Lab, mode: Mode) -> Outcome {
    let _world = World::new(lab)?;
    let (keep, nobody_answers) = channel::<()>();
    let script = format!("timeout 1 {} tcp 198.51.100.10 443", surroundings()?.probe.display());
    let ended = run(mode, &Policy::default(), &script, move |_| {
        let _ = nobody_answers.recv();
        Answer::Yes
    })?;
    drop(keep);
    let told = ended.events.iter().any(|event| {
        event.action == Action::Blocked
            && event.target() == "198.51.100.10:443"
            && event.reason.contains("ended")
    });
    ensure!(told, "{ended:?}");
    Ok(())
}

fn reload_keeps_answers(lab: &mut Lab, mode: Mode) -> Outcome {
    let _world = World::new(lab)?;
    let folder = surroundings()?.folder.join(format!("asking-{}", mode.name()));
    std::fs::create_dir(&folder)?;
    let script = format!(
        "probe echo good.example.org 7; probe echo 198.51.100.11 7; touch {0}/ready
        while [ ! -e {0}/go ]; do sleep 0.05; done
        probe echo good.example.org 7; probe echo 198.51.100.11 7; probe echo 198.51.100.12 7",
        folder.display()
    );
    let answers = |question: &Question| match question.rule.to_string().starts_with("198") {
        true => Answer::No,
        false => Answer::Yes,
    };
    let run = Run::start(mode, &Policy::default(), &script, answers)?;
    wait_until("the first answers", || Ok(folder.join("ready").exists().then_some(())))?;
    run.running.reload(&policy(&["198.51.100.12:7"], &[])?)?;
    std::fs::write(folder.join("go"), "")?;
    let ended = run.end()?;
    came(&ended, 3, 2)?;
    ensure_eq!(ended.questions, ["good.example.org:7/tcp", "198.51.100.11:7/tcp"]);
    Ok(())
}

fn reload_lets_through(lab: &mut Lab, mode: Mode) -> Outcome {
    let _world = World::new(lab)?;
    let (keep, nobody_answers) = channel::<()>();
    let script = "probe echo good.example.org 7 & probe udp-kinds 198.51.100.10 5000 & wait";
    let run = Run::start(mode, &Policy::default(), script, move |_| {
        let _ = nobody_answers.recv();
        Answer::No
    })?;
    wait_until("the question", || Ok((!run.asked().is_empty()).then_some(())))?;
    thread::sleep(Duration::from_millis(100));
    run.running.reload(&policy(&["good.example.org:7", "198.51.100.10:5000/udp"], &[])?)?;
    let ended = run.end()?;
    drop(keep);
    came(&ended, 2, 0)
}
