//! Mutants as files, with what the program means on every input: for `oracle.py`.

use super::report::Outcome;
use super::subject::Subject;
use raspc::model::artifact::save;
use raspc::model::{Artifact, json};
use raspc::value::Value;
use serde_json::{Value as Json, json};
use std::path::PathBuf;

/// One mutant is written for every this many that are not proved.
const OTHERS: usize = 8;

/// The networks of one program.
pub struct Folder {
    path: PathBuf,
    name: String,
    networks: Vec<Json>,
    seen: usize,
}

impl Folder {
    /// None if no folder is asked for.
    pub fn of(program: usize) -> Option<Self> {
        let path = PathBuf::from(std::env::var_os("RASPC_MUTANTS_FOLDER")?);
        std::fs::create_dir_all(&path).unwrap();
        Some(Self { path, name: format!("{program:04}"), networks: Vec::new(), seen: 0 })
    }

    pub fn add(&mut self, kind: &str, artifact: &Artifact, outcome: &Outcome) {
        self.seen += 1;
        if !outcome.proved && !self.seen.is_multiple_of(OTHERS) {
            return;
        }
        let file = format!("{}.{:05}.safetensors", self.name, self.seen);
        let Artifact { manifest, weights } = artifact.clone();
        save(&Artifact::new(manifest, weights), &self.path.join(&file)).unwrap();
        let within: Vec<Json> =
            outcome.within.iter().map(|n| json::to_json(&Value::Number(n.clone()))).collect();
        self.networks.push(json!({
            "file": file, "kind": kind, "proved": outcome.proved, "changed": outcome.wrong.is_some(), "within": within,
        }));
    }

    pub fn end(self, subject: &Subject) {
        let list = |values: &Vec<Value>| values.iter().map(json::to_json).collect::<Json>();
        let lists = |lists: &Vec<Vec<Value>>| lists.iter().map(list).collect::<Json>();
        let cases: Vec<Json> = subject
            .meaning
            .iter()
            .map(|(input, outputs)| json!({ "input": lists(input), "outputs": lists(outputs) }))
            .collect();
        let columns: Vec<&str> = subject.program.columns.iter().map(|c| &*c.name).collect();
        let outputs: Vec<&str> = subject.program.outputs.iter().map(|o| &*o.name).collect();
        let all = json!({
            "program": subject.text(), "columns": columns, "outputs": outputs,
            "cases": cases, "networks": self.networks,
        });
        std::fs::write(self.path.join(format!("{}.json", self.name)), all.to_string()).unwrap();
    }
}
