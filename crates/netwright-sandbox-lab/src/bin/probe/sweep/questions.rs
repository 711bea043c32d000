//! Every way to write a question around a name that may be asked for: what is sent on is that name, and nothing of what stands around it.

use std::net::UdpSocket;
use std::time::Duration;

use super::counted;
use crate::dns::configured;
use crate::{Came, Outcome, token};

/// The name that may be asked for, and the names of its addresses.
const NAME: [&str; 3] = ["good", "example", "org"];
const ADDRESS: [&str; 4] = ["10", "100", "51", "198"];
const REVERSE: [&str; 2] = ["in-addr", "arpa"];

/// `A`, `SOA`, `PTR`, `TXT`, `AAAA`, `SRV`, `NAPTR`, `TLSA`, `HTTPS`, `CAA`, and an unknown one.
const KINDS: [u16; 11] = [1, 6, 12, 16, 28, 33, 35, 52, 65, 257, 4711];

type Labels = Vec<Vec<u8>>;

pub(super) fn sweep() -> Outcome {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.connect(configured()?)?;
    socket.set_read_timeout(Some(Duration::from_millis(500)))?;
    let mut tried = 0;
    let mut ask = |labels: &Labels, kind: u16, class: u16, flags: u16| {
        tried += 1;
        let mut message = [tried as u16, flags, 1, 0, 0, 0].map(u16::to_be_bytes).concat();
        for label in labels {
            message.push(label.len() as u8);
            message.extend(label);
        }
        message.push(0);
        message.extend([kind, class].map(u16::to_be_bytes).concat());
        if socket.send(&message).is_ok() {
            let _ = socket.recv(&mut [0; 4096]); // where there is no answer, none is due
        }
    };
    let plain = labels(&NAME);
    // its addresses are released, so that their names may be asked for
    ask(&plain, 1, 1, 0x100);
    ask(&plain, 28, 1, 0x100);
    for kind in (0..=300).chain([32_768, 32_769, 65_280, 65_535]) {
        ask(&plain, kind, 1, 0x100);
    }
    for flag in 0..16 {
        ask(&plain, 1, 1, 0x100 ^ (1 << flag));
    }
    for class in [0, 2, 3, 4, 254, 255, 4711] {
        ask(&plain, 1, class, 0x100);
    }
    for name in names() {
        KINDS.into_iter().for_each(|kind| ask(&name, kind, 1, 0x100));
    }
    counted("question", tried);
    Ok(Came::Reached("the end of the questions".into()))
}

fn labels<T: AsRef<[u8]>>(parts: &[T]) -> Labels {
    parts.iter().map(|part| part.as_ref().to_vec()).collect()
}

/// The name with something in front of it, in it and behind it, and other spellings of an address.
fn names() -> Vec<Labels> {
    let token = token();
    let part = token.get(..12).unwrap_or(&token);
    let name = labels(&NAME);
    let mut names = Vec::new();
    let fronts: [&[&str]; 16] = [
        &[&token],
        &["*"],
        &["www"],
        &[&format!("_{part}")],
        &[&format!("_{part}"), "_tcp"],
        &["_tcp", &format!("_{part}")],
        &["_https", &format!("_{part}"), "_tcp"],
        &["_a", "_b", "_c"],
        &["_a", "_b", "_c", "_d"],
        &["_1234", "_5678"],
        &["_54321", "_tcp"],
        &["_0443", "_tcp"],
        &["_", "_tcp"],
        &["_443", "_443", "_tcp"],
        &["_dmarc", "_dmarc"],
        &["xn--nxasmq6b"],
    ];
    names.extend(fronts.map(|front| [labels(front), name.clone()].concat()));
    names.push([name.clone(), labels(&[&token])].concat());
    names.push([name.clone(), labels(&["evil", "example", "net"])].concat());
    names.push(vec![b"good.example.org".to_vec()]);
    names.push(vec![b"good\0".to_vec(), b"example".to_vec(), b"org".to_vec()]);
    names.push(vec![b"good".to_vec(), b"example.org".to_vec()]);
    names.push(vec![b"go\xc3\xb6d".to_vec(), b"example".to_vec(), b"org".to_vec()]);
    for spelled in ["010", "+10", "0000000010", "10 ", "0x0a", "266"] {
        let mut address = labels(&ADDRESS);
        address[0] = spelled.as_bytes().to_vec();
        names.push([address, labels(&REVERSE)].concat());
    }
    names.push([labels(&[&token]), labels(&ADDRESS), labels(&REVERSE)].concat());
    names.push([labels(&[&format!("_{part}"), "_tcp"]), labels(&ADDRESS), labels(&REVERSE)].concat());
    names
}
