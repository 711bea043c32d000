//! Neighbouring bytes of a packet that are compared for equality are loaded and compared at once.

use netwright_netfilter::{
    DataValue, Expression, Register,
    expression::{CompareOp, PayloadBase},
    raw,
};

/// What one statement, or one match before it, became.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) kind: PieceKind,
    pub(super) code: Vec<Expression>,
}

/// What a piece is for merging.
#[derive(Clone, Debug)]
pub(super) enum PieceKind {
    /// A match of whole bytes of the packet on one value.
    Bytes(Bytes),
    /// Another match: pieces may move across it.
    Match,
    /// Anything else: nothing moves across it.
    Other,
}

/// Bytes of a packet that are compared.
#[derive(Clone, Debug)]
pub(super) struct Bytes {
    pub(super) base: u32,
    /// In bytes.
    pub(super) offset: u32,
    pub(super) value: DataValue,
    /// Whether they tell the protocol above: then what is merged stands in their place.
    pub(super) protocol_key: bool,
}

impl Bytes {
    pub(super) fn code(&self) -> [Expression; 2] {
        let load = raw::payload(PayloadBase(self.base), self.offset, self.value.len() as u32);
        [load.into(Register::R1), raw::cmp(Register::R1, CompareOp::EQ, self.value.clone())]
    }

    fn end(&self) -> u32 {
        self.offset + self.value.len() as u32
    }

    /// The two as one, where they touch and that is worth it: up to four bytes are compared fast, so what fits there
    /// is not made longer.
    fn with(&self, next: &Bytes) -> Option<Bytes> {
        let (a, b) = (self.value.len(), next.value.len());
        let slower = a <= 4 && b <= 4 && a + b > 4;
        if self.base != next.base || self.end() != next.offset || a + b > 16 || slower {
            return None;
        }
        let mut value = self.value.clone();
        value.extend(&next.value).ok()?;
        let protocol_key = self.protocol_key || next.protocol_key;
        Some(Bytes { base: self.base, offset: self.offset, value, protocol_key })
    }
}

/// Merges what can be merged, between statements that are no matches. What is merged away stays as an empty piece.
pub(super) fn merge(pieces: &mut [Piece]) {
    let mut start = 0;
    while start < pieces.len() {
        let length =
            pieces[start..].iter().take_while(|piece| !matches!(piece.kind, PieceKind::Other)).count();
        merge_run(&mut pieces[start..start + length]);
        start += length + 1;
    }
}

fn merge_run(run: &mut [Piece]) {
    let mut order: Vec<(usize, Bytes)> = run
        .iter()
        .enumerate()
        .filter_map(|(at, piece)| match &piece.kind {
            PieceKind::Bytes(bytes) => Some((at, bytes.clone())),
            PieceKind::Match | PieceKind::Other => None,
        })
        .collect();
    order.sort_by_key(|(_, bytes)| (bytes.base, bytes.offset));
    let mut rest = order.into_iter();
    let Some(mut current) = rest.next() else { return };
    for (at, bytes) in rest {
        match current.1.with(&bytes) {
            Some(merged) => {
                let (stay, go) = if bytes.protocol_key { (at, current.0) } else { (current.0, at) };
                run[go].code.clear();
                run[go].kind = PieceKind::Match;
                run[stay].code = merged.code().into();
                run[stay].kind = PieceKind::Bytes(merged.clone());
                current = (stay, merged);
            }
            None => current = (at, bytes),
        }
    }
}
