//! What kind of file a command takes, and what is said of a file of another kind.

use crate::model::artifact;
use anyhow::ensure;
use std::path::Path;

/// The kinds of files that raspc reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Program,
    Model,
    Experiment,
}

impl Kind {
    /// The kind that the name of a file says; other names say nothing.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "rasp" => Some(Self::Program),
            "safetensors" => Some(Self::Model),
            "toml" => Some(Self::Experiment),
            _ => None,
        }
    }

    fn describe(self) -> &'static str {
        match self {
            Self::Program => "a program (.rasp)",
            Self::Model => "a model (.safetensors)",
            Self::Experiment => "an experiment (.toml)",
        }
    }

    /// What is said to be expected where this kind is: whoever trains an experiment trains a program, too.
    fn expected(self) -> &'static str {
        match self {
            Self::Program | Self::Model => self.describe(),
            Self::Experiment => "an experiment (.toml) or a program (.rasp)",
        }
    }

    /// What can be done with a file of this kind instead.
    fn advice(self, path: &Path, wanted: Self) -> String {
        let path = path.display();
        match self {
            Self::Program if wanted == Self::Model => format!("`raspc compile {path}` writes its model"),
            Self::Program => format!("`raspc compile {path}` takes it"),
            Self::Model if wanted == Self::Experiment => {
                format!("'--init {path}' begins a training with it")
            }
            Self::Model => "`raspc run`, `raspc verify` and `raspc inspect` take it".to_owned(),
            Self::Experiment => format!("`raspc train {path}` takes it"),
        }
    }
}

/// Refuses a file whose name says that it is of another kind than a command takes here.
pub fn expect(path: &Path, wanted: Kind) -> anyhow::Result<()> {
    let Some(found) = Kind::of(path).filter(|found| *found != wanted) else { return Ok(()) };
    anyhow::bail!(
        "{} is {}, and {} is expected here; {}",
        path.display(),
        found.describe(),
        wanted.expected(),
        found.advice(path, wanted)
    )
}

/// Refuses the bytes of a model where a text is expected, whatever the file is called.
pub fn expect_text(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let (shown, is_model) = (path.display(), artifact::is_beginning(bytes));
    ensure!(
        !is_model || Kind::of(path) != Some(Kind::Model),
        "{shown} is a model, and a text is expected here"
    );
    ensure!(!is_model, "{shown} holds a model under another name; a model's name ends in .safetensors");
    Ok(())
}
