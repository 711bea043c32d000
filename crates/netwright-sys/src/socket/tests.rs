use std::cell::Cell;

thread_local! {
    /// System calls of sending and receiving that this thread made.
    pub(crate) static CALLS: Cell<usize> = const { Cell::new(0) };
}
