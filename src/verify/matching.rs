//! Which column and which output of a model is which of a program's? The one of its name.

use super::CompareError;
use crate::inputs::Columns;
use crate::ir::Program;
use crate::model::Config;
use crate::value::Value;
use std::borrow::Cow;
use std::collections::HashSet;

/// The columns and outputs of a program beside those of a model.
pub(super) struct Matching {
    /// For each column of the model, that of the program.
    columns: Vec<usize>,
    /// For each output of the program, that of the model.
    outputs: Vec<usize>,
}

impl Matching {
    /// Matches by names, and looks whether the model takes every input that the program declares.
    pub(super) fn of(program: &Program, config: &Config) -> Result<Self, CompareError> {
        let declared: Vec<&str> = program.columns.iter().map(|c| &*c.name).collect();
        let known: Vec<&str> = config.columns.iter().map(|c| c.name.as_str()).collect();
        let of_model = places("input column", &declared, &known)?;
        let columns = inverse(&of_model);
        let asked: Vec<&str> = program.outputs.iter().map(|o| &*o.name).collect();
        let given: Vec<&str> = config.outputs.iter().map(|o| o.name.as_str()).collect();
        let outputs = places("output", &asked, &given)?;
        let longest = program.lengths.map_or(0, |l| l.max);
        if longest > config.max_len() {
            return Err(CompareError::Length { program: longest, model: config.max_len() });
        }
        for (known, place) in config.columns.iter().zip(&columns) {
            let vocabulary: HashSet<&Value> = known.vocabulary.iter().collect();
            let unknown = |v: &&Value| !vocabulary.contains(v);
            if let Some(value) = program.columns[*place].domain.iter().flatten().find(unknown) {
                return Err(CompareError::Domain { column: known.name.clone(), value: value.clone() });
            }
        }
        Ok(Self { columns, outputs })
    }

    /// An input of the program, as the model takes it.
    pub(super) fn input<'i>(&self, input: &'i Columns) -> Cow<'i, [Vec<Value>]> {
        match self.columns.is_sorted() {
            true => Cow::Borrowed(input.as_slice()),
            false => self.columns.iter().map(|place| input[*place].clone()).collect(),
        }
    }

    /// For each output of the program, which of the model's it is.
    pub(super) fn outputs(&self) -> &[usize] {
        &self.outputs
    }

    fn is_in_order(&self) -> bool {
        self.columns.is_sorted() && self.outputs.is_sorted()
    }
}

/// Whether a model says of its columns and outputs what the program says that it was compiled from:
/// names in their order, attention, values and lengths.
pub fn belongs(program: &Program, config: &Config) -> Result<(), CompareError> {
    match Matching::of(program, config)? {
        matching if !matching.is_in_order() => Err(CompareError::Order),
        _ if program.causal != config.causal => Err(CompareError::Attention),
        _ => Ok(()),
    }
}

/// For each place that a list leads to, where it does so.
fn inverse(places: &[usize]) -> Vec<usize> {
    let leads_to = |to| places.iter().position(|place| *place == to).unwrap_or(to);
    (0..places.len()).map(leads_to).collect()
}

/// For each name of the program, where it stands in the model.
fn places(what: &'static str, program: &[&str], model: &[&str]) -> Result<Vec<usize>, CompareError> {
    let missing = |from: &[&str], names: &[&str]| -> Vec<String> {
        names.iter().filter(|name| !from.contains(name)).map(ToString::to_string).collect()
    };
    let (lacking, foreign) = (missing(model, program), missing(program, model));
    if lacking.is_empty() && foreign.is_empty() && program.len() == model.len() {
        let place = |name| model.iter().position(|other| *other == name);
        return Ok(program.iter().filter_map(|name| place(*name)).collect());
    }
    Err(CompareError::Names { what, lacking, foreign })
}
