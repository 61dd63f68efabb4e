//! What `verify` and `compile` say and how they end, for each kind of answer.

use crate::common::command::{folder, raspc};
use crate::common::compiled::compile;
use raspc::model::{Artifact, Decode, artifact};
use std::path::{Path, PathBuf};

fn written(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// Compiles a program and verifies the model: both exit codes, and what both say.
fn both(name: &str, text: &str, more: &[&str]) -> [(Option<i32>, String); 2] {
    let folder = folder(name);
    let (program, model) = (written(&folder, "program.rasp", text), folder.join("model.safetensors"));
    let _ = std::fs::remove_file(&model);
    let [program, model] = [&program, &model].map(|path| path.to_str().unwrap());
    let commands = [vec!["compile", program, "-o", model], vec!["verify", model]];
    commands.map(|command| {
        let answer = raspc(&[&command[..], more].concat(), "");
        (answer.code, answer.out + &answer.err)
    })
}

const MANY: &str = "input tokens : 0..9; length 1..20; output tokens == 3;";

#[test]
fn tested_is_not_shown() {
    for (code, said) in both("tested", MANY, &["--no-proof", "--tests", "50"]) {
        assert_eq!(code, Some(4), "{said}");
        assert!(said.contains("tested (50 inputs, seed 0)"), "{said}");
    }
    let accepted = ["--no-proof", "--tests", "50", "--accept-tested"];
    for (code, said) in both("accepted", MANY, &accepted) {
        assert_eq!(code, Some(0), "{said}");
    }
    for (code, said) in both("shown", MANY, &[]) {
        assert!(code == Some(0) && said.contains("proved"), "{said}");
    }
}

/// What is open is run on every input, wherever there are at most a million.
#[test]
fn a_proof_that_takes_too_long_is_open() {
    let text =
        "input tokens : 0..40; length 1..3; output aggregate(select(indices, indices, <=), tokens) > 3;";
    for (code, said) in both("budget", text, &["--proof-budget", "1000"]) {
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("proved by enumeration (70643 inputs)"), "{said}");
        assert!(said.contains("the budget of the proof is used up"), "{said}");
    }
}

#[test]
fn a_verdict_says_where_the_program_has_no_value() {
    let text = "input tokens : {\"(\", \")\"}; length 1..8;\n\
                output aggregate(select(indices, indices, <=), tokens == \"(\");";
    for (code, said) in both("fails", text, &[]) {
        assert_eq!(code, Some(0), "{said}");
        let counted = "proved on the 2 inputs on which the program has a value; it fails on 508";
        assert!(said.contains(counted) && said.contains("W0302"), "{said}");
    }
    // Too many to count.
    let text = "input tokens : 0..9; length 1..9; output 1 / tokens > 1/2;";
    for (code, said) in both("fails_somewhere", text, &[]) {
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("on every input on which the program has a value; it fails on [0]"), "{said}");
    }
    let nowhere = "input tokens : {0, 1}; length 1..3; output 1 / (tokens - tokens * tokens);";
    let (code, said) = &both("fails_everywhere", nowhere, &[])[0];
    assert_eq!(*code, Some(2), "{said}");
}

/// Numbers that are not exact are proved within what was shown, whatever the file claims.
#[test]
fn the_bound_in_a_file_is_a_claim() {
    let count = "input tokens : {\"a\", \"b\"}; length 1..5;\n\
                output selector_width(select(tokens, \"a\", ==));";
    let compiled = compile(count);
    let folder = folder("bound");
    let zeros = |bound: i64| {
        let Artifact { mut manifest, mut weights } = compiled.artifact.clone();
        let w_u = &mut weights.w_u[0];
        *w_u = w_u.slice(ndarray::s![.., ..1]).to_owned();
        w_u.fill(0.0);
        manifest.config.outputs[0].decode = Decode::Numeric { values: Vec::new(), bound: bound.into() };
        let path = folder.join(format!("{bound}.safetensors"));
        artifact::save(&Artifact::new(manifest, weights), &path).unwrap();
        raspc(&["verify", path.to_str().unwrap(), "--json"], "")
    };
    let wide = zeros(100);
    assert_eq!(wide.code, Some(4), "{}", wide.out);
    let answer = &wide.json()[0];
    assert_eq!(answer["within"]["bound"], 5.0, "{answer}");
    assert_eq!(answer["within"]["tells_values_apart"], false, "{answer}");
    assert_eq!(zeros(4).code, Some(3));
}

/// An option can change what a program means: it is part of what is named.
#[test]
fn options_are_part_of_what_is_proved() {
    let folder = folder("options");
    let model = folder.join("sort.safetensors");
    let model = model.to_str().unwrap();
    let plain = raspc(&["verify", "programs/sort.rasp", "--json"], "").json().remove(0);
    raspc(&["compile", "programs/sort.rasp", "--output", "tokens", "-o", model], "");
    let verified = raspc(&["verify", model], "");
    assert_eq!(verified.code, Some(0), "{}", verified.err);
    assert!(verified.out.contains("\n  option    output tokens;\n"), "{}", verified.out);
    let json = raspc(&["verify", model, "--json"], "").json().remove(0);
    assert_eq!(json["program"]["options"], serde_json::json!(["output tokens;"]));
    assert_ne!(json["program"]["sha256"], plain["program"]["sha256"]);
    let brief = raspc(&["verify", model, model], "").out;
    assert!(brief.contains(" with options, inside the file"), "{brief}");
}
