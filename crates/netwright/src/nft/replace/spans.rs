//! What elements cover, packed: a first and a last key each, most significant byte first.

/// Records of equal length one behind the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Records {
    length: usize,
    bytes: Vec<u8>,
}

impl Records {
    pub(super) fn of_length(length: usize) -> Self {
        Records { length: length.max(1), bytes: Vec::new() }
    }

    /// Appends a record of two parts; what is not as long as it must be is left out, and `false`.
    pub(super) fn push(&mut self, start: &[u8], rest: &[u8]) -> bool {
        let fits = start.len() + rest.len() == self.length;
        if fits {
            self.bytes.extend_from_slice(start);
            self.bytes.extend_from_slice(rest);
        }
        fits
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len() / self.length
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.chunks_exact(self.length)
    }

    fn get(&self, index: usize) -> &[u8] {
        let start = index * self.length;
        self.bytes.get(start..start + self.length).unwrap_or_default()
    }

    /// Sorts them and leaves each one once; whether none came twice.
    pub(super) fn sort(&mut self) -> bool {
        if self.iter().is_sorted_by(|one, next| one < next) {
            return true;
        }
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_unstable_by(|one, other| self.get(*one).cmp(self.get(*other)));
        let mut sorted = Records { length: self.length, bytes: Vec::with_capacity(self.bytes.len()) };
        let mut before: Option<&[u8]> = None;
        for record in order.iter().map(|index| self.get(*index)) {
            if before != Some(record) {
                sorted.bytes.extend_from_slice(record);
            }
            before = Some(record);
        }
        let distinct = sorted.bytes.len() == self.bytes.len();
        *self = sorted;
        distinct
    }
}

/// Spans of keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Spans(Records);

impl Spans {
    /// Of keys with so many bytes.
    pub(super) fn of_width(width: usize) -> Self {
        Spans(Records::of_length(2 * width))
    }

    pub(super) fn push(&mut self, first: &[u8], last: &[u8]) -> bool {
        self.0.push(first, last)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let width = self.0.length / 2;
        self.0.iter().map(move |record| record.split_at(width))
    }

    pub(super) fn sort(&mut self) -> bool {
        self.0.sort()
    }

    /// Two that overlap; they are sorted.
    pub(super) fn overlapping(&self) -> Option<[(&[u8], &[u8]); 2]> {
        // where any two do, so do two neighbours
        self.iter()
            .zip(self.iter().skip(1))
            .find(|((_, last), (first, _))| first <= last)
            .map(|(one, next)| [one, next])
    }

    /// Joins those that overlap or touch; they are sorted.
    pub(super) fn merge(&mut self) {
        let mut merged = Spans(Records::of_length(self.0.length));
        let mut open: Option<(Vec<u8>, Vec<u8>)> = None;
        for (first, last) in self.iter() {
            match &mut open {
                Some((_, end)) if first <= &**end || successor(end).as_deref() == Some(first) => {
                    if last > &**end {
                        *end = last.to_vec();
                    }
                }
                _ => {
                    if let Some((first, last)) = open.replace((first.to_vec(), last.to_vec())) {
                        merged.push(&first, &last);
                    }
                }
            }
        }
        if let Some((first, last)) = open {
            merged.push(&first, &last);
        }
        *self = merged;
    }

    /// What is here and not there, and what is there and not here; both are sorted.
    pub(super) fn difference(&self, there: &Spans) -> (Spans, Spans) {
        let mut only = (Spans(Records::of_length(self.0.length)), Spans(Records::of_length(there.0.length)));
        let (mut here, mut there) = (self.0.iter().peekable(), there.0.iter().peekable());
        loop {
            match (here.peek(), there.peek()) {
                (None, None) => return only,
                (Some(one), Some(other)) if one == other => {
                    here.next();
                    there.next();
                }
                (Some(one), other) if other.is_none_or(|other| one < other) => {
                    only.0.0.push(one, &[]);
                    here.next();
                }
                (_, Some(other)) => {
                    only.1.0.push(other, &[]);
                    there.next();
                }
                (Some(_), None) => return only,
            }
        }
    }
}

/// The next greater number; `None` behind the greatest.
pub(super) use netwright_nft::lower::set::successor;

/// The next smaller number; `None` before the least.
pub(super) fn predecessor(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut before = bytes.to_vec();
    for byte in before.iter_mut().rev() {
        let (difference, overflow) = byte.overflowing_sub(1);
        *byte = difference;
        if !overflow {
            return Some(before);
        }
    }
    None
}

#[cfg(test)]
mod tests;
