//! How far an enumeration came, kept in a file, so that it can go on where it was interrupted.

use super::verify::Claim;
use crate::ir;
use crate::verify::Done;
use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What was enumerated. With anything else the file is refused.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct What {
    raspc: String,
    /// The hash of the model's manifest, which covers its weights.
    model: String,
    /// The hash of the program: its graph, inputs and outputs, and all its text.
    program: String,
    /// What the model runs with.
    device: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    what: What,
    done: Done,
}

/// The file, and what stands in it.
pub struct Resume {
    path: PathBuf,
    kept: Kept,
    written: Instant,
}

/// A process that is killed loses so much.
const INTERVAL: Duration = Duration::from_secs(5);

impl Resume {
    /// What was done up to now, if the file is there.
    pub fn open(path: &Path, claim: &Claim, device: String) -> anyhow::Result<Self> {
        let what = What {
            raspc: env!("CARGO_PKG_VERSION").to_owned(),
            model: claim.artifact.manifest.sha256.manifest.clone(),
            program: hash_of(claim),
            device,
        };
        let text = match std::fs::read_to_string(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            read => Some(read.with_context(|| format!("cannot read {}", path.display()))?),
        };
        let done = match text {
            None => Done::default(),
            Some(text) => {
                let kept: Kept = serde_json::from_str(&text).with_context(|| {
                    format!("{} does not say how far an enumeration came", path.display())
                })?;
                let same = [
                    ("version of raspc", kept.what.raspc == what.raspc),
                    ("model", kept.what.model == what.model),
                    ("program", kept.what.program == what.program),
                    ("device or precision", kept.what.device == what.device),
                ];
                if let Some((other, _)) = same.iter().find(|(_, same)| !same) {
                    anyhow::bail!("{} is about another {other}; remove it to begin again", path.display());
                }
                anyhow::ensure!(
                    kept.done.is_possible(&claim.loaded.program),
                    "{} counts more inputs than there are; remove it to begin again",
                    path.display()
                );
                kept.done
            }
        };
        let mut resume = Self { path: path.to_owned(), kept: Kept { what, done }, written: Instant::now() };
        // Whoever cannot write it should hear of it before hours of work.
        resume.write()?;
        Ok(resume)
    }

    pub fn done(&self) -> Done {
        self.kept.done
    }

    /// Remembers what was done, and now and then writes it down.
    pub fn reach(&mut self, done: Done) -> anyhow::Result<()> {
        self.kept.done = done;
        if self.written.elapsed() > INTERVAL { self.write() } else { Ok(()) }
    }

    /// Writes a new file and puts it in the place of the old one, so that there always is a whole one.
    pub fn write(&mut self) -> anyhow::Result<()> {
        self.written = Instant::now();
        let mut draft = self.path.clone().into_os_string();
        draft.push(format!(".{}.draft", std::process::id()));
        let text = serde_json::to_string_pretty(&self.kept)? + "\n";
        let written = std::fs::write(&draft, text).and_then(|()| std::fs::rename(&draft, &self.path));
        if written.is_err() {
            // It may not even be there.
            let _ = std::fs::remove_file(&draft);
        }
        written.with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// There is nothing to go on with.
    pub fn remove(self) -> anyhow::Result<()> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", self.path.display()))
            }
            _ => Ok(()),
        }
    }
}

fn hash_of(claim: &Claim) -> String {
    let mut hash = Sha256::new_with_prefix(ir::print(&claim.loaded.program, &claim.loaded.sources));
    for (_, source) in claim.loaded.sources.iter() {
        hash.update((source.text.len() as u64).to_le_bytes());
        hash.update(&source.text);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
