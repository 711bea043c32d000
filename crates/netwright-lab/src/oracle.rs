//! The tools that results are compared with.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::Failure;

/// A tool, run in the network namespace of the calling thread.
#[derive(Clone, Debug)]
pub struct Oracle {
    program: PathBuf,
    variables: Vec<(String, String)>,
}

impl From<PathBuf> for Oracle {
    fn from(program: PathBuf) -> Self {
        Oracle { program, variables: Vec::new() }
    }
}

impl Oracle {
    /// `nft`, or the one that the environment variable `NETWRIGHT_NFT` names.
    pub fn nft() -> Result<Self, Failure> {
        match std::env::var_os("NETWRIGHT_NFT").filter(|path| !path.is_empty()) {
            Some(path) => Ok(PathBuf::from(path).into()),
            None => Self::find("nft", "nftables"),
        }
    }

    /// [`Oracle::nft`], of this version or a later one.
    pub fn nft_since(version: (u32, u32, u32)) -> Result<Self, Failure> {
        let nft = Self::nft()?;
        let said = nft.text(["--version"])?;
        let number = said.split_whitespace().find_map(|word| word.strip_prefix('v')).unwrap_or_default();
        let mut parts = number.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        let mut next = || parts.next().unwrap_or(0);
        if (next(), next(), next()) >= version {
            return Ok(nft);
        }
        let (major, minor, patch) = version;
        let program = nft.program.display();
        Err(Failure::missing(format!(
            "{program} is of version {number}, and {major}.{minor}.{patch} is needed"
        )))
    }

    /// `ip` of iproute2.
    pub fn ip() -> Result<Self, Failure> {
        Self::find("ip", "iproute2")
    }

    /// `bridge` of iproute2.
    pub fn bridge() -> Result<Self, Failure> {
        Self::find("bridge", "iproute2")
    }

    /// Any other program, and the package that has it.
    pub fn find(program: &str, package: &str) -> Result<Self, Failure> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
        let mut found = folders.map(|folder| folder.join(program)).filter(|path| path.is_file());
        match found.next() {
            Some(program) => Ok(program.into()),
            None => Err(Failure::missing(format!("there is no {program}; install the package {package}"))),
        }
    }

    /// The same, run with an environment variable.
    #[must_use]
    pub fn with(mut self, variable: &str, value: &str) -> Self {
        self.variables.push((variable.to_owned(), value.to_owned()));
        self
    }

    /// Where the tool lies.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Runs it and takes what it prints; a failure with its complaint where it fails.
    #[track_caller]
    pub fn text<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Result<String, Failure> {
        self.feed(arguments, "")
    }

    /// Runs it with this on its standard input and takes what it prints.
    #[track_caller]
    pub fn feed<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
        input: &str,
    ) -> Result<String, Failure> {
        let arguments: Vec<A> = arguments.into_iter().collect();
        let output = self.output(&arguments, input)?;
        if !output.status.success() {
            let arguments: Vec<_> =
                arguments.iter().map(|argument| argument.as_ref().to_string_lossy()).collect();
            return Err(Failure::wrong(format_args!(
                "{} {} failed ({}): {}",
                self.program.display(),
                arguments.join(" "),
                output.status,
                String::from_utf8_lossy(&output.stderr).trim_end(),
            )));
        }
        String::from_utf8(output.stdout).map_err(|_| {
            Failure::wrong(format_args!("{} printed something that is not UTF-8", self.program.display()))
        })
    }

    /// Runs it with the words of a line: `ip.line("link add a type veth peer name b")`.
    #[track_caller]
    pub fn line(&self, line: &str) -> Result<String, Failure> {
        self.text(line.split_whitespace())
    }

    /// Runs it with `-j` and the words of a line, and reads the JSON that it prints; nothing printed is an empty list.
    #[track_caller]
    pub fn json(&self, line: &str) -> Result<Value, Failure> {
        let text = self.text(["-j"].into_iter().chain(line.split_whitespace()))?;
        if text.trim().is_empty() {
            return Ok(Value::Array(Vec::new()));
        }
        serde_json::from_str(&text).map_err(|error| Failure::wrong(format_args!("{error} in: {text}")))
    }

    /// Runs it and takes its output and status, whatever they are.
    #[track_caller]
    pub fn output<A: AsRef<OsStr>>(&self, arguments: &[A], input: &str) -> Result<Output, Failure> {
        let mut command = Command::new(&self.program);
        command.envs(self.variables.iter().map(|(variable, value)| (variable, value)));
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| {
            Failure::missing(format!("{} cannot be run: {error}", self.program.display()))
        })?;
        let stdin = child.stdin.take();
        // Written by another thread: a tool that prints before it has read everything would otherwise wait for us, and we for it.
        let output = std::thread::scope(|scope| {
            scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input.as_bytes())));
            child.wait_with_output()
        });
        output.map_err(|error| Failure::wrong(format_args!("{}: {error}", self.program.display())))
    }
}
