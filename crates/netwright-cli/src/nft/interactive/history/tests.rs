use std::os::unix::fs::PermissionsExt as _;

use super::file::{LINES, kept, lines};
use super::*;

#[test]
fn lines_are_kept_as_the_editor_of_nft_keeps_them() {
    assert_eq!(kept("list tables"), "list\\040tables");
    let texts = ["list tables", "table ip t {\n\taccept\n}", "comment \"\u{fc} \\ \"", "\\040"];
    for line in texts {
        assert!(kept(line).bytes().all(|byte| byte.is_ascii_graphic()), "{line}");
        assert_eq!(lines(kept(line).as_bytes()), [line]);
    }
    assert_eq!(lines(kept("_HiStOrY_V2_").as_bytes()), ["_HiStOrY_V2_"], "the first line is none");
    assert_eq!(lines(b"a\\9b\\777\\0"), ["a\\9b\\777\\0"], "what is no number stays");
}

#[test]
fn what_one_session_keeps_the_next_one_has() {
    let path = std::env::temp_dir().join(format!("netwright-history-{}", std::process::id()));
    let history = History { path: path.clone() };
    assert!(history.load().is_empty());
    history.add("list tables");
    history.add("quit");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "_HiStOrY_V2_\nlist\\040tables\nquit\n");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(history.load(), ["list tables", "quit"]);
    (0..LINES).for_each(|number| history.add(&number.to_string()));
    assert_eq!((history.load().len(), history.load().first().map(String::as_str)), (LINES, Some("0")));
    std::fs::remove_file(path).unwrap();
}
