//! Where do a network and its program part on an input?

use crate::inputs::Columns;
use crate::interp::Interpreter;
use crate::ir::{Node, Op, Program, SOpId};
use crate::model::{Holding, Manifest, Of, RunError, Shown, SlotInfo, Stream, Transformer, holdings};
use crate::value::Value;

/// What a network holds of one s-op, beside what the program says.
#[derive(Clone, Debug)]
pub struct Row<'m> {
    pub holding: Holding<'m>,
    /// By position, BOS left out.
    pub held: Vec<Shown>,
    /// By position; none for what only the compiler has a word for.
    pub expected: Option<Vec<Value>>,
    /// Positions at which a slot is further from the expected value than its bound.
    pub wrong: Vec<usize>,
    /// Whether a slot is wrong at the BOS position, if there is one.
    pub wrong_at_bos: bool,
}

/// Everything that the network holds of its program, in the order of half-layers.
pub fn rows<'m>(manifest: &'m Manifest, program: &Program, stream: &Stream, input: &Columns) -> Vec<Row<'m>> {
    let trace = Interpreter::new(program).trace(input).ok();
    let bos = usize::from(manifest.config.bos);
    let row = |holding: Holding<'m>| {
        let residual = stream.residual.get(holding.born).map_or(&[][..], Vec::as_slice);
        let tokens = residual.get(bos..).unwrap_or_default();
        let expected = trace.as_ref().and_then(|trace| holding.of.values(program, trace, input));
        let wrong_at = |(i, value): (usize, &Value)| (!holding.holds(tokens.get(i)?, value)).then_some(i);
        Row {
            held: tokens.iter().map(|row| holding.read(row)).collect(),
            wrong: expected.iter().flatten().enumerate().filter_map(wrong_at).collect(),
            wrong_at_bos: bos == 1 && residual.first().is_some_and(|row| !holding.is_bos(row)),
            expected,
            holding,
        }
    };
    holdings(manifest).into_iter().map(row).collect()
}

/// The first slots that do not hold what they should.
#[derive(Clone, Debug, PartialEq)]
pub struct FirstDifference {
    /// What they tell about.
    pub of: Of,
    /// The half-layer that writes them, as in [`SlotInfo::live`], and what in it: `blocks.0.attn.1`.
    pub half_layer: usize,
    pub owner: String,
    /// None is the BOS position.
    pub position: Option<usize>,
    pub expected: String,
    pub found: String,
}

/// Where model and program differ first on an input, in the order of half-layers; none if no
/// slot shows it.
pub fn first_difference(
    manifest: &Manifest,
    program: &Program,
    model: &Transformer,
    input: &Columns,
) -> Result<Option<FirstDifference>, RunError> {
    let stream = Stream::record(model, input)?;
    Ok(rows(manifest, program, &stream, input).iter().find_map(|row| {
        let slot = row.holding.slots.first()?;
        let first = |position, expected: String, found: String| FirstDifference {
            of: row.holding.of,
            half_layer: row.holding.born,
            owner: slot.owner.clone(),
            position,
            expected,
            found,
        };
        if let (Some(&at), Some(expected)) = (row.wrong.first(), &row.expected) {
            return Some(first(Some(at), expected.get(at)?.to_string(), row.held.get(at)?.to_string()));
        }
        let residual = stream.residual.get(row.holding.born)?.first()?;
        let wrong = |slot: &&&SlotInfo| !slot.is_at_bos(residual);
        let slot = row.holding.slots.iter().find(wrong).filter(|_| row.wrong_at_bos)?;
        let found = residual.get(slot.direction)?;
        Some(first(None, format!("{} in `{}`", slot.at_bos, slot.label), found.to_string()))
    }))
}

/// The node of the graph that something held tells about.
pub fn node(program: &Program, of: Of) -> Option<Node> {
    let graph = &program.graph;
    match of {
        Of::Column(column) => {
            let reads = |id: &SOpId| graph[*id].op == Op::Input(column);
            graph.sop_ids().find(reads).map(Node::SOp)
        }
        Of::Index => graph.sop_ids().find(|id| graph[*id].op == Op::Indices).map(Node::SOp),
        Of::Sop(index) => graph.sop_ids().nth(index).map(Node::SOp),
        Of::Width(index) | Of::Keys(index) | Of::Queries(index) => {
            graph.selector_ids().nth(index).map(Node::Selector)
        }
    }
}

/// S-ops that the outputs depend on and that stand in no slot: whoever reads them has them in
/// its matrices.
pub fn folded(manifest: &Manifest, program: &Program) -> Vec<SOpId> {
    let held: Vec<Option<Node>> =
        manifest.slots.iter().filter_map(|s| s.holds.about()).map(|of| node(program, of)).collect();
    let constant = |id: SOpId| matches!(program.graph[id].op, Op::Const(_));
    let live = program.graph.live(program.outputs.iter().map(|o| Node::SOp(o.sop)));
    let sop = |node: Node| match node {
        Node::SOp(id) if !constant(id) && !held.contains(&Some(node)) => Some(id),
        Node::SOp(_) | Node::Selector(_) => None,
    };
    live.into_iter().filter_map(sop).collect()
}
