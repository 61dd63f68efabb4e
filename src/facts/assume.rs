//! What the assumptions of a program say about single s-ops, widths and lengths.

use super::analysis::{Analysis, Rules};
use super::table::{Axis, Dim, MAX_STATES, NONE, Space, Table};
use crate::ir::{Node, Op, Program, SOpId, SelectorId, SelectorOp};
use crate::value::{Compare, Elementwise, Value};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// What holds on the inputs that count, because they are the only ones that count.
#[derive(Debug, Default)]
pub(super) struct Restrictions {
    excluded_lengths: BTreeSet<usize>,
    /// The values that an s-op may have, sorted.
    values: HashMap<SOpId, Arc<[Value]>>,
    widths: HashMap<SelectorId, (usize, usize)>,
    distinct: BTreeSet<SOpId>,
}

impl Restrictions {
    pub fn has_length(&self, length: usize) -> bool {
        !self.excluded_lengths.contains(&length)
    }

    pub fn values(&self, sop: SOpId) -> Option<&Arc<[Value]>> {
        self.values.get(&sop)
    }

    pub fn width(&self, selector: SelectorId) -> Option<(usize, usize)> {
        self.widths.get(&selector).copied()
    }

    /// Whether the s-op differs at any two positions.
    pub fn distinct(&self, sop: SOpId) -> bool {
        self.distinct.contains(&sop)
    }

    /// Reads the assumptions of a program: each is analysed as if nothing were assumed, and what
    /// it says about one s-op or about the length is taken from the states in which it is true.
    pub fn of(program: &Program, rules: Rules) -> Self {
        let mut this = Self::default();
        if program.assumptions.is_empty() {
            return this;
        }
        let conjuncts = conjuncts(program);
        let nodes = program.graph.live(conjuncts.iter().copied().map(Node::SOp));
        let nothing = Self::default();
        let analysis = Analysis::run(program, &nodes, &nothing, rules);
        for sop in conjuncts {
            if let Some(table) = analysis.table(sop) {
                this.read(&analysis, table);
            }
        }
        this
    }

    fn read(&mut self, analysis: &Analysis, table: &Table) {
        let truth = |cell: u32| cell != NONE && table.values[cell as usize].truth();
        if let [Dim { axis: Axis::SOp(id), .. }] = *table.dims.as_slice() {
            let Some(of) = analysis.table(id) else { return };
            let holds = of.values.iter().zip(&table.cells).filter(|(_, cell)| truth(**cell));
            self.allow(analysis, id, holds.map(|(v, _)| v.clone()).collect());
        }
        if table.by_position() && analysis.has_lengths() {
            let mut space = Space::of([table]);
            space.add(&analysis.length_dim());
            space.add(&analysis.index_dim());
            if space.size() > MAX_STATES {
                return;
            }
            let mut good = vec![0; analysis.lengths.len()];
            space.walk(&[table], |_, coordinates, ids| good[coordinates[0]] += usize::from(truth(ids[0])));
            let bad = analysis.lengths.iter().zip(good).filter(|(n, good)| *good < **n);
            self.excluded_lengths.extend(bad.map(|(n, _)| *n));
        }
    }

    /// Keeps the values on which an assumption is true.
    fn allow(&mut self, analysis: &Analysis, id: SOpId, mut allowed: Vec<Value>) {
        if let Some(known) = self.values.get(&id) {
            allowed.retain(|v| known.contains(v));
        }
        let graph = analysis.graph();
        if let Op::Width { selector } = graph[id].op {
            let widths = || allowed.iter().filter_map(|v| v.number()?.to_i64()).map(|w| w as usize);
            let (lo, hi) = (widths().min().unwrap_or(0), widths().max().unwrap_or(0));
            self.widths.insert(selector, (lo, hi));
            if let SelectorOp::Select { key, query, op: Compare::Eq } = graph[selector].op
                && key == query
                && hi <= 1
            {
                self.distinct.insert(key);
            }
        }
        self.values.insert(id, allowed.into());
    }
}

/// The conditions that have to be true for all assumptions to be true.
fn conjuncts(program: &Program) -> BTreeSet<SOpId> {
    let mut open: Vec<SOpId> = program.assumptions.iter().map(|(sop, _)| *sop).collect();
    let mut seen = BTreeSet::new();
    let mut conjuncts = BTreeSet::new();
    while let Some(sop) = open.pop() {
        if let Op::Elementwise { f: Elementwise::And, args } = &program.graph[sop].op {
            open.extend(args.iter().filter(|arg| seen.insert(**arg)));
        } else {
            conjuncts.insert(sop);
        }
    }
    conjuncts
}
