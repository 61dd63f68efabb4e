//! How much work an answer about weights may cost, as flags say it.

use super::Ui;
use super::number::natural;
use crate::facts::Facts;
use crate::ir::Program;
use crate::verify::check::Budget;
use crate::verify::{self, Answer, CanFail, CompareError, Done, Effort, Phase, Question};

#[derive(clap::Args, Clone, Copy, Debug)]
pub struct EffortFlags {
    /// Run inputs only, and do not try to prove anything.
    #[arg(long)]
    no_proof: bool,
    /// Give up a proof after this many steps, each about a nanosecond of one core: by default about ten
    /// seconds.
    #[arg(
        long,
        value_name = "STEPS",
        default_value_t = Budget::STEPS,
        value_parser = natural::<u64>,
    )]
    proof_budget: u64,
    /// Run every input if there are at most this many, or the program on one input of each class.
    #[arg(long, value_name = "N", default_value_t = Effort::default().all_up_to, value_parser = natural::<u128>)]
    all_up_to: u128,
    /// Run this many random inputs if there are more.
    #[arg(long, value_name = "N", default_value_t = Effort::default().samples, value_parser = natural::<usize>)]
    tests: usize,
    /// Seed of the random inputs.
    #[arg(long, value_name = "SEED", default_value_t = 0, value_parser = natural::<u64>)]
    seed: u64,
    /// Exit with 0 if inputs were tested only.
    #[arg(long)]
    pub accept_tested: bool,
}

impl EffortFlags {
    pub fn effort(&self) -> Effort {
        Effort { all_up_to: self.all_up_to, samples: self.tests, seed: self.seed }
    }

    /// Steps of a proof; none if none is asked for.
    pub fn proof_steps(&self) -> Option<u64> {
        (!self.no_proof).then_some(self.proof_budget)
    }
}

/// Inputs that are run at most to find those on which the program itself fails: all, or the shortest; and
/// this many random ones.
const FAILURES_ALL: u128 = 1_000_000;
const FAILURES_TESTS: usize = 1_000;

/// Whether the program itself can fail; none if that was stopped.
pub fn can_fail(
    program: &Program,
    facts: &Facts,
    effort: Effort,
    stop: &dyn Fn() -> bool,
    ui: &Ui,
) -> Option<CanFail> {
    let effort = Effort {
        all_up_to: effort.all_up_to.min(FAILURES_ALL),
        samples: effort.samples.min(FAILURES_TESTS),
        ..effort
    };
    ui.phase("looking for inputs on which the program fails", |progress| {
        let go_on = |done| {
            progress.at(done);
            !stop()
        };
        verify::can_fail(program, facts, effort, go_on)
    })
}

/// [`Question::decide`], with the phase and the progress shown; `reach` is told how far an enumeration came.
pub fn decide(
    question: &Question<'_>,
    stop: &dyn Fn() -> bool,
    reach: &mut dyn FnMut(Done),
    ui: &Ui,
) -> Result<Answer, CompareError> {
    ui.phase("running the examples", |progress| {
        let mut at = |phase, done: Done| match phase {
            Phase::Proving => progress.enter("proving", None, 0),
            Phase::Comparing { total } => {
                reach(done);
                progress.enter("comparing inputs", Some(total), done.inputs);
            }
            Phase::Classes => progress.enter("running classes of inputs", None, done.inputs),
        };
        question.decide(stop, &mut at)
    })
}
