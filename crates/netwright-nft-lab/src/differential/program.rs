//! A program that takes nft's language line by line.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use netwright_lab::{Failure, Node};
use netwright_sys::Namespace;

/// A program, the namespace that it works in, and a folder for what it reads and prints.
#[derive(Clone, Debug)]
pub struct Program {
    path: PathBuf,
    namespace: Namespace,
    folder: PathBuf,
}

/// How texts are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// In the language of nft.
    Text,
    /// As JSON.
    Json,
}

/// What became of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was taken.
    Taken,
    /// It was refused, with these words.
    Refused(String),
    /// The program ended or hung.
    Died(String),
}

impl Answer {
    /// Whether it was taken.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        matches!(self, Answer::Taken)
    }
}

/// How long one text may take.
const PATIENCE: Duration = Duration::from_secs(20);

impl Program {
    /// A program in a namespace.
    #[must_use]
    pub fn new(path: &Path, namespace: Namespace, folder: &Path) -> Self {
        Program { path: path.to_owned(), namespace, folder: folder.to_owned() }
    }

    /// The same program in another's namespace.
    #[must_use]
    pub fn inside(mut self, other: &Program) -> Self {
        self.namespace = other.namespace.clone();
        self
    }

    /// The same program in a namespace that has nothing yet.
    pub(super) fn elsewhere(mut self, name: &str) -> Result<Self, Failure> {
        self.namespace = Namespace::create_anonymous()?;
        Node::in_namespace(name, self.namespace.clone())?;
        self.folder = self.folder.join(name);
        Ok(self)
    }

    /// Tries texts one after the other; what they print goes to `printed`.
    pub fn answers(
        &self,
        form: Form,
        texts: &[String],
        debug: bool,
    ) -> Result<(Vec<Answer>, String), Failure> {
        fs::create_dir_all(&self.folder)?;
        let mut answers = Vec::new();
        let mut printed = String::new();
        while answers.len() < texts.len() {
            let from = answers.len();
            let died = self.session(form, texts, from, debug, &mut answers, &mut printed)?;
            if let (Some(how), true) = (died, answers.len() < texts.len()) {
                answers.push(Answer::Died(how));
            }
        }
        Ok((answers, printed))
    }

    /// Tries the texts from one on until the program ends; how it ended, where that was before the last of them.
    fn session(
        &self,
        form: Form,
        texts: &[String],
        from: usize,
        debug: bool,
        answers: &mut Vec<Answer>,
        printed: &mut String,
    ) -> Result<Option<String>, Failure> {
        let mut lines = String::new();
        for (place, text) in texts.iter().enumerate().skip(from) {
            match form {
                // From a file, so that what a text leaves open does not reach into the next.
                Form::Text => {
                    let file = self.folder.join(format!("{place}.nft"));
                    fs::write(&file, text)?;
                    lines += &format!("include \"{}\"\n", file.display());
                }
                Form::Json => lines += &format!("{}\n", text.replace('\n', " ")),
            }
            lines += &format!("{}\n", marker(place));
        }
        let input = self.folder.join("input");
        fs::write(&input, lines)?;
        let (output, errors) = (self.folder.join("output"), self.folder.join("errors"));
        let mut command = self.namespace.command(&self.path);
        command.arg("-i").env("TZ", "UTC-2").env_remove("HOME");
        if form == Form::Json {
            command.arg("-j");
        }
        if debug {
            command.arg("--debug=netlink");
        }
        command.stdin(File::open(&input)?).stdout(File::create(&output)?).stderr(File::create(&errors)?);
        let mut child = command.spawn()?;
        let ended = wait(&mut child, &errors)?;
        printed.push_str(&String::from_utf8_lossy(&fs::read(&output)?));
        let said = String::from_utf8_lossy(&fs::read(&errors)?).into_owned();
        let mut rest = said.as_str();
        for (place, text) in texts.iter().enumerate().skip(from) {
            let Some(at) = find_marker(rest, place) else {
                let last = rest.lines().last().unwrap_or_default();
                return Ok(Some(format!("{ended}: {last}")));
            };
            let (own, behind) = rest.split_at(at);
            answers.push(judge(own, text));
            rest = behind;
        }
        Ok(None)
    }

    /// What `list ruleset` prints with some options.
    pub fn list(&self, options: &[&str]) -> Result<String, Failure> {
        self.run(&[options, &["list", "ruleset"]].concat())
    }

    /// What the program prints with some arguments.
    pub fn run(&self, arguments: &[&str]) -> Result<String, Failure> {
        let mut command = self.namespace.command(&self.path);
        command.args(arguments).env("TZ", "UTC-2").stdin(Stdio::null());
        let output = command.output()?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(Failure::wrong(format_args!(
                "{} {} failed: {}",
                self.path.display(),
                arguments.join(" "),
                String::from_utf8_lossy(&output.stderr)
            ))),
        }
    }

    /// Loads a text that must be taken.
    pub fn load(&self, text: &str) -> Result<(), Failure> {
        fs::create_dir_all(&self.folder)?;
        let file = self.folder.join("world.nft");
        File::create(&file)?.write_all(text.as_bytes())?;
        self.run(&["-f", &file.to_string_lossy()]).map(|_| ())
    }
}

/// A line that every program refuses: in the errors it stands behind what belongs to a text.
fn marker(place: usize) -> String {
    format!("marker{place}x")
}

/// Where the message about a marker ends.
fn find_marker(said: &str, place: usize) -> Option<usize> {
    let mark = marker(place);
    let last = said.find(&mark)?;
    // A message quotes the line once, or the word and then the line.
    let rest = said.get(last..)?;
    let next = rest.find("marker").and_then(|_| rest.get(mark.len()..)?.find(&marker(place + 1)));
    let own = &rest[..next.map_or(rest.len(), |next| next + mark.len())];
    Some(last + own.rfind(&mark).unwrap_or(0) + mark.len())
}

/// The messages about a text and the one about its marker.
fn judge(said: &str, text: &str) -> Answer {
    let is_error = |line: &&str| {
        let line = line.to_ascii_lowercase();
        line.starts_with("error:") || line.contains(": error:") || line.starts_with("internal:")
    };
    let quoted = text.to_ascii_lowercase().contains("error:");
    let errors: Vec<&str> = said.lines().filter(is_error).collect();
    match errors.len() {
        0 | 1 => Answer::Taken,
        _ if quoted && errors.len() == 2 => Answer::Taken,
        _ => Answer::Refused(errors[0].to_owned()),
    }
}

/// Waits for the end of a program, as long as it goes on answering.
fn wait(child: &mut Child, errors: &Path) -> Result<String, Failure> {
    let (mut since, mut length) = (Instant::now(), 0);
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(shown(status));
        }
        let now = fs::metadata(errors)?.len();
        if now != length {
            (since, length) = (Instant::now(), now);
        }
        if since.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Ok("it hung".to_owned());
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

fn shown(status: ExitStatus) -> String {
    status.to_string()
}
