//! `raspc run`: the outputs for one input or many.

use super::input::{self, Columns};
use super::model::{self, ModelFlags};
use super::program::{self, ProgramFlags};
use super::{Exit, Ui, draw, json_input, trace};
use crate::interp::{Failure, Interpreter};
use crate::ir::Column;
use crate::model::{Decoded, json::to_json as exact_json};
use crate::source::Sources;
use crate::value::{Number, Value};
use crate::verify::{failure_report, no_outputs_report, no_value_warning};
use anyhow::Context as _;
use serde_json::{Value as Json, json};
use std::io::{BufRead, Read as _};
use std::path::PathBuf;

/// Run a program, or the weights it was compiled into, on inputs.
///
/// Prints the outputs that the program declares, or its last s-op. A program is run by the
/// reference interpreter: its numbers are exact (1/3). A model is run as a transformer: numbers that
/// it holds only up to a bound are marked '≈', and the bound stands behind them. Without an input, every line of standard input is one.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct RunArgs {
    /// A program (.rasp) or a model (.safetensors).
    file: PathBuf,
    /// A list per column, a word (its characters are the tokens), or an object with a list per column.
    input: Option<String>,
    /// Read inputs from a file, one per line; blank lines are passed over.
    #[arg(long, value_name = "FILE", conflicts_with = "input")]
    inputs: Option<PathBuf>,
    /// Print JSON, one object per input: numbers as floats, with the exact fractions beside them.
    #[arg(long)]
    pub(super) json: bool,
    /// Show every s-op at every position; of a model, as the network holds it, beside the program's.
    #[arg(long)]
    trace: bool,
    #[command(flatten)]
    model: ModelFlags,
    #[command(flatten)]
    flags: ProgramFlags,
}

const AFTER_HELP: &str = "\
Examples:
  raspc run programs/peak.rasp '[1, 3, 2]'
  raspc run compiled/peak.safetensors '[1, 3, 2]'
  raspc run compiled/peak.safetensors --trace '[1, 3, 2]'
  raspc run program.rasp hello
  raspc run program.rasp '{\"price\": [1, 2], \"kind\": [\"a\", \"b\"]}'
  raspc run program.rasp '[1/3, 2], [\"a\", \"b\"]'
  raspc run program.rasp --output 'sort(tokens, tokens)' hello
  raspc run program.rasp --json < inputs.jsonl";

pub fn run(args: &RunArgs, ui: &Ui) -> anyhow::Result<Exit> {
    let result = run_file(args, ui).map_err(|error| ui.error(&error));
    // An input that cannot be run has had its line.
    if args.json && matches!(result, Err(_) | Ok(Exit::Rejected)) {
        ui.failed(Some(&args.file));
    }
    Ok(result.unwrap_or_else(|exit| exit))
}

fn run_file(args: &RunArgs, ui: &Ui) -> anyhow::Result<Exit> {
    if model::is_model(&args.file) {
        args.flags.refuse(&args.file)?;
        let artifact = model::load(&args.file)?;
        let model = args.model.place(&artifact)?;
        let loaded = match model::program_of(&artifact, ui)? {
            Ok(loaded) => loaded,
            Err(exit) => return Ok(exit),
        };
        let interpreter = Interpreter::new(&loaded.program);
        let columns = &loaded.program.columns;
        return each_input(args, ui, |text| {
            let input = input::read(text, &loaded, &interpreter)?;
            if args.trace {
                return trace::model(&artifact, &model, &loaded, &input, args.json, ui).map(Ran::Through);
            }
            let outputs = ui.phase("running the network", |_| model.run(&input))?;
            let outputs = model.config().outputs.iter().zip(outputs);
            let outputs =
                outputs.map(|(o, values)| Answer { name: &o.name, bound: o.decode.bound(), values });
            let failure = ui.phase("running the program", |_| interpreter.outputs(&input)).err();
            if let Some(failure) = &failure {
                let warning = no_value_warning(&loaded.program, failure, &input);
                ui.diagnostics(&[warning], &loaded.sources);
            }
            show(columns, &input, &outputs.collect::<Vec<_>>(), failure.as_ref(), args.json, ui);
            Ok(Ran::Through(Exit::Done))
        });
    }
    anyhow::ensure!(args.model.is_default(), "a program runs without a device; these flags are for models");
    let loaded = match program::load(&args.file, &args.flags, ui)? {
        Ok(loaded) => loaded,
        Err(exit) => return Ok(exit),
    };
    let program = &loaded.program;
    if program.outputs.is_empty() {
        ui.diagnostics(&[no_outputs_report()], &loaded.sources);
        return Ok(Exit::Rejected);
    }
    let interpreter = Interpreter::new(program);
    each_input(args, ui, |text| {
        let input = input::read(text, &loaded, &interpreter)?;
        let shown = match args.trace {
            true => trace::program(&loaded, &interpreter, &input, args.json, ui),
            false => ui.phase("running the program", |_| interpreter.outputs(&input)).map(|outputs| {
                let exact = |values: Vec<Value>| values.into_iter().map(Decoded::Value).collect();
                let names = program.outputs.iter().map(|o| &*o.name);
                let answers: Vec<Answer<'_>> = names
                    .zip(outputs)
                    .map(|(name, values)| Answer { name, bound: None, values: exact(values) })
                    .collect();
                show(&program.columns, &input, &answers, None, args.json, ui);
            }),
        };
        Ok(match shown {
            Ok(()) => Ran::Through(Exit::Done),
            Err(failure) => {
                ui.diagnostics(&[failure_report(program, &failure, &input)], &loaded.sources);
                Ran::Into(failure)
            }
        })
    })
}

/// How a run on one input ended.
enum Ran {
    Through(Exit),
    Into(Failure),
}

/// Runs the input that was given, or one per line of a file or of standard input; blank lines are
/// none. A line that cannot be run is reported, and the next one follows.
fn each_input(
    args: &RunArgs,
    ui: &Ui,
    mut run: impl FnMut(&str) -> anyhow::Result<Ran>,
) -> anyhow::Result<Exit> {
    let exit = |ran, line: Option<usize>| match ran {
        Ran::Through(exit) => exit,
        Ran::Into(failure) => {
            if args.json {
                let error = json!({ "error": failure.fault.to_string(), "position": failure.position });
                error_line(error, line, ui);
            }
            Exit::Refuted
        }
    };
    if let Some(text) = &args.input {
        return run(text).map(|ran| exit(ran, None));
    }
    let (mut lines, source): (Box<dyn BufRead>, String) = match &args.inputs {
        Some(path) => {
            let file =
                std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
            (Box::new(std::io::BufReader::new(file)), path.display().to_string())
        }
        None => (Box::new(std::io::stdin().lock()), "standard input".to_owned()),
    };
    let mut worst = Exit::Done;
    for i in 0.. {
        let cannot_read = || format!("cannot read {source}");
        let Some(line) = next_line(&mut lines).with_context(cannot_read)? else { break };
        anyhow::ensure!(
            line.len() <= MAX_LINE,
            "{source}: line {} has more than the {MAX_LINE} bytes that an input may have",
            i + 1
        );
        if line.trim_ascii().is_empty() {
            continue;
        }
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        let ran = std::str::from_utf8(line).context("this is no text in UTF-8").and_then(|text| {
            if args.trace && !args.json {
                ui.line(&format!("input {}", draw::printable(text)));
            }
            run(text)
        });
        let exit = match ran {
            Ok(ran) => exit(ran, Some(i + 1)),
            Err(error) => {
                let line = json!({ "error": format!("{error:#}") });
                let exit = ui.error(&error.context(format!("line {}", i + 1)));
                if args.json {
                    error_line(line, Some(i + 1), ui);
                }
                exit
            }
        };
        if worst == Exit::Done {
            worst = exit;
        }
    }
    Ok(worst)
}

/// The longest input that is read.
const MAX_LINE: usize = Sources::MAX_BYTES;

/// The next line, without its end; of one that is too long, the beginning. None if there are no more.
fn next_line(lines: &mut dyn BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = lines.take(MAX_LINE as u64 + 1).read_until(b'\n', &mut line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok((read > 0).then_some(line))
}

/// Prints what is wrong with one input, and on which line it stands if it stands on one.
fn error_line(mut error: Json, line: Option<usize>, ui: &Ui) {
    if let Some(line) = line {
        error["line"] = json!(line);
    }
    ui.json(&error);
}

/// An output on one input.
struct Answer<'a> {
    name: &'a str,
    /// How far off numbers that are not exact may be.
    bound: Option<&'a Number>,
    values: Vec<Decoded>,
}

impl Answer<'_> {
    /// The bound, if a value needs it.
    fn about(&self) -> Option<&Number> {
        self.bound.filter(|_| self.values.iter().any(|v| matches!(v, Decoded::About(_))))
    }
}

/// Prints the outputs of one input; `failure` is that of the program, where weights were run.
fn show(
    columns: &[Column],
    input: &Columns,
    outputs: &[Answer<'_>],
    failure: Option<&Failure>,
    json: bool,
    ui: &Ui,
) {
    if json {
        let outputs: serde_json::Map<String, Json> =
            outputs.iter().map(|answer| (answer.name.to_owned(), answer_json(answer))).collect();
        let mut line = json!({ "input": json_input::to_json(columns, input), "outputs": outputs });
        if let Some(failure) = failure {
            line["program"] = json!({ "error": failure.fault.to_string(), "position": failure.position });
        }
        ui.json(&line);
        return;
    }
    for answer in outputs {
        let label = if outputs.len() > 1 { format!("{} = ", answer.name) } else { String::new() };
        let values: Vec<String> = answer.values.iter().map(ToString::to_string).collect();
        let bound = answer.about().map_or(String::new(), |bound| format!(" ± {:.1e}", bound.to_f64()));
        ui.line(&draw::printable(&format!("{label}[{}]{bound}", values.join(", "))));
    }
}

/// [`to_json`] for outputs of weights; `"approximate"` marks numbers that are known up to `"bound"`.
fn answer_json(answer: &Answer<'_>) -> Json {
    let exact: Option<Vec<Value>> = answer
        .values
        .iter()
        .map(|d| match d {
            Decoded::Value(value) => Some(value.clone()),
            Decoded::About(_) | Decoded::Undefined(_) => None,
        })
        .collect();
    if let Some(exact) = exact {
        return to_json(&exact);
    }
    let number = |d: &Decoded| match d {
        Decoded::Value(value) => value_json(value),
        Decoded::About(number) => json!(number),
        Decoded::Undefined(_) => Json::Null,
    };
    let bound = answer.about().map(|bound| exact_json(&Value::Number(bound.clone())));
    let values: Vec<Json> = answer.values.iter().map(number).collect();
    json!({ "values": values, "approximate": true, "bound": bound })
}

/// `{"values": […]}` with numbers as floats, and `"exact"` beside it where a number is a fraction
/// or more than a float can hold.
pub fn to_json(values: &[Value]) -> Json {
    let plain: Vec<Json> = values.iter().map(value_json).collect();
    let held = |n: &Number| n.is_integer() && Number::from_f64(n.to_f64()).as_ref() == Some(n);
    let exact = |v: &Value| match v {
        Value::Number(n) => json!(n.to_string()),
        Value::Bool(_) | Value::Str(_) => value_json(v),
    };
    if values.iter().all(|v| !matches!(v, Value::Number(n) if !held(n))) {
        return json!({ "values": plain });
    }
    json!({ "values": plain, "exact": values.iter().map(exact).collect::<Vec<_>>() })
}

fn value_json(value: &Value) -> Json {
    match value {
        Value::Bool(b) => json!(b),
        Value::Str(s) => json!(&**s),
        Value::Number(n) => n.to_i64().map_or_else(|| json!(n.to_f64()), |i| json!(i)),
    }
}
