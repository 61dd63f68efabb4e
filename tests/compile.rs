//! Compiled programs compute what the interpreter computes.

use candle_core::Device;
use raspc::facts::{self, Facts};
use raspc::ir::Program;
use raspc::ir::lower::{self, NoFiles, Outside};
use raspc::model::{Artifact, Decoded, Manifest, NoHooks, Transformer, artifact};
use raspc::plan::{self, Plan};
use raspc::source::Sources;
use raspc::value::Value;
use raspc::verify::{self, Effort, Verdict};
use raspc::weights;

struct Compiled {
    program: Program,
    facts: Facts,
    sources: Sources,
    plan: Plan,
    artifact: Artifact,
    model: Transformer,
}

fn read(text: &str) -> (Program, Sources) {
    let read = lower::read("test.rasp", text, &NoFiles, &Outside::default());
    let errors: Vec<_> = read.diagnostics.iter().filter(|d| d.is_error()).map(|d| &d.message).collect();
    assert!(errors.is_empty(), "{text}: {errors:?}");
    (read.program.unwrap(), read.sources)
}

fn compile(text: &str) -> Compiled {
    let (program, sources) = read(text);
    let facts = facts::analyse(&program);
    let plan = plan::plan(&program, &facts).unwrap_or_else(|e| panic!("{text}: {e:?}"));
    let weights = weights::build(&plan);
    let artifact = Artifact::new(Manifest::new(&program, &sources, &plan, &weights), weights);
    let model = Transformer::from_artifact(&artifact, &Device::Cpu).unwrap();
    Compiled { program, facts, sources, plan, artifact, model }
}

impl Compiled {
    #[track_caller]
    fn compare(&self, all_up_to: u128, samples: usize) -> usize {
        let effort = Effort { all_up_to, samples, seed: 7 };
        match verify::compare(&self.program, &self.facts, &self.model, effort, &mut |_| true).unwrap() {
            Verdict::Enumerated { inputs } | Verdict::Tested { inputs, .. } => inputs,
            Verdict::Refuted(d) => panic!("{d:?}"),
        }
    }
}

#[track_caller]
fn exact(text: &str) -> usize {
    compile(text).compare(20_000, 2_000)
}

fn peak(lengths: &str) -> String {
    include_str!("../programs/peak.rasp").replace("1..10", lengths)
}

#[test]
fn peak_is_right_on_every_input_up_to_length_5() {
    assert_eq!(compile(&peak("1..5")).compare(200_000, 0), 111_110);
}

#[test]
fn peak_is_right_on_random_inputs_to_length_10() {
    assert_eq!(compile(&peak("1..10")).compare(0, 5_000), 5_000);
}
