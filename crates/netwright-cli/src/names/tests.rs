use std::os::unix::fs::MetadataExt as _;

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
