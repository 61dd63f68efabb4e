//! How fast does a network learn, when?

use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// A factor of the learning rate for each step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Schedule {
    pub kind: ScheduleKind,
    /// For so many steps the factor rises from `1 / warm_up` to 1.
    pub warm_up: usize,
    /// What the cosine ends at.
    pub last: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleKind {
    Constant,
    /// `last + (1 - last) (1 + cos πt) / 2`, `t` from 0 after the warm-up to 1 at the end.
    #[default]
    Cosine,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { kind: ScheduleKind::Cosine, warm_up: 100, last: 0.0 }
    }
}

impl Schedule {
    /// The factor at a step, counted from 0, of so many.
    pub fn factor(&self, step: usize, steps: usize) -> f64 {
        if step < self.warm_up {
            return (step + 1) as f64 / self.warm_up as f64;
        }
        match self.kind {
            ScheduleKind::Constant => 1.0,
            ScheduleKind::Cosine => {
                let t = (step - self.warm_up) as f64 / steps.saturating_sub(self.warm_up).max(1) as f64;
                self.last + (1.0 - self.last) * (1.0 + (PI * t.min(1.0)).cos()) / 2.0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rises_and_falls() {
        let cosine = Schedule { kind: ScheduleKind::Cosine, warm_up: 10, last: 0.1 };
        let at = |step| cosine.factor(step, 110);
        assert!((at(0) - 0.1).abs() < 1e-12 && (at(4) - 0.5).abs() < 1e-12);
        assert!(
            (at(10) - 1.0).abs() < 1e-12 && (at(60) - 0.55).abs() < 1e-12 && (at(110) - 0.1).abs() < 1e-12
        );
        let constant = Schedule { kind: ScheduleKind::Constant, warm_up: 0, last: 0.1 };
        assert!((0..9).all(|step| constant.factor(step, 5) == 1.0));
    }
}
