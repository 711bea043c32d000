use super::*;

#[test]
fn a_stalled_crowd_has_small_buffers() {
    let mut buffers = Buffers::default();
    let mut taken: Vec<_> = (0..MOST).map(|_| buffers.take()).collect();
    assert!(taken.iter().all(|buffer| buffer.len() == LARGE));
    let small = buffers.take();
    assert_eq!(small.len(), SMALL);
    buffers.give(small);
    assert_eq!(buffers.take().len(), SMALL);
    buffers.give(taken.remove(0));
    assert_eq!(buffers.take().len(), LARGE);
    taken.into_iter().for_each(|buffer| buffers.give(buffer));
    assert_eq!(buffers.free.len(), KEPT);
}

#[test]
fn a_piece_shrinks_from_its_start() {
    let mut piece = Piece::new(b"abcdef".to_vec().into(), 4);
    assert_eq!(piece.bytes(), b"abcd");
    assert!(piece.advance(3));
    assert_eq!(piece.bytes(), b"d");
    assert!(!piece.advance(1));
    assert_eq!(piece.bytes(), b"");
    assert_eq!(Piece::new(vec![0; 4].into(), 9).bytes().len(), 4);
}
