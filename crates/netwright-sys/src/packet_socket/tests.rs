use super::*;

#[test]
fn a_tag_goes_behind_the_addresses() {
    let mut buffer = [0; 24];
    for (byte, number) in buffer.iter_mut().zip(0..16) {
        *byte = number;
    }
    assert_eq!(insert(&mut buffer, 16, [0x81, 0, 0, 7]), 20);
    assert_eq!(buffer[..20], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0x81, 0, 0, 7, 12, 13, 14, 15]);
    let mut short = [1; 14];
    assert_eq!(insert(&mut short, 14, [0x81, 0, 0, 7]), 18);
    let mut tiny = [1; 3];
    assert_eq!(insert(&mut tiny, 3, [0x81, 0, 0, 7]), 7);
}
