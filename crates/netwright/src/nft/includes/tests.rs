use std::path::{Path, PathBuf};

use netwright_nft::syntax::Loader;

use super::{Includes, read_text, utf8_text};

#[test]
fn names_are_looked_for_where_they_may_be() {
    let paths = |list: &[&str]| list.iter().map(PathBuf::from).collect::<Vec<_>>();
    let host = Includes::beside();
    assert_eq!(host.places("x.nft", "dir/host.toml"), paths(&["dir", "/etc"]));
    assert_eq!(host.places("./x.nft", "dir/host.toml"), paths(&["dir"]));
    let directories = vec!["inc".into(), "/etc".into()];
    let drop_in = Includes { directories, ..Includes::of_file(Path::new("dir/a.nft")) };
    assert_eq!(drop_in.places("x.nft", "dir/a.nft"), paths(&["inc", "/etc", "dir"]));
    // an included file's own directory is not searched
    assert_eq!(drop_in.places("x.nft", "other/b.nft"), paths(&["inc", "/etc", "dir"]));
    assert_eq!(Includes::default().places("x.nft", "<command line>"), paths(&["/etc"]));
    assert_eq!(drop_in.places("./x.nft", "dir/a.nft"), paths(&[""]));
    assert_eq!(drop_in.places("/x.nft", "dir/a.nft"), paths(&[""]));
}

#[test]
fn what_cannot_be_read_has_a_reason() {
    assert_eq!(read_text(Path::new("/")), Err("it is a directory".into()));
    assert_eq!(read_text(Path::new("/no/such/file")), Err("there is no such file".into()));
    assert_eq!(utf8_text(b"a\nb\xff".to_vec()), Err("it is not UTF-8 text (line 2)".into()));
    assert_eq!(Includes::beside().load("/no/such", "x"), Err("there is no such file".into()));
    assert_eq!(Includes::beside().load("/no/such*", "x"), Ok(Vec::new()));
}
