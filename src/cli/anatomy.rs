//! What does each part of a model compute?

use super::draw;
use super::table;
use crate::model::{
    Artifact, Decode, Held, Holding, KnobsInfo, Manifest, Of, Place, ScoresInfo, half_layer_name, holdings,
    json,
};
use crate::value::Number;
use serde_json::{Value as Json, json};

/// Sizes of a model.
#[derive(serde::Serialize)]
pub struct Totals {
    program: String,
    layers: usize,
    /// No network that follows the program step by step has fewer.
    least_layers: usize,
    heads: usize,
    neurons: usize,
    d_model: usize,
    /// Those of all matrices but the unembedding, as tracr's are counted.
    parameters: usize,
    /// Those of them that are not 0.
    nonzero: usize,
    /// Those of the unembedding, which `parameters` leaves out.
    unembedding: usize,
    max_len: usize,
    bos: bool,
    causal: bool,
    knobs: KnobsInfo,
    /// Whether gradient descent found the weights: nothing is known of what parts of it do.
    trained: bool,
    /// The most attention of any head that goes where it is not asked for.
    #[serde(with = "json::number")]
    leak: Number,
}

impl Totals {
    pub fn of(artifact: &Artifact) -> Self {
        let Artifact { manifest: Manifest { program, config, least_layers, knobs, training, .. }, weights } =
            artifact;
        Self {
            program: program.clone(),
            layers: config.layers.len(),
            least_layers: *least_layers,
            heads: config.layers.iter().map(|l| l.heads.len()).sum(),
            neurons: config.layers.iter().map(|l| l.d_mlp).sum(),
            d_model: config.d_model,
            parameters: weights.n_params(),
            nonzero: weights.n_nonzero(),
            unembedding: weights.n_unembedding(),
            max_len: config.max_len(),
            bos: config.bos,
            causal: config.causal,
            knobs: knobs.clone(),
            trained: training.is_some(),
            leak: artifact.manifest.leak(),
        }
    }

    fn parameters_text(&self) -> String {
        let Self { parameters, nonzero, unembedding, .. } = self;
        format!("{parameters}, of which {nonzero} are not 0; {} with unembedding", parameters + unembedding)
    }

    fn layers_text(&self) -> String {
        match self.layers - self.least_layers.min(self.layers) {
            _ if self.trained => self.layers.to_string(),
            0 => format!("{}, the fewest that follow the program step by step", self.layers),
            _ => format!("{}; {} or more follow the program step by step", self.layers, self.least_layers),
        }
    }

    fn knobs_text(&self) -> String {
        let KnobsInfo { optimise, sharpness, uniform, layers, heads, d_model, d_mlp, balanced } = &self.knobs;
        let mut text = if *optimise { "-O1" } else { "-O0" }.to_owned();
        let sharpness = sharpness.map(usize::from);
        let sizes = [
            ("--sharpness", &sharpness),
            ("--layers", layers),
            ("--heads", heads),
            ("--d-model", d_model),
            ("--d-mlp", d_mlp),
        ];
        for (flag, given) in [("--uniform", uniform), ("--balanced", balanced)] {
            text.extend(given.then(|| format!(" {flag}")));
        }
        for (flag, size) in sizes {
            text.extend(size.map(|size| format!(" {flag} {size}")));
        }
        text
    }

    fn leak_text(&self) -> String {
        match self.leak.is_zero() {
            true => "none".to_owned(),
            false => format!("{:.1e} of a head's attention at most", self.leak.to_f64()),
        }
    }

    pub fn text(&self, width: usize) -> String {
        let mut rows = vec![
            ("program", draw::printable(&self.program)),
            ("layers", self.layers_text()),
            ("heads", self.heads.to_string()),
            ("neurons", self.neurons.to_string()),
            ("d_model", self.d_model.to_string()),
            ("parameters", self.parameters_text()),
            ("inputs", format!("up to {} tokens{}", self.max_len, if self.bos { " behind BOS" } else { "" })),
            ("attention", if self.causal { "causal" } else { "full" }.to_owned()),
        ];
        match self.trained {
            true => rows.push(("trained", "by gradient descent".to_owned())),
            false => rows.extend([("leak", self.leak_text()), ("compiled", self.knobs_text())]),
        }
        let rows: Vec<_> = rows.into_iter().map(|(name, text)| vec![name.to_owned(), text]).collect();
        table::columns(&rows, width)
    }
}

/// Everything in JSON: the manifest's own description, without the sources.
pub fn json(artifact: &Artifact, totals: &Totals) -> Json {
    let Manifest { config, slots, heads, neurons, sha256, .. } = &artifact.manifest;
    json!({
        "totals": totals,
        "config": config,
        "heads": heads,
        "neurons": neurons,
        "slots": slots,
        "sha256": sha256,
    })
}

/// The plan, and tables of inputs and outputs, heads, neurons and residual directions.
pub fn text(artifact: &Artifact, width: usize) -> String {
    let manifest = &artifact.manifest;
    let sections = match &manifest.training {
        Some(experiment) => vec![
            ("Inputs and outputs", ends(manifest)),
            ("Experiment", experiment.lines().map(|line| vec![draw::printable(line)]).collect()),
        ],
        None => vec![
            ("Plan", plan(manifest)),
            ("Inputs and outputs", ends(manifest)),
            ("Heads", heads(manifest)),
            ("Neurons", neurons(manifest)),
            ("Residual directions", directions(manifest)),
        ],
    };
    let section = |(title, rows): (&str, Vec<Vec<String>>)| match rows.is_empty() {
        true => format!("\n{title}\n    none\n"),
        false => format!("\n{title}\n{}", table::columns(&rows, width)),
    };
    sections.into_iter().map(section).collect()
}

/// What is added to the residual stream, from top to bottom.
fn plan(manifest: &Manifest) -> Vec<Vec<String>> {
    let together = |names: Vec<&str>| {
        let mut names: Vec<String> = names.into_iter().map(name).collect();
        names.dedup();
        names.join(", ")
    };
    let embedded = manifest.slots.iter().filter(|s| s.owner == "embedding");
    let about = |of: Of| match of {
        Of::Column(column) => manifest.config.columns.get(column).map(|c| c.name.as_str()),
        Of::Index => Some("indices"),
        Of::Sop(_) | Of::Width(_) | Of::Keys(_) | Of::Queries(_) => None,
    };
    let embedded = embedded.filter_map(|slot| about(slot.holds.about()?)).collect();
    let mut rows = vec![vec!["embed".to_owned(), together(embedded)]];
    for layer in 0..manifest.config.layers.len() {
        for head in manifest.heads.iter().filter(|h| h.layer == layer) {
            let of = together(head.outputs.iter().map(|o| o.sop.as_str()).collect());
            rows.push(vec![format!("blocks.{layer}.attn"), format!("{} -> {of}", name(&head.selector))]);
        }
        let neurons = manifest.neurons.iter().filter(|n| n.layer == layer && n.kind != "erase");
        let computed = together(neurons.map(|n| n.sop.as_str()).collect());
        if !computed.is_empty() {
            rows.push(vec![format!("blocks.{layer}.mlp"), computed]);
        }
    }
    let outputs = manifest.config.outputs.iter().map(|o| o.name.as_str()).collect();
    rows.push(vec!["unembed".to_owned(), together(outputs)]);
    // A name stands once.
    for i in (1..rows.len()).rev() {
        if rows[i][0] == rows[i - 1][0] {
            rows[i][0].clear();
        }
    }
    rows
}

fn ends(manifest: &Manifest) -> Vec<Vec<String>> {
    let list = |values: &[crate::value::Value]| {
        draw::shorten(&values.iter().map(draw::cell).collect::<Vec<_>>().join(", "), MAX_LIST)
    };
    let mut rows = Vec::new();
    for (c, column) in manifest.config.columns.iter().enumerate() {
        rows.push(vec![format!("embed.{c}"), column.name.clone(), list(&column.vocabulary)]);
    }
    for (o, output) in manifest.config.outputs.iter().enumerate() {
        let decode = match &output.decode {
            Decode::Categorical { values } => list(values),
            Decode::Numeric { values, .. } if !values.is_empty() => {
                format!("the nearest of {}", list(values))
            }
            Decode::Numeric { bound, .. } => format!("a number, give or take {:e}", bound.to_f64()),
        };
        rows.push(vec![format!("unembed.{o}"), output.name.clone(), decode]);
    }
    rows
}

fn heads(manifest: &Manifest) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for head in &manifest.heads {
        let ScoresInfo { selected, bos, unselected, leak } = &head.scores;
        let leak = match leak.is_zero() {
            true => String::new(),
            false => format!(", {:.1e} leaks at most", leak.to_f64()),
        };
        let bos = bos.as_ref().map_or(String::new(), |bos| format!(", BOS {bos}"));
        let scores = format!("selected {selected}{bos}, others at most {unselected}{leak}");
        rows.push(vec![
            format!("blocks.{}.attn.{}", head.layer, head.head),
            "attends".to_owned(),
            name(&head.selector),
            line(&head.origin),
            scores,
        ]);
        for output in &head.outputs {
            let (moves, sop) = (output.moves.clone(), name(&output.sop));
            rows.push(vec![String::new(), moves, sop, line(&output.origin), String::new()]);
        }
        for fact in &head.facts {
            rows.push(vec![String::new(), "because".to_owned(), fact.to_string()]);
        }
    }
    rows
}

fn neurons(manifest: &Manifest) -> Vec<Vec<String>> {
    let row = |n: &crate::model::NeuronInfo| {
        let [first, end] = n.neurons;
        vec![
            format!("blocks.{}.mlp", n.layer),
            ranges((first..end).collect()),
            n.kind.clone(),
            name(&n.sop),
            line(&n.origin),
        ]
    };
    manifest.neurons.iter().map(row).collect()
}

/// One row per group of directions that tell one thing.
fn directions(manifest: &Manifest) -> Vec<Vec<String>> {
    let mut rows: Vec<(usize, Vec<String>)> = Vec::new();
    for slot in manifest.slots.iter().filter(|s| s.holds.about().is_none()) {
        let exact = "exact".to_owned();
        let cells =
            [slot.direction.to_string(), slot.label.clone(), slot.owner.clone(), live(slot.live), exact];
        rows.push((slot.direction, cells.to_vec()));
    }
    for Holding { slots, .. } in holdings(manifest) {
        let Some(first) = slots.iter().min_by_key(|s| s.direction) else { continue };
        let at = ranges(slots.iter().map(|s| s.direction).collect());
        let dies = slots.iter().map(|s| s.live[1]).max().unwrap_or(first.live[1]);
        let bound = match slots.iter().map(|s| &s.bound).max() {
            Some(bound) if !bound.is_zero() => format!("± {:.1e}", bound.to_f64()),
            Some(_) | None => "exact".to_owned(),
        };
        let cells = [at, labels(&slots), first.owner.clone(), live([first.live[0], dies]), bound];
        rows.push((first.direction, cells.to_vec()));
    }
    rows.sort();
    rows.into_iter().map(|(_, row)| row).collect()
}

/// `3..6, 9`: numbers; ranges have both ends, as they do in programs.
fn ranges(mut numbers: Vec<usize>) -> String {
    numbers.sort_unstable();
    let range = |run: &[usize]| match run {
        [first, .., last] => format!("{first}..{last}"),
        run => run.iter().map(usize::to_string).collect(),
    };
    numbers.chunk_by(|a, b| a + 1 == *b).map(range).collect::<Vec<_>>().join(", ")
}

/// `tokens = 0, 1, 2`
fn labels(slots: &[&crate::model::SlotInfo]) -> String {
    let mut text = slots.first().map_or_else(String::new, |s| s.label.clone());
    for slot in slots.iter().skip(1) {
        match &slot.holds {
            Held::OneHot { value, .. } => text += &format!(", {value}"),
            Held::AtLeast { value, .. } => text += &format!(", >= {value}"),
            Held::Below { value, .. } => text += &format!(", < {value}"),
            Held::One | Held::Bos | Held::Function { .. } | Held::Numeric { .. } | Held::Share { .. } => {
                text += &format!(", {}", slot.label);
            }
        }
    }
    draw::shorten(&draw::printable(&text), MAX_LIST)
}

/// From when to when: sites of the residual stream, without `hook_`.
fn live([born, dies]: [usize; 2]) -> String {
    let short = |half_layer| half_layer_name(half_layer).replace("hook_", "");
    match dies > born + 1 {
        true => format!("{} to {}", short(born), short(dies - 1)),
        false => short(born),
    }
}

/// Longer lists and names are cut off.
const MAX_LIST: usize = 44;
const MAX_NAME: usize = 32;

fn name(text: &str) -> String {
    draw::shorten(&draw::printable(text), MAX_NAME)
}

/// The line of the program that led here: the outermost call.
fn line(origin: &[Place]) -> String {
    origin.last().map_or_else(String::new, |p| format!("{}:{}", p.source, p.line))
}
