//! What became of all mutants, by what was done to them.

use super::subject::{Subject, Wrong};
use raspc::model::Artifact;
use raspc::value::Number;
use std::collections::BTreeMap;
use std::fmt;

/// What became of one network.
pub struct Outcome {
    pub proved: bool,
    pub panicked: bool,
    /// How far off the numbers of each output may be.
    pub within: Vec<Number>,
    /// An output whose values lie closer together than the proof says.
    pub overstated: Option<String>,
    /// An input on which it is wrong.
    pub wrong: Option<Wrong>,
}

#[derive(Clone, Copy, Default)]
struct Count {
    mutants: usize,
    changed: usize,
    proved: usize,
    proved_unchanged: usize,
}

#[derive(Default)]
pub struct Report {
    programs: usize,
    programs_proved: usize,
    /// How many programs there are of each kind.
    programs_by_kind: BTreeMap<&'static str, usize>,
    by_kind: BTreeMap<&'static str, Count>,
    /// What must not be.
    errors: Vec<String>,
}

impl Report {
    pub fn program(&mut self, subject: &Subject, outcome: &Outcome) {
        self.programs += 1;
        self.programs_proved += usize::from(outcome.proved);
        for (kind, is) in subject.kinds() {
            *self.programs_by_kind.entry(kind).or_default() += usize::from(is);
        }
        if let Some(wrong) = &outcome.wrong {
            self.errors.push(format!("a network that is no mutant is wrong {wrong}\n{}", subject.text()));
        }
    }

    pub fn mutant(
        &mut self,
        subject: &Subject,
        name: &str,
        kind: &'static str,
        mutant: &Artifact,
        outcome: Outcome,
    ) {
        let Outcome { proved, panicked, within: _, overstated, wrong } = outcome;
        let count = self.by_kind.entry(kind).or_default();
        count.mutants += 1;
        count.changed += usize::from(wrong.is_some());
        count.proved += usize::from(proved);
        count.proved_unchanged += usize::from(proved && wrong.is_none());
        let config = &mutant.manifest.config;
        if let Some(output) = overstated {
            let text = subject.text();
            self.errors.push(format!("{name}, {kind}: the values of {output} lie closer together\n{text}"));
        }
        if panicked {
            self.errors.push(format!("{name}, {kind}: the kernel panics\n{}", subject.text()));
        }
        if let Some(wrong) = wrong.filter(|_| proved) {
            let text = subject.text();
            self.errors
                .push(format!("{name}, {kind}: proved, but wrong {wrong}\n{:?}\n{text}", config.outputs));
        }
    }

    pub fn and(mut self, more: Self) -> Self {
        self.programs += more.programs;
        self.programs_proved += more.programs_proved;
        self.errors.extend(more.errors);
        for (kind, count) in more.programs_by_kind {
            *self.programs_by_kind.entry(kind).or_default() += count;
        }
        for (kind, count) in more.by_kind {
            self.by_kind.entry(kind).or_default().add(count);
        }
        self
    }

    fn all(&self) -> Count {
        let mut all = Count::default();
        self.by_kind.values().for_each(|count| all.add(*count));
        all
    }

    /// Nothing that is wrong is proved, and much that is right.
    pub fn check(&self) {
        let n = self.errors.len();
        assert!(n == 0, "{n} errors:\n{}", self.errors.join("\n\n"));
        let Count { mutants, changed, proved_unchanged, .. } = self.all();
        assert!(
            self.programs_proved * 2 >= self.programs,
            "only {} programs are proved",
            self.programs_proved
        );
        assert!(changed * 3 >= mutants, "only {changed} of {mutants} mutants are wrong");
        let rare = self.programs_by_kind.iter().find(|(_, count)| **count * 20 < self.programs);
        assert!(rare.is_none(), "too few of {} programs: {rare:?}", self.programs);
        let right = mutants - changed;
        assert!(
            proved_unchanged * 3 >= right,
            "of {right} mutants that are right, {proved_unchanged} are proved"
        );
    }
}

impl Count {
    fn add(&mut self, more: Self) {
        self.mutants += more.mutants;
        self.changed += more.changed;
        self.proved += more.proved;
        self.proved_unchanged += more.proved_unchanged;
    }
}

/// The counts, as a table.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} programs, {} of them proved", self.programs, self.programs_proved)?;
        for (kind, count) in &self.programs_by_kind {
            writeln!(f, "{count:8} {kind}")?;
        }
        writeln!(f, "{:>8} {:>8} {:>8} {:>8}", "mutants", "changed", "proved", "right")?;
        for (kind, count) in
            self.by_kind.iter().map(|(kind, count)| (*kind, *count)).chain([("all", self.all())])
        {
            let Count { mutants, changed, proved, proved_unchanged } = count;
            writeln!(f, "{mutants:8} {changed:8} {proved:8} {proved_unchanged:8} {kind}")?;
        }
        Ok(())
    }
}
