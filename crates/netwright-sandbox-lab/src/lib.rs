//! What shows that nothing gets out of a sandbox: a simulated internet with servers and captures that tell what arrived there, and a probe
//! that tries, inside, to reach it.
#![forbid(unsafe_code)]

pub mod fuzz;
pub mod internet;
pub mod program;
