use super::common;

fn check(old: &str, new: &str, kept: &str) {
    let (old, new): (Vec<char>, Vec<char>) = (old.chars().collect(), new.chars().collect());
    let pairs = common(&old, &new);
    assert!(pairs.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1), "{pairs:?}");
    assert!(pairs.iter().all(|&(a, b)| old[a] == new[b]), "{pairs:?}");
    assert_eq!(pairs.iter().map(|&(a, _)| old[a]).collect::<String>(), kept);
}

#[test]
fn what_stays() {
    check("abc", "abc", "abc");
    check("abc", "", "");
    check("", "abc", "");
    check("abc", "abxc", "abc");
    check("abxc", "abc", "abc");
    check("abcd", "dabc", "abc");
    check("dabc", "abcd", "abc");
    check("aaa", "aa", "aa");
    check("aa", "aaa", "aa");
    check("axbxc", "xaxbc", "abc");
    check("abcdef", "fedcba", "a");
}
