//! The command lines of `docs/sandbox/recipes.md`, run as they stand there but for the program behind `--`.

use std::fs;
use std::path::Path;

use crate::asking::Terminal;
use crate::support::{isolated, run};

/// The lines of commands, without `sudo`.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let indented = text.lines().filter_map(|line| line.strip_prefix("    "));
    let commands = indented.map(|line| line.strip_prefix("sudo ").unwrap_or(line));
    commands.filter(|line| line.starts_with("netwright "))
}

/// The content of the first block of TOML.
fn policy(text: &str) -> &str {
    let (_, rest) = text.split_once("```toml\n").expect("a policy");
    rest.split_once("```").expect("its end").0
}

#[test]
fn recipes_are_read_and_run() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sandbox/recipes.md");
    let text = fs::read_to_string(path).expect("the recipes");
    let directory = std::env::temp_dir().join(format!("netwright-recipes-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("a directory");
    fs::write(directory.join("ci.toml"), policy(&text)).expect("a file");
    // What the recipes take to be there.
    let home = std::env::temp_dir().join(format!("netwright-recipes-home-{}", std::process::id()));
    fs::create_dir_all(home.join(".npm")).expect("a directory");
    fs::write(home.join("X0"), "").expect("a file");

    let (attached, lines): (Vec<_>, Vec<_>) = lines(&text).partition(|line| line.contains("--attach"));
    assert!(lines.len() >= 12 && attached.len() == 1, "{lines:#?} {attached:#?}");
    for line in lines {
        let arguments = line.trim_start_matches("netwright ");
        let arguments = match arguments.split_once(" -- ") {
            Some((options, _)) => format!("{options} -- true"),
            None => arguments.to_owned(),
        };
        let arguments = arguments.replace("/tmp/.X11-unix/X0", &home.join("X0").display().to_string());
        let script = format!("cd \"$2\"; \"$0\" {arguments}");
        if arguments.contains("--ask") {
            let (code, said) = Terminal::run(&script, &directory).end();
            assert_eq!(code, 0, "{line}\n{said}");
            continue;
        }
        let mut command = isolated(&script);
        let (code, stdout, stderr) = run(command.env("HOME", &home).arg(&directory));
        match arguments.starts_with("explain-policy") {
            true => assert!(stdout.contains("registry.example.org:443"), "{line}\n{code}\n{stdout}{stderr}"),
            false => assert_eq!(code, 0, "{line}\n{stdout}{stderr}"),
        }
    }
    fs::remove_dir_all(&directory).expect("the directory goes");
    fs::remove_dir_all(&home).expect("the directory goes");
}
