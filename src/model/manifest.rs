//! What does a model file say about its network?
//!
//! The plan, told in names, source lines and numbers, so that a reader needs nothing else.

use super::certificate::Certificate;
use super::config::Config;
use super::held::Held;
use super::json;
use crate::ir::lower::{self, Read};
use crate::ir::{self, Node, Program, SOpId, SelectorId};
use crate::plan::{
    Base, Fact, HeadOutput, Holds, Knobs, Moves, NeuronGroup, Neurons, Owner, Padding, Plan, Scores, Slot,
};
use crate::source::Sources;
use crate::value::{Number, Value};
use crate::weights::Weights;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The version of the schema.
pub const FORMAT: u64 = 3;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub format: u64,
    /// Which of the sources is the program.
    pub program: String,
    pub config: Config,
    pub knobs: KnobsInfo,
    /// No network that follows the program step by step has fewer layers.
    pub least_layers: usize,
    /// The residual directions, in order.
    pub slots: Vec<SlotInfo>,
    pub heads: Vec<HeadInfo>,
    pub neurons: Vec<NeuronInfo>,
    /// Every text that was read, in the order of [`lower::read`]: the standard library, options
    /// of the command line, the program, the files it loads, options again.
    pub sources: Vec<SourceInfo>,
    /// The experiment that found the weights, as TOML; none for compiled ones. Slots, heads and neurons
    /// of a trained model have no meaning that would be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<String>,
    /// What was proved when the model was compiled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
    pub sha256: Hashes,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlotInfo {
    /// The column of the residual stream.
    pub direction: usize,
    /// `tokens = 3`, `width >= 2`, `bos`, …
    pub label: String,
    pub holds: Held,
    /// What the slot holds may differ from the label, and at BOS from `at_bos`, by this much.
    #[serde(with = "json::number")]
    pub bound: Number,
    /// What it holds at BOS.
    #[serde(with = "json::number")]
    pub at_bos: Number,
    /// `embedding`, `blocks.0.attn.1`, `blocks.0.mlp`.
    pub owner: String,
    /// The half-layers that write it and read it last: 0 is the embedding, `2l+1` and `2l+2`
    /// are attention and MLP of layer `l`.
    pub live: [usize; 2],
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadInfo {
    pub layer: usize,
    pub head: usize,
    pub selector: String,
    pub origin: Vec<Place>,
    pub scores: ScoresInfo,
    /// What must hold of the program for the head to be right.
    pub facts: Vec<FactInfo>,
    /// The s-ops it computes, and how: `code`, `mean` or `share`.
    pub outputs: Vec<HeadOutputInfo>,
}

/// The scores in a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoresInfo {
    #[serde(with = "json::number")]
    pub selected: Number,
    /// None if there is no BOS.
    #[serde(with = "json::maybe_number")]
    pub bos: Option<Number>,
    /// No unselected key scores more.
    #[serde(with = "json::number")]
    pub unselected: Number,
    /// The most attention that goes to keys that are not selected.
    #[serde(with = "json::number")]
    pub leak: Number,
}

impl From<Knobs> for KnobsInfo {
    fn from(Knobs { optimise, sharpness, uniform, padding, balanced }: Knobs) -> Self {
        let Padding { layers, heads, d_model, d_mlp } = padding;
        Self { optimise, sharpness, uniform, layers, heads, d_model, d_mlp, balanced }
    }
}

/// A fact that a head or neurons rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactInfo {
    /// No query selects more than one key.
    WidthAtMostOne,
    /// Every query selects a key.
    WidthAtLeastOne,
    /// Every query selects every key that it sees.
    Always,
    /// The selected values are equal in each row.
    Agreement,
    /// Several values of this type have no mean, so one key is selected at most.
    NoMean,
    /// What is read has no other values than those of its code.
    ValueSets,
    /// Neighbouring values lie further apart than the bound of the slot.
    Gaps,
    /// Nothing later reads the slots.
    Dead,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadOutputInfo {
    pub sop: String,
    pub origin: Vec<Place>,
    pub moves: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeuronInfo {
    pub layer: usize,
    /// The neurons of the layer's MLP, first and one past the last.
    pub neurons: [usize; 2],
    pub sop: String,
    pub origin: Vec<Place>,
    /// `table`, `steps`, `clean`, `product` or `erase`.
    pub kind: String,
    pub facts: Vec<FactInfo>,
}

/// Where something was written: the innermost place first, then the calls that led there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    pub source: String,
    pub line: usize,
    pub column: usize,
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceInfo {
    pub name: String,
    pub text: String,
}

/// What was asked of the compiler; see [`crate::plan::Knobs`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnobsInfo {
    pub optimise: bool,
    pub sharpness: Option<u16>,
    pub uniform: bool,
    /// The sizes that were asked for, if any were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layers: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heads: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub d_model: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub d_mlp: Option<usize>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub balanced: bool,
}

/// SHA-256 in hexadecimal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hashes {
    /// Of names and texts of the sources.
    pub sources: String,
    /// Of names, shapes and entries of the tensors.
    pub weights: String,
    /// Of the manifest with this field empty.
    pub manifest: String,
}

impl Manifest {
    /// What there is to say about a plan and its weights.
    pub fn new(program: &Program, sources: &Sources, plan: &Plan, weights: &Weights) -> Self {
        let names = Names { program, sources };
        let main = sources.iter().nth(lower::PROGRAM).map(|(_, source)| source.name.clone());
        let program_name = main.unwrap_or_default();
        let source = |s: &crate::source::Source| SourceInfo { name: s.name.clone(), text: s.text.clone() };
        let sources: Vec<SourceInfo> = sources.iter().map(|(_, s)| source(s)).collect();
        let mut heads = Vec::new();
        let mut neurons = Vec::new();
        for (l, layer) in plan.layers.iter().enumerate() {
            for (h, head) in layer.heads.iter().enumerate() {
                heads.push(HeadInfo {
                    layer: l,
                    head: h,
                    selector: names.selector(head.selector),
                    origin: names.places(Node::Selector(head.selector)),
                    scores: scores(&head.scores),
                    facts: head.facts.iter().map(|f| fact(*f)).collect(),
                    outputs: head.outputs.iter().map(|o| names.output(o)).collect(),
                });
            }
            let mut first = 0;
            for group in &layer.neurons {
                let end = first + group.len();
                neurons.push(names.group(l, [first, end], group));
                first = end;
            }
        }
        Self {
            format: FORMAT,
            program: program_name,
            config: Config::of(plan, weights),
            least_layers: plan.least_layers,
            knobs: plan.knobs.into(),
            slots: plan.slots.iter().map(|s| names.slot(s)).collect(),
            heads,
            neurons,
            sources,
            training: None,
            certificate: None,
            sha256: Hashes::default(),
        }
    }
}

impl Manifest {
    /// The most attention of any head that goes to keys that are not selected.
    pub fn leak(&self) -> Number {
        self.heads.iter().map(|h| h.scores.leak.clone()).max().unwrap_or(Number::ZERO)
    }

    /// The program that the model was compiled from, read again from the texts of the manifest.
    /// None if these are no texts of a program.
    pub fn read_program(&self) -> Option<Read> {
        let texts: Vec<(&str, &str)> =
            self.sources.iter().map(|s| (s.name.as_str(), s.text.as_str())).collect();
        lower::read_again(&texts)
    }
}

/// The words for things of a program.
struct Names<'a> {
    program: &'a Program,
    sources: &'a Sources,
}

impl Names<'_> {
    fn sop(&self, id: SOpId) -> String {
        self.node(Node::SOp(id))
    }

    fn selector(&self, id: SelectorId) -> String {
        self.node(Node::Selector(id))
    }

    fn node(&self, node: Node) -> String {
        ir::label(self.program, self.sources, node)
    }

    fn base(&self, base: Base) -> String {
        match base {
            Base::Column(column) => self.program.columns[column].name.to_string(),
            Base::Index => "indices".to_owned(),
            Base::SOp(id) => self.sop(id),
            Base::Width(id) => format!("width of {}", self.selector(id)),
            Base::Keys(id) => format!("key class of {}", self.selector(id)),
            Base::Queries(id) => format!("query class of {}", self.selector(id)),
        }
    }

    fn base_places(&self, base: Base) -> Vec<Place> {
        match base {
            Base::Column(_) | Base::Index => Vec::new(),
            Base::SOp(id) => self.places(Node::SOp(id)),
            Base::Width(id) | Base::Keys(id) | Base::Queries(id) => self.places(Node::Selector(id)),
        }
    }

    fn places(&self, node: Node) -> Vec<Place> {
        let graph = &self.program.graph;
        let origin = graph.origin(node);
        let sites = graph.calls(origin.stack).map(|call| call.site);
        let place = |span| {
            let (line, column) = self.sources.line_col(span);
            let source = self.sources.get(span.source).name.clone();
            let words: Vec<&str> = self.sources.text(span).split_whitespace().collect();
            Place { source, line, column, text: words.join(" ") }
        };
        std::iter::once(origin.span).chain(sites).map(place).collect()
    }

    fn slot(&self, slot: &Slot) -> SlotInfo {
        let label = match &slot.holds {
            Holds::One => "one".to_owned(),
            Holds::Bos => "bos".to_owned(),
            Holds::OneHot(base, value) => format!("{} = {value}", self.base(*base)),
            Holds::AtLeast(base, value) => format!("{} >= {value}", self.base(*base)),
            Holds::Below(base, value) => format!("{} < {value}", self.base(*base)),
            Holds::Function(base, table) => function(&self.base(*base), table),
            Holds::Numeric(base) => self.base(*base),
            Holds::Share(base) => format!("1 / ({} + 1)", self.base(*base)),
        };
        let owner = match slot.owner {
            Owner::Embedding => "embedding".to_owned(),
            Owner::Head { layer, head } => format!("blocks.{layer}.attn.{head}"),
            Owner::Neurons { layer, .. } => format!("blocks.{layer}.mlp"),
        };
        SlotInfo {
            direction: slot.direction,
            label,
            holds: Held::of(&slot.holds),
            bound: slot.bound.clone(),
            at_bos: slot.at_bos.clone(),
            owner,
            live: [slot.born.0, slot.dies.0],
        }
    }

    fn output(&self, output: &HeadOutput) -> HeadOutputInfo {
        let moves = match output.moves {
            Moves::Code => "code",
            Moves::Mean => "mean",
            Moves::Share => "share",
        };
        let (sop, origin) = (self.base(output.base), self.base_places(output.base));
        HeadOutputInfo { sop, origin, moves: moves.to_owned() }
    }

    fn group(&self, layer: usize, neurons: [usize; 2], group: &NeuronGroup) -> NeuronInfo {
        let (kind, fact) = match group.kind {
            Neurons::Table => ("table", FactInfo::ValueSets),
            Neurons::Steps => ("steps", FactInfo::Gaps),
            Neurons::Clean => ("clean", FactInfo::Gaps),
            Neurons::Product => ("product", FactInfo::ValueSets),
            Neurons::Erase => ("erase", FactInfo::Dead),
        };
        let (sop, origin) = (self.base(group.base), self.base_places(group.base));
        NeuronInfo { layer, neurons, sop, origin, kind: kind.to_owned(), facts: vec![fact] }
    }
}

/// A function of something, in words: itself, where it is 1, or a list of its numbers.
fn function(name: &str, table: &[(Value, Number)]) -> String {
    let list = |words: Vec<String>| {
        let more = if words.len() > LISTED { ", …" } else { "" };
        words[..words.len().min(LISTED)].join(", ") + more
    };
    let ones: Vec<String> =
        table.iter().filter(|(_, n)| *n == Number::ONE).map(|(v, _)| v.to_string()).collect();
    if table.iter().all(|(v, n)| matches!(v, Value::Number(v) if v == n)) {
        name.to_owned()
    } else if table.iter().any(|(_, n)| !n.is_zero() && *n != Number::ONE) {
        format!("{name} -> {}", list(table.iter().map(|(_, n)| n.to_string()).collect()))
    } else if ones.len() == 1 {
        format!("{name} = {}", ones[0])
    } else {
        format!("{name} in {{{}}}", list(ones))
    }
}

/// As many values or numbers of a function are named.
const LISTED: usize = 8;

fn scores(scores: &Scores) -> ScoresInfo {
    let Scores { selected, bos, unselected, leak } = scores.clone();
    ScoresInfo { selected, bos, unselected, leak }
}

fn fact(fact: Fact) -> FactInfo {
    match fact {
        Fact::WidthAtMostOne => FactInfo::WidthAtMostOne,
        Fact::WidthAtLeastOne => FactInfo::WidthAtLeastOne,
        Fact::Always => FactInfo::Always,
        Fact::Agreement => FactInfo::Agreement,
        Fact::NoMean => FactInfo::NoMean,
    }
}

/// The words for a fact.
impl fmt::Display for FactInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WidthAtMostOne => "no query selects more than one key",
            Self::WidthAtLeastOne => "every query selects a key",
            Self::Always => "every query selects every key that it sees",
            Self::Agreement => "the selected values are equal in each row",
            Self::NoMean => "several values of this type have no mean, so one key is selected at most",
            Self::ValueSets => "what is read has no other values than those of its code",
            Self::Gaps => "neighbouring values lie further apart than the bound",
            Self::Dead => "nothing later reads the slots",
        })
    }
}
