//! Resolving the file names in an experiment.

use anyhow::bail;
use std::path::{Component, Path, PathBuf};

/// Finds a file named by a key of an experiment: relative to the folder of the experiment first, then to the
/// current folder.
pub fn find(experiment: &Path, key: &str, name: &str) -> anyhow::Result<PathBuf> {
    let beside = experiment.parent().unwrap_or(Path::new("")).join(name);
    let is_there = |path: &&PathBuf| path.exists() && !path.is_dir();
    let from_here = PathBuf::from(name);
    if let Some(found) = [&beside, &from_here].into_iter().find(is_there) {
        return Ok(without_detours(found));
    }
    let shown = experiment.display();
    match beside == from_here {
        true => bail!("{shown}: {key} is \"{name}\", but this file does not exist"),
        false => bail!("{shown}: {key} is \"{name}\", but neither {} nor {name} exists", beside.display()),
    }
}

/// The path with `folder/..` removed, if it still leads to the same file.
fn without_detours(path: &Path) -> PathBuf {
    let mut short = PathBuf::new();
    for part in path.components() {
        let inside = matches!(short.components().next_back(), Some(Component::Normal(_)));
        match part {
            Component::ParentDir if inside => {
                short.pop();
            }
            Component::CurDir => {}
            Component::Normal(_) | Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                short.push(part);
            }
        }
    }
    // With symbolic links it may not.
    let same = match (path.canonicalize(), short.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        (Ok(_) | Err(_), _) => false,
    };
    if same { short } else { path.to_owned() }
}
