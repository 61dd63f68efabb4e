//! What users are told: every `tests/ui/*.rasp` has its report beside it, in a `.stderr` file.
//! `UPDATE=1 cargo test ui` writes the reports anew.

use raspc::ir::lower::{self, Loader, Outside};
use raspc::verify::{self, CanFail, Effort};
use raspc::{facts, plan};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Every report about a program, as it is shown: by `check`, and by `compile` too if the first
/// line asks for it with `# compile`. A first line `# options: …` has declarations from outside.
fn diagnose(name: &str, text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    let declarations = first.strip_prefix("# options: ").unwrap_or_default().to_owned();
    let read = lower::read(name, text, &Beside, &Outside { declarations, ..Outside::default() });
    let mut diagnostics = read.diagnostics;
    if let Some(program) = &read.program {
        diagnostics.extend(verify::wrong_examples(program));
        let facts = facts::analyse(program);
        diagnostics.extend(facts::warnings(program, &facts, &read.sources));
        if text.starts_with("# compile") && program.outputs.is_empty() {
            diagnostics.push(verify::no_outputs_report());
        } else if program.outputs.is_empty() && diagnostics.is_empty() {
            diagnostics.push(verify::no_outputs_warning());
        } else if text.starts_with("# compile") {
            let effort = Effort { all_up_to: 1_000, samples: 100, seed: 0 };
            match verify::can_fail(program, &facts, effort, |_| true) {
                Some(CanFail::NoInputs { all }) => diagnostics.push(verify::no_inputs_report(program, all)),
                can_fail => diagnostics.extend(can_fail.and_then(|c| verify::without_value(program, &c))),
            }
            let knobs = plan::Knobs::default();
            let errors = plan::plan(program, &facts, knobs).err().unwrap_or_default();
            diagnostics.extend(plan::reports(program, &errors, knobs));
        }
    }
    let reports: Vec<String> = diagnostics.iter().map(|d| d.render(&read.sources, false)).collect();
    reports.join("\n")
}

/// Loads files from `tests/ui/loaded`.
struct Beside;

impl Loader for Beside {
    fn load(&self, path: &str, _: &str) -> Result<(String, String), String> {
        let name = format!("loaded/{path}.rasp");
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui").join(&name);
        fs::read_to_string(file).map(|text| (name, text)).map_err(|_| "no such file".to_owned())
    }
}

fn files(extension: &str) -> BTreeSet<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let entries = fs::read_dir(&folder).expect("tests/ui is a folder");
    entries
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .collect()
}

#[test]
fn every_report_reads_as_expected() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut different = Vec::new();
    for program in files("rasp") {
        let name = program.file_name().expect("a file").to_string_lossy();
        let report = diagnose(&name, &fs::read_to_string(&program).expect("a readable program"));
        let expected = program.with_extension("stderr");
        if fs::read_to_string(&expected).ok().as_deref() == Some(&report) {
            continue;
        }
        if update {
            fs::write(&expected, &report).expect("a writable folder");
        } else {
            different.push(format!("{name}:\n{report}"));
        }
    }
    assert!(different.is_empty(), "these reports have changed:\n{}", different.join("\n"));
}

#[test]
fn every_report_has_its_program() {
    let programs = files("rasp");
    let orphans: Vec<_> =
        files("stderr").into_iter().filter(|path| !programs.contains(&path.with_extension("rasp"))).collect();
    assert!(orphans.is_empty(), "{orphans:?}");
    assert!(!programs.is_empty());
}

#[test]
fn every_program_here_is_worth_a_report() {
    for program in files("rasp") {
        let text = fs::read_to_string(&program).expect("a readable program");
        assert!(!diagnose("x.rasp", &text).is_empty(), "nothing to say about {program:?}");
    }
}
