//! What a command does while its needs are learned: names, files and its own name become text of a policy file, which must say that and nothing more.

use std::ffi::OsStr;
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::SystemTime;

use netwright_nft::diagnostic::SourceMap;
use netwright_sandbox::{Action, Event, FileUse, Learner, Policy, Process, Protocol, SearchPath};

/// Each piece up to a zero byte is something that was done: its first byte says what.
pub(super) fn run(data: &[u8]) {
    let mut learner = Learner::default();
    for piece in data.split(|byte| *byte == 0) {
        if let Some((&kind, text)) = piece.split_first() {
            learner.note(&event(kind, text));
        }
    }
    let text = learner.to_toml();
    let mut sources = SourceMap::default();
    let (read, diagnostics) =
        Policy::from_toml(&mut sources, "learned.toml", &text, &[], &SearchPath::default());
    assert!(diagnostics.is_empty(), "{diagnostics:?}\n{text}");
    let (read, learned) = (read.expect("what is written can be read"), learner.policy());
    assert_eq!((read.allow, read.deny), (learned.allow, learned.deny), "{text}");
    assert_eq!(read.files, learned.files, "{text}");
    assert!(read.hosts.is_empty() && read.dns.is_empty() && read.sockets.is_empty(), "{text}");
}

fn event(kind: u8, text: &[u8]) -> Event {
    let word = String::from_utf8_lossy(text).into_owned();
    let event = Event {
        time: SystemTime::UNIX_EPOCH,
        process: Some(Process { id: 1, command: word.clone() }),
        ..Event::new(Action::Allowed, "")
    };
    let address = IpAddr::from([203, 0, 113, kind]);
    let protocol = [Protocol::Tcp, Protocol::Udp, Protocol::Icmp].into_iter().nth(usize::from(kind >> 4) % 4);
    match kind % 5 {
        // a question, a connection to a name, one to an address
        0 => Event { name: Some(word), ..event },
        1 => {
            Event { name: Some(word), address: Some(address), port: Some(u16::from(kind)), protocol, ..event }
        }
        2 => Event { address: Some(address), port: Some(u16::from(kind)), protocol, ..event },
        number => {
            let file_use = if number == 3 { FileUse::Read } else { FileUse::Write };
            // the supervisor's paths are whole
            let path = PathBuf::from(OsStr::from_bytes(&[b"/", text].concat()));
            Event { path: Some(path), file_use: Some(file_use), ..event }
        }
    }
}

/// Things of every kind, with what means something in a policy file.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let texts: [&[u8]; 9] = [
        b"www.example.org",
        b"a.example.net\0\x05b.example.net\0\x05c.example.net",
        b"home/user/file\0\x04home/user/other",
        b"\"]\nallow = [\"any\"]\n#",
        b"x\\\"\x7f\xc2\x85\xe2\x80\xa8 {}",
        b"home/\xff\xfe",
        b"~/x\0\x03./y\0\x04*",
        b"*.example.org:1-2/tcp",
        b"xn--bcher-kva.example.\0\x01any\0\x01internet",
    ];
    texts
        .iter()
        .flat_map(|text| [1_u8, 2, 3, 4, 5, 17, 33].map(|kind| [&[kind][..], text].concat()))
        .collect()
}
