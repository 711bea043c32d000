use super::*;

const USERS: &str = "root:x:0:0:root:/root:/bin/sh\nbuild:x:1001:100:Build,,,:/home/build:/bin/sh\nbroken\n";

#[test]
fn users_are_found_by_name_and_by_number() {
    for wanted in ["build", "1001"] {
        let user = user_in(USERS, wanted).expect("a user");
        assert_eq!((user.ids.uid, user.ids.gid, user.name.as_str()), (1001, 100, "build"));
        assert_eq!(user.home, PathBuf::from("/home/build"));
    }
    assert!(user_in(USERS, "nobody").is_none() && user_in(USERS, "1002").is_none());
}

#[test]
fn groups_are_those_that_list_the_user_behind_its_own() {
    let groups = "users:x:100:build\naudio:x:29:other,build\nvideo:x:44:builder\nempty:x:45:\n";
    assert_eq!(groups_in(groups, "build", 100), [100, 29]);
}
