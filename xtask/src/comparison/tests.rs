use super::{home, page};

/// The page says of each program how many lines it has, so that changed programs are tried and measured anew.
#[test]
fn the_page_has_the_lines_of_the_programs() {
    let written = std::fs::read_to_string(home().join("README.md")).unwrap();
    let rows = page::lines().unwrap();
    assert!(written.contains(&rows), "the page has other lines; `cargo xtask comparison` writes\n{rows}");
}
