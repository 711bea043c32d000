//! The host's processes, sockets and namespaces, and the privileges that would change the filter. All of these take a sandbox.

use super::{Attempt, Server};

/// All files can be read, and none be written.
const READ: &[&str] = &["--no-network", "--read", "/", "--read", "/tmp"];

/// All files can be read, and those for a moment be written.
const WRITTEN: &[&str] = &["--no-network", "--read", "/", "--write", "/tmp"];

pub(super) const ATTEMPTS: &[Attempt] = &[
    // Sockets of the host.
    Attempt::one("abstract-socket", &["abstract"]),
    Attempt::one("abstract-datagram-socket", &["abstract-datagram"]),
    Attempt::one("socket-of-docker", &["path", "socket:docker"]),
    Attempt::one("socket-of-docker-by-root", &["path-by-root", "socket:docker"]),
    Attempt::one("socket-of-containerd", &["path", "socket:containerd"]),
    Attempt::one("socket-of-podman", &["path", "socket:podman"]),
    Attempt::one("socket-of-nscd", &["path", "socket:nscd"]),
    Attempt::one("socket-of-resolved", &["path", "socket:io.systemd.Resolve"]),
    Attempt::one("socket-of-the-journal", &["path-datagram", "socket:journal"]),
    Attempt::one("socket-of-the-system-bus", &["path", "socket:system_bus_socket"]),
    Attempt::one("socket-of-the-users-bus", &["path", "socket:/bus"]),
    Attempt::one("socket-of-gpg-agent", &["path", "socket:gpg-agent"]),
    Attempt::one("socket-of-ssh-agent", &["path", "socket:agent.1"]),
    Attempt::one("socket-of-wayland", &["path", "socket:wayland"]),
    Attempt::one("socket-of-tmux", &["path", "socket:tmux"]),
    Attempt::one("socket-of-x11", &["path", "socket:X11-unix"]),
    Attempt::one("socket-by-a-relative-path", &["path", "server"]).server(Server::Relative),
    Attempt::one("socket-that-appears-later", &["path-later", "server"]).server(Server::Late),
    // Files that may be read.
    Attempt::new("pipe-that-may-be-read", READ, &["write", "server"], &[]).server(Server::Pipe),
    Attempt::new("pipe-that-may-be-read-by-proc", READ, &["write-by-proc", "server"], &[])
        .server(Server::Pipe),
    Attempt::new("file-at-standard-input", READ, &["write", "/proc/self/fd/0"], &[]).server(Server::Input),
    Attempt::new("rights-of-the-file-at-standard-input", READ, &["change-input"], &[]).server(Server::Input),
    // Directories in which somebody outside mounts.
    Attempt::one("name-in-an-automounted-directory", &["look-below", "server"]).server(Server::Automount),
    Attempt::new("name-in-a-writable-automounted-directory", WRITTEN, &["look-below", "server"], &[])
        .server(Server::Automount),
    Attempt::new("name-in-a-readable-automounted-directory", READ, &["look-below", "server"], &[])
        .server(Server::Automount),
    // What is handed down.
    Attempt::one("inherited-descriptors", &["inherited"]).handed_down(),
    Attempt::one("descriptors-at-all", &["descriptors"]).handed_down(),
    // Processes of the host.
    Attempt::one("trace-the-supervisor", &["trace", "supervisor"]),
    Attempt::one("trace-the-helper", &["trace", "helper"]),
    Attempt::one("memory-of-the-supervisor", &["memory", "supervisor"]),
    Attempt::one("memory-of-the-helper", &["memory", "helper"]),
    Attempt::one("memory-of-the-supervisor-by-call", &["memory-by-call", "supervisor"]),
    Attempt::one("memory-of-the-helper-by-call", &["memory-by-call", "helper"]),
    Attempt::one("descriptors-of-the-supervisor", &["take-descriptor", "supervisor"]),
    Attempt::one("descriptors-of-the-helper", &["take-descriptor", "helper"]),
    Attempt::one("open-descriptors-of-the-supervisor", &["open-descriptor", "supervisor"]),
    Attempt::one("environment-of-the-supervisor", &["environment", "supervisor"]),
    Attempt::one("maps-of-the-helper", &["maps", "helper"]),
    // Death of those who keep the filter.
    Attempt::one("kill-the-supervisor", &["kill-then-tcp", "supervisor", "9", "203.0.113.66", "443"])
        .killed(),
    Attempt::one("kill-the-supervisor-v6", &["kill-then-tcp", "supervisor", "9", "2001:db8:bad::66", "443"])
        .killed(),
    Attempt::one("terminate-the-supervisor", &["kill-then-tcp", "supervisor", "15", "203.0.113.66", "443"])
        .killed(),
    Attempt::one("crash-the-supervisor", &["kill-then-tcp", "supervisor", "11", "203.0.113.66", "443"])
        .killed(),
    Attempt::one("hang-up-the-supervisor", &["kill-then-tcp", "supervisor", "1", "203.0.113.66", "443"])
        .killed(),
    Attempt::one("stop-the-supervisor", &["kill-then-tcp", "supervisor", "19", "203.0.113.66", "443"])
        .killed(),
    Attempt::one("kill-the-helper", &["kill-then-tcp", "helper", "9", "203.0.113.66", "443"]).killed(),
    Attempt::one("stop-the-helper", &["kill-then-tcp", "helper", "19", "203.0.113.66", "443"]).killed(),
    Attempt::one("terminate-the-helper", &["kill-then-tcp", "helper", "15", "203.0.113.66", "443"]).killed(),
    // The network itself.
    Attempt::one("add-a-route", &["route-add", "203.0.113.66", "443"]),
    Attempt::one("add-an-address", &["address-add", "203.0.113.66", "443"]),
    Attempt::one("take-a-link-down", &["link-down", "203.0.113.66", "443"]),
    Attempt::one("delete-a-rule", &["rule-delete", "203.0.113.66", "443"]),
    Attempt::one("flush-the-filter", &["flush", "203.0.113.66", "443"]),
    Attempt::one("user-namespace-then-change", &["unshare-user-then", "203.0.113.66", "443"]),
    Attempt::one("become-root-then-change", &["become-root", "203.0.113.66", "443"]),
    Attempt::one("namespace-of-the-supervisor", &["join-namespace", "supervisor", "203.0.113.66", "443"]),
    Attempt::one("namespace-of-the-helper", &["join-namespace", "helper", "203.0.113.66", "443"]),
    Attempt::one("namespace-of-the-first-process", &["join-namespace", "1", "203.0.113.66", "443"]),
    Attempt::one("nested-namespace-with-a-link", &["nested", "203.0.113.66", "443"])
        .alone("the kernel refuses it anyway"),
    Attempt::one("tun-device", &["tun"]).alone("opening it is no breach by itself"),
    // Privileges.
    Attempt::one(
        "program-with-capabilities",
        &["set-user-program", "/usr/bin/ping", "-c1", "-W1", "203.0.113.66"],
    ),
    Attempt::one("program-of-root", &["set-user-program", "/usr/bin/su", "-c", "true"])
        .alone("it asks for a password"),
    Attempt::one("bpf", &["bpf"]).alone("most kernels allow it to root only"),
    // The masks and settings.
    Attempt::one("unmount-the-resolvers-file", &["unmount", "/etc/resolv.conf"]).root(),
    Attempt::one("unmount-run", &["unmount", "/run"]).root(),
    Attempt::one("unmount-a-socket", &["unmount", "socket:docker"]).alone("nothing is mounted there"),
    Attempt::one("write-forwarding", &["sysctl", "/proc/sys/net/ipv4/ip_forward"]).root(),
    Attempt::one("write-localnet-routing", &["sysctl", "/proc/sys/net/ipv4/conf/all/route_localnet"]).root(),
    Attempt::one("write-ping-range", &["sysctl", "/proc/sys/net/ipv4/ping_group_range"]).root(),
    Attempt::one("write-core-pattern", &["sysctl", "/proc/sys/kernel/core_pattern"])
        .alone("not of the network namespace"),
    Attempt::one("open-sysrq", &["open-for-writing", "/proc/sysrq-trigger"]).root().perhaps(),
    Attempt::one("open-interrupts", &["open-for-writing", "/proc/irq/default_smp_affinity"]).root().perhaps(),
    Attempt::one("mount-processes", &["mount", "proc"]).alone("a user namespace may forbid it to root too"),
    Attempt::one("mount-system", &["mount", "sysfs"]).root(),
    Attempt::one("push-terminal-input", &["push-input"]).alone("there is no terminal"),
];
