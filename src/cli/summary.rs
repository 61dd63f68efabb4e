//! What was built, in a line, as JSON, or as a row of a table.

use super::Exit;
use super::draw::printable;
use super::verdict::{Outcome, counted};
use crate::ir::Column;
use crate::model::Artifact;
use crate::value::Number;
use crate::verify::Evidence;
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

/// A compiled program.
pub struct Summary {
    program: PathBuf,
    file: PathBuf,
    /// The first comment of the program.
    about: String,
    layers: usize,
    heads: usize,
    d_model: usize,
    parameters: usize,
    /// The most attention of any head that goes where it is not asked for.
    leak: Number,
    /// What is known of it, if anything was asked.
    verdict: Option<Verdict>,
}

/// What is known of a compiled program, told.
pub struct Verdict {
    kind: &'static str,
    words: String,
    exit: Exit,
    /// The exit code if tests are enough.
    exit_if_tested: Exit,
    proved: bool,
    classes: usize,
    open: Option<String>,
}

impl Verdict {
    pub fn of(outcome: &Outcome, columns: &[Column]) -> Self {
        let classes = match &outcome.answer.evidence {
            Evidence::Proved(certificate) => Some(certificate.classes),
            Evidence::Compared { .. } => None,
        };
        Self {
            kind: outcome.kind(),
            words: outcome.words(columns),
            exit: outcome.exit(false),
            exit_if_tested: outcome.exit(true),
            proved: classes.is_some(),
            classes: classes.unwrap_or(0),
            open: outcome.open().map(ToString::to_string),
        }
    }
}

impl Summary {
    pub fn new(
        program: &Path,
        file: &Path,
        about: String,
        artifact: &Artifact,
        verdict: Option<Verdict>,
    ) -> Self {
        let config = &artifact.manifest.config;
        Self {
            program: program.to_owned(),
            file: file.to_owned(),
            about,
            layers: config.layers.len(),
            heads: config.layers.iter().map(|l| l.heads.len()).sum(),
            d_model: config.d_model,
            parameters: artifact.weights.n_params(),
            leak: artifact.manifest.leak(),
            verdict,
        }
    }

    /// How compiling it ends: an answer that was asked for should say something of all inputs.
    pub fn exit(&self, accept_tested: bool) -> Exit {
        let exit = |v: &Verdict| if accept_tested { v.exit_if_tested } else { v.exit };
        self.verdict.as_ref().map_or(Exit::Done, exit)
    }

    pub fn json(&self) -> Json {
        json!({
            "program": self.program.to_string_lossy(),
            "file": self.file.to_string_lossy(),
            "layers": self.layers,
            "heads": self.heads,
            "d_model": self.d_model,
            "parameters": self.parameters,
            "leak": self.leak.to_f64(),
            "verdict": self.verdict.as_ref().map(|v| v.kind),
            "answer": self.verdict.as_ref().map(|v| &v.words),
            "proved": self.verdict.as_ref().map(|v| v.proved),
            "classes": self.verdict.as_ref().map(|v| v.classes),
            "open": self.verdict.as_ref().and_then(|v| v.open.as_ref()),
        })
    }

    pub fn text(&self) -> String {
        let leak = match self.leak.is_zero() {
            true => String::new(),
            false => format!(", leaks {:.1e} of a head's attention at most", self.leak.to_f64()),
        };
        format!(
            "{} → {}: {}, {}, d_model {}, {} parameters{}; {}{}",
            printable(&self.program.to_string_lossy()),
            printable(&self.file.to_string_lossy()),
            counted(self.layers, "layer"),
            counted(self.heads, "head"),
            self.d_model,
            self.parameters,
            leak,
            self.verdict.as_ref().map_or("not checked", |v| &v.words),
            match self.verdict.as_ref().and_then(|v| v.open.as_ref()) {
                Some(open) => format!("; not proved: {open}"),
                None => String::new(),
            },
        )
    }
}

/// A table in Markdown, a row per program.
pub fn table(rows: &[Summary]) -> String {
    let mut text = "| program | layers | heads | d_model | parameters | what it computes |\n".to_owned();
    text += "|---|---|---|---|---|---|\n";
    for Summary { program, layers, heads, d_model, parameters, about, .. } in rows {
        let name = program.with_extension("");
        let name = name.strip_prefix("programs").unwrap_or(&name).display();
        let about = about.replace('|', "\\|");
        text += &format!("| {name} | {layers} | {heads} | {d_model} | {parameters} | {about} |\n");
    }
    text
}
