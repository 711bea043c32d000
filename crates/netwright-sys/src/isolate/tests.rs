use super::*;

#[test]
fn the_obstacle_is_named() {
    let help = |errno, path: &'static str, value: &'static str| {
        obstacle(errno, |asked| (asked == path).then(|| format!("{value}\n"))).unwrap_or_default()
    };
    let apparmor = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns";
    assert!(help(Errno::EACCES, apparmor, "1").contains("AppArmor"));
    assert!(!help(Errno::EACCES, apparmor, "0").contains("AppArmor"));
    assert!(help(Errno::EPERM, "/proc/sys/kernel/unprivileged_userns_clone", "0").contains("userns_clone"));
    assert!(help(Errno::EPERM, "/proc/sys/user/max_user_namespaces", "0").contains("max_user_namespaces"));
    assert!(help(Errno::EPERM, "", "").contains("container"));
    assert!(help(Errno::EPERM, "/proc/self/status", "Name:\tx\nSeccomp:\t2").contains("seccomp filter"));
    let mounts = "/proc/self/mountinfo";
    assert!(help(Errno::EPERM, mounts, "22 1 8:1 /srv /dev rw - ext4 /dev/vda rw").contains("chroot"));
    assert!(help(Errno::EPERM, mounts, "22 1 8:1 / / rw - ext4 /dev/vda rw").contains("container"));
    assert!(help(Errno::ENOENT, "/proc/self/status", "").contains("/dev/null"));
    assert!(help(Errno::ENOENT, "", "").contains("mount it"));
    assert!(help(Errno::ENOSYS, "", "").contains("newer kernel"));
    assert!(help(Errno::ENOSPC, "", "").contains("max_user_namespaces"));
    assert_eq!(obstacle(Errno::EINVAL, |_| None), None);
}

#[test]
fn a_process_with_threads_is_refused() {
    // The test harness runs tests on threads, so this process has more than one.
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || stopped.recv());
    let error = enter().unwrap_err();
    drop(stop);
    assert!(thread.join().is_ok());
    assert!(error.to_string().contains("threads already"), "{error}");
    assert!(error.help().is_some());
}
