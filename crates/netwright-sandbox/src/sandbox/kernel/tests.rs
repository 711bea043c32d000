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

#[test]
fn nobody_is_asked_for_names_to_mount() {
    let mounts = "36 35 0:30 / /net rw,relatime shared:9 - autofs /etc/auto.net rw,fd=6,pgrp=9,timeout=60,minproto=5,maxproto=5,indirect,pipe_ino=7\n\
        37 36 0:31 / /net/files\\040old rw shared:10 - nfs4 files:/ rw\n\
        38 37 0:32 / /net/files\\040old/below rw shared:10 - nfs4 files:/below rw\n\
        39 35 0:33 / /boot rw shared:11 - autofs systemd-1 rw,fd=7,pgrp=1,timeout=0,minproto=5,maxproto=5,direct,pipe_ino=8\n\
        40 35 0:34 / /indirect rw shared:12 - ext4 /dev/sda1 rw,indirect\n";
    assert_eq!(
        mounted_by_name(mounts),
        [Mask::Directory { path: "/net".into(), keep: vec!["files old".into()] }]
    );
}
