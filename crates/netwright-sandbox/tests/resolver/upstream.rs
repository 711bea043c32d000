//! A name server of the test's own, whose answers are written by other code than the resolver's.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use netwright_lab::Failure;
use simple_dns::rdata::{A, CNAME, RData, TXT};
use simple_dns::{CLASS, Name, Packet, PacketFlag, RCODE, ResourceRecord};

/// One question as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) name: String,
    pub(crate) tcp: bool,
    pub(crate) extended: bool,
    pub(crate) id: u16,
    pub(crate) port: u16,
}

/// Serves at an address until the test ends; the questions come out of the channel.
pub(crate) fn serve(address: &str) -> Result<Receiver<Asked>, Failure> {
    let address: SocketAddr = address.parse()?;
    let (sender, receiver) = channel();
    let (udp, tcp) = (UdpSocket::bind(address)?, TcpListener::bind(address)?);
    let other = UdpSocket::bind((address.ip(), 0))?;
    let of_udp = sender.clone();
    thread::spawn(move || datagrams(&udp, &other, &of_udp));
    thread::spawn(move || streams(&tcp, &sender));
    Ok(receiver)
}

fn datagrams(socket: &UdpSocket, other: &UdpSocket, asked: &Sender<Asked>) -> Option<()> {
    let mut buffer = [0; 4096];
    loop {
        let (length, from) = socket.recv_from(&mut buffer).ok()?;
        let query = buffer[..length].to_vec();
        let answers = answers(&query, false, from.port(), asked)?;
        let (socket, other) = (socket.try_clone().ok()?, other.try_clone().ok()?);
        let respond = move || {
            for answer in answers {
                match answer {
                    Answer::Bytes(bytes) => drop(socket.send_to(&bytes, from)),
                    Answer::FromElsewhere(bytes) => drop(other.send_to(&bytes, from)),
                    Answer::After(time) => thread::sleep(time),
                }
            }
        };
        thread::spawn(respond);
    }
}

fn streams(listener: &TcpListener, asked: &Sender<Asked>) -> Option<()> {
    loop {
        let (mut stream, from) = listener.accept().ok()?;
        let mut length = [0; 2];
        stream.read_exact(&mut length).ok()?;
        let mut query = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut query).ok()?;
        for answer in answers(&query, true, from.port(), asked)? {
            if let Answer::Bytes(bytes) = answer {
                // In two parts, as networks do.
                let (first, second) = bytes.split_at(bytes.len() / 2);
                stream.write_all(&[&(bytes.len() as u16).to_be_bytes(), first].concat()).ok()?;
                thread::sleep(Duration::from_millis(5));
                stream.write_all(second).ok()?;
            }
        }
    }
}

enum Answer {
    Bytes(Vec<u8>),
    FromElsewhere(Vec<u8>),
    After(Duration),
}

/// What the server does is in the name's first label.
fn answers(query: &[u8], tcp: bool, port: u16, asked: &Sender<Asked>) -> Option<Vec<Answer>> {
    let packet = Packet::parse(query).ok()?;
    let name = packet.questions.first()?.qname.to_string();
    let extended = packet.opt().is_some();
    let _ = asked.send(Asked { name: name.clone(), tcp, extended, id: packet.id(), port });
    let address = |last: u8| record(&name, RData::A(A { address: u32::from_be_bytes([192, 0, 2, last]) }));
    let first = name.split('.').next()?;
    let plain = Answer::Bytes(reply(&packet, RCODE::NoError, vec![address(1)], false));
    Some(match first.trim_end_matches(|digit: char| digit.is_ascii_digit()) {
        "silent" => vec![],
        "slow" => vec![Answer::After(Duration::from_millis(300)), plain],
        "broken" => vec![Answer::Bytes(reply(&packet, RCODE::ServerFailure, vec![], false))],
        "missing" => vec![Answer::Bytes(reply(&packet, RCODE::NameError, vec![], false))],
        "alias" => {
            let target = Name::new_unchecked("edge.example.net");
            let address =
                record("edge.example.net", RData::A(A { address: u32::from_be_bytes([192, 0, 2, 7]) }));
            vec![Answer::Bytes(reply(
                &packet,
                RCODE::NoError,
                vec![record(&name, RData::CNAME(CNAME(target))), address],
                false,
            ))]
        }
        "big" if !tcp => vec![Answer::Bytes(reply(&packet, RCODE::NoError, vec![], true))],
        "big" => {
            let text = "x".repeat(200);
            let texts = (0..20).map(|index| format!("{index} {text}")).collect::<Vec<_>>();
            let records = texts
                .iter()
                .filter_map(|text| Some(record(&name, RData::TXT(TXT::new().with_string(text).ok()?))))
                .collect();
            vec![Answer::Bytes(reply(&packet, RCODE::NoError, records, false))]
        }
        "old" if extended => {
            // As a server that knows no extensions: the header alone.
            let mut header = reply(&packet, RCODE::FormatError, vec![], false);
            header.truncate(12);
            header[5] = 0;
            vec![Answer::Bytes(header)]
        }
        "forged" => {
            let forged = |change: fn(&mut Vec<u8>)| {
                let mut bytes = reply(&packet, RCODE::NoError, vec![address(66)], false);
                change(&mut bytes);
                bytes
            };
            vec![
                Answer::Bytes(forged(|bytes| bytes[1] ^= 1)),
                Answer::Bytes(forged(|bytes| bytes[13] ^= 2)),
                Answer::Bytes(forged(|bytes| bytes[2] &= 0x7f)),
                Answer::Bytes(forged(|bytes| bytes[5] = 0)),
                Answer::Bytes(vec![0; 3]),
                Answer::FromElsewhere(forged(|_| ())),
                Answer::After(Duration::from_millis(50)),
                plain,
            ]
        }
        _ => vec![plain],
    })
}

fn record<'a>(name: &'a str, data: RData<'a>) -> ResourceRecord<'a> {
    ResourceRecord::new(Name::new_unchecked(name), CLASS::IN, 300, data)
}

fn reply(query: &Packet<'_>, code: RCODE, answers: Vec<ResourceRecord<'_>>, truncated: bool) -> Vec<u8> {
    let mut reply = Packet::new_reply(query.id());
    *reply.rcode_mut() = code;
    reply.questions.clone_from(&query.questions);
    reply.answers = answers;
    if truncated {
        reply.set_flags(PacketFlag::TRUNCATION);
    }
    reply.build_bytes_vec_compressed().unwrap_or_default()
}
