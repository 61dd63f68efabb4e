//! What an experiment asks for: one TOML file.

use super::optimiser::OptimiserConfig;
use super::schedule::Schedule;
use super::shape::Shape;
use crate::data::Spec;
use crate::diagnostic::edit_distance;
use candle_core::DType;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use toml::{Table, Value};

/// A network to train, what on, and how.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Experiment {
    /// The program (.rasp) that the network is to compute.
    pub program: String,
    /// Domains other than the program's, as `tokens : 0..4`.
    pub inputs: Vec<String>,
    /// Lengths other than the program's, as `1..20`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<String>,
    /// A model that the network begins as, in its shape whatever `model` says; without one it begins at
    /// random.
    pub init: Option<String>,
    pub model: Shape,
    pub data: Spec,
    pub train: TrainConfig,
    pub optimiser: OptimiserConfig,
}

/// The loop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    pub steps: usize,
    /// Examples per step.
    pub batch: usize,
    /// Of the first parameters and of the order of the examples.
    pub seed: u64,
    /// Several runs, which differ in their seed: so many from `seed` on, or these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seeds: Option<Seeds>,
    /// The kind of number that parameters are.
    pub dtype: Precision,
    /// Threads that share each batch. Their number is a part of the result: sums are rounded.
    pub workers: usize,
    pub schedule: Schedule,
    /// Held-out examples are looked at every so many steps.
    pub evaluate_every: usize,
    pub checkpoint_every: usize,
    pub log_every: usize,
    /// Training ends when held-out loss has not fallen for so many steps; 0 for never.
    pub patience: usize,
    /// A number this near counts as right.
    pub tolerance: f64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "seeds are a number of runs, or a list such as [1, 2, 3]")]
pub enum Seeds {
    Number(usize),
    List(Vec<u64>),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    #[default]
    F32,
    F64,
}

impl Precision {
    pub fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::F64 => DType::F64,
        }
    }
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            steps: 10_000,
            batch: 128,
            seed: 0,
            seeds: None,
            dtype: Precision::F32,
            workers: 1,
            schedule: Schedule::default(),
            evaluate_every: 500,
            checkpoint_every: 500,
            log_every: 10,
            patience: 0,
            tolerance: 0.01,
        }
    }
}

/// Each run has parameters, a folder and a progress bar of its own.
const MAX_SEEDS: usize = 1_000;

/// Why a text is no experiment.
#[derive(Debug, thiserror::Error)]
pub enum ExperimentError {
    #[error(transparent)]
    Toml(#[from] toml::de::Error),
    #[error("there is no key `{key}`; the nearest is `{nearest}`")]
    Unknown { key: String, nearest: String },
    #[error("'{0}' sets nothing; write key=value, as in train.steps=1000")]
    Set(String),
    #[error("the experiment names no program")]
    NoProgram,
    #[error(
        "train.seeds is {0}; write a number up to {MAX_SEEDS}, or a list such as [1, 2, 3] without repetition"
    )]
    Seeds(Value),
    #[error("{key} is {found:?}; write a number from {least} up to {most:?}")]
    Number { key: &'static str, found: f64, least: f64, most: f64 },
    #[error(transparent)]
    Write(#[from] toml::ser::Error),
}

impl Experiment {
    /// Reads an experiment; `sets` are `key=value` with a dotted key and a value in TOML, or a bare
    /// word, and overwrite what the text says.
    pub fn parse(text: &str, sets: &[String]) -> Result<Self, ExperimentError> {
        let mut table: Table = toml::from_str(text)?;
        for set in sets {
            let (key, value) = set.split_once('=').ok_or_else(|| ExperimentError::Set(set.clone()))?;
            put(&mut table, key.trim(), value.trim()).ok_or_else(|| ExperimentError::Set(set.clone()))?;
        }
        let known = keys(&Table::try_from(Self::filled())?);
        if let Some(key) = keys(&table).into_iter().find(|key| !known.contains(key)) {
            let nearest = known.iter().min_by_key(|known| edit_distance(&key, known)).cloned();
            return Err(ExperimentError::Unknown { key, nearest: nearest.unwrap_or_default() });
        }
        let experiment: Self = table.try_into()?;
        experiment.check()?;
        match experiment.program.is_empty() {
            true => Err(ExperimentError::NoProgram),
            false => Ok(experiment),
        }
    }

    /// Whether its real numbers are such as training can work with.
    fn check(&self) -> Result<(), ExperimentError> {
        let OptimiserConfig { kind: _, lr, weight_decay, momentum, beta1, beta2, eps, clip } = self.optimiser;
        // A mean over all of the past would have no end; and f32 holds nothing much larger.
        let (below_one, large) = (1.0 - f64::from(f32::EPSILON), 1e38);
        for (key, found, most) in [
            ("optimiser.lr", lr, large),
            ("optimiser.weight_decay", weight_decay, large),
            ("optimiser.momentum", momentum, below_one),
            ("optimiser.beta1", beta1, below_one),
            ("optimiser.beta2", beta2, below_one),
            ("optimiser.eps", eps, large),
            ("optimiser.clip", clip, large),
            ("train.tolerance", self.train.tolerance, f64::MAX),
            ("train.schedule.last", self.train.schedule.last, 1.0),
        ] {
            let least = 0.0;
            if !(least..=most).contains(&found) {
                return Err(ExperimentError::Number { key, found, least, most });
            }
        }
        Ok(())
    }

    /// The runs that are asked for: each an experiment with one seed.
    pub fn runs(&self) -> Result<Vec<Self>, ExperimentError> {
        let first = self.train.seed;
        let seeds = match &self.train.seeds {
            None => vec![first],
            Some(Seeds::Number(n)) => (first..).take((*n).min(MAX_SEEDS + 1)).collect(),
            Some(Seeds::List(seeds)) => seeds.clone(),
        };
        let distinct: BTreeSet<_> = seeds.iter().collect();
        if seeds.is_empty() || seeds.len() > MAX_SEEDS || distinct.len() < seeds.len() {
            return Err(ExperimentError::Seeds(Value::try_from(&self.train.seeds)?));
        }
        let run = |seed| {
            let train = TrainConfig { seed, seeds: None, ..self.train.clone() };
            Self { train, ..self.clone() }
        };
        Ok(seeds.into_iter().map(run).collect())
    }

    /// The experiment with every key that it has a value for.
    pub fn to_toml(&self) -> Result<String, ExperimentError> {
        Ok(toml::to_string(self)?)
    }

    /// Every key with some value.
    fn filled() -> Self {
        let train = TrainConfig { seeds: Some(Seeds::Number(1)), ..TrainConfig::default() };
        let some = || Some(String::new());
        Self { init: some(), length: some(), model: Shape::filled(), train, ..Self::default() }
    }
}

/// The dotted keys of a table, tables and what is in them.
fn keys(table: &Table) -> Vec<String> {
    let mut all = Vec::new();
    for (key, value) in table {
        all.push(key.clone());
        if let Value::Table(inner) = value {
            all.extend(keys(inner).into_iter().map(|inner| format!("{key}.{inner}")));
        }
    }
    all
}

/// Sets a dotted key; none if it leads through something that is no table.
fn put(table: &mut Table, key: &str, value: &str) -> Option<()> {
    let parsed: Result<Table, _> = toml::from_str(&format!("it = {value}"));
    let value = match parsed {
        Ok(mut parsed) => parsed.remove("it")?,
        Err(_) => Value::String(value.to_owned()),
    };
    let (last, path) = key.split('.').collect::<Vec<_>>().split_last().map(|(l, p)| (*l, p.to_vec()))?;
    let mut place = table;
    for name in path {
        let inner = place.entry(name).or_insert_with(|| Value::Table(Table::new()));
        place = inner.as_table_mut()?;
    }
    place.insert(last.to_owned(), value);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_set_and_unknown_ones_are_told() {
        let text = "program = 'p.rasp'\n[train]\nsteps = 5\n";
        let sets =
            ["train.steps=7", "optimiser.kind=sgd", "model.multiple = 2", "data.seed=3"].map(str::to_owned);
        let experiment = Experiment::parse(text, &sets).unwrap();
        assert_eq!(
            (experiment.train.steps, experiment.model.multiple, experiment.data.seed),
            (7, Some(2), 3)
        );
        assert_eq!(experiment.optimiser.kind, super::super::Kind::Sgd);
        let again = Experiment::parse(&experiment.to_toml().unwrap(), &[]).unwrap();
        assert_eq!(again, experiment);
        for (wrong, nearest) in [("train.step=1", "train.steps"), ("optimizer.lr=1", "optimiser")] {
            let error = Experiment::parse(text, &[wrong.to_owned()]).unwrap_err().to_string();
            assert!(error.contains(&format!("`{nearest}`")), "{error}");
        }
        for wrong in ["optimiser.lr=-1", "optimiser.lr=nan", "optimiser.lr=inf", "optimiser.beta2=1"] {
            let error = Experiment::parse(text, &[wrong.to_owned()]).unwrap_err().to_string();
            assert!(error.contains("write a number from 0 up to"), "{error}");
        }
        for wrong in ["train.steps", "program.x=1", "train.steps=many", "train.seeds=many"] {
            assert!(Experiment::parse(text, &[wrong.to_owned()]).is_err(), "{wrong}");
        }
        assert!(matches!(Experiment::parse("", &[]), Err(ExperimentError::NoProgram)));
    }

    #[test]
    fn each_seed_is_a_run_as_if_it_were_alone() {
        let with = |sets: &[&str]| {
            let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
            Experiment::parse("program = 'p.rasp'", &sets).unwrap()
        };
        let runs = with(&["train.seed=5", "train.seeds=2"]).runs().unwrap();
        assert_eq!(runs, [with(&["train.seed=5"]), with(&["train.seed=6"])]);
        let runs = with(&["train.seeds=[7, 3]"]).runs().unwrap();
        assert_eq!(runs, [with(&["train.seed=7"]), with(&["train.seed=3"])]);
        assert_eq!(with(&[]).runs().unwrap(), [with(&[])]);
        for wrong in ["train.seeds=0", "train.seeds=1001", "train.seeds=[]", "train.seeds=[1, 1]"] {
            assert!(with(&[wrong]).runs().unwrap_err().to_string().contains("train.seeds is"), "{wrong}");
        }
    }
}
