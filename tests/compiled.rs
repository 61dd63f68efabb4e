//! Is `compiled/` what the compiler makes of `programs/`, and does the README say so?

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Larger files are not kept in the repository.
const LARGEST: u64 = 1_000_000;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn models(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(models(&path));
        } else if path.extension().is_some_and(|e| e == "safetensors") {
            found.push(path);
        }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &name);
        } else {
            fs::copy(&path, name).unwrap();
        }
    }
}

/// `UPDATE=1` writes the models and the table anew.
#[test]
fn compiled_models_and_their_table_are_up_to_date() {
    let scratch = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compiled");
    let _ = fs::remove_dir_all(&scratch);
    copy(&root().join("programs"), &scratch.join("programs"));
    let output = Command::new(env!("CARGO_BIN_EXE_raspc"))
        .args(["compile", "--all", "--table", "--no-check"])
        .current_dir(&scratch)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let table = String::from_utf8(output.stdout).unwrap();

    let (fresh, kept) = (scratch.join("compiled"), root().join("compiled"));
    let update = std::env::var_os("UPDATE").is_some();
    let mut stale = Vec::new();
    for model in models(&fresh) {
        let name = model.strip_prefix(&fresh).unwrap();
        let small = fs::metadata(&model).unwrap().len() <= LARGEST;
        let same = fs::read(kept.join(name)).ok() == small.then(|| fs::read(&model).unwrap());
        if !same && small && update {
            fs::create_dir_all(kept.join(name).parent().unwrap()).unwrap();
            fs::copy(&model, kept.join(name)).unwrap();
        } else if !same && small {
            stale.push(name.to_owned());
        }
    }
    let orphans = models(&kept).into_iter().map(|m| m.strip_prefix(&kept).unwrap().to_owned());
    stale.extend(orphans.filter(|name| !fresh.join(name).exists()));

    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let (before, rest) = readme.split_once("<!-- programs -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- end of programs -->").unwrap();
    let expected = format!("{before}<!-- programs -->\n{table}<!-- end of programs -->{after}");
    if update {
        fs::write(root().join("README.md"), expected).unwrap();
    } else if readme != expected {
        stale.push("README.md".into());
    }
    assert!(stale.is_empty(), "run `UPDATE=1 cargo test compiled_models`; out of date: {stale:?}");
}
