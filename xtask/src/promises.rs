//! What README.md and docs/test promise, each with what fails when it is false.

use std::path::Path;

use crate::cargo::root;

/// A sentence or a row, by how it starts, and what shows it.
struct Promise<'t> {
    start: &'t str,
    shown_by: Vec<&'t str>,
}

/// Reads a table of them.
fn promises(text: &str) -> Vec<Promise<'_>> {
    let mut promises: Vec<Promise<'_>> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        match (line.strip_prefix("    "), promises.last_mut()) {
            (Some(shown_by), Some(promise)) => promise.shown_by.push(shown_by),
            _ => promises.push(Promise { start: line, shown_by: Vec::new() }),
        }
    }
    promises
}

/// The sentences of a page of Markdown and the rows of its tables, without headings, code and the heads of tables.
fn sentences(page: &str) -> Vec<String> {
    let (mut all, mut paragraph, mut fenced, mut rows) = (Vec::new(), String::new(), false, 0);
    for line in page.lines().chain([""]) {
        let fence = line.starts_with("```");
        fenced ^= fence;
        if line.starts_with("<!--") {
            continue;
        }
        let row = line.starts_with('|');
        rows = if row { rows + 1 } else { 0 };
        if fence
            || fenced
            || row
            || line.trim().is_empty()
            || line.starts_with('#')
            || line.starts_with("    ")
        {
            split(&std::mem::take(&mut paragraph), &mut all);
        } else if let Some(item) = line.strip_prefix("- ") {
            split(&std::mem::replace(&mut paragraph, item.to_owned()), &mut all);
        } else {
            paragraph = format!("{paragraph} {}", line.trim());
        }
        // the head and the line below it are no rows
        if row && rows > 2 {
            all.push(line.to_owned());
        }
    }
    all
}

/// A sentence ends with a point or a colon that a new word in capitals, in backquotes or in brackets follows.
fn split(paragraph: &str, all: &mut Vec<String>) {
    let mut sentence = String::new();
    let mut words = paragraph.split_whitespace().peekable();
    while let Some(word) = words.next() {
        sentence.push_str(if sentence.is_empty() { "" } else { " " });
        sentence.push_str(word);
        let starts = |next: &&str| next.starts_with(|c: char| c.is_uppercase() || c == '`' || c == '[');
        if word.ends_with(['.', ':']) && words.peek().is_none_or(starts) {
            all.push(std::mem::take(&mut sentence));
        }
    }
    all.extend((!sentence.is_empty()).then_some(sentence));
}

/// Why what is to show a promise does not.
fn missing(shown_by: &str) -> Option<String> {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap_or_default();
    if shown_by.starts_with("measured, no test: ") || shown_by == "no promise about the program" {
        return None;
    }
    if let Some(step) = shown_by.strip_prefix(".ci/run ") {
        let there = read(".ci/run").lines().any(|line| line.trim() == step);
        return (!there).then(|| format!("there is no step {step:?} in .ci/run"));
    }
    let Some((path, function)) = shown_by.split_once(' ') else {
        return Some(format!("neither a step nor a test: {shown_by:?}"));
    };
    let there = [format!("fn {function}("), format!("mod {function};"), format!("mod {function} {{")];
    let text = read(path);
    (!there.iter().any(|there| text.contains(there.as_str()))).then(|| format!("{path} has no {function}"))
}

/// Pages whose sentences are shown one by one, each with what shows them.
const PAGES: [(&str, &str); 2] = [("README.md", "readme.txt"), ("docs/test/README.md", "test.txt")];

#[test]
fn each_sentence_of_these_pages_has_something_that_shows_it() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let mut wrong = Vec::new();
    for (name, table) in PAGES {
        let (page, text) = (read(name), read(&format!("xtask/{table}")));
        let (sentences, promises) = (sentences(&page), promises(&text));
        for sentence in &sentences {
            if !promises.iter().any(|promise| sentence.starts_with(promise.start)) {
                wrong.push(format!("{name} says, and xtask/{table} does not know: {sentence}"));
            }
        }
        for Promise { start, shown_by } in &promises {
            if !sentences.iter().any(|sentence| sentence.starts_with(start)) {
                wrong.push(format!("{name} does not say any more: {start}"));
            }
            if shown_by.is_empty() {
                wrong.push(format!("nothing shows: {start}"));
            }
            wrong.extend(shown_by.iter().filter_map(|shown_by| missing(shown_by)));
        }
        println!("{} sentences and rows of {name}", sentences.len());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn sentences_and_rows_are_told_apart() {
    let page = "# Head\n\nOne of `a.b`\nthat goes on. Two:\n\n    code. Here\n\n```\nMore. Code\n```\n| a | b |\n|---|---|\n| 1 | 2 |\n\nAn end";
    assert_eq!(sentences(page), ["One of `a.b` that goes on.", "Two:", "| 1 | 2 |", "An end"]);
}

#[test]
fn the_version_of_rust_is_that_of_the_manifest() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let manifest = read("Cargo.toml");
    let version = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap();
    assert!(read("README.md").contains(&format!("Rust {} or newer", version.trim_matches('"'))), "{version}");
}

/// Links within the checkout, of all pages.
#[test]
fn links_lead_somewhere() {
    let mut pages = vec![root().join("README.md")];
    let (mut wrong, mut count) = (Vec::new(), 0);
    while let Some(page) = pages.pop() {
        let text = std::fs::read_to_string(&page).unwrap();
        let folder = page.parent().unwrap_or(Path::new("/")).to_path_buf();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            let path = link.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains("://") || path.contains(' ') {
                continue;
            }
            count += 1;
            if !folder.join(path).exists() {
                wrong.push(format!("{} leads to {path}, which is not there", page.display()));
            }
        }
        if page == root().join("README.md") {
            pages.extend(markdown(&root()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 50, "only {count} links were found");
}

/// All pages of the checkout but README.md.
fn markdown(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !path.is_symlink() && name != "target" && !name.starts_with('.') {
            found.extend(markdown(&path));
        } else if name.ends_with(".md") && path != root().join("README.md") {
            found.push(path);
        }
    }
    found
}
