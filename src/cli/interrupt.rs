//! Ctrl-C ends long work early, with what was found up to then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the user has asked for an end.
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on Ctrl-C asks for an end; a second one ends the process at once.
    pub fn catch() -> Self {
        let asked = Arc::new(AtomicBool::new(false));
        let flag = asked.clone();
        let handler = move || {
            if flag.swap(true, Ordering::Relaxed) {
                std::process::exit(super::Exit::Undecided as i32);
            }
        };
        // Where no handler can be set, Ctrl-C ends the process as usual.
        let _ = ctrlc::set_handler(handler);
        Self(asked)
    }

    pub fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
