//! The host file in the README is one that is taken.

use std::fs;
use std::path::Path;

use netwright_nft::diagnostic::SourceMap;
use netwright_state::{Format, read};

#[test]
fn the_readme_shows_a_host_file_without_mistakes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let block = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let mut sources = SourceMap::default();
    let mut load =
        |path: &str| fs::read_to_string(root.join("examples").join(path)).map_err(|error| error.to_string());
    let (host, diagnostics) = read(&mut sources, "README.md", block, Format::Toml, &mut load);
    assert_eq!(diagnostics, []);
    let host = host.unwrap();
    assert_eq!((host.links.len(), host.flows.len()), (4, 1)); // the two ports of the bridge are links, too
    assert!(!host.firewall_sources.is_empty());
}
