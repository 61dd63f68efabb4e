//! What was built, in a line, as JSON, or as a row of a table.

use super::Exit;
use super::draw::printable;
use super::verdict::{counted, left_out, undecided};
use crate::model::Artifact;
use crate::value::Number;
use crate::verify::Verdict;
use crate::verify::check::Open;
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
    /// What comparing it with its program showed, if it was compared.
    check: Option<Verdict>,
    /// What kept it from being proved, if anything did; none if that was not tried.
    open: Option<Option<Open>>,
    /// On so many classes of inputs the program was run for that.
    classes: usize,
}

impl Summary {
    pub fn new(
        program: &Path,
        file: &Path,
        about: String,
        artifact: &Artifact,
        check: Option<Verdict>,
        open: Option<Option<Open>>,
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
            check,
            open,
            classes: artifact.manifest.certificate.as_ref().map_or(0, |shown| shown.classes),
        }
    }

    /// How compiling it ends: a comparison that was asked for should say something.
    pub fn exit(&self) -> Exit {
        match &self.check {
            Some(Verdict::Undecided { .. }) => Exit::Undecided,
            Some(Verdict::Refuted(_)) => Exit::Refuted,
            Some(Verdict::Enumerated { .. } | Verdict::Tested { .. }) | None => Exit::Done,
        }
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
            "check": self.check.as_ref().map(verdict_json),
            "proved": self.open.as_ref().map(Option::is_none),
            "classes": self.classes,
            "open": self.open.iter().flatten().next().map(ToString::to_string),
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
            self.check.as_ref().map_or("not checked".to_owned(), verdict_text),
            match &self.open {
                None => String::new(),
                Some(None) if self.classes > 0 =>
                    format!("; proved by enumeration (the program on {} classes of inputs)", self.classes),
                Some(None) => "; proved for all inputs".to_owned(),
                Some(Some(open)) => format!("; not proved: {open}"),
            },
        )
    }
}

/// A comparison in words. "Tested" is all that a sample can show.
fn verdict_text(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Enumerated { inputs, failing, .. } => {
            format!("equal to the program on all {}{}", counted(*inputs, "input"), left_out(*failing))
        }
        Verdict::Tested { inputs, failing, seed } => {
            let (what, which) = match seed {
                Some(seed) => ("random input", format!(" (seed {seed})")),
                None => ("input", String::new()),
            };
            format!("tested on {}{which}{}", counted(*inputs, what), left_out(*failing))
        }
        Verdict::Undecided { failing } => undecided(*failing),
        Verdict::Refuted(_) => "differs from the program".to_owned(),
    }
}

fn verdict_json(verdict: &Verdict) -> Json {
    match verdict {
        Verdict::Enumerated { inputs, .. } => json!({ "verdict": "equal on all inputs", "inputs": inputs }),
        Verdict::Tested { inputs, seed, .. } => {
            json!({ "verdict": "tested", "inputs": inputs, "seed": seed })
        }
        Verdict::Undecided { failing } => {
            json!({ "verdict": "undecided", "inputs": 0, "inputs_without_value": failing })
        }
        Verdict::Refuted(_) => json!({ "verdict": "refuted" }),
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
