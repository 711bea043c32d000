use super::named::validate;
use super::*;

#[test]
fn names_are_one_component() {
    let long = "x".repeat(256);
    for wrong in ["", ".", "..", "a/b", "/", "a\0b", &long] {
        assert!(validate(wrong).is_err(), "{wrong:?}");
    }
    for right in ["blue", "a.b", "…", "-x", &long[1..]] {
        assert!(validate(right).is_ok(), "{right:?}");
    }
}

#[test]
fn the_current_one_is_itself() {
    let current = Namespace::current().unwrap();
    assert!(current.same_as(&Namespace::of_pid(std::process::id()).unwrap()).unwrap());
    assert!(current.same_as(&current.clone()).unwrap());
    assert_eq!(current.name(), None);
}

#[test]
fn the_current_one_is_found_without_proc() {
    let current = Namespace::current().unwrap();
    let found: Vec<_> = [own_of_socket(), own_of_thread()].into_iter().flatten().collect();
    // one needs a privilege, the other Linux 6.11
    assert!(!found.is_empty() || !crate::capability::net_admin());
    for fd in found {
        assert!(Namespace::adopt(fd).unwrap().same_as(&current).unwrap());
    }
}

#[test]
fn what_is_no_network_namespace_is_refused() {
    let error = Namespace::open_path("/proc/self/ns/mnt").unwrap_err();
    assert!(error.to_string().contains("another kind"), "{error}");
    let error = Namespace::open_path("/proc/self/status").unwrap_err();
    assert!(error.to_string().contains("stands for no namespace"), "{error}");
    let error = Namespace::open_path("/nowhere").unwrap_err();
    assert_eq!(error.to_string(), "cannot open the network namespace at /nowhere: no such object (ENOENT)");
    assert!(Namespace::of_pid(0).unwrap_err().is_not_found());
    assert!(Namespace::open_named("../etc").is_err());
}
