use super::*;

#[test]
fn control_groups_are_their_folders() {
    let mount = std::env::temp_dir().join(format!("netwright-control-groups-{}", std::process::id()));
    let inner = mount.join("system.slice/foo.service");
    fs::create_dir_all(&inner).unwrap();
    fs::write(mount.join("cgroup.procs"), "").unwrap();
    let mut names = Names::new();
    control_groups(&mut names, &mount);
    let number = |name: &str| names.number(Database::ControlGroups, name);
    let inode = fs::metadata(&inner).unwrap().ino();
    assert_eq!(number("system.slice/foo.service"), Some(inode));
    assert_eq!(names.name(Database::ControlGroups, inode), Some("system.slice/foo.service"));
    assert!(number("system.slice").is_some());
    assert_eq!(number("cgroup.procs"), None);
    fs::remove_dir_all(mount).unwrap();
}

#[test]
fn a_file_is_read_again_when_it_has_changed() {
    let file = std::env::temp_dir().join(format!("netwright-host-names-{}", std::process::id()));
    let path: &'static str = file.to_str().unwrap().to_owned().leak();
    let number =
        |name: &str| in_file(Database::Marks, path).and_then(|names| names.number(Database::Marks, name));
    assert_eq!(number("blue"), None);
    fs::write(path, "1 blue\n").unwrap();
    assert_eq!(number("blue"), Some(1));
    // of the same length, at once
    fs::write(path, "2 blue\n").unwrap();
    assert_eq!(number("blue"), Some(2));
    let old = fs::File::options().write(true).open(path).unwrap();
    old.set_modified(UNIX_EPOCH).unwrap();
    assert_eq!(number("blue"), Some(2));
    assert!(!is_settled(State::of(path).unwrap()));
    fs::remove_file(path).unwrap();
    assert_eq!(number("blue"), None);
}
