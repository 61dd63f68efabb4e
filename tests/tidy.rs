//! Rules of the repository that no compiler checks.

use std::path::{Path, PathBuf};

/// The folders and files of `src` in the order of the pipeline. Each may import what stands
/// before it (and itself), nothing behind it.
const ORDER: [&str; 17] = [
    "source",
    "diagnostic",
    "value",
    "syntax",
    "ir",
    "interp",
    "inputs",
    "facts",
    "plan",
    "linalg",
    "weights",
    "model",
    "verify",
    "data",
    "train",
    "probe",
    "cli",
];

/// Crates that only some parts may know.
const CONFINED: [(&str, &[&str]); 14] = [
    ("ariadne", &["diagnostic"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("terminal_size", &["cli"]),
    ("rustyline", &["cli"]),
    ("indicatif", &["cli"]),
    ("candle_core", &["model", "verify", "train", "probe", "cli"]),
    ("candle_nn", &["model", "train", "probe"]),
    ("pulp", &["model", "train"]),
    ("rayon", &["train"]),
    ("toml", &["train"]),
    ("ndarray", &["linalg", "weights", "model", "probe"]),
    ("ndarray_linalg", &["linalg", "probe"]),
    ("faer", &["linalg"]),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The part of the pipeline that a file of `src` belongs to; none for `lib.rs` and `main.rs`.
fn part(file: &Path) -> Option<String> {
    let relative = file.strip_prefix(root().join("src")).unwrap();
    let first = relative.components().next().unwrap().as_os_str().to_string_lossy();
    let name = first.trim_end_matches(".rs").to_owned();
    (name != "lib" && name != "main").then_some(name)
}

/// The modules of this crate that a text imports.
fn imports(text: &str) -> Vec<String> {
    let name = |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let code = text.lines().filter(|l| !l.trim_start().starts_with("//"));
    let mut found: Vec<String> = code
        .flat_map(|l| l.split("crate::").skip(1).map(name).collect::<Vec<_>>())
        .filter(|n| !n.is_empty())
        .collect();
    found.sort();
    found.dedup();
    found
}

#[test]
fn imports_point_one_way() {
    let place = |part: &str| ORDER.iter().position(|o| *o == part);
    let mut wrong = Vec::new();
    for file in rust_files(&root().join("src")) {
        let Some(part) = part(&file) else { continue };
        let own =
            place(&part).unwrap_or_else(|| panic!("`{part}` has no place in the order of the pipeline"));
        let text = std::fs::read_to_string(&file).unwrap();
        for import in imports(&text) {
            if place(&import).is_some_and(|i| i > own) {
                wrong.push(format!("{} imports crate::{import}", file.display()));
            }
        }
        // These would hide from the search above.
        if text.contains("use crate::{") || text.contains("use crate as ") {
            wrong.push(format!("{} imports several modules at once", file.display()));
        }
    }
    assert!(wrong.is_empty(), "imports against the order of the pipeline:\n{}", wrong.join("\n"));
}

/// Of the compiler, the kernel knows the type of weights and nothing else.
#[test]
fn the_kernel_shares_no_code_with_the_compiler() {
    let files = rust_files(&root().join("src/verify/check"));
    assert!(files.len() > 5, "the kernel is somewhere else");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let compiler = ["facts", "plan"];
        let known: Vec<String> =
            imports(&text).into_iter().filter(|i| compiler.contains(&i.as_str())).collect();
        assert!(known.is_empty(), "{} imports {known:?}", file.display());
        let weights: Vec<&str> = text.lines().filter(|l| l.contains("crate::weights")).collect();
        let types =
            ["crate::weights::Weights;", "crate::weights::HeadWeights;", "crate::weights::MlpWeights;"];
        assert!(weights.iter().all(|l| types.iter().any(|t| l.ends_with(t))), "{weights:?}");
    }
}

#[test]
fn libraries_stay_where_they_belong() {
    let mut wrong = Vec::new();
    for file in rust_files(&root().join("src")) {
        let Some(part) = part(&file) else { continue };
        let text = std::fs::read_to_string(&file).unwrap();
        for (library, parts) in CONFINED {
            let used = text.contains(&format!("{library}::")) || text.contains(&format!("use {library}"));
            if used && !parts.contains(&part.as_str()) {
                wrong.push(format!("{} uses {library}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "libraries outside their part:\n{}", wrong.join("\n"));
}

/// Files that call what the compiler cannot check. Each says why.
const UNSAFE: [&str; 2] = ["src/linalg/lapack.rs", "src/model/fused/steps.rs"];

#[test]
fn unsafe_code_stays_where_it_is_documented() {
    let file = |file: PathBuf| {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        text.contains("unsafe ").then_some(name)
    };
    let found: Vec<String> = rust_files(&root().join("src")).into_iter().filter_map(file).collect();
    assert_eq!(found, UNSAFE);
}

#[test]
fn only_the_command_line_prints() {
    let prints = [
        "println!(",
        "eprintln!(",
        "print!(",
        "eprint!(",
        "std::env::",
        "std::io::stdout",
        "std::io::stderr",
    ];
    let mut wrong = Vec::new();
    for file in rust_files(&root().join("src")) {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy();
        if part(&file).is_some_and(|p| p != "cli")
            && !name.contains("test")
            && let Some(found) = prints.iter().find(|p| text.contains(*p))
        {
            wrong.push(format!("{} has {found}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "these belong in src/cli:\n{}", wrong.join("\n"));
}

#[test]
fn files_hold_one_subject() {
    let mut long = Vec::new();
    for folder in ["src", "tests"] {
        for file in rust_files(&root().join(folder)) {
            let lines = std::fs::read_to_string(&file).unwrap().lines().count();
            if lines > 520 {
                long.push(format!("{}: {lines} lines", file.display()));
            }
        }
    }
    assert!(long.is_empty(), "look for the second subject in:\n{}", long.join("\n"));
}

/// Codes that no UI test shows: `E0501` says that raspc itself is wrong, `E0502` that a file is,
/// `W0302` is `E0303` as `compile` says it, `E0412`, `E0413` and `E0414` take a flag, and no program is known that gets
/// as far as `E0411`.
const UNSHOWN: [&str; 7] = ["E0411", "E0412", "E0413", "E0414", "E0501", "E0502", "W0302"];

/// Every error and warning code has a UI test that shows it.
#[test]
fn every_diagnostic_has_a_ui_test() {
    let shown = |folder: &str, extension: &str| -> String {
        let entries = std::fs::read_dir(root().join(folder)).unwrap().map(|e| e.unwrap().path());
        let reports = entries.filter(|p| p.extension().is_some_and(|e| e == extension));
        reports.map(|p| std::fs::read_to_string(p).unwrap()).collect()
    };
    let reports = shown("tests/ui", "stderr") + &shown("tests/repl", "txt");
    let mut missing = Vec::new();
    for file in rust_files(&root().join("src")) {
        let text = std::fs::read_to_string(&file).unwrap();
        let is_code = |w: &str| {
            w.len() == 5 && w.starts_with(['E', 'W']) && w.bytes().skip(1).all(|b| b.is_ascii_digit())
        };
        for code in text.split('"').filter(|w| is_code(w)) {
            if !reports.contains(&format!("[{code}]")) && !UNSHOWN.contains(&code) {
                missing.push(format!("{code} ({})", file.display()));
            }
        }
    }
    missing.sort();
    missing.dedup();
    assert!(missing.is_empty(), "no UI test shows:\n{}", missing.join("\n"));
}
