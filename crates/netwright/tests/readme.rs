//! The README shows what is there.

#[test]
fn the_readme_shows_the_seed_example() {
    let example = include_str!("../examples/seed.rs");
    let code = example.find("use std::").and_then(|start| example.get(start..)).unwrap_or_default();
    let readme = include_str!("../../../README.md");
    assert!(code.contains("fn main()"));
    assert!(
        readme.contains(&format!("```rust\n{code}```")),
        "the example in README.md is not examples/seed.rs"
    );
}
