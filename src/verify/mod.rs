//! What can be said about all inputs: by facts, by enumeration, by tests.

mod failure;

pub use failure::{CanFail, Effort, can_fail};
