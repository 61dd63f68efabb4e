//! What does `train` take, and what does it say of what it does not?

use crate::common::command::{Answer, folder, raspc, raspc_in, refuses};
use raspc::train::Experiment;
use std::path::Path;

/// Larger than every token before it.
const RECORD: &str = "input tokens : 0..3;\nlength 1..4;\n\
    record = selector_width(select(indices, indices, <) and select(tokens, tokens, >=)) == 0;\n\
    output record;\nexample [1, 0, 2] => [True, False, True];\n";

/// A run of a second.
const SHORT: [&str; 6] = ["--set", "steps=4", "--set", "data.train=40", "--set", "data.held_out=10"];

fn train(at: &Path, args: &[&str]) -> Answer {
    raspc_in(at, &[&["train"], args, &SHORT[..]].concat(), "")
}

#[test]
fn experiments_in_the_repository_are_sound() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut n = 0;
    for entry in std::fs::read_dir(root.join("experiments")).unwrap() {
        let path = entry.unwrap().path();
        let experiment = Experiment::parse(&std::fs::read_to_string(&path).unwrap(), &[]);
        let experiment = experiment.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        // Beside the experiment, so that it is found from every folder.
        assert!(root.join("experiments").join(experiment.program).is_file(), "{}", path.display());
        n += 1;
    }
    assert!(n > 0);
}

#[test]
fn files_are_found_beside_the_experiment_then_from_the_current_folder() {
    let root = folder("beside");
    let (here, there) = (root.join("here"), root.join("there/sub"));
    for folder in [&here, &there] {
        std::fs::create_dir_all(folder).unwrap();
    }
    std::fs::write(root.join("there/sub/run.toml"), "program = \"../record.rasp\"\n").unwrap();
    let experiment = "../there/sub/run.toml";
    let missing = train(&here, &[experiment, "-o", "out"]);
    refuses(&missing, "../there/sub/run.toml: program is \"../record.rasp\", but neither ");
    refuses(&missing, "neither ../there/sub/../record.rasp nor ../record.rasp exists");
    assert!(!here.join("out").exists());
    // From the current folder.
    std::fs::write(root.join("record.rasp"), RECORD).unwrap();
    let answer = train(&here, &[experiment, "-o", "out"]);
    assert_eq!(answer.code, Some(0), "{}", answer.err);
    let resolved = std::fs::read_to_string(here.join("out/experiment.toml")).unwrap();
    assert!(resolved.contains("program = \"../record.rasp\""), "{resolved}");
    // Beside the experiment is first.
    std::fs::write(
        root.join("there/record.rasp"),
        "input tokens : 0..1;\nlength 1..6;\noutput tokens + 1;\n",
    )
    .unwrap();
    let answer = train(&here, &[experiment, "-o", "out2"]);
    assert_eq!(answer.code, Some(0), "{}", answer.err);
    let resolved = std::fs::read_to_string(here.join("out2/experiment.toml")).unwrap();
    assert!(resolved.contains("program = \"../there/record.rasp\""), "{resolved}");
}

#[test]
fn a_program_is_trained_as_an_experiment_that_names_it() {
    let root = folder("program_alone");
    std::fs::write(root.join("record.rasp"), RECORD).unwrap();
    std::fs::write(root.join("one_line.toml"), "program = \"record.rasp\"\n").unwrap();
    for (what, out) in [("record.rasp", "a"), ("one_line.toml", "b")] {
        let answer = train(&root, &[what, "-o", out]);
        assert_eq!(answer.code, Some(0), "{}", answer.err);
    }
    for file in ["model.safetensors", "experiment.toml", "metrics.jsonl"] {
        let [a, b] = ["a", "b"].map(|out| std::fs::read(root.join(out).join(file)).unwrap());
        assert!(a == b, "{file} differs");
    }
    let answer = train(&root, &["record.rasp"]);
    assert_eq!(answer.code, Some(0), "{}", answer.err);
    assert!(root.join("runs/record/model.safetensors").is_file());
}

#[test]
fn wrong_experiments_are_told() {
    let train =
        |more: &[&str]| raspc(&[&["train", "experiments/peak.toml", "-o", "nowhere"], more].concat(), "");
    for (set, words) in [
        ("train.step=3", "the nearest is `train.steps`"),
        ("data.distributions=[\"peeks\"]", "the nearest is `peak`"),
        ("model.multiple=0", "model.multiple is 0"),
        (
            "model.attn_scale=0.1",
            "experiments/peak.toml: `model.attn_scale` is 0.1, but it takes \"one\" or \"sqrt_d_head\"",
        ),
        ("model.biases=true", "`model.biases` is true, but it takes \"none\", \"neurons\" or \"all\""),
        ("seed=3", "`seed` could be data.seed or train.seed"),
    ] {
        refuses(&train(&["--set", set]), words);
    }
    refuses(&train(&["--init", "compiled/sort.safetensors"]), "compiled/sort.safetensors");
    refuses(&raspc(&["train", "experiments/none.toml"], ""), "cannot read experiments/none.toml");
    refuses(&raspc(&["train", "programs/none.rasp"], ""), "cannot read programs/none.rasp");
    refuses(&raspc(&["train", "compiled/peak.safetensors"], ""), "'--init compiled/peak.safetensors'");
    let root = folder("no_toml");
    std::fs::write(root.join("wrong.toml"), "program = \"p.rasp\"\nsteps 10\n").unwrap();
    refuses(
        &raspc_in(&root, &["train", "wrong.toml"], ""),
        "wrong.toml: line 2 is not valid TOML: `steps 10`",
    );
    assert!(!Path::new(env!("CARGO_MANIFEST_DIR")).join("nowhere").exists());
    assert!(!root.join("runs").exists());
}

#[test]
fn a_loss_beyond_all_bounds_ends_the_run_as_diverged() {
    let root = folder("diverged");
    std::fs::write(root.join("record.rasp"), RECORD).unwrap();
    let args = ["record.rasp", "-o", "out", "--set", "optimizer.lr=1e6", "--set", "warm_up=0"];
    let answer = train(&root, &args);
    refuses(&answer, "record.rasp: the run diverged: the loss is ");
    assert!(
        answer.err.contains("e0 at the start") || answer.err.contains("e-1 at the start"),
        "{}",
        answer.err
    );
    assert!(answer.err.contains("start a new run with a lower optimiser.lr (now 1e6)"), "{}", answer.err);
    assert!(answer.out.is_empty() && !root.join("out/model.safetensors").exists());
}
