use super::{Spans, predecessor, successor};

fn spans(list: &[(u8, u8)]) -> Spans {
    let mut spans = Spans::of_width(1);
    list.iter().for_each(|(first, last)| assert!(spans.push(&[*first], &[*last])));
    spans
}

fn list(spans: &Spans) -> Vec<(u8, u8)> {
    spans.iter().map(|(first, last)| (first[0], last[0])).collect()
}

#[test]
fn they_are_sorted_and_single() {
    let mut some = spans(&[(5, 6), (1, 1), (5, 6), (1, 2)]);
    assert!(!some.sort());
    assert_eq!(list(&some), [(1, 1), (1, 2), (5, 6)]);
    assert!(some.sort());
}

#[test]
fn what_overlaps_or_touches_is_joined() {
    let mut some = spans(&[(0, 4), (2, 3), (5, 9), (11, 11), (255, 255)]);
    some.merge();
    assert_eq!(list(&some), [(0, 9), (11, 11), (255, 255)]);
    let mut none = spans(&[]);
    none.merge();
    assert_eq!(none.len(), 0);
}

#[test]
fn only_what_differs_is_different() {
    let (new, gone) =
        spans(&[(1, 1), (3, 4), (9, 9)]).difference(&spans(&[(1, 1), (2, 2), (3, 5), (10, 10)]));
    assert_eq!(list(&new), [(3, 4), (9, 9)]);
    assert_eq!(list(&gone), [(2, 2), (3, 5), (10, 10)]);
    let (new, gone) = spans(&[]).difference(&spans(&[(1, 1)]));
    assert_eq!((new.len(), gone.len()), (0, 1));
    let (new, gone) = spans(&[(1, 1), (2, 2)]).difference(&spans(&[]));
    assert_eq!((new.len(), gone.len()), (2, 0));
}

#[test]
fn numbers_have_neighbours() {
    assert_eq!(predecessor(&[1, 0]), Some(vec![0, 255]));
    assert_eq!(predecessor(&[0, 0]), None);
    assert_eq!(successor(&[0, 255]), Some(vec![1, 0]));
    assert_eq!(successor(&[255, 255]), None);
}

#[test]
fn another_width_is_not_taken() {
    assert!(!Spans::of_width(4).push(&[1], &[1]));
}
