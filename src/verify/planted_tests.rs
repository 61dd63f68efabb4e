//! Wrong facts make wrong networks: these are not proved, and the first s-op that is told to differ is
//! the one that the fact was about, or one that is computed from it; so is the output, if none is told.

use super::{Effort, Verdict, check, compare, first_difference, node};
use crate::facts::{self, Facts, WidthBounds};
use crate::ir::lower::{NoFiles, Outside, read};
use crate::ir::{Node, Op, Program};
use crate::model::{Artifact, Manifest, Transformer};
use crate::plan::{self, Knobs};
use crate::source::Sources;
use crate::weights;
use candle_core::Device;

/// A rank, counts, a mean, a shift with a default and a table of two variables.
const PROGRAM: &str = "input tokens : 1..3; length 1..4;
counted = selector_width(select(tokens, tokens, ==));
rank = selector_width(select(tokens, tokens, <) or (select(tokens, tokens, ==) and select(indices, indices, <)));
sorted = aggregate(select(rank, indices, ==), tokens);
before = aggregate(select(indices, indices - 1, ==), tokens, 0);
mean = aggregate(select(tokens, tokens, <=), tokens);
output counted;
output sorted;
output before * 10 + tokens;
output mean > 3 / 2;
output aggregate(select(before, 0, ==), counted);
";

const EVERYTHING: Effort = Effort { all_up_to: 1_000, samples: 0, seed: 0 };

/// Every s-op without one of its values, aggregates whose values agree, selectors of one key.
fn planted(program: &Program) -> Vec<(Node, Facts)> {
    let facts = facts::analyse(program);
    let mut planted = Vec::new();
    for node in program.live() {
        match node {
            Node::SOp(id) => {
                let values = facts.values(id).explicit().unwrap_or_default();
                planted.extend(values.iter().map(|value| (node, facts.clone().without(id, value))));
                if matches!(program.graph[id].op, Op::Aggregate { .. }) {
                    planted.push((node, facts.clone().agreeing(id)));
                }
            }
            Node::Selector(id) => {
                let all = usize::MAX;
                let bounds = [(0, 1), (1, all), (0, 0)].map(|(min, max)| WidthBounds { min, max });
                planted.extend(bounds.map(|bounds| (node, facts.clone().with_width(id, bounds))));
            }
        }
    }
    planted
}

fn network(program: &Program, sources: &Sources, facts: &Facts, knobs: Knobs) -> Option<Artifact> {
    let plan = plan::plan(program, facts, knobs).ok()?;
    let weights = weights::build(&plan);
    Some(Artifact::new(Manifest::new(program, sources, &plan, &weights), weights))
}

/// Whether one node is computed from another.
fn follows(program: &Program, node: Node, from: Node) -> bool {
    node == from || program.graph.live([node]).contains(&from)
}

#[test]
fn wrong_facts_make_networks_that_are_refuted_at_the_right_place() {
    let read = read("planted.rasp", PROGRAM, &NoFiles, &Outside::default());
    let (program, sources) = (read.program.unwrap(), read.sources);
    let (sound, mut wrong, mut told) = (facts::analyse(&program), 0, 0);
    for optimise in [true, false] {
        let knobs = Knobs { optimise, ..Knobs::default() };
        for (planted, facts) in planted(&program) {
            let Some(artifact) = network(&program, &sources, &facts, knobs) else { continue };
            let model = Transformer::from_artifact(&artifact, &Device::Cpu).unwrap();
            let verdict = compare(&program, &sound, &model, EVERYTHING, &mut |_| true).unwrap();
            let Verdict::Refuted(found) = verdict else { continue };
            wrong += 1;
            let origin = program.graph.origin(planted).span;
            let what = format!("{:?} of {planted:?}", sources.text(origin));
            assert!(check::prove(&program, &artifact).is_err(), "{what}: proved");
            let first = first_difference(&artifact.manifest, &program, &model, &found.input).unwrap();
            told += usize::from(first.is_some());
            // Where the residual stream is right, it is the output that is named.
            let output = Node::SOp(program.outputs[found.output].sop);
            let named = first.map_or(output, |first| node(&program, first.of).unwrap());
            assert!(follows(&program, named, planted), "{what}: {named:?} is said to be wrong");
        }
    }
    println!("{wrong} wrong facts make wrong networks; of {told}, the first s-op that is wrong is known");
    assert!(wrong > 50 && told > 25, "{wrong} wrong networks, {told} told");
}
