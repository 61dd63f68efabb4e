//! `raspc run`: the outputs for one input or many.

use super::input::{self, Columns};
use super::program::{self, Loaded, ProgramFlags};
use super::{Exit, Ui};
use crate::interp::{Failure, Interpreter};
use crate::value::{Kind, Value};
use anyhow::Context as _;
use serde_json::{Value as Json, json};
use std::io::BufRead as _;
use std::path::PathBuf;

/// Run a program on inputs.
///
/// Prints the outputs that the program declares, or its last s-op, by the reference interpreter:
/// numbers are exact (1/3). Without an input, every line of standard input is one.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct RunArgs {
    /// A program (.rasp).
    file: PathBuf,
    /// A list, a word (its characters are the tokens), or a JSON object with a list per column.
    input: Option<String>,
    /// Read inputs from a file, one per line.
    #[arg(long, value_name = "FILE", conflicts_with = "input")]
    inputs: Option<PathBuf>,
    /// Print JSON, one object per input: numbers as floats, with the exact fractions beside them.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: ProgramFlags,
}

const AFTER_HELP: &str = "\
Examples:
  raspc run programs/peak.rasp '[1, 3, 2]'
  raspc run program.rasp hello
  raspc run program.rasp '{\"price\": [1, 2], \"kind\": [\"a\", \"b\"]}'
  raspc run program.rasp --output 'sort(tokens, tokens)' hello
  raspc run program.rasp --json < inputs.jsonl";

pub fn run(args: &RunArgs, ui: &Ui) -> anyhow::Result<Exit> {
    let loaded = match program::load(&args.file, &args.flags, ui)? {
        Ok(loaded) => loaded,
        Err(exit) => return Ok(exit),
    };
    anyhow::ensure!(
        !loaded.program.outputs.is_empty(),
        "the program computes no s-op; there is nothing to run"
    );
    let runner =
        Runner { interpreter: Interpreter::new(&loaded.program), loaded: &loaded, json: args.json, ui };
    if let Some(text) = &args.input {
        return runner.run(text);
    }
    let lines: Box<dyn Iterator<Item = std::io::Result<String>>> = match &args.inputs {
        Some(path) => Box::new(
            program::read_text(path)?.lines().map(|l| Ok(l.to_owned())).collect::<Vec<_>>().into_iter(),
        ),
        None => Box::new(std::io::stdin().lock().lines()),
    };
    let mut worst = Exit::Done;
    for (i, line) in lines.enumerate() {
        let line = line.context("cannot read standard input")?;
        if line.trim().is_empty() {
            continue;
        }
        let exit = runner.run(&line).unwrap_or_else(|error| {
            ui.note(&format!("error: line {}: {error:#}", i + 1));
            Exit::Usage
        });
        if worst == Exit::Done {
            worst = exit;
        }
    }
    Ok(worst)
}

struct Runner<'a> {
    loaded: &'a Loaded,
    interpreter: Interpreter<'a>,
    json: bool,
    ui: &'a Ui,
}

impl Runner<'_> {
    fn run(&self, text: &str) -> anyhow::Result<Exit> {
        let program = &self.loaded.program;
        let input = input::parse(text, &program.columns)?;
        input::validate(program, &self.interpreter, &input)?;
        match self.interpreter.outputs(&input) {
            Ok(outputs) => {
                self.show(&input, &outputs);
                Ok(Exit::Done)
            }
            Err(failure) => {
                self.fail(&input, &failure);
                Ok(Exit::Refuted)
            }
        }
    }

    fn show(&self, input: &Columns, outputs: &[Vec<Value>]) {
        let program = &self.loaded.program;
        if self.json {
            let columns: serde_json::Map<String, Json> = program
                .columns
                .iter()
                .zip(input)
                .map(|(c, v)| (c.name.to_string(), to_json(v)["values"].take()))
                .collect();
            let named = program.outputs.iter().zip(outputs);
            let outputs: serde_json::Map<String, Json> =
                named.map(|(o, v)| (o.name.to_string(), to_json(v))).collect();
            self.ui.line(&json!({ "input": columns, "outputs": outputs }).to_string());
            return;
        }
        for (output, values) in program.outputs.iter().zip(outputs) {
            let label = if outputs.len() > 1 { format!("{} = ", output.name) } else { String::new() };
            self.ui.line(&format!("{label}{}", list_text(values)));
        }
    }

    fn fail(&self, input: &Columns, failure: &Failure) {
        let diagnostic = super::check::failure_report(&self.loaded.program, failure, input);
        self.ui.diagnostics(&[diagnostic], &self.loaded.sources);
        if self.json {
            let message = failure.fault.to_string();
            self.ui.line(&json!({ "error": message, "position": failure.position }).to_string());
        }
    }
}

/// `[1, 1/3, "a"]`
pub fn list_text(values: &[Value]) -> String {
    format!("[{}]", values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}

/// `{"values": […]}` with numbers as floats, and `"exact"` beside it where a number is a fraction.
pub fn to_json(values: &[Value]) -> Json {
    let plain: Vec<Json> = values.iter().map(value_json).collect();
    let fraction = |v: &Value| matches!(v, Value::Number(n) if !n.is_integer());
    if values.iter().any(fraction) {
        let exact = |v: &Value| if v.kind() == Kind::Number { json!(v.to_string()) } else { value_json(v) };
        return json!({ "values": plain, "exact": values.iter().map(exact).collect::<Vec<_>>() });
    }
    json!({ "values": plain })
}

fn value_json(value: &Value) -> Json {
    match value {
        Value::Bool(b) => json!(b),
        Value::Str(s) => json!(&**s),
        Value::Number(n) => n.to_i64().map_or_else(|| json!(n.to_f64()), |i| json!(i)),
    }
}
