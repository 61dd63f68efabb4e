//! Runs: how they go on, what keeps them from it, and what they say meanwhile.

use crate::common::command::{Answer, folder, raspc_in, refuses};
use raspc::model::artifact;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = "load \"half\";\ninput tokens : 0..3;\nlength 1..4;\nx = half(tokens);\noutput x;\n\
    example [1, 3] => [0, 1];\n";
const HALF: &str = "def half(x) { return 1 if x > 1 else 0; }\n";

/// A folder with a program, a file that it loads, and an experiment of a second.
fn project(name: &str) -> PathBuf {
    let root = folder(name);
    std::fs::write(root.join("big.rasp"), PROGRAM).unwrap();
    std::fs::write(root.join("half.rasp"), HALF).unwrap();
    let experiment = "program = \"big.rasp\"\n[model]\nd_model = 12\n[data]\ntrain = 60\nheld_out = 10\n\
        [train]\nsteps = 8\nbatch = 16\nevaluate_every = 4\nlog_every = 1\ncheckpoint_every = 3\n";
    std::fs::write(root.join("big.toml"), experiment).unwrap();
    root
}

fn train(root: &Path, out: &str, more: &[&str]) -> Answer {
    raspc_in(root, &[&["train", "big.toml", "-o", out], more].concat(), "")
}

#[track_caller]
fn done(answer: &Answer) {
    assert_eq!(answer.code, Some(0), "{}", answer.err);
}

#[test]
fn a_run_goes_on_with_nothing_but_what_it_began_with() {
    let root = project("began_with");
    done(&train(&root, "run", &[]));
    let files = ["model.safetensors", "metrics.jsonl", "experiment.toml", "origin.json"];
    let read = || files.map(|file| std::fs::read(root.join("run").join(file)).unwrap());
    let before = read();
    let refused = |words: &str, more: &[&str]| {
        let answer = train(&root, "run", &[&["--resume"], more].concat());
        refuses(&answer, words);
        assert!(answer.err.contains("--out"), "{}", answer.err);
        assert!(read() == before);
    };
    let change = |file: &str, text: &str| std::fs::write(root.join(file), text).unwrap();
    change("big.rasp", &PROGRAM.replace("output x", "y = 1 - x; output y"));
    refused("the run in run cannot be resumed: big.rasp has changed since the run was started", &[]);
    change("big.rasp", PROGRAM);
    change("half.rasp", &HALF.replace("x > 1", "x > 0"));
    refused("half.rasp has changed since the run was started", &[]);
    change("half.rasp", HALF);
    refused("was started with train.batch = 16, and now it is 8", &["--set", "batch=8"]);
    refused("was started with model.d_model = 12, and now it is 13", &["--set", "d_model=13"]);
    refused("was started with data.train = 60, and now it is 61", &["--set", "data.train=61"]);
    // The code that labels: what it gives is other than it was.
    let origin = std::fs::read_to_string(root.join("run/origin.json")).unwrap();
    let mut other: serde_json::Value = serde_json::from_str(&origin).unwrap();
    other["data"] = "0".repeat(64).into();
    change("run/origin.json", &other.to_string());
    refuses(
        &train(&root, "run", &["--resume"]),
        "the examples or their labels are different, although the program is unchanged",
    );
    change("run/origin.json", &origin);
    // As it was, and killed after step 6.
    std::fs::remove_file(root.join("run/model.safetensors")).unwrap();
    done(&train(&root, "run", &["--resume"]));
    assert!(read() == before);
    refuses(&train(&root, "none", &["--resume"]), "none contains no run to resume");
    assert!(!root.join("none").exists());
}

#[test]
fn a_run_that_began_as_a_model_goes_on_with_the_same_one() {
    let root = project("began_as");
    done(&train(&root, "first", &[]));
    std::fs::copy(root.join("first/model.safetensors"), root.join("start.safetensors")).unwrap();
    let init = ["--init", "start.safetensors"];
    done(&train(&root, "second", &init));
    done(&train(&root, "second", &[&init[..], &["--resume"]].concat()));
    done(&train(&root, "third", &["--set", "train.seed=1"]));
    std::fs::copy(root.join("third/model.safetensors"), root.join("start.safetensors")).unwrap();
    let answer = train(&root, "second", &[&init[..], &["--resume"]].concat());
    refuses(&answer, "the initial model has changed since the run was started");
}

#[test]
fn a_run_that_has_ended_can_be_made_longer() {
    let root = project("longer");
    let constant = ["--set", "train.schedule.kind=constant"];
    done(&train(&root, "whole", &[&constant[..], &["--set", "steps=12"]].concat()));
    done(&train(&root, "parts", &constant));
    let more = [&constant[..], &["--resume", "--set", "steps=12", "--set", "patience=50"]].concat();
    let answer = train(&root, "parts", &more);
    done(&answer);
    assert!(answer.err.contains("note: train.steps changes from 8 to 12 at step 8\n"), "{}", answer.err);
    assert!(answer.out.contains("after 12 steps"), "{}", answer.out);
    let weights = |run: &str| artifact::load(&root.join(run).join("model.safetensors")).unwrap().weights;
    assert!(weights("whole") == weights("parts"), "a constant rate does not depend on the number of steps");
    let resolved = std::fs::read_to_string(root.join("parts/experiment.toml")).unwrap();
    assert!(
        resolved.starts_with("# until step 8: train.patience = 0\n# until step 8: train.steps = 8\n"),
        "{resolved}"
    );
    assert!(resolved.contains("\nsteps = 12\n"), "{resolved}");
    let metrics = std::fs::read_to_string(root.join("parts/metrics.jsonl")).unwrap();
    assert_eq!(metrics, std::fs::read_to_string(root.join("whole/metrics.jsonl")).unwrap());
    let fewer = [&constant[..], &["--resume", "--set", "steps=5", "--set", "patience=50"]].concat();
    refuses(
        &train(&root, "parts", &fewer),
        "has already done 12 steps, and train.steps is 5; set at least 12",
    );
    // The cosine is another one.
    done(&train(&root, "cosine", &["--set", "warm_up=0"]));
    let answer = train(&root, "cosine", &["--resume", "--set", "warm_up=0", "--set", "steps=16"]);
    done(&answer);
    let told =
        "the cosine schedule now spans 16 steps: the learning rate at step 8 changes from 0.0e0 to 5.0e-4";
    assert!(answer.err.contains(told), "{}", answer.err);
}

#[test]
fn an_evaluation_that_does_not_come_again_stays() {
    let root = project("evaluated");
    done(&train(&root, "run", &["--set", "steps=6"]));
    done(&train(&root, "run", &["--resume", "--set", "steps=8"]));
    let metrics = std::fs::read_to_string(root.join("run/metrics.jsonl")).unwrap();
    let steps: Vec<u64> = metrics
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|line| !line["held_out"].is_null())
        .map(|line| line["step"].as_u64().unwrap())
        .collect();
    assert_eq!(steps, [0, 4, 6, 8]);
}

/// A run that would take long, in a process of its own, that has begun.
fn begun(root: &Path, out: &str) -> Child {
    let child = Command::new(env!("CARGO_BIN_EXE_raspc"))
        .args(["train", "big.toml", "-o", out, "--set", "steps=100000000"])
        .current_dir(root)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (metrics, since) = (root.join(out).join("metrics.jsonl"), Instant::now());
    // The evaluation before the first step and that of step 4, which comes after a checkpoint.
    while std::fs::read_to_string(&metrics).unwrap_or_default().matches("held_out").count() < 2 {
        assert!(since.elapsed() < Duration::from_secs(60), "no evaluation");
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

#[test]
fn two_runs_do_not_share_a_folder() {
    let root = project("shared");
    let mut child = begun(&root, "run");
    let long = ["--resume", "--set", "steps=100000000"];
    for more in [&[][..], &long] {
        let answer = train(&root, "run", more);
        refuses(&answer, &format!("run is in use by another run (process {})", child.id()));
        refuses(&answer, "choose another --out");
    }
    // One that was killed holds no one up.
    child.kill().unwrap();
    child.wait().unwrap();
    refuses(&train(&root, "run", &[]), "run already contains a run");
    let mut child = begun_again(&root);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The run goes on, and gets as far as writing.
fn begun_again(root: &Path) -> Child {
    let child = Command::new(env!("CARGO_BIN_EXE_raspc"))
        .args(["train", "big.toml", "-o", "run", "--resume", "--set", "steps=100000000"])
        .current_dir(root)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (lock, since) = (root.join("run/.lock"), Instant::now());
    while std::fs::read_to_string(&lock).unwrap().trim() != child.id().to_string() {
        assert!(since.elapsed() < Duration::from_secs(60), "the folder stays locked");
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

#[test]
fn a_run_that_is_interrupted_ends_with_130_and_can_go_on() {
    let root = project("interrupted");
    let child = begun(&root, "run");
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{told}");
    assert!(told.contains("'--resume' goes on"), "{told}");
    assert!(String::from_utf8(output.stdout).unwrap().contains("trained"));
    assert!(root.join("run/model.safetensors").is_file());
    // Where there is no terminal, a line per evaluation tells how it goes.
    let line = told.lines().find(|line| line.starts_with("step 4 of 100000000: loss ")).unwrap();
    for words in [", held out ", " %), ", "tokens/s, ", " left"] {
        assert!(line.contains(words), "{line}");
    }
}

#[test]
fn files_that_cannot_be_written_are_named_and_never_half_there() {
    let root = project("full");
    // A file may have so many blocks; the experiment needs a few, the checkpoint more.
    let limited = |blocks: usize, out: &str| {
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" train big.toml -o {out}");
        let output = Command::new("bash")
            .args(["-c", &script, env!("CARGO_BIN_EXE_raspc")])
            .current_dir(&root)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, told) = limited(8, "run --set d_model=200");
    assert!(told.contains("cannot write run/checkpoint.safetensors: "), "{told}");
    assert_eq!(code, Some(1), "{told}");
    let names = |out: &str| {
        let entries = std::fs::read_dir(root.join(out)).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names("run"), [".lock", "experiment.toml", "metrics.jsonl", "origin.json"]);
    let sound = |out: &str| {
        let metrics = std::fs::read_to_string(root.join(out).join("metrics.jsonl")).unwrap();
        assert!(metrics.ends_with("}\n"), "{metrics}");
        assert!(
            metrics.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()),
            "{metrics}"
        );
    };
    sound("run");
    let (_, told) = limited(0, "none");
    assert!(told.contains("cannot write none/.lock: "), "{told}");
    // A metric that does not fit is left out as a whole.
    let long = "--set log_every=1 --set steps=60 --set checkpoint_every=0";
    let (_, told) = limited(2, &format!("metrics {long}"));
    assert!(told.contains("cannot write metrics/metrics.jsonl: "), "{told}");
    sound("metrics");
}

#[test]
fn the_report_has_what_training_began_with_beside_what_came_out() {
    let root = project("beside_start");
    let compiled =
        raspc_in(&root, &["compile", "big.rasp", "-O0", "--balanced", "-o", "start.safetensors"], "");
    done(&compiled);
    let answer =
        train(&root, "run", &["--init", "start.safetensors", "--set", "lr=0.1", "--set", "warm_up=0"]);
    done(&answer);
    let row = |name: &str| {
        let line =
            answer.out.lines().find(|line| line.get(4..).is_some_and(|line| line.starts_with(name))).unwrap();
        let cell = |i: usize| line.get(27 + 13 * i..line.len().min(40 + 13 * i)).unwrap_or_default().trim();
        [0, 1, 2].map(cell)
    };
    assert_eq!(row("         "), ["compiled", "at the start", "trained"], "{}", answer.out);
    let [compiled, start, trained] = row("parameters").map(|cell| cell.parse::<usize>().unwrap());
    assert!(compiled < start && start == trained, "{}", answer.out);
    assert_eq!(row("examples (of 1)"), ["1", "1", "1"]);
    assert!(answer.out.contains("examples     the program gets 1 of 1 right"), "{}", answer.out);
    let moved: f64 = row("distance moved")[2].parse().unwrap();
    assert!(moved > 0.0);
    assert!(answer.out.contains("\n    at the start proved"), "{}", answer.out);
    let report = std::fs::read_to_string(root.join("run/report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let norm = |of: &str| report[of]["norm"].as_f64().unwrap();
    assert!((norm("start") - norm("trained")).abs() <= report["moved"].as_f64().unwrap() + 1e-4);
    assert_eq!(report["experiment"]["optimiser"]["lr"], 0.1);
    assert_eq!(report["origin"]["sources"].as_object().unwrap().len(), 4, "{}", report["origin"]);
    assert_eq!(report["start"]["parameters"], start);
}
