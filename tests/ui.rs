//! What users are told: every `tests/ui/*.rasp` has its report beside it, in a `.stderr` file.
//! `UPDATE=1 cargo test ui` writes the reports anew.

use raspc::source::Sources;
use raspc::syntax::{describe, parse, warnings};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Every report about a program, as it is shown.
fn diagnose(name: &str, text: &str) -> String {
    let mut sources = Sources::default();
    let source = sources.add(name, text);
    let parsed = parse(source, text);
    let errors = parsed.errors.iter().map(|e| describe(e, text));
    let reports: Vec<String> =
        errors.chain(warnings(&parsed.ast)).map(|d| d.render(&sources, false)).collect();
    reports.join("\n")
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
