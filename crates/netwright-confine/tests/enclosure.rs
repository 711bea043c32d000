//! A network of its own for some processes.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{add_address, add_table, enclosure, isolated, links, set_loopback_up};
use netwright_confine::{Enclosure, EnclosureOptions, Mask, SocketRequest};
use netwright_sys::{Namespace, protocol};

#[test]
fn the_inside_is_configured_from_outside() {
    let enclosure = enclosure();
    let mut route = enclosure.connection(protocol::ROUTE).unwrap();
    assert_eq!(links(&mut route).first().map(String::as_str), Some("lo"));
    set_loopback_up(&mut route).unwrap();
    add_address(&mut route, "192.0.2.1/32").unwrap();
    let mut netfilter = enclosure.connection(protocol::NETFILTER).unwrap();
    add_table(&mut netfilter, "inside");
    let group = rustix::process::getegid(); // only groups that exist inside can be written
    enclosure.write_sysctl("net/ipv4/ping_group_range", &format!("{group} {group}")).unwrap();

    let listener = SocketRequest {
        transparent: true,
        bind: Some(SocketAddr::from(([192, 0, 2, 1], 80))),
        listen: Some(5),
        ..SocketRequest::tcp(false)
    };
    let listener = TcpListener::from(enclosure.socket(&listener).unwrap());
    let client = SocketRequest { connect: Some(listener.local_addr().unwrap()), ..SocketRequest::tcp(false) };
    let client = TcpStream::from(enclosure.socket(&client).unwrap());
    let (accepted, from) = listener.accept().unwrap();
    assert_eq!(client.local_addr().unwrap(), from);
    drop(accepted);
}

#[test]
fn what_cannot_be_made_is_told_with_its_step() {
    let enclosure = enclosure();
    let mut route = enclosure.connection(protocol::ROUTE).unwrap();
    set_loopback_up(&mut route).unwrap(); // before that, an address of no machine can be bound
    let busy =
        SocketRequest { bind: Some(SocketAddr::from(([192, 0, 2, 7], 80))), ..SocketRequest::tcp(false) };
    let error = enclosure.socket(&busy).unwrap_err();
    assert!(error.to_string().contains("TCP socket inside for 192.0.2.7:80: bind it"), "{error}");
    assert!(enclosure.socket(&SocketRequest { free_bind: true, ..busy }).is_ok());
    assert!(enclosure.socket(&SocketRequest { transparent: true, ..busy }).is_ok());
    assert!(enclosure.socket(&SocketRequest::new(-1, libc::SOCK_STREAM, 0)).is_err());
    for path in ["kernel/hostname", "net/../kernel/hostname", "net//ipv4", "/proc/sys/net/ipv4/ip_forward"] {
        assert!(enclosure.write_sysctl(path, "0").is_err(), "{path}");
    }
    let error = enclosure.write_sysctl("net/ipv4/nothing", "0").unwrap_err();
    assert!(error.is_not_found(), "{error}");
}

#[test]
fn sockets_have_what_was_asked() {
    use rustix::net::sockopt;
    let enclosure = enclosure();
    for ipv6 in [false, true] {
        let request = SocketRequest {
            nonblocking: true,
            transparent: true,
            free_bind: true,
            reuse_address: true,
            reuse_port: true,
            original_destination: true,
            v6_only: ipv6.then_some(true),
            mark: Some(7),
            receive_buffer: Some(300_000),
            send_buffer: Some(300_000),
            ..SocketRequest::udp(ipv6)
        };
        let socket = enclosure.socket(&request).unwrap();
        assert!(rustix::fs::fcntl_getfl(&socket).unwrap().contains(rustix::fs::OFlags::NONBLOCK));
        assert!(rustix::io::fcntl_getfd(&socket).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
        assert!(sockopt::socket_reuseaddr(&socket).unwrap() && sockopt::socket_reuseport(&socket).unwrap());
        assert_eq!(sockopt::socket_recv_buffer_size(&socket).unwrap(), 300_000);
        assert_eq!(sockopt::socket_send_buffer_size(&socket).unwrap(), 300_000);
        assert!(!ipv6 || sockopt::ipv6_v6only(&socket).unwrap());
        enclosure.socket(&SocketRequest::raw(ipv6)).unwrap();
    }
}

#[test]
fn threads_share_it() {
    let enclosure = enclosure();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..100 {
                    enclosure.socket(&SocketRequest::udp(false)).unwrap();
                }
            });
        }
    });
}

#[test]
fn many_masks_are_laid_and_a_wrong_one_is_named() {
    let enclosure = enclosure();
    let cover = |path: &str| Mask::File { path: path.into(), content: b"inside".repeat(10_000) };
    enclosure.mask(&vec![cover("/etc/passwd"); 60]).unwrap();
    let mut masks = vec![cover("/etc/passwd"); 60];
    masks[30] = cover("/nowhere/file");
    let error = enclosure.mask(&masks).unwrap_err();
    assert!(error.is_not_found() && error.to_string().contains("/nowhere/file"), "{error}");
    // The next answer is that to the next request.
    enclosure.socket(&SocketRequest::tcp(false)).unwrap();
    let lines = fs::read_to_string(format!("/proc/{}/mountinfo", enclosure.helper()))
        .map(|mounts| mounts.lines().filter(|line| line.contains(" /etc/passwd ")).count());
    assert!(lines.is_err() || lines.is_ok_and(|lines| (90..120).contains(&lines)));
}

#[test]
fn all_users_can_be_left_out() {
    let options = EnclosureOptions { all_users: Some(false), ..EnclosureOptions::default() };
    let enclosure = Enclosure::create(&options).unwrap_or_else(|error| panic!("{error}. {:?}", error.help()));
    assert!(!enclosure.has_all_users());
    let map = fs::read_to_string(format!("/proc/{}/uid_map", enclosure.helper())).unwrap();
    let own = rustix::process::geteuid().to_string();
    assert!(map.split_whitespace().eq([own.as_str(), &own, "1"]), "{map}");
}

#[test]
fn the_helper_ends_with_the_enclosure() {
    let enclosure = enclosure();
    let process = format!("/proc/{}", enclosure.helper());
    assert!(Path::new(&process).exists());
    drop(enclosure);
    assert!(!Path::new(&process).exists());
}

#[test]
fn the_helper_ends_with_a_killed_supervisor() {
    const TEST: &str = "the_helper_ends_with_a_killed_supervisor";
    const SUPERVISOR: &str = "NETWRIGHT_TEST_IS_SUPERVISOR";
    if env::var_os(SUPERVISOR).is_some() {
        // A thread makes it and ends: the helper must not depend on that.
        let enclosure = std::thread::spawn(enclosure).join().unwrap();
        enclosure.socket(&SocketRequest::tcp(false)).unwrap();
        eprintln!("{}", enclosure.helper());
        std::thread::sleep(Duration::from_secs(60));
        return;
    }
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args([TEST, "--exact", "--nocapture"])
        .env(SUPERVISOR, "yes")
        .stderr(Stdio::piped())
        .stdout(Stdio::null());
    let mut supervisor = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(supervisor.stderr.take().unwrap()).read_line(&mut line).unwrap();
    let process = format!("/proc/{}/stat", line.trim().parse::<u32>().unwrap_or_else(|_| panic!("{line}")));
    assert!(alive(&process));
    supervisor.kill().unwrap();
    supervisor.wait().unwrap();
    let end = Instant::now() + Duration::from_secs(10);
    while alive(&process) {
        assert!(Instant::now() < end, "the helper lives on");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether the process is there, and not only its unread end.
fn alive(stat: &str) -> bool {
    fs::read_to_string(stat).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn it_can_be_made_in_namespaces_of_ones_own() {
    isolated("it_can_be_made_in_namespaces_of_ones_own", || {
        let enclosure = enclosure();
        assert!(enclosure.has_all_users());
        let mut route = enclosure.connection(protocol::ROUTE).unwrap();
        set_loopback_up(&mut route).unwrap();
        let (inside, own) = (enclosure.namespace().unwrap(), Namespace::current().unwrap());
        assert!(!inside.same_as(&own).unwrap());
        assert!(inside.run(|| Namespace::current().unwrap().same_as(&inside)).unwrap().unwrap());
    });
}
