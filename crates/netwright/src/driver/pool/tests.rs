use std::process;
use std::sync::Arc;

use netwright_sys::{Namespace, protocol};

use super::{Lease, Pool};

#[test]
fn what_a_parent_opened_is_not_used_in_its_child() {
    let pool = Arc::new(Pool::new(Namespace::current().unwrap()));
    let lease = || Lease::take(&pool, protocol::ROUTE).unwrap();
    let kept = || pool.idle().connections.len();
    drop((lease(), lease()));
    assert_eq!(kept(), 2);
    let mut in_use = lease();
    // As after a fork: all that there is belongs to another process.
    let parent = process::id() ^ 1;
    (pool.idle.lock().unwrap().owner, in_use.owner) = (parent, parent);
    assert_eq!(kept(), 0);
    drop(in_use);
    assert_eq!(kept(), 0);
    drop(lease());
    assert_eq!(kept(), 1);
}
