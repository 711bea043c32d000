use std::os::unix::net::UnixListener;

use super::*;

/// A directory of this test's own.
fn directory(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("netwright-masks-{}-{name}", std::process::id()));
    fs::create_dir_all(&path).unwrap();
    fs::canonicalize(path).unwrap()
}

fn kept(masks: &[Mask], below: &Path) -> Vec<(String, Vec<String>)> {
    let short = |path: &Path| path.strip_prefix(below).unwrap().display().to_string();
    masks
        .iter()
        .map(|mask| match mask {
            Mask::Directory { path, keep } => (short(path), keep.clone()),
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn entries_with_sockets_go_and_ways_to_what_is_kept_stay() {
    let run = directory("cover");
    for name in ["lock", "systemd/resolve", "systemd/journal", "user/1000/bus.d", "user/7"] {
        fs::create_dir_all(run.join(name)).unwrap();
    }
    fs::write(run.join("file"), "").unwrap();
    fs::write(run.join("systemd/resolve/stub"), "").unwrap();
    fs::write(run.join("user/1000/file"), "").unwrap();
    let sockets =
        ["docker.sock", "allowed.sock", "systemd/journal/socket", "systemd/resolve/varlink", "user/1000/bus"];
    let _listeners = sockets.map(|name| UnixListener::bind(run.join(name)).unwrap());
    let mut plan = Plan {
        kept: ["allowed.sock", "systemd/resolve/stub"].iter().map(|name| run.join(name)).collect(),
        emptied: run.join("user/1000"),
        masks: Vec::new(),
    };
    plan.cover(&run);
    let expected: [(&str, &[&str]); 5] = [
        ("", &["allowed.sock", "file", "lock", "systemd", "user"]),
        ("systemd", &["resolve"]),
        ("systemd/resolve", &["stub"]),
        ("user", &["1000", "7"]),
        ("user/1000", &[]),
    ];
    let mut masks = kept(&plan.masks, &run);
    masks.sort();
    let expected =
        expected.map(|(path, keep)| (path.to_owned(), keep.iter().map(|&name| name.to_owned()).collect()));
    assert_eq!(masks, Vec::from(expected));
    fs::remove_dir_all(run).unwrap();
}

const HEADING: &str = "Num       RefCount Protocol Flags    Type St Inode Path\n";

#[test]
fn sockets_are_read_from_the_list_and_looked_up() {
    let line = b"000000002a1b4f6e: 00000002 00000000 00010000 0001 01 23117 /run/a b.sock";
    assert_eq!(socket_path(line), Some(Path::new("/run/a b.sock")));
    assert_eq!(socket_path(b"000000002a1b4f6e: 00000002 00000000 00010000 0001 01 23117 @abstract"), None);
    assert_eq!(socket_path(b"000000002a1b4f6e: 00000003 00000000 00000000 0001 03  1156"), None);
    assert_eq!(socket_path(b""), None);

    let place = directory("listed");
    let _listener = UnixListener::bind(place.join("socket")).unwrap();
    fs::write(place.join("file"), "").unwrap();
    let list = ["socket", "file", "gone"].map(|name| {
        format!("000000002a1b4f6e: 00000002 00000000 00010000 0001 01 23117 {}\n", place.join(name).display())
    });
    let list = format!("{HEADING}{}", list.concat());
    assert_eq!(listed_sockets(list.as_bytes()), BTreeSet::from([place.join("socket")]));

    let here = std::env::current_dir().unwrap();
    let relative = format!("netwright-masks-{}.sock", std::process::id());
    let _relative = UnixListener::bind(&relative).unwrap();
    let list = format!("{HEADING}000000002a1b4f6e: 00000002 00000000 00010000 0001 01 23117 ./{relative}\n");
    assert_eq!(listed_sockets(list.as_bytes()), BTreeSet::from([here.join(&relative)]));
    fs::remove_file(relative).unwrap();
    fs::remove_dir_all(place).unwrap();
}

#[test]
fn sockets_below_a_directory_are_found_to_some_depth() {
    let place = directory("below");
    fs::create_dir_all(place.join("ssh-x/deeper/deepest")).unwrap();
    let names = ["one", "ssh-x/agent.1", "ssh-x/deeper/three", "ssh-x/deeper/deepest/four"];
    let _listeners = names.map(|name| UnixListener::bind(place.join(name)).unwrap());
    let expected = names.iter().take(3).map(|name| place.join(name)).collect();
    assert_eq!(temporary_sockets(&place), expected);
    fs::remove_dir_all(place).unwrap();
}
