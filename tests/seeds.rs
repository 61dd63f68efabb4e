//! Several seeds at a time.

use crate::common::command::{folder, raspc, refuses};
use std::path::Path;

const SHORT: [&str; 10] = [
    "--set",
    "train.steps=12",
    "--set",
    "train.evaluate_every=4",
    "--set",
    "data.train=200",
    "--set",
    "data.held_out=50",
    "--set",
    "train.checkpoint_every=5",
];

fn train(out: &Path, more: &[&str]) -> crate::common::command::Answer {
    let out = out.to_string_lossy().into_owned();
    raspc(&[&["train", "experiments/peak.toml", "--json", "-o", &out], &SHORT[..], more].concat(), "")
}

#[test]
fn each_seed_ends_as_if_it_were_alone() {
    let root = folder("seeds");
    let (together, alone) = (root.join("together"), root.join("alone"));
    let answer = train(&together, &["--set", "train.seeds=[4, 2, 9]"]);
    assert_eq!(answer.code, Some(0), "{}", answer.err);
    assert_eq!(train(&alone, &["--set", "train.seed=2"]).code, Some(0));
    for file in ["model.safetensors", "metrics.jsonl", "experiment.toml", "curves.svg"] {
        let [a, b] = [together.join("seed_2"), alone.clone()].map(|f| std::fs::read(f.join(file)).unwrap());
        assert!(a == b, "{file} differs");
    }
    let report = &answer.json()[0];
    let seeds = report["seeds"].as_array().unwrap();
    assert_eq!(seeds.iter().map(|s| s["seed"].as_u64().unwrap()).collect::<Vec<_>>(), [4, 2, 9]);
    let mut losses: Vec<f64> =
        seeds.iter().map(|s| s["trained"]["held_out"]["loss"].as_f64().unwrap()).collect();
    losses.sort_by(f64::total_cmp);
    let summary = &report["summary"]["held out: loss"];
    let expected = serde_json::json!({ "median": losses[1], "least": losses[0], "greatest": losses[2] });
    assert_eq!(*summary, expected);
    assert!(losses[0] < losses[2], "seeds matter");
    assert!(std::fs::read_to_string(together.join("curves.svg")).unwrap().contains("(median)"));
}

#[test]
fn seeds_that_were_still_to_come_begin_when_the_run_goes_on() {
    let root = folder("seeds_resumed");
    let (whole, cut) = (root.join("whole"), root.join("cut"));
    let seeds = ["--set", "train.seed=3", "--set", "train.seeds=2"];
    assert_eq!(train(&whole, &seeds).code, Some(0));
    assert_eq!(train(&cut, &seeds).code, Some(0));
    // As if the first seed had been killed after step 10, and the second had never begun.
    std::fs::remove_file(cut.join("seed_3/model.safetensors")).unwrap();
    std::fs::remove_dir_all(cut.join("seed_4")).unwrap();
    assert_eq!(train(&cut, &[&seeds[..], &["--resume"]].concat()).code, Some(0));
    for seed in ["seed_3", "seed_4"] {
        for file in ["model.safetensors", "metrics.jsonl"] {
            let [a, b] = [&whole, &cut].map(|root| std::fs::read(root.join(seed).join(file)).unwrap());
            assert!(a == b, "{file} of {seed} differs");
        }
    }
}

#[test]
fn a_seed_that_diverges_leaves_the_others_their_report() {
    let out = folder("seeds_diverged").join("run");
    let wild = ["--set", "optimiser.lr=1e30", "--set", "optimiser.kind=sgd", "--set", "optimiser.clip=0"];
    let answer = train(&out, &[&wild[..], &["--set", "train.seeds=2"]].concat());
    assert_eq!(answer.code, Some(1), "{}", answer.err);
    assert_eq!(answer.err.matches("diverged").count(), 2, "{}", answer.err);
    refuses(
        &train(&folder("seeds_wrong").join("run"), &["--set", "train.seeds=[1, 1]"]),
        "train.seeds is [1, 1]",
    );
}
