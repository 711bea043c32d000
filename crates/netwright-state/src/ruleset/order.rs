//! Which of two lists' entries stay where they are.

use std::collections::HashMap;

/// Pairs of positions, ascending on both sides, of equal entries that can stay: a common start, a common end, and
/// between them a longest ascending run of entries paired by their value and by how often it came before.
pub(super) fn common<T: Eq + std::hash::Hash>(old: &[T], new: &[T]) -> Vec<(usize, usize)> {
    let start = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (old.get(start..).unwrap_or(&[]), new.get(start..).unwrap_or(&[]));
    let end = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(a, b)| a == b).count();
    let (old_end, new_end) = (old.len() - end, new.len() - end);
    let middle = |list: &'_ [T], end: usize| -> std::ops::Range<usize> { start..end.min(list.len()) };

    let mut places: HashMap<(&T, usize), usize> = HashMap::new();
    let mut seen: HashMap<&T, usize> = HashMap::new();
    for place in middle(old, old_end) {
        if let Some(entry) = old.get(place) {
            places.insert((entry, count(&mut seen, entry)), place);
        }
    }
    seen.clear();
    let mut pairs = Vec::new();
    for place in middle(new, new_end) {
        if let Some(entry) = new.get(place)
            && let Some(&found) = places.get(&(entry, count(&mut seen, entry)))
        {
            pairs.push((found, place));
        }
    }
    let mut kept: Vec<_> = (0..start).map(|place| (place, place)).collect();
    kept.extend(longest_ascending(&pairs));
    kept.extend((0..end).map(|place| (old_end + place, new_end + place)));
    kept
}

/// How often an entry was counted before.
fn count<'a, T: Eq + std::hash::Hash>(seen: &mut HashMap<&'a T, usize>, entry: &'a T) -> usize {
    let times = seen.entry(entry).or_default();
    *times += 1;
    *times
}

/// A longest run of pairs whose first numbers ascend; the second ones ascend already.
fn longest_ascending(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // For each length the pair with the smallest first number that a run of that length can end with.
    let mut ends: Vec<usize> = Vec::new();
    let mut previous: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    let first = |index: &usize| pairs.get(*index).map_or(0, |pair| pair.0);
    for (index, pair) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| first(end) < pair.0);
        previous.push(length.checked_sub(1).and_then(|shorter| ends.get(shorter)).copied());
        match ends.get_mut(length) {
            Some(end) => *end = index,
            None => ends.push(index),
        }
    }
    let mut run: Vec<_> =
        std::iter::successors(ends.last().copied(), |&index| previous.get(index).copied().flatten())
            .filter_map(|index| pairs.get(index).copied())
            .collect();
    run.reverse();
    run
}

#[cfg(test)]
mod tests;
