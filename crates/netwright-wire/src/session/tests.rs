use super::*;
use crate::Writer;

/// A message as the kernel writes it, with a length field of its own.
fn message(kind: u16, flags: MessageFlags, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new();
    let mark = writer.begin_message(kind, flags, sequence);
    writer.push(payload);
    writer.end_message(mark);
    writer.bytes().to_vec()
}

/// The same for a socket with another port than 0.
fn to_port(mut message: Vec<u8>, port: u32) -> Vec<u8> {
    message[12..16].copy_from_slice(&port.to_ne_bytes());
    message
}

fn error(sequence: u32, code: i32, rest: &[u8]) -> Vec<u8> {
    let payload = [&code.to_ne_bytes(), rest].concat();
    message(message_type::ERROR, MessageFlags::CAPPED | MessageFlags::ACK_ATTRIBUTES, sequence, &payload)
}

/// A session that waits for the answers to requests 1 and 2.
fn session() -> Session {
    let mut session = Session::new(0);
    session.begin();
    assert_eq!((session.sequence(), session.sequence()), (1, 2));
    session
}

#[track_caller]
fn only(datagram: &[u8]) -> Event<'_> {
    let mut session = session();
    let mut events = session.events(datagram);
    let event = events.next().unwrap().unwrap();
    assert!(events.next().is_none());
    event
}

fn original(length: u32, kind: u16) -> Vec<u8> {
    let mut head = vec![0; 16];
    head[..4].copy_from_slice(&length.to_ne_bytes());
    head[4..6].copy_from_slice(&kind.to_ne_bytes());
    head
}

#[test]
fn answers_are_told_apart() {
    let none = MessageFlags::empty();
    let reply = message(16, none, 2, &[1, 2, 3]);
    assert!(matches!(only(&reply), Event::Reply(message) if message.payload == [1, 2, 3]));
    assert_eq!(only(&error(1, 0, &original(16, 20))), Event::Acknowledged { sequence: 1 });
    let done = message(message_type::DONE, none, 2, &0i32.to_ne_bytes());
    assert_eq!(only(&done), Event::Done { sequence: 2, interrupted: false });
    assert_eq!(only(&message(message_type::OVERRUN, none, 1, &[])), Event::Overrun);
    assert_eq!(
        only(&[message(message_type::NOOP, none, 1, &[]), done].concat()),
        Event::Done { sequence: 2, interrupted: false }
    );
}

#[test]
fn what_answers_nothing_is_unasked() {
    for sequence in [0, 3, 77, u32::MAX] {
        let late = error(sequence, -2, &original(16, 20));
        assert!(matches!(only(&late), Event::Unasked(_)), "{sequence}");
    }
    let mut session = session();
    session.begin();
    assert_eq!(session.sequence(), 3);
    let late = error(2, -2, &original(16, 20));
    assert!(matches!(session.events(&late).next(), Some(Ok(Event::Unasked(_)))));
}

#[test]
fn the_kernels_words_are_read() {
    let mut writer = Writer::new();
    writer.attribute::<Native, _>(1, &String::from("No such thing"));
    writer.attribute::<Native, _>(2, &36u32);
    writer.attribute::<Native, _>(5, &7u32);
    writer.attribute::<Native, _>(6, &20u32);
    writer.attribute::<Native, _>(99, &1u32);
    let refused = error(2, -22, &[&original(40, 24), writer.bytes()].concat());
    let Event::Nack(error) = only(&refused) else { panic!("not a refusal") };
    assert_eq!((error.sequence, error.kind, error.errno), (2, 24, Errno::EINVAL));
    assert_eq!(error.extended.message.as_deref(), Some("No such thing"));
    assert_eq!(error.extended.offset, Some(36));
    assert_eq!((error.extended.missing_type, error.extended.missing_nest), (Some(7), Some(20)));
    assert_eq!(error.to_string(), "invalid argument (EINVAL): No such thing");
}

#[test]
fn the_words_are_found_behind_the_request_where_it_is_repeated() {
    let mut writer = Writer::new();
    writer.push(&(-1i32).to_ne_bytes());
    writer.push(&original(16 + 6, 24));
    writer.push(&[9; 8]); // the request's body with its padding
    writer.attribute::<Native, _>(1, &String::from("no"));
    let refused = message(message_type::ERROR, MessageFlags::ACK_ATTRIBUTES, 1, writer.bytes());
    let Event::Nack(error) = only(&refused) else { panic!("not a refusal") };
    assert_eq!(error.extended.message.as_deref(), Some("no"));
}

#[test]
fn a_refusal_is_one_however_broken_its_rest_is() {
    let whole = [&original(u32::MAX, 24)[..], &[0xff; 30]].concat();
    for cut in 0..whole.len() {
        for flags in [MessageFlags::ACK_ATTRIBUTES, MessageFlags::ACK_ATTRIBUTES | MessageFlags::CAPPED] {
            let payload = [&(-17i32).to_ne_bytes(), &whole[..cut]].concat();
            let refused = message(message_type::ERROR, flags, 1, &payload);
            let Event::Nack(error) = only(&refused) else { panic!("not a refusal") };
            assert_eq!(error.errno, Errno::EEXIST);
        }
    }
    let refused = error(1, i32::MIN, &original(16, 24));
    assert!(matches!(only(&refused), Event::Nack(error) if error.errno == Errno(i32::MAX)));
}

#[test]
fn an_answer_without_its_number_is_malformed() {
    let datagram = message(message_type::ERROR, MessageFlags::empty(), 1, &[0, 0]);
    let mut session = session();
    let mut events = session.events(&datagram);
    assert!(matches!(events.next(), Some(Err(_))));
    assert!(events.next().is_none());
}

#[test]
fn an_interrupted_dump_says_so_once() {
    let mut session = session();
    let part = message(16, MessageFlags::MULTI | MessageFlags::DUMP_INTERRUPTED, 1, &[]);
    let done = message(message_type::DONE, MessageFlags::MULTI, 1, &0i32.to_ne_bytes());
    assert!(matches!(session.events(&part).next(), Some(Ok(Event::Reply(_)))));
    let end = session.events(&done).next();
    assert_eq!(end, Some(Ok(Event::Done { sequence: 1, interrupted: true })));
    let end = session.events(&done).next();
    assert_eq!(end, Some(Ok(Event::Done { sequence: 1, interrupted: false })));
    assert!(matches!(session.events(&part).next(), Some(Ok(Event::Reply(_)))));
    session.begin();
    let number = session.sequence();
    let done = message(message_type::DONE, MessageFlags::MULTI, number, &0i32.to_ne_bytes());
    let end = session.events(&done).next();
    assert_eq!(end, Some(Ok(Event::Done { sequence: number, interrupted: false })));
}

#[test]
fn a_dump_may_fail_at_its_end() {
    let mut writer = Writer::new();
    writer.push(&(-105i32).to_ne_bytes());
    writer.attribute::<Native, _>(1, &String::from("too much"));
    let failed = message(message_type::DONE, MessageFlags::ACK_ATTRIBUTES, 1, writer.bytes());
    let Event::Nack(error) = only(&failed) else { panic!("not a refusal") };
    assert_eq!((error.errno, error.extended.message.as_deref()), (Errno::ENOBUFS, Some("too much")));
    let bare = message(message_type::DONE, MessageFlags::empty(), 1, &[]);
    assert_eq!(only(&bare), Event::Done { sequence: 1, interrupted: false });
}

#[test]
fn numbers_of_others_and_the_end_of_all_numbers() {
    let mut session = Session::numbered(0, u32::MAX, 3);
    for (sequence, ours) in [(u32::MAX, true), (0, true), (1, true), (2, false), (u32::MAX - 1, false)] {
        let datagram = error(sequence, 0, &original(16, 16));
        let event = session.events(&datagram).next().unwrap().unwrap();
        assert_eq!(matches!(event, Event::Acknowledged { .. }), ours, "{sequence}");
    }
    let mut session = Session::numbered(0, u32::MAX / 2, 1);
    session.begin();
    assert_eq!(session.sequence(), 1, "it starts anew in time");
}

#[test]
fn lengths_that_lie_end_the_walk() {
    let good = message(16, MessageFlags::empty(), 1, &[1, 2, 3, 4]);
    for length in [0u32, 1, 15, 21, 1 << 20, u32::MAX - 2, u32::MAX] {
        let mut bad = good.clone();
        bad[..4].copy_from_slice(&length.to_ne_bytes());
        let datagram = [good.clone(), bad, good.clone()].concat();
        let mut session = session();
        let seen: Vec<_> = session.events(&datagram).collect();
        let last_reaches_over = length == 21; // into the next message, whose rest then is none
        assert!(matches!(seen[0], Ok(Event::Reply(_))), "{length}");
        assert!(seen.iter().any(Result::is_err) || last_reaches_over, "{length}: {seen:?}");
        assert!(seen.len() <= 3);
    }
    for cut in 1..16 {
        let mut session = session();
        assert!(matches!(session.events(&good[..cut]).next(), Some(Err(_))), "{cut}");
    }
    assert!(session().events(&[]).next().is_none());
}

/// Two sessions hear each other's answers, in all orders and also where their numbers are the same: each takes its own alone.
#[test]
fn no_answer_is_anothers() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let (mut taken, mut passed) = (0, 0);
    for round in 0..2000_u64 {
        let port = random() as u32;
        let ports = [port, if round % 2 == 0 { port.wrapping_add(1) } else { random() as u32 }];
        if ports[0] == ports[1] {
            continue;
        }
        let number = random() as u32;
        let mut sessions = ports.map(|port| match round % 3 {
            0 => Session::numbered(port, number, 4), // batches are numbered by others: here both have the same numbers
            _ => Session::new(port),
        });
        for session in &mut sessions {
            if round % 3 != 0 {
                session.begin();
                (0..random() % 5 + 1).for_each(|_| _ = session.sequence());
            }
        }
        let answers: Vec<(usize, Vec<u8>)> = (0..8)
            .map(|_| {
                let whose = random() as usize % 2;
                let session = &sessions[whose];
                let sequence = session.first().wrapping_add(random() as u32 % session.outstanding());
                let answer = match random() % 4 {
                    0 => error(sequence, 0, &original(16, 16)),
                    1 => error(sequence, -2, &original(16, 16)),
                    2 => message(message_type::DONE, MessageFlags::MULTI, sequence, &0i32.to_ne_bytes()),
                    _ => message(16, MessageFlags::MULTI, sequence, &[7; 8]),
                };
                (whose, to_port(answer, ports[whose]))
            })
            .collect();
        for (whose, answer) in &answers {
            for (who, session) in sessions.iter_mut().enumerate() {
                let unasked = matches!(session.events(answer).next(), Some(Ok(Event::Unasked(_))));
                assert_eq!(unasked, who != *whose, "ports {ports:?}");
                *(if unasked { &mut passed } else { &mut taken }) += 1;
            }
        }
    }
    assert!(taken > 10_000 && taken == passed, "{taken} {passed}");
}

#[test]
fn neighbouring_ports_begin_far_apart() {
    let mut starts: Vec<u32> = (0..4096).map(|port| Session::new(0x4000_0000 + port).first()).collect();
    starts.sort_unstable();
    assert!(starts.windows(2).all(|pair| pair[1] - pair[0] > 1000));
    assert!(starts[0] > 0 && starts[4095] < u32::MAX / 2);
}

/// Random bytes, and good datagrams with random bytes in them: everything ends, and nothing panics.
#[test]
fn hostile_datagrams_are_survived() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let good = [
        message(16, MessageFlags::MULTI, 1, &[0; 40]),
        error(
            1,
            -22,
            &[&original(40, 24), &[12, 0, 1, 0, b'n', b'o', 0, 0, 8, 0, 2, 0, 1, 0, 0, 0][..]].concat(),
        ),
        message(message_type::DONE, MessageFlags::MULTI | MessageFlags::ACK_ATTRIBUTES, 2, &[0xff; 12]),
    ]
    .concat();
    for _ in 0..20_000 {
        let mut datagram = good.clone();
        for _ in 0..random() % 6 {
            let place = random() as usize % datagram.len();
            datagram[place] = random() as u8;
        }
        datagram.truncate(random() as usize % (datagram.len() + 1));
        let mut session = session();
        let events = session.events(&datagram).count();
        assert!(events <= datagram.len() / 16 + 1);
    }
}
