//! Do the weights compute the program on every input? A proof, by a kernel that trusts neither the
//! compiler nor the file.
//!
//! # What is trusted
//!
//! Reading the program ([`crate::syntax`], [`crate::ir`]), its meaning ([`crate::value`],
//! [`crate::interp`]), what the runtime promises of f32 ([`crate::model::attention`]), and this
//! folder, which shares no code with `facts`, `plan` and `weights`. Where the program was run on one input of
//! each class, so are these classes ([`super::classes`]). Of the manifest, the
//! configuration is what the network is run with; the slots say which s-op a direction is about, and
//! that is a hint: it decides what is tried, and a wrong one makes a proof fail.
//!
//! # What is checked
//!
//! For each length that inputs may have, in this order; whatever is not shown leaves the claim open:
//!
//! 1. The network takes every declared input: columns by name and in order, tokens, length. ([`Network`])
//! 2. What each s-op can be at a position, by the program alone, and by what it was seen to be on all
//!    inputs, if it was run. ([`local`])
//! 3. Which keys a query can select, and how many: by the program, and by what was seen. ([`pairs`])
//! 4. The embedding: what each direction holds for each token and index, and at BOS. ([`stream`])
//! 5. Each head: that it attends to just the selected keys, and what it writes for each value of the s-op
//!    that it is about; that BOS attends to itself; what all heads add to a direction. ([`head`], [`row`])
//! 6. Each MLP: what it writes for each combination of what it reads, at BOS too. ([`mlp`])
//! 7. Each output: that it decodes to the program's value in every state that can occur. ([`output`])
//!
//! A direction that nobody writes keeps what it holds, and one that nobody erases holds it for ever:
//! there is nothing that a component must not touch, as everything that it touches is computed. Components that write
//! nothing are bounded all the same: 0 times infinity is no number.
//!
//! # Why that is enough
//!
//! Everything is shown for sets of states that contain all that occur: a [`table::Table`] has a cell for
//! every combination of values of its variables, whether or not an input gives it. Inputs on which the
//! program has no value do not count, nor do those that break an assumption. All numbers are those of the
//! file; each is known as a [`ball::Ball`] that contains whatever f32 makes of it in any order of summation.

mod ball;
mod head;
mod local;
mod mlp;
mod output;
mod pairs;
mod row;
mod stream;
mod table;

use super::budget::Meter;
use super::locate::node;
use super::seen::Seen;
use super::shown::{HeadShown, Shown};
use crate::ir::{Node, Program};
use crate::model::{Activation, Artifact, Biases, Config, Of, Positions, SlotInfo, half_layer_name};
use crate::value::Value;
use crate::weights::Weights;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use stream::Stream;
use table::Table;

pub use super::budget::Budget;
pub use super::certificate::{prove, prove_with};
pub use super::open::{Open, Reason};
pub(super) use local::MAX_VALUES;

/// A network and the program that it is to compute.
struct Network<'a> {
    program: &'a Program,
    config: &'a Config,
    weights: &'a Weights,
    /// For each column, the row of the embedding for each value of its domain.
    rows: Vec<Vec<usize>>,
    /// What a direction is about from the half-layer on that writes it, as the file has it. Tables are cut
    /// at these, and nothing that is proved rests on them.
    told: HashMap<(usize, usize), Node>,
    /// What is in `told`.
    told_of: HashSet<Node>,
    seen: &'a Seen,
    meter: Meter<'a>,
    /// What is being looked at, for whoever asks why something is open.
    about: Cell<Option<Node>>,
}

/// Shows that a model computes a program on every declared input, or says what is open.
pub(super) fn show(
    program: &Program,
    artifact: &Artifact,
    seen: &Seen,
    budget: Budget<'_>,
) -> Result<Shown, Open> {
    let network = Network::new(program, artifact, seen, budget).map_err(open(None, "inputs"))?;
    network.show().map_err(|open| Open { about: network.about.get(), ..open })
}

fn open(length: Option<usize>, site: &str) -> impl Fn(Reason) -> Open + use<> {
    let site = site.to_owned();
    move |reason| Open { length, site: site.clone(), reason, about: None }
}

impl Network<'_> {
    fn show(&self) -> Result<Shown, Open> {
        let lengths = self.program.lengths.ok_or(Reason::NoDomain).map_err(open(None, "inputs"))?;
        let mut shown = Shown::default();
        for n in lengths.min..=lengths.max {
            let Some(mut stream) = Stream::new(self, n).map_err(open(Some(n), "embed"))? else { continue };
            for (l, layer) in self.weights.layers.iter().enumerate() {
                let open = |half_layer: usize| open(Some(n), &half_layer_name(half_layer));
                stream.attention(l, &layer.heads, &mut shown).map_err(open(2 * l + 1))?;
                if let Some(mlp) = &layer.mlp {
                    stream.mlp(l, mlp, &mut shown).map_err(open(2 * l + 2))?;
                }
            }
            for output in 0..self.program.outputs.len() {
                stream.output(output, &mut shown).map_err(open(Some(n), &format!("unembed.{output}")))?;
            }
            shown.lengths.push(n);
        }
        shown.cost = self.meter.taken();
        match shown.outputs.values().any(|output| output.tuples > 0) {
            true => Ok(shown),
            false => Err(open(None, "inputs")(Reason::NoInputs)),
        }
    }
}

impl<'a> Network<'a> {
    fn new(
        program: &'a Program,
        artifact: &'a Artifact,
        seen: &'a Seen,
        budget: Budget<'a>,
    ) -> Result<Self, Reason> {
        let Artifact { manifest, weights } = artifact;
        let config = &manifest.config;
        // Every option by name, so that a new one is decided on here.
        #[rustfmt::skip]
        let (Config {
            attn_scale: _, activation: Activation::Relu, norm: None, tied: false,
            positions: Positions::Learned, biases: Biases::Neurons,
            d_model: _, n_ctx: _, bos: _, causal: _, columns: _, layers: _, outputs: _,
        }, true) = (config, weights.more.is_empty()) else { return Err(Reason::Unknown) };
        if !weights.named().iter().all(|(_, matrix)| matrix.iter().all(|x| x.is_finite())) {
            return Err(Reason::NotFinite);
        }
        let longest = program.lengths.map_or(0, |l| l.max);
        if longest > config.max_len()
            || program.columns.iter().map(|c| &*c.name).ne(config.columns.iter().map(|c| &*c.name))
            || program.outputs.iter().map(|o| &*o.name).ne(config.outputs.iter().map(|o| &*o.name))
        {
            return Err(Reason::Inputs);
        }
        let mut rows = Vec::new();
        for (column, known) in program.columns.iter().zip(&config.columns) {
            let domain = column.domain.as_ref().ok_or(Reason::NoDomain)?;
            // Of values that stand there twice, the network takes the last.
            let row: HashMap<&Value, usize> = known.vocabulary.iter().zip(0..).collect();
            let row = |v: &Value| row.get(v).copied();
            rows.push(domain.iter().map(row).collect::<Option<Vec<_>>>().ok_or(Reason::Inputs)?);
        }
        // Where one of these fails, the program has no value.
        let live = program.graph.live(program.outputs.iter().map(|o| Node::SOp(o.sop)));
        let live: HashSet<Node> = live.into_iter().collect();
        let about = |s: &SlotInfo| {
            let of = s.holds.about().filter(|of| matches!(of, Of::Sop(_) | Of::Width(_)))?;
            node(program, of).filter(|node| live.contains(node))
        };
        let slot = |s: &SlotInfo| Some(((s.live[0], s.direction), about(s)?));
        let told: HashMap<(usize, usize), Node> = manifest.slots.iter().filter_map(slot).collect();
        let told_of = told.values().copied().collect();
        Ok(Self {
            program,
            config,
            weights,
            rows,
            told,
            told_of,
            seen,
            meter: Meter::new(budget),
            about: Cell::default(),
        })
    }

    fn is_told(&self, node: Node) -> bool {
        self.told_of.contains(&node)
    }

    fn spend(&self, steps: usize) -> Result<(), Reason> {
        self.meter.spend(steps)
    }

    /// A variable as a function of itself.
    fn variable<T: Clone + Eq + Hash>(
        &self,
        var: usize,
        values: impl IntoIterator<Item = T>,
    ) -> Result<Table<T>, Reason> {
        let table = Table::variable(var, values, None);
        self.spend(16 * table.cells.len())?;
        Ok(table)
    }
}
