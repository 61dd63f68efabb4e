//! Ctrl-C ends long work early, with what was found up to then.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Within this time a second signal is the same one, sent to the process and to its group.
const SAME: Duration = Duration::from_millis(500);

/// Whether the user has asked for an end.
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on Ctrl-C asks for an end; a later one ends the process at once.
    pub fn catch() -> Self {
        let asked = Arc::new(AtomicBool::new(false));
        let flag = asked.clone();
        let first = OnceLock::new();
        let handler = move || {
            flag.store(true, Ordering::Relaxed);
            if first.get_or_init(Instant::now).elapsed() > SAME {
                std::process::exit(super::Exit::Interrupted as i32);
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
