//! Messages of DNS over TCP, from a client inside and from a name server: each has its length in front, and the network cuts them anywhere.

use netwright_sandbox::resolver::{dry_message, dry_questions};

/// The longest question that is taken, with its length.
const LONGEST: usize = 4096;

/// The first byte says how long the parts are in which the rest comes, all at once for 0.
pub(super) fn run(data: &[u8]) {
    let Some((&step, bytes)) = data.split_first() else { return };
    let step = if step == 0 { bytes.len().max(1) } else { usize::from(step) };
    let parts: Vec<&[u8]> = bytes.chunks(step).collect();
    assert_eq!(dry_questions(&parts), questions(bytes), "in parts of {step}");
    assert_eq!(dry_message(&parts), message(bytes).map(<[u8]>::to_vec), "in parts of {step}");
}

/// The first message, where it is whole and there is something in it.
fn message(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.get(..usize::from(u16::from_be_bytes(*length))).filter(|message| !message.is_empty())
}

/// The questions up to one that is too long, and whether there is none such.
fn questions(mut bytes: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let mut questions = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes(*length));
        if length + 2 > LONGEST {
            return (questions, false);
        }
        let Some(question) = rest.get(..length) else { break };
        questions.push(question.to_vec());
        bytes = rest.get(length..).unwrap_or_default();
    }
    (questions, true)
}

/// Whole, cut, empty and too long ones, in parts of every size.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let framed = |length: usize| [&(length as u16).to_be_bytes()[..], &vec![7; length]].concat();
    let streams = [
        framed(12),
        [framed(12), framed(30), framed(1)].concat(),
        [framed(0), framed(5)].concat(),
        [framed(20), vec![0]].concat(),
        [framed(3), vec![0, 90, 1, 2]].concat(),
        [framed(LONGEST - 2), framed(2)].concat(),
        [framed(9), framed(LONGEST - 1)].concat(),
        vec![0xff; 40],
        framed(5).repeat(80),
    ];
    let parts = [0_u8, 1, 2, 3, 13, 255];
    streams.iter().flat_map(|stream| parts.map(|part| [&[part][..], stream].concat())).collect()
}
