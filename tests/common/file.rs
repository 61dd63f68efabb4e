//! The programs of `programs/`.

use raspc::ir::Program;
use raspc::ir::lower::{NoFiles, Outside, Read, read};
use std::path::Path;

/// A file under `programs/`.
pub struct File {
    /// Its path below `programs/`, without the extension.
    pub name: String,
    pub text: String,
}

impl File {
    /// All programs; the library is none.
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for folder in ["", "sql"] {
            let path = root().join(folder);
            for entry in std::fs::read_dir(&path).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|e| e == "rasp") {
                    let stem = path.file_stem().unwrap().to_str().unwrap();
                    all.push(Self::read(&Path::new(folder).join(stem).to_string_lossy()));
                }
            }
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    pub fn read(name: &str) -> Self {
        let path = root().join(format!("{name}.rasp"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Self { name: name.to_owned(), text }
    }

    /// The program; panics on any diagnostic, warnings too.
    pub fn program(&self) -> Program {
        let Read { program, diagnostics, sources } =
            read(&self.name, &self.text, &NoFiles, &Outside::default());
        let reports: String = diagnostics.iter().map(|d| d.render(&sources, false)).collect();
        assert!(reports.is_empty(), "{reports}");
        program.unwrap()
    }
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/programs"))
}
