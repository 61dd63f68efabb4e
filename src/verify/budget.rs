//! How long a proof may take.

use super::open::Reason;
use std::cell::Cell;

/// The steps that a proof may take, and who may end it before.
#[derive(Clone, Copy)]
pub struct Budget<'a> {
    /// Steps of the kernel, each about a nanosecond of one core: a multiplication or a comparison.
    pub steps: u64,
    /// Asked every few milliseconds; the proof ends when it returns true.
    pub stop: &'a dyn Fn() -> bool,
}

impl Budget<'_> {
    /// About ten seconds of one core.
    pub const STEPS: u64 = 10_000_000_000;
}

impl Default for Budget<'_> {
    fn default() -> Self {
        Self { steps: Self::STEPS, stop: &|| false }
    }
}

/// Steps between two looks at whether to stop.
const STEPS_BETWEEN_LOOKS: u64 = 1 << 22;

/// Counts the steps of one proof.
pub(super) struct Meter<'a> {
    budget: Budget<'a>,
    taken: Cell<u64>,
}

impl<'a> Meter<'a> {
    pub fn new(budget: Budget<'a>) -> Self {
        Self { budget, taken: Cell::default() }
    }

    pub fn taken(&self) -> u64 {
        self.taken.get()
    }

    /// Notes steps before they are taken; an error if they are too many, or the proof is to end.
    pub fn spend(&self, steps: usize) -> Result<(), Reason> {
        let before = self.taken.get();
        let after = before.saturating_add(steps as u64);
        self.taken.set(after);
        let look = before / STEPS_BETWEEN_LOOKS < after / STEPS_BETWEEN_LOOKS;
        match () {
            () if after > self.budget.steps => Err(Reason::TooMuchWork),
            () if look && (self.budget.stop)() => Err(Reason::Interrupted),
            () => Ok(()),
        }
    }
}
