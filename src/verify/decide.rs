//! The order in which methods are tried, wherever an answer about weights and a program is asked for.
//!
//! 1. The examples of the program are run: someone cared about these inputs.
//! 2. The kernel tries to prove that the weights compute the program ([`super::check`]). A runtime may break
//!    the promises that a proof rests on, so that a few inputs are run all the same.
//! 3. What is open is run: every input, if there are at most [`Effort::all_up_to`]; otherwise random ones.
//! 4. If those were random, and the proof did not end for lack of steps, the program is run on one input of
//!    each class, and the proof goes on from what was seen ([`super::classes`]).

use super::check::{Budget, Open, Reason, prove_with};
use super::compare::{
    CompareError, Disagreement, Done, Verdict, compare, compare_from, compare_on, n_inputs, runs_all,
};
use super::prove_by_classes;
use super::seen::Seen;
use super::within::Within;
use super::{Answer, Effort, Evidence};
use crate::facts::Facts;
use crate::ir::Program;
use crate::model::{Artifact, Certificate, Transformer};

/// What an answer is asked about, and how much work it may cost.
pub struct Question<'a> {
    pub program: &'a Program,
    pub facts: &'a Facts,
    pub artifact: &'a Artifact,
    /// The weights of the artifact where they are to run.
    pub model: &'a Transformer,
    pub effort: Effort,
    /// Steps of the kernel ([`Budget::steps`]); none if inputs are to be run only.
    pub proof_steps: Option<u64>,
    /// How far an enumeration came before.
    pub done: Done,
}

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Proving,
    /// Inputs are compared, this many if nothing is found.
    Comparing {
        total: u128,
    },
    /// The program is run on one input of each class.
    Classes,
}

/// Inputs that are run of a model that is proved.
const WITNESSES: usize = 20;

impl Question<'_> {
    /// The answer, by the methods in their order. `progress` is told how far each came; when `stop` returns
    /// true, the answer says what was found up to then.
    pub fn decide(
        &self,
        stop: &dyn Fn() -> bool,
        progress: &mut dyn FnMut(Phase, Done),
    ) -> Result<Answer, CompareError> {
        if let Some(found) = self.on_examples()? {
            let first = match runs_all(self.program, self.effort) {
                true => self.compare(stop, progress)?,
                false => Verdict::Undecided { failing: 0 },
            };
            // Enumeration finds the first of all, unless it is stopped before.
            let found = if let Verdict::Refuted(first) = first { first } else { found };
            return Ok(self.compared(Verdict::Refuted(found), None));
        }
        let open = match self.proof(stop, progress) {
            Some(Ok(certificate)) => {
                let few = Effort { all_up_to: 0, samples: WITNESSES, seed: self.effort.seed };
                let mut verdict = compare(self.program, self.facts, self.model, few, &mut |_| true)?;
                if matches!(verdict, Verdict::Undecided { .. }) {
                    // The program has no value on these; it may have one on others.
                    verdict = self.compare(stop, progress)?;
                }
                return Ok(match verdict {
                    Verdict::Undecided { .. } | Verdict::Refuted(_) => self.compared(verdict, None),
                    // Whatever is said of no input would be true of all.
                    Verdict::Enumerated { .. } | Verdict::Tested { .. } => Answer::proved(certificate),
                });
            }
            Some(Err(open)) => Some(open),
            None => None,
        };
        let verdict = self.compare(stop, progress)?;
        let open = match (&verdict, open) {
            // A proof that takes too long does so whatever the program was seen to do.
            (Verdict::Tested { .. }, Some(open)) if !stop() && open.reason != Reason::TooMuchWork => {
                match self.by_classes(open, stop, progress) {
                    Ok(certificate) => return Ok(Answer::proved(certificate)),
                    Err(open) => Some(open),
                }
            }
            (_, open) => open,
        };
        Ok(self.compared(verdict, open))
    }

    fn compared(&self, verdict: Verdict, open: Option<Open>) -> Answer {
        let within = Within::of_decoding(self.program, self.facts, &self.artifact.manifest.config);
        Answer { within, evidence: Evidence::Compared { verdict, open } }
    }

    fn on_examples(&self) -> Result<Option<Disagreement>, CompareError> {
        for example in &self.program.examples {
            if let Some(found) = compare_on(self.program, self.model, &example.inputs)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn proof(
        &self,
        stop: &dyn Fn() -> bool,
        progress: &mut dyn FnMut(Phase, Done),
    ) -> Option<Result<Certificate, Open>> {
        let budget = Budget { steps: self.proof_steps?, stop };
        progress(Phase::Proving, Done::default());
        Some(prove_with(self.program, self.artifact, &Seen::default(), budget))
    }

    fn compare(
        &self,
        stop: &dyn Fn() -> bool,
        progress: &mut dyn FnMut(Phase, Done),
    ) -> Result<Verdict, CompareError> {
        let total = match n_inputs(self.program) {
            Some(all) if all <= self.effort.all_up_to => all,
            _ => self.effort.samples as u128,
        };
        progress(Phase::Comparing { total }, self.done);
        let mut go_on = |done| {
            progress(Phase::Comparing { total }, done);
            !stop()
        };
        compare_from(self.done, self.program, self.facts, self.model, self.effort, &mut go_on)
    }

    fn by_classes(
        &self,
        open: Open,
        stop: &dyn Fn() -> bool,
        progress: &mut dyn FnMut(Phase, Done),
    ) -> Result<Certificate, Open> {
        let Some(steps) = self.proof_steps else { return Err(open) };
        progress(Phase::Classes, Done::default());
        let limit = usize::try_from(self.effort.all_up_to).unwrap_or(usize::MAX);
        let mut go_on = |inputs| {
            progress(Phase::Classes, Done { inputs, ..Done::default() });
            !stop()
        };
        let budget = Budget { steps, stop };
        prove_by_classes(self.program, self.artifact, open, limit, budget, &mut go_on)
    }
}
