use super::*;

#[test]
fn mounts_that_are_elsewhere_are_covered() {
    let line =
        |point: &str, kind: &str| format!("36 35 0:30 / {point} rw,relatime shared:9 - {kind} none rw");
    let covered = |point: &str, kind: &str| elsewhere(&line(point, kind));
    let read_only = |path: &str| Some(Mask::ReadOnly { path: path.into() });
    let empty = |path: &str| Some(Mask::Directory { path: path.into(), keep: Vec::new() });
    assert_eq!(covered("/mnt/groups", "cgroup2"), read_only("/mnt/groups"));
    assert_eq!(covered("/a\\040b\\134", "cgroup"), read_only("/a b\\"));
    assert_eq!(covered("/sys/fs/cgroup", "cgroup2"), None);
    assert_eq!(covered("/sysroot/cgroup", "cgroup2"), read_only("/sysroot/cgroup"));
    assert_eq!(covered("/chroot/proc", "proc"), empty("/chroot/proc"));
    assert_eq!(covered("/proc", "proc"), None);
    assert_eq!(covered("/queues", "mqueue"), empty("/queues"));
    assert_eq!(covered("/dev/mqueue", "mqueue"), None);
    assert_eq!(covered("/chroot/dev/pts", "devpts"), empty("/chroot/dev/pts"));
    assert_eq!(covered("/home", "ext4"), None);
    assert_eq!(elsewhere("nonsense"), None);
}
