//! Do compiled programs compute what the RASP tool and tracr's evaluator computed?
//!
//! Every fixture is compiled for the tokens that occur in its cases and for lengths from 1 to its
//! `max_seq_len`, as `compiled_fixtures.txt` lists them; then its weights run on all its cases.
//! `UPDATE=1 cargo test fixtures` writes that list anew.

use crate::common::compiled::Compiled;
use crate::common::fixture::Fixture;
use raspc::model::Decoded;

/// The fixtures that are not compiled, and why.
const NOT_COMPILED: [(&str, &str); 4] = [
    ("rasp_full_s", SELECTOR),
    ("rasp_select_from_first_a", SELECTOR),
    ("rasp_select_from_last_a", SELECTOR),
    ("rasp_select_next_identical", SELECTOR),
];

const SELECTOR: &str = "its result is a selector, and the outputs of a network are s-ops";

/// What keeps a fixture from being compiled, in the words of the diagnostic.
fn compiled(fixture: &Fixture) -> Result<Compiled, String> {
    let read = fixture.program();
    let errors: Vec<_> = read.diagnostics.iter().filter(|d| d.is_error()).map(|d| &d.message).collect();
    let program = read.program.ok_or_else(|| format!("{errors:?}"))?;
    Compiled::new(program, read.sources).map_err(|errors| format!("{errors:?}"))
}

/// Layers with a head, beyond those that the RASP tool counts for the program.
fn too_deep(fixture: &Fixture, compiled: &Compiled) -> Option<String> {
    let theirs = fixture.layers_by_the_tool()?;
    let ours = compiled.plan.layers.iter().filter(|layer| !layer.heads.is_empty()).count();
    (ours > theirs).then(|| format!("{}: {ours} layers with heads, the tool counts {theirs}", fixture.name))
}

/// What each fixture was compiled for, and what came of it.
const TABLE: &str = "tests/compiled_fixtures.txt";

fn row(fixture: &Fixture, compiled: &Compiled) -> String {
    let Compiled { program, plan, artifact, .. } = compiled;
    let values = program.columns[0].domain.as_ref().unwrap();
    let values: Vec<String> = values.iter().map(ToString::to_string).collect();
    let (name, values, longest) = (&fixture.name, values.join(", "), program.lengths.unwrap().max);
    let (layers, parameters) = (plan.layers.len(), artifact.weights.n_params());
    format!("{name}: tokens {{{values}}}, length 1..{longest}: {layers} layers, {parameters} parameters\n")
}

/// The first case in which the weights give something else.
fn disagreement(fixture: &Fixture, compiled: &Compiled) -> Option<String> {
    fixture.disagreement(|input| {
        let outputs = compiled.model.run(&[input.to_vec()]).map_err(|e| e.to_string())?;
        let exactly = |decoded| match decoded {
            Decoded::Value(value) => Ok(value),
            Decoded::About(_) | Decoded::Undefined(_) => Err(format!("about {decoded}")),
        };
        outputs.into_iter().map(|output| output.into_iter().map(exactly).collect()).collect()
    })
}

#[test]
fn weights_compute_what_the_references_computed() {
    let fixtures = Fixture::all("");
    assert_eq!(fixtures.len(), 99);
    let (mut n_compiled, mut wrong, mut table) = (0, Vec::new(), String::new());
    for fixture in &fixtures {
        let reason = NOT_COMPILED.iter().find(|(name, _)| *name == fixture.name).map(|(_, reason)| *reason);
        match (compiled(fixture), reason) {
            (Ok(compiled), None) => {
                n_compiled += 1;
                table += &row(fixture, &compiled);
                wrong.extend(disagreement(fixture, &compiled));
                wrong.extend(too_deep(fixture, &compiled));
            }
            (Ok(_), Some(reason)) => wrong.push(format!("{} compiles, although {reason}", fixture.name)),
            (Err(error), Some(reason)) if error.contains("selector") => {
                table += &format!("{}: not compiled: {reason}\n", fixture.name);
            }
            (Err(error), Some(_) | None) => wrong.push(format!("{}: {error}", fixture.name)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(TABLE, &table).unwrap();
    }
    let kept = std::fs::read_to_string(TABLE).unwrap();
    let changed: Vec<&str> = table.lines().filter(|line| !kept.contains(line)).collect();
    assert!(kept == table, "write it anew: UPDATE=1 cargo test fixtures; changed: {changed:#?}");
    assert!(n_compiled >= 90, "{n_compiled} of {} compile", fixtures.len());
}
