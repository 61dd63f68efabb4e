//! Selectors that compare positions with themselves: `select(x, x, op)` and what is made of them.
//!
//! Such a selector is a function of the signs of the comparisons: for each s-op, whether the key
//! is less than, equal to or greater than the query. From that function one can read off whether
//! it is an order, however it is written.

use crate::ir::SOpId;
use crate::value::Compare;
use std::cmp::Ordering;

/// A selector as a function of the signs of some s-ops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signs {
    /// Sorted, at most [`MAX_SOPS`].
    sops: Vec<SOpId>,
    /// One bit for each combination of signs; the first s-op's sign is the lowest digit.
    truth: u128,
}

/// `3^4 = 81` combinations fit into 128 bits.
const MAX_SOPS: usize = 4;

const SIGNS: [Ordering; 3] = [Ordering::Less, Ordering::Equal, Ordering::Greater];

impl Signs {
    /// `select(x, x, op)`
    pub fn compare(x: SOpId, op: Compare) -> Self {
        let holds = |sign: Ordering| match op {
            Compare::Eq => sign == Ordering::Equal,
            Compare::Ne => sign != Ordering::Equal,
            Compare::Lt => sign == Ordering::Less,
            Compare::Le => sign != Ordering::Greater,
            Compare::Gt => sign == Ordering::Greater,
            Compare::Ge => sign != Ordering::Less,
        };
        let truth = SIGNS.iter().enumerate().map(|(i, &sign)| u128::from(holds(sign)) << i).sum();
        Self { sops: vec![x], truth }
    }

    pub fn both(a: &Option<Self>, b: &Option<Self>, f: impl Fn(u128, u128) -> u128) -> Option<Self> {
        let (a, b) = (a.as_ref()?, b.as_ref()?);
        let mut sops = [&*a.sops, &*b.sops].concat();
        sops.sort_unstable();
        sops.dedup();
        let truth = f(a.over(&sops)?, b.over(&sops)?);
        Some(Self { sops, truth })
    }

    pub fn not(&self) -> Self {
        Self { sops: self.sops.clone(), truth: !self.truth & self.everything() }
    }

    pub fn always(&self) -> bool {
        self.truth == self.everything()
    }

    pub fn never(&self) -> bool {
        self.truth == 0
    }

    /// All combinations.
    fn everything(&self) -> u128 {
        (1 << combinations(self.sops.len())) - 1
    }

    /// The truth as a function of more s-ops.
    fn over(&self, sops: &[SOpId]) -> Option<u128> {
        if sops.len() > MAX_SOPS {
            return None;
        }
        let mine = |combination: usize| {
            let digit = |(i, x): (usize, &SOpId)| {
                let at = sops.iter().position(|s| s == x)?;
                Some(combination / combinations(at) % 3 * combinations(i))
            };
            self.sops.iter().enumerate().filter_map(digit).sum::<usize>()
        };
        Some((0..combinations(sops.len())).map(|c| (self.truth >> mine(c) & 1) << c).sum())
    }
}

fn combinations(n_sops: usize) -> usize {
    3_usize.pow(n_sops as u32)
}

/// Positions ordered by some s-ops, one after the other, each upwards or downwards; positions are
/// comparable if they agree in the s-ops of `within`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub within: Vec<SOpId>,
    pub sops: Vec<SOpId>,
    /// Positions that agree in all of them are not selected; else they are.
    pub strict: bool,
}

/// The order that a selector is, if it is one.
pub(super) fn lexicographic(signs: &Signs) -> Option<Order> {
    let sops = &signs.sops;
    let holds = |combination: usize| signs.truth >> combination & 1 == 1;
    let sign = |combination: usize, at: usize| SIGNS[combination / combinations(at) % 3];
    let equal = |combination: usize, at: usize| sign(combination, at) == Ordering::Equal;
    let all = 0..combinations(sops.len());
    let groups = |at: &usize| all.clone().all(|c| equal(c, *at) || !holds(c));
    let within: Vec<usize> = (0..sops.len()).filter(groups).collect();
    // The combinations in which everything chosen so far is equal.
    let mut open: Vec<usize> = all.clone().filter(|&c| within.iter().all(|&at| equal(c, at))).collect();
    let mut chosen: Vec<usize> = Vec::new();
    loop {
        let is = |at: usize, wanted: Ordering, value: bool| {
            open.iter().filter(|&&c| sign(c, at) == wanted).all(|&c| holds(c) == value)
        };
        let decides = |at: &usize| {
            let upwards = is(*at, Ordering::Less, true) && is(*at, Ordering::Greater, false);
            let downwards = is(*at, Ordering::Less, false) && is(*at, Ordering::Greater, true);
            !within.contains(at) && !chosen.contains(at) && (upwards || downwards)
        };
        let Some(at) = (0..sops.len()).find(decides) else { break };
        chosen.push(at);
        open.retain(|&c| equal(c, at));
    }
    let rest = open.first().map(|&c| holds(c))?;
    let uniform = open.iter().all(|&c| holds(c) == rest);
    let named = |places: Vec<usize>| places.into_iter().map(|at| sops[at]).collect();
    (uniform && !chosen.is_empty()).then(|| Order {
        within: named(within),
        sops: named(chosen),
        strict: !rest,
    })
}

impl Signs {
    /// Whether keys behind the query are never selected; `is_index` knows the index.
    pub fn never_behind(&self, is_index: impl Fn(SOpId) -> bool) -> bool {
        let Some(at) = self.sops.iter().position(|&s| is_index(s)) else { return false };
        let behind = |c: &usize| SIGNS[c / combinations(at) % 3] == Ordering::Greater;
        (0..combinations(self.sops.len())).filter(behind).all(|c| self.truth >> c & 1 == 0)
    }
}
