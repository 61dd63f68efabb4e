//! A program from its text to a model that runs.

use candle_core::Device;
use raspc::facts::{self, Facts};
use raspc::ir::Program;
use raspc::ir::lower::{self, NoFiles, Outside, Read};
use raspc::model::{Artifact, Manifest, Transformer};
use raspc::plan::{self, Knobs, Plan, PlanError};
use raspc::source::Sources;
use raspc::verify::{self, Effort, Verdict};
use raspc::weights;

pub struct Compiled {
    pub program: Program,
    pub facts: Facts,
    pub sources: Sources,
    pub plan: Plan,
    pub artifact: Artifact,
    pub model: Transformer,
}

pub fn read(text: &str) -> (Program, Sources) {
    checked(lower::read("test.rasp", text, &NoFiles, &Outside::default()))
}

fn checked(read: Read) -> (Program, Sources) {
    let errors: Vec<_> = read.diagnostics.iter().filter(|d| d.is_error()).map(|d| &d.message).collect();
    assert!(errors.is_empty(), "{errors:?}");
    (read.program.unwrap(), read.sources)
}

#[track_caller]
pub fn compile(text: &str) -> Compiled {
    let (program, sources) = read(text);
    Compiled::new(program, sources).unwrap_or_else(|e| panic!("{text}: {e:?}"))
}

/// A program of the repository over other tokens (if any are given) and lengths.
#[track_caller]
pub fn compile_for(text: &str, domain: Option<&str>, lengths: &str) -> Compiled {
    let tokens = domain.map_or(String::new(), |domain| format!("input tokens : {domain};\n"));
    let declarations = format!("{tokens}length {lengths};\n");
    let outside = Outside { declarations, ..Outside::default() };
    // Its examples are for its own tokens and lengths.
    let text: Vec<&str> = text.lines().filter(|line| !line.starts_with("example")).collect();
    let (program, sources) = checked(lower::read("test.rasp", &text.join("\n"), &NoFiles, &outside));
    Compiled::new(program, sources).unwrap_or_else(|e| panic!("{e:?}"))
}

impl Compiled {
    pub fn new(program: Program, sources: Sources) -> Result<Self, Vec<PlanError>> {
        Self::with(program, sources, Knobs::default())
    }

    pub fn with(program: Program, sources: Sources, knobs: Knobs) -> Result<Self, Vec<PlanError>> {
        let facts = facts::analyse(&program);
        let plan = plan::plan(&program, &facts, knobs)?;
        let weights = weights::build(&plan);
        let artifact = Artifact::new(Manifest::new(&program, &sources, &plan, &weights), weights);
        let model = Transformer::from_artifact(&artifact, &Device::Cpu).unwrap();
        Ok(Self { program, facts, sources, plan, artifact, model })
    }

    /// Compares weights and interpreter, on every input if those are few enough; says on how many.
    #[track_caller]
    pub fn compare(&self, all_up_to: u128, samples: usize) -> usize {
        let effort = Effort { all_up_to, samples, seed: 7 };
        match verify::compare(&self.program, &self.facts, &self.model, effort, &mut |_| true).unwrap() {
            Verdict::Enumerated { inputs, .. } | Verdict::Tested { inputs, .. } => inputs,
            Verdict::Undecided { .. } => 0,
            Verdict::Refuted(d) => panic!("{d:?}"),
        }
    }
}

/// Compiles a program over these tokens and lengths, and compares it on every input if those
/// are at most 20,000, else on 1,000 random ones; and so without looking for a small network.
#[track_caller]
pub fn exact(domain: &str, lengths: &str, text: &str) -> Compiled {
    let compiled = compile(&format!("input tokens : {domain};\nlength {lengths};\n{text}"));
    assert!(compiled.compare(20_000, 1_000) > 0);
    let (program, sources) = (compiled.program.clone(), compiled.sources.clone());
    let plain = Compiled::with(program, sources, Knobs { optimise: false, ..Knobs::default() }).unwrap();
    assert!(plain.compare(2_000, 200) > 0);
    compiled
}
