//! What an experiment asks for: one TOML file.

use super::keys::{self, Takes};
use super::optimiser::OptimiserConfig;
use super::schedule::Schedule;
use super::shape::Shape;
use crate::data::Spec;
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
    #[error("line {line} {}", syntax(text, *.repeated))]
    Syntax { line: usize, text: String, repeated: bool },
    #[error("there is no key `{key}`; the nearest is `{nearest}`")]
    Unknown { key: String, nearest: &'static str },
    #[error("`{key}` could be {all}; write the full name")]
    Ambiguous { key: String, all: String },
    #[error("`{key}` is {found}, but it takes {}", takes.words())]
    Kind { key: String, found: Value, takes: Takes },
    #[error("'{0}' sets nothing; write key=value, as in train.steps=1000")]
    Set(String),
    #[error("the experiment names no program; write one, as in program = \"programs/peak.rasp\"")]
    NoProgram,
    #[error(
        "train.seeds is {0}; write a number up to {MAX_SEEDS}, or a list such as [1, 2, 3] without repetition"
    )]
    Seeds(Value),
    #[error("{key} is {found:?}; write a number from {least} up to {most:?}")]
    Number { key: &'static str, found: f64, least: f64, most: f64 },
    #[error("the experiment cannot be read: {0}")]
    Read(#[from] toml::de::Error),
    #[error("the experiment cannot be written: {0}")]
    Write(#[from] toml::ser::Error),
}

fn syntax(text: &str, repeated: bool) -> String {
    match repeated {
        true => format!("sets a key a second time: `{text}`"),
        false => format!(
            "is not valid TOML: `{text}`; write `key = value`, `[section]` or `# comment`, and put texts in quotes"
        ),
    }
}

impl Experiment {
    /// Parses an experiment. `sets` are `key=value`, with a dotted key or its last segments if these are
    /// unambiguous, and a TOML value or a bare word; they override the text.
    pub fn parse(text: &str, sets: &[String]) -> Result<Self, ExperimentError> {
        Self::of(keys::read(text)?, sets)
    }

    /// The default experiment for a program.
    pub fn of_program(program: &str, sets: &[String]) -> Result<Self, ExperimentError> {
        Self::of(Table::from_iter([("program".to_owned(), Value::from(program))]), sets)
    }

    fn of(mut table: Table, sets: &[String]) -> Result<Self, ExperimentError> {
        for set in sets {
            keys::set(&mut table, set)?;
        }
        keys::check(&table, "")?;
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

    /// The keys whose values differ between this experiment and `after`.
    pub fn changes(&self, after: &Self) -> Result<Vec<Change>, ExperimentError> {
        let flat = |of: &Self| Ok::<_, ExperimentError>(keys::flat(&Table::try_from(of)?, ""));
        let (before, after) = (flat(self)?, flat(after)?);
        let value = |all: &[(String, Value)], key: &str| {
            all.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone())
        };
        let all: BTreeSet<&String> = before.iter().chain(&after).map(|(key, _)| key).collect();
        let change = |key: &String| Change {
            key: key.clone(),
            before: value(&before, key),
            after: value(&after, key),
        };
        Ok(all.into_iter().map(change).filter(|change| change.before != change.after).collect())
    }
}

/// A key with different values in two experiments; none means that the key is not set.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub key: String,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

/// Keys that may change when a run is resumed: its length, and when it is evaluated, saved and logged.
const FREE: [&str; 5] =
    ["train.steps", "train.evaluate_every", "train.checkpoint_every", "train.log_every", "train.patience"];

/// Keys that name files, which are compared by their content ([`super::Origin`]).
const NAMES: [&str; 2] = ["program", "init"];

impl Change {
    /// Whether a run can be resumed with this change.
    pub fn is_free(&self) -> bool {
        FREE.contains(&self.key.as_str())
    }

    /// Whether the key names a file.
    pub fn is_name(&self) -> bool {
        NAMES.contains(&self.key.as_str())
    }

    /// The old value as text.
    pub fn before(&self) -> String {
        self.before.as_ref().map_or_else(|| "not set".to_owned(), Value::to_string)
    }

    /// The new value as text.
    pub fn after(&self) -> String {
        self.after.as_ref().map_or_else(|| "not set".to_owned(), Value::to_string)
    }
}

impl TrainConfig {
    /// Whether held-out examples are evaluated after this number of steps.
    pub fn evaluates_at(&self, step: usize) -> bool {
        step >= self.steps || step.is_multiple_of(self.evaluate_every.max(1))
    }
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
        for (wrong, told) in [
            ("train.step=1", "there is no key `train.step`; the nearest is `train.steps`"),
            ("seed=1", "`seed` could be data.seed or train.seed; write the full name"),
            ("model.attn_scale=0.1", "`model.attn_scale` is 0.1, but it takes \"one\" or \"sqrt_d_head\""),
            ("model.biases=true", "`model.biases` is true, but it takes \"none\", \"neurons\" or \"all\""),
            ("steps=1e3", "`train.steps` is 1000.0, but it takes a whole number from 0"),
            ("steps=-1", "`train.steps` is -1, but it takes a whole number from 0"),
            ("train=3", "`train` is 3, but it takes a section of keys"),
            ("tied=yes", "`model.tied` is \"yes\", but it takes true or false"),
            ("lr=fast", "`optimiser.lr` is \"fast\", but it takes a number"),
            ("distributions=peak", "it takes a list of texts"),
            ("seeds=[1, -1]", "a list of seeds such as [1, 2, 3]"),
        ] {
            let error = Experiment::parse(text, &[wrong.to_owned()]).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
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
    fn a_key_can_be_named_by_its_end_and_the_optimiser_by_its_other_spelling() {
        let text = "program = 'p.rasp'\n[optimizer]\nclip = 2\n";
        let sets = ["steps=7", "optimizer.lr=1e-2", "schedule.last=0.5", "length=9"].map(str::to_owned);
        let experiment = Experiment::parse(text, &sets).unwrap();
        assert_eq!((experiment.train.steps, experiment.train.schedule.last), (7, 0.5));
        assert_eq!((experiment.optimiser.lr, experiment.optimiser.clip), (0.01, 2.0));
        assert_eq!(experiment.length.as_deref(), Some("9"));
        let only = Experiment::of_program("p.rasp", &[]).unwrap();
        assert_eq!(only, Experiment { program: "p.rasp".to_owned(), ..Experiment::default() });
    }

    #[test]
    fn a_line_that_is_no_toml_is_shown() {
        for (text, told) in [
            ("program = 'p.rasp'\nsteps 10\n", "line 2 is not valid TOML: `steps 10`; write `key = value`"),
            ("[train]\nsteps =\n", "line 2 is not valid TOML: `steps =`"),
            ("program = peak.rasp", "line 1 is not valid TOML: `program = peak.rasp`"),
            ("program = 'p'\nprogram = 'q'\n", "line 2 sets a key a second time: `program = 'q'`"),
            ("steps = 10", "there is no key `steps`; the nearest is `train.steps`"),
        ] {
            let error = Experiment::parse(text, &[]).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }

    /// Every key with some value.
    fn filled() -> Experiment {
        let train = TrainConfig { seeds: Some(Seeds::Number(1)), ..TrainConfig::default() };
        let some = || Some(String::new());
        let model = Shape {
            multiple: Some(1),
            layers: Some(1),
            heads: Some(1),
            d_model: Some(1),
            d_head: Some(1),
            d_mlp: Some(1),
            activation: Some(crate::model::Activation::Relu),
            attn_scale: Some(crate::model::AttnScale::One),
            positions: Some(crate::model::Positions::Learned),
            biases: Some(crate::model::Biases::Neurons),
            norm_eps: Some(1e-5),
            tied: Some(false),
        };
        Experiment { init: some(), length: some(), model, train, ..Experiment::default() }
    }

    #[test]
    fn the_table_of_keys_is_that_of_the_experiment() {
        fn all(table: &Table, prefix: &str) -> Vec<String> {
            let of = |(key, value): (&String, &Value)| {
                let key = format!("{prefix}{key}");
                let inner = value.as_table().map(|inner| all(inner, &format!("{key}."))).unwrap_or_default();
                [vec![key], inner].concat()
            };
            table.iter().flat_map(of).collect()
        }
        let (table, mut known) = (Table::try_from(filled()).unwrap(), Vec::new());
        known.extend(keys::KEYS.iter().map(|(key, _)| (*key).to_owned()));
        let mut expected = all(&table, "");
        known.sort();
        expected.sort();
        assert_eq!(known, expected);
        keys::check(&table, "").unwrap();
        // A word that is none: what is read lists those that there are.
        for (key, takes) in keys::KEYS {
            let Takes::OneOf(words) = takes else { continue };
            for word in words {
                Experiment::of_program("p", &[format!("{key}={word}")]).unwrap();
            }
            let mut table = table.clone();
            keys::set(&mut table, &format!("{key}=none of these")).unwrap();
            let error = table.try_into::<Experiment>().unwrap_err().to_string();
            let listed = error.lines().next().unwrap().split("expected").nth(1).unwrap();
            assert_eq!(listed.matches('`').count(), 2 * words.len(), "{key}: {error}");
        }
    }

    #[test]
    fn changes_are_told_by_key() {
        let with = |sets: &[&str]| {
            let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
            Experiment::of_program("p.rasp", &sets).unwrap()
        };
        let changes = with(&["steps=5"]).changes(&with(&["steps=9", "d_model=3", "lr=1"])).unwrap();
        let told: Vec<_> = changes.iter().map(|c| (&*c.key, c.before(), c.after(), c.is_free())).collect();
        assert_eq!(told.len(), 3);
        assert_eq!(told[0], ("model.d_model", "not set".to_owned(), "3".to_owned(), false));
        assert_eq!(told[2], ("train.steps", "5".to_owned(), "9".to_owned(), true));
        assert!(with(&[]).changes(&with(&[])).unwrap().is_empty());
        for free in FREE {
            assert!(keys::KEYS.iter().any(|(key, _)| *key == free), "{free}");
        }
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
