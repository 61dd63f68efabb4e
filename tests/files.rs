//! Which files does raspc read and write, and what does it say of those that are not its own?

use crate::common::command::{folder, raspc, raspc_in, refuses};
use crate::common::compiled::compile;
use raspc::model::{Artifact, artifact};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

const NEXT: &str = "input tokens : 0..3;\nlength 1..3;\nx = tokens + 1;\noutput x;\n";

#[test]
fn what_others_wrote_is_not_overwritten() {
    let folder = folder("foreign");
    let view = TensorView::new(Dtype::F32, vec![1, 1], &[0; 4]).unwrap();
    let foreign = safetensors::serialize([("wte", view)], None).unwrap();
    let model = folder.join("model.safetensors");
    for bytes in [foreign, b"some text\n".to_vec(), Vec::new()] {
        std::fs::write(&model, &bytes).unwrap();
        let answer = raspc(&["compile", "programs/length.rasp", "-o", model.to_str().unwrap()], "");
        refuses(&answer, "was not written by raspc; it is left as it is");
        assert_eq!(std::fs::read(&model).unwrap(), bytes);
    }
    std::fs::remove_file(&model).unwrap();
    for _ in 0..2 {
        let answer = raspc(&["compile", "programs/length.rasp", "-o", model.to_str().unwrap()], "");
        assert_eq!(answer.code, Some(0), "{}", answer.err);
    }
}

#[test]
fn a_program_below_programs_goes_beside_that_folder_from_wherever_it_is_named() {
    let folder = folder("layout");
    let below = folder.join("programs/sub");
    std::fs::create_dir_all(&below).unwrap();
    std::fs::write(below.join("next.rasp"), NEXT).unwrap();
    let compiled = folder.join("compiled/sub/next.safetensors");
    for (from, file) in
        [("programs/sub", "next.rasp"), ("programs", "sub/next.rasp"), ("", "programs/sub/next.rasp")]
    {
        let answer = raspc_in(&folder.join(from), &["compile", file], "");
        assert_eq!(answer.code, Some(0), "{}", answer.err);
        assert!(compiled.is_file(), "{}", answer.out);
        std::fs::remove_file(&compiled).unwrap();
        assert!(!below.join("next.safetensors").exists());
    }
    std::fs::write(folder.join("next.rasp"), NEXT).unwrap();
    raspc_in(&folder, &["compile", "next.rasp"], "");
    assert!(folder.join("next.safetensors").is_file());
}

#[test]
fn weights_that_were_compared_on_nothing_are_not_called_tested() {
    let folder = folder("nothing");
    let model = folder.join("model.safetensors");
    let model = model.to_str().unwrap();
    let peak = ["compile", "programs/peak.rasp", "--input", "\"a\"..\"z\"", "-o", model];
    let answer = raspc(&peak, "");
    assert_eq!(answer.code, Some(4), "{}{}", answer.out, answer.err);
    assert!(answer.out.contains("undecided: no input was compared"), "{}", answer.out);
    assert!(!answer.out.contains("tested"), "{}", answer.out);
    let json = raspc(&[&peak[..], &["--json"]].concat(), "").json().remove(0);
    assert_eq!(json["verdict"], "undecided");
    let verified = raspc(&["verify", model, "--tests", "20", "--json"], "");
    assert_eq!((verified.code, &verified.json()[0]["verdict"]), (Some(4), &"undecided".into()));
}

#[test]
fn a_model_says_where_its_program_has_no_value() {
    let folder = folder("no_value");
    let (program, model) = (folder.join("dz.rasp"), folder.join("dz.safetensors"));
    std::fs::write(&program, "input a : 0..1;\nlength 1..3;\nx = 1 / a;\noutput x;\n").unwrap();
    let model = model.to_str().unwrap();
    raspc(&["compile", program.to_str().unwrap(), "-o", model], "");
    let answer = raspc(&["run", model, "[1, 0]"], "");
    assert!(answer.err.contains("W0302") && answer.err.contains("division by zero"), "{}", answer.err);
    assert_eq!(answer.code, Some(0));
    let json = raspc(&["run", model, "[1, 0]", "--json"], "").json().remove(0);
    assert_eq!(json["program"], serde_json::json!({ "error": "division by zero", "position": 1 }));
    let sound = raspc(&["run", model, "[1, 1]", "--json"], "");
    assert!(sound.err.is_empty() && sound.json()[0].get("program").is_none(), "{}", sound.err);
    assert!(raspc(&["inspect", model, "[1, 0]"], "").err.contains("W0302"));
}

#[test]
fn foreign_text_does_not_move_the_cursor() {
    let folder = folder("evil");
    let compiled = compile(NEXT);
    let mut manifest = compiled.artifact.manifest.clone();
    manifest.program = "evil\u{1b}[31m\u{9b}\nproved".to_owned();
    manifest.slots[0].label = "\u{1b}[2J".to_owned();
    let model = folder.join("evil.safetensors");
    artifact::save(&Artifact::new(manifest, compiled.artifact.weights), &model).unwrap();
    let model = model.to_str().unwrap();
    let named = folder.join("evil\u{1b}[31m.rasp");
    std::fs::write(&named, NEXT).unwrap();
    let named = named.to_str().unwrap();
    let missing = folder.join("gone\u{1b}[31m.rasp");
    for command in [
        &["verify", model][..],
        &["verify", model, "--json"],
        &["verify", model, named],
        &["inspect", model],
        &["inspect", model, "--json"],
        &["inspect", model, "--stats"],
        &["inspect", model, "[1]"],
        &["check", named],
        &["check", missing.to_str().unwrap()],
        &["compile", named],
        &["run", named, "[9]"],
    ] {
        let answer = raspc(command, "");
        let printed = answer.out + &answer.err;
        assert!(!printed.contains(|c: char| c.is_control() && c != '\n'), "{command:?}: {printed:?}");
        assert!(!printed.lines().any(|line| line.starts_with("proved")), "{command:?}: {printed}");
    }
    let json = raspc(&["inspect", model, "--json"], "").json().remove(0);
    assert_eq!(json["totals"]["program"], "evil\u{1b}[31m\u{9b}\nproved");
}

#[test]
fn errors_name_their_file_and_flag_once() {
    let folder = folder("once");
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let model = path("model.safetensors");
    raspc(&["compile", "programs/peak.rasp", "-o", &model], "");
    for command in ["verify", "inspect"] {
        for (flag, value) in [("--sharpness", "9"), ("-O", "0"), ("--length", "1..3"), ("--input", "0..3")] {
            let answer = raspc(&[command, &model, flag, value], "");
            refuses(&answer, &format!("error: {flag} is for programs"));
        }
    }
    refuses(&raspc(&["run", &model, "[1]", "--causal"], ""), "error: --causal is for programs");
    std::fs::write(path("random.safetensors"), "not a model").unwrap();
    let random = raspc(&["verify", &path("random.safetensors")], "");
    refuses(&random, "does not begin as a safetensors file");
    assert_eq!(random.err.matches("random.safetensors").count(), 1, "{}", random.err);
    std::fs::write(path("empty.rasp"), "").unwrap();
    let empty = raspc(&["verify", &path("empty.rasp")], "");
    assert!(empty.err.contains("E0305"), "{}", empty.err);
    assert_eq!((empty.code, raspc(&["compile", &path("empty.rasp")], "").code), (Some(2), Some(2)));
    std::fs::copy(&model, path("model.bin")).unwrap();
    refuses(&raspc(&["run", &path("model.bin"), "[1]"], ""), "a model's name ends in .safetensors");
    std::fs::copy("programs/peak.rasp", path("peak.rasp")).unwrap();
    let against =
        raspc_in(&folder, &["verify", "model.safetensors", "--against", "peak.rasp", "--tests", "9"], "");
    assert!(against.out.contains("  program   peak.rasp\n"), "{}{}", against.out, against.err);
}

#[test]
fn a_number_within_a_bound_has_its_bound() {
    let folder = folder("bounds");
    let (program, model) = (folder.join("mean.rasp"), folder.join("mean.safetensors"));
    let mean = "mean = aggregate(select(tokens, tokens, <=), tokens);";
    std::fs::write(&program, format!("input tokens : 0..9;\nlength 1..40;\n{mean}\n")).unwrap();
    let model = model.to_str().unwrap();
    raspc(&["compile", program.to_str().unwrap(), "--no-check", "-o", model], "");
    let text = raspc(&["run", model, "[1, 2, 4]"], "").out;
    assert!(text.contains('≈') && text.contains("] ± "), "{text}");
    let json = raspc(&["run", model, "[1, 2, 4]", "--json"], "").json().remove(0);
    let output = &json["outputs"]["mean"];
    assert!(output["approximate"] == true && output["bound"]["ratio"].is_string(), "{output}");
}
