//! What was said on standard error, as JSON: errors and warnings with their places.

use crate::diagnostic::{Diagnostic, Label, Severity};
use crate::source::Sources;
use serde_json::{Value as Json, json};

/// Errors and warnings that no line of JSON has had yet.
#[derive(Debug, Default)]
pub struct Told {
    errors: Vec<Json>,
    warnings: Vec<Json>,
}

impl Told {
    pub fn diagnostic(&mut self, diagnostic: &Diagnostic, sources: &Sources) {
        let json = diagnostic_json(diagnostic, sources);
        match diagnostic.severity {
            Severity::Error => self.errors.push(json),
            Severity::Warning => self.warnings.push(json),
        }
    }

    /// An error that is about no place in a program.
    pub fn error(&mut self, message: &str) {
        self.errors.push(json!({ "severity": "error", "message": message, "labels": [] }));
    }

    pub fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Puts everything into a line of JSON, and forgets it.
    pub fn move_into(&mut self, line: &mut Json) {
        for (key, told) in [("errors", &mut self.errors), ("warnings", &mut self.warnings)] {
            if !told.is_empty() && line.is_object() {
                line[key] = Json::Array(std::mem::take(told));
            }
        }
    }
}

/// A report with its places. The first label is the place of the report itself. Lines and columns count
/// characters from 1, and the end is the first character behind.
fn diagnostic_json(diagnostic: &Diagnostic, sources: &Sources) -> Json {
    let Diagnostic { severity, code, message, labels, note, help } = diagnostic;
    let severity = match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut json = labels.first().map_or_else(|| json!({}), |label| place_json(label, sources));
    for (key, value) in [("severity", severity), ("code", code), ("message", message)] {
        json[key] = json!(value);
    }
    for (key, text) in [("note", note), ("help", help)] {
        if let Some(text) = text {
            json[key] = json!(text);
        }
    }
    let labels = labels.iter().map(|label| {
        let mut json = place_json(label, sources);
        json["text"] = json!(label.text);
        json
    });
    json["labels"] = labels.collect();
    json
}

fn place_json(label: &Label, sources: &Sources) -> Json {
    let [(line, column), (end_line, end_column)] = sources.range(label.span);
    let file = &sources.get(label.span.source).name;
    json!({ "file": file, "line": line, "column": column, "end_line": end_line, "end_column": end_column })
}
