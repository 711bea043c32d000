use super::*;

/// A tree of directories that is gone afterwards.
struct Tree(PathBuf);

impl Tree {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("netwright-access-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Tree(fs::canonicalize(path).unwrap())
    }

    fn directory(&self, name: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(&path).unwrap();
        path
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn around(tree: &Tree) -> Surroundings {
    let home = tree.directory("home");
    Surroundings { directory: tree.directory("home/work"), home: Some(home), programs: Vec::new() }
}

#[test]
fn a_workspace_is_written_and_the_home_directory_is_empty() {
    let tree = Tree::new("workspace");
    let around = around(&tree);
    let files = FileAccess { workspace: true, ..FileAccess::default() };
    let access = Access::new(&files, &around, &[]).unwrap();
    let (work, home) = (tree.0.join("home/work"), tree.0.join("home"));
    assert_eq!(access.of(&work.join("a/b")), Usable::Written(work.clone()));
    assert_eq!(access.of(&home.join(".bashrc")), Usable::Private(home));
    assert_eq!(access.of(Path::new("/usr/share/doc/x")), Usable::Read("/usr".into()));
    assert_eq!(access.of(Path::new("/srv/x")), Usable::Hidden);
}

#[test]
fn a_home_directory_is_no_workspace() {
    let tree = Tree::new("home");
    let mut around = around(&tree);
    let files = FileAccess { workspace: true, ..FileAccess::default() };
    for directory in [tree.0.join("home"), tree.0.clone(), PathBuf::from("/")] {
        around.directory = directory;
        assert!(Access::new(&files, &around, &[]).is_err());
    }
}

#[test]
fn links_lead_to_what_may_be_used_and_stay() {
    let tree = Tree::new("links");
    let around = around(&tree);
    let data = tree.directory("data/deep");
    std::os::unix::fs::symlink("../data", tree.0.join("home/link")).unwrap();
    let files = FileAccess { read: vec!["~/link/deep".into()], ..FileAccess::default() };
    let access = Access::new(&files, &around, &[]).unwrap();
    assert_eq!(access.of(&data.join("x")), Usable::Read(data.clone()));
    assert!(access.leads_on(&tree.0.join("home/link")));
    let covers = access.covers().unwrap();
    let kept = |directory: &Path| {
        covers.iter().find(|(covered, _)| covered == directory).map(|(_, keep)| keep.clone())
    };
    assert_eq!(kept(&tree.0.join("home")), Some(vec!["link".to_owned()]));
    assert_eq!(kept(&tree.0.join("data")), Some(vec!["deep".to_owned()]));
    assert_eq!(kept(&data), None);
}

#[test]
fn what_is_not_there_is_refused() {
    let tree = Tree::new("missing");
    let around = around(&tree);
    let files = FileAccess { write: vec!["out".into()], ..FileAccess::default() };
    let error = Access::new(&files, &around, &[]).unwrap_err().to_string();
    assert!(error.contains("home/work/out"), "{error}");
    let files = FileAccess { caches: vec!["cargo".into()], ..FileAccess::default() };
    let error = Access::new(&files, &around, &[]).unwrap_err().to_string();
    assert!(error.contains(".cargo/registry"), "{error}");
}

#[test]
fn programs_are_read_with_what_belongs_to_them() {
    let tree = Tree::new("programs");
    let mut around = around(&tree);
    let home = tree.0.join("home");
    let programs = [".pyenv/shims", ".cargo/bin", ".local/bin", "bin"];
    around.programs = programs.map(|path| tree.directory(&format!("home/{path}"))).to_vec();
    tree.directory("home/.rustup");
    let files = FileAccess { workspace: true, ..FileAccess::default() };
    let access = Access::new(&files, &around, &[]).unwrap();
    for path in [".pyenv/versions", ".cargo/bin/cargo", ".rustup/toolchains", ".local/bin/x", "bin/x"] {
        assert!(matches!(access.of(&home.join(path)), Usable::Read(_)), "{path}");
    }
    for path in [".cargo/credentials.toml", ".local/share/keyrings", ".ssh/id"] {
        assert!(matches!(access.of(&home.join(path)), Usable::Private(_)), "{path}");
    }
}
