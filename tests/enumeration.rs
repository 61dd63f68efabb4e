//! Every input is run, or one that stands for it; what is interrupted goes on where it was.

use crate::common::command::{folder, raspc};
use crate::common::compiled::{Compiled, compile};
use crate::verify::{EVERYTHING, NEXT, forge, is_genuine, model, verdict};
use raspc::model::{Artifact, artifact};
use raspc::value::Value;
use raspc::verify::{self, Done, Effort, Verdict};
use std::path::Path;
use std::process::{Command, Stdio};

const EVERYTHING_AND_MORE: Effort = Effort { all_up_to: 200_000, ..EVERYTHING };

/// Tokens that the parameters treat alike are run once, and no others.
#[test]
fn an_enumeration_runs_one_input_of_each_class() {
    let all = |inputs, classes| Verdict::Enumerated { inputs, classes, failing: 0 };
    let run = |compiled: &Compiled, artifact: &Artifact| verdict(compiled, &model(artifact), EVERYTHING);
    // What is rearranged is run again: f32 may round otherwise.
    let histogram =
        compile("input tokens : 0..2; length 1..5; output selector_width(select(tokens, tokens, ==));");
    assert_eq!(run(&histogram, &histogram.artifact), all(363, 363));
    // 0 and 1 are one token to the network, and so are the other three.
    let large =
        compile("input tokens : 0..4; length 1..3; output tokens >= 2; output shift(tokens >= 2, 1, False);");
    assert_eq!(run(&large, &large.artifact), all(155, 14));
    // Tokens that it takes for another one are told.
    let wrong = forge(&histogram, |weights| {
        let first = weights.w_e[0].row(0).to_owned();
        weights.w_e[0].row_mut(1).assign(&first);
    });
    let Verdict::Refuted(found) = run(&histogram, &wrong) else { panic!("not refuted") };
    is_genuine(&histogram, &model(&wrong), &found);
    assert_eq!(found.input, [[0, 1].map(Value::int)]);
}

/// Bell(1) + … + Bell(8) inputs stand for 19,173,960 of a program whose selectors compare tokens by equality;
/// the kernel alone stops at length 8.
const MANY: &str = r#"input tokens : "a".."h";
length 1..8;
hist = selector_width(select(tokens, tokens, ==));
weight = [0, 1, 7, 31, 129, 517, 2111, 8209, 33013][hist];
earlier = selector_width(select(tokens, tokens, ==) and select(indices, indices, <));
total = aggregate(select(earlier == 0, True, ==), weight);
output total;
"#;

/// Where inputs are too many, the program runs on one of each class, and the proof goes on from there.
#[test]
fn a_proof_by_classes_is_told() {
    let folder = folder("classes");
    let (program, model) = (folder.join("many.rasp"), folder.join("many.safetensors"));
    std::fs::write(&program, MANY).unwrap();
    let [program, model] = [&program, &model].map(|path| path.to_str().unwrap());
    let compiled = raspc(&["compile", program, "-o", model], "");
    let by_classes = "; proved by enumeration within 0.018 (the program on 4140 classes of inputs)\n";
    assert!(compiled.out.ends_with(by_classes), "{}", compiled.out);
    let certificate = artifact::load(Path::new(model)).unwrap().manifest.certificate.unwrap();
    assert_eq!((certificate.lengths, certificate.classes), ([1, 8], 4140));
    let verify = |more: &[&str]| raspc(&[&["verify"], more, &[model]].concat(), "");
    let all = verify(&[]);
    assert_eq!(all.code, Some(0));
    assert!(
        all.out.contains(
            "many.safetensors: proved by enumeration within 0.018 (the program on 4140 classes of inputs)\n"
        ),
        "{}",
        all.out
    );
    assert!(all.out.contains(
        "\n  classes   the program, not the network, ran on one input of each kind that it can tell apart\n"
    ));
    let two = raspc(&["verify", model, model], "");
    assert!(two.out.ends_with("2 files: 2 proved by enumeration\n"), "{}", two.out);
    let json = &verify(&["--json"]).json()[0];
    assert_eq!((&json["verdict"], &json["classes"]), (&"proved by enumeration".into(), &4140.into()));
    assert_eq!(json["certificate"]["classes"], 4140);
    // One class less is too few, and without a proof there is nothing to go on from.
    let few = verify(&["--all-up-to", "4139"]);
    assert!(
        few.out.contains(
            "tested within 0.024, which may not tell the program's values apart (10000 inputs, seed 0)"
        ),
        "{}",
        few.out
    );
    assert!(few.out.contains("\n  open      at length 8, blocks."), "{}", few.out);
    assert!(verify(&["--no-proof"]).out.contains(" (10000 inputs, seed 0)"));
}

/// Stopped after each batch and continued, an enumeration looks at every input once.
#[test]
fn an_enumeration_goes_on_where_it_was_stopped() {
    // It fails on all inputs that begin with a 0, and there are several batches.
    let text = "input tokens : 0..9; length 1..5; \
                output 1 / aggregate(select(indices, 0, ==), tokens);";
    let compiled = compile(text);
    let (mut done, mut rounds) = (Done::default(), 0);
    let verdict = loop {
        let mut last = done;
        let mut stop = |now: Done| {
            last = now;
            false
        };
        let Compiled { program, facts, model, .. } = &compiled;
        let verdict = verify::compare_from(done, program, facts, model, EVERYTHING_AND_MORE, &mut stop);
        let verdict = verdict.unwrap();
        if matches!(verdict, Verdict::Enumerated { .. }) || last == done {
            break verdict;
        }
        assert!(last.first > done.first && matches!(verdict, Verdict::Tested { seed: None, .. }));
        (done, rounds) = (last, rounds + 1);
    };
    assert!(rounds > 3, "{rounds}");
    assert!(matches!(verdict, Verdict::Enumerated { inputs: 99_999, failing: 11_111, .. }), "{verdict:?}");
    assert_eq!(done.first, 111_110);
    assert_eq!(crate::verify::verdict(&compiled, &compiled.model, EVERYTHING_AND_MORE), verdict);
}

#[test]
fn a_file_keeps_how_far_an_enumeration_came() {
    let folder = folder("resume");
    let program = folder.join("mean.rasp");
    std::fs::write(&program, NEXT).unwrap();
    let kept = folder.join("kept.json");
    let _ = std::fs::remove_file(&kept);
    let [program, kept_path] = [&program, &kept].map(|path| path.to_str().unwrap());
    let verify = |more: &[&str]| {
        raspc(&[&["verify", "--no-proof", "--resume", kept_path], more, &[program]].concat(), "")
    };
    // Whoever finishes leaves nothing behind.
    assert_eq!(verify(&[]).code, Some(0));
    assert!(!kept.exists());
    std::fs::write(&kept, "{}").unwrap();
    let other = verify(&[]);
    assert_eq!(other.code, Some(1));
    assert!(other.err.contains("does not say how far"), "{}", other.err);
    let what = r#"{"raspc": "VERSION", "model": "a", "program": "b", "device": "c"}"#;
    let what = what.replace("VERSION", env!("CARGO_PKG_VERSION"));
    let foreign = format!(
        "{{\"what\": {what}, \"done\": {{\"first\": 9, \"inputs\": 9, \"classes\": 9, \"failing\": 0}}}}"
    );
    std::fs::write(&kept, &foreign).unwrap();
    let other = verify(&[]);
    assert!(other.err.contains("is about another model"), "{}", other.err);
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), foreign);
    let two = verify(&[program]);
    assert!(two.err.contains("one model at a time"), "{}", two.err);
}

#[cfg(unix)]
#[test]
fn an_interrupted_command_goes_on_where_it_was() {
    let folder = folder("interrupted");
    let (program, kept) = (folder.join("next.rasp"), folder.join("kept.json"));
    std::fs::write(&program, NEXT.replace("1..4", "1..11")).unwrap();
    let [program, kept_path] = [&program, &kept].map(|path| path.to_str().unwrap());
    let args = ["verify", "--no-proof", "--resume", kept_path, program];
    let begun = Command::new(env!("CARGO_BIN_EXE_raspc"))
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    let kill = Command::new("kill").args(["-INT", &begun.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let begun = begun.wait_with_output().unwrap();
    let said = String::from_utf8(begun.stdout).unwrap();
    assert!(said.contains("tested (") && said.contains("interrupted"), "{said}");
    let done: serde_json::Value = serde_json::from_slice(&std::fs::read(&kept).unwrap()).unwrap();
    let first = done["done"]["inputs"].as_u64().unwrap();
    assert!(first > 0 && said.contains(&format!("({first} inputs")), "{said}: {done}");
    // What was done is believed: one input more than there is would be refused.
    let rest = raspc(&args, "");
    assert_eq!(rest.code, Some(0), "{}", rest.err);
    assert!(rest.out.contains("(265719 inputs"), "{}", rest.out);
    assert!(!kept.exists());
}
