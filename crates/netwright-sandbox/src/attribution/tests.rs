use std::net::{TcpListener, TcpStream};

use netwright_route::socket_diagnosis::SOCKET_DIAGNOSIS_PROTOCOL;
use netwright_sys::Namespace;

use super::*;

#[test]
fn a_connection_of_this_process_is_found_as_its_own() {
    let namespace = Namespace::current().unwrap().identity().unwrap();
    let sockets = Connection::open(SOCKET_DIAGNOSIS_PROTOCOL).unwrap();
    let attribution = Attribution::new(sockets, namespace, std::process::id());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    for _ in 0..3 {
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (local, remote) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
        let process = attribution.process(Protocol::Tcp, local, remote).unwrap();
        assert_eq!(process.id, std::process::id());
        assert!(!process.command.is_empty() && !process.command.contains('\n'));
        // it has no such UDP socket
        assert_eq!(attribution.process(Protocol::Udp, local, remote), None);
    }
}

#[test]
fn processes_of_other_namespaces_are_passed_over() {
    let mut processes = Processes { namespace: (0, 0), ..Processes::default() };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let link = fs::read_link(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&listener)));
    let inode = socket_inode(&link.unwrap()).unwrap();
    assert_eq!(processes.owner(inode), None);
    processes.namespace = namespace_of(Path::new("/proc/self")).unwrap();
    assert_eq!(processes.owner(inode).map(|process| process.id), Some(std::process::id()));
}

#[test]
fn a_line_of_the_list_of_ping_sockets_is_read() {
    let line = "  107: 00000000:0030 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 52110 2 0000000000000000 0";
    assert_eq!(ping_socket(line, 0x30), Some(52110));
    assert_eq!(ping_socket(line, 0x31), None);
    assert_eq!(ping_socket("", 0x30), None);
}
