use super::*;

#[test]
fn targets_are_told_apart() {
    assert_eq!("4711".parse(), Ok(AttachTarget::Process(4711)));
    assert_eq!("nginx.service".parse(), Ok(AttachTarget::Unit("nginx.service".into())));
    assert_eq!("nginx".parse(), Ok(AttachTarget::Unit("nginx.service".into())));
    assert_eq!("/system.slice".parse(), Ok(AttachTarget::Path("/system.slice".into())));
    for wrong in ["", "0", "a/b"] {
        assert!(wrong.parse::<AttachTarget>().is_err(), "{wrong}");
    }
}

#[test]
fn the_hierarchy_of_version_2_is_found_among_the_mounts() {
    let line = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw";
    assert_eq!(mount_point(line), Some("/sys/fs/cgroup/unified".into()));
    assert_eq!(mount_point("41 31 0:38 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids"), None);
    assert_eq!(mount_point("41 31 0:38 /part /mnt rw - cgroup2 cgroup2 rw"), None, "a part of it only");
    assert_eq!(mount_point(""), None);
}
