//! How many keys a query can select.

use super::SelectorFacts;
use super::analysis::{Analysis, cost};
use super::order::{Signs, lexicographic};
use super::reason::Reason;
use super::table::{Axis, MAX_STATES, NONE, Space, Table, classes};
use super::{SOpFacts, WidthBounds};
use crate::ir::{Op, SOpId, SelectorId, SelectorOp};
use crate::value::{Compare, Value};

/// Bounds on a width for each declared length, and why they hold.
#[derive(Clone, Debug)]
pub(super) struct Widths {
    /// Least and greatest, in the order of the lengths.
    pub by_length: Vec<(usize, usize)>,
    /// Why it is not less; none if that is plain.
    pub min_reason: Option<Reason>,
    pub max_reason: Option<Reason>,
}

impl Widths {
    /// Between nothing and everything.
    pub fn trivial(lengths: &[usize]) -> Self {
        let by_length = lengths.iter().map(|&n| (0, n)).collect();
        Self { by_length, min_reason: None, max_reason: None }
    }

    /// The bounds over all lengths.
    pub fn overall(&self) -> WidthBounds {
        let possible = || self.by_length.iter().filter(|(lo, hi)| lo <= hi);
        WidthBounds {
            min: possible().map(|b| b.0).min().unwrap_or(0),
            max: possible().map(|b| b.1).max().unwrap_or(0),
        }
    }

    fn at_least(&mut self, bounds: impl IntoIterator<Item = usize>, reason: &Reason) {
        for ((lo, _), bound) in self.by_length.iter_mut().zip(bounds) {
            if bound > *lo {
                *lo = bound;
                self.min_reason = Some(reason.clone());
            }
        }
    }

    fn at_most(&mut self, bounds: impl IntoIterator<Item = usize>, reason: &Reason) {
        for ((_, hi), bound) in self.by_length.iter_mut().zip(bounds) {
            if bound < *hi {
                *hi = bound;
                self.max_reason = Some(reason.clone());
            }
        }
    }
}

impl Analysis<'_> {
    /// The keys seen by the query that sees fewest, for each length.
    fn fewest_seen(&self) -> impl Iterator<Item = usize> + Clone + use<> {
        let all = !self.program.causal && self.has_lengths();
        self.lengths.clone().into_iter().map(move |n| if all { n } else { 1 })
    }

    /// The keys seen by the query that sees most, apart from itself.
    fn others_seen(&self) -> impl Iterator<Item = usize> + use<> {
        self.lengths.clone().into_iter().map(|n| if n == usize::MAX { n } else { n - 1 })
    }

    pub fn selector(&mut self, id: SelectorId) -> SelectorFacts {
        let mut facts = SelectorFacts::unknown(Widths::trivial(&self.lengths));
        match self.graph()[id].op {
            SelectorOp::Select { key, query, op } => self.select(&mut facts, key, query, op),
            SelectorOp::And(a, b) => self.and(&mut facts, a, b),
            SelectorOp::Or(a, b) => self.or(&mut facts, a, b),
            SelectorOp::Not(a) => self.not(&mut facts, a),
        }
        self.by_order(&mut facts);
        if let Some(known) = self.width_by_query(id) {
            let reason = match known.permutation {
                Some(key) => Reason::KeysArePermutation(key),
                None => Reason::EveryPosition,
            };
            let bounds = self.by_length(&known.table);
            facts.widths.at_least(bounds.iter().map(|b| b.0), &reason);
            facts.widths.at_most(bounds.iter().map(|b| b.1), &reason);
            if known.always && facts.always.is_none() {
                facts.always = Some(reason);
            }
            facts.by_query = Some(known.table);
        }
        let fixed: Vec<SOpId> = facts.fixed.iter().map(|pair| pair.0).collect();
        if let Some(apart) = self.tell_apart(&fixed).filter(|apart| apart.len() > 1) {
            let reason = Reason::KeysDifferTogether(apart);
            facts.widths.at_most(self.lengths.iter().map(|_| 1), &reason);
        }
        match facts.itself {
            Some(true) => facts.widths.at_least(self.lengths.iter().map(|_| 1), &Reason::SelectsItself),
            Some(false) => facts.widths.at_most(self.others_seen(), &Reason::NotItself),
            None => {}
        }
        if facts.always.is_none() && self.has_lengths() && !self.program.causal {
            let full = facts.widths.by_length.iter().zip(&self.lengths).all(|((lo, _), n)| lo == n);
            facts.always = facts.widths.min_reason.clone().filter(|_| full);
        }
        if let Some((lo, hi)) = self.assumed.width(id) {
            facts.widths.at_least(self.lengths.iter().map(|_| lo), &Reason::Assumed);
            facts.widths.at_most(self.lengths.iter().map(|_| hi), &Reason::Assumed);
        }
        facts
    }

    fn select(&mut self, facts: &mut SelectorFacts, key: SOpId, query: SOpId, op: Compare) {
        if op == Compare::Eq {
            facts.fixed.push((key, query));
        }
        if op == Compare::Ne {
            facts.fixed_outside.push((key, query));
        }
        if key == query {
            facts.itself = Some((self.rules.selects_itself)(op));
            facts.signs = Some(Signs::compare(key, op));
        } else {
            facts.itself = self.itself(key, query, op);
        }
        let differ = self.sops[key.index()].injective.is_some();
        if differ && matches!(op, Compare::Eq | Compare::Ne) {
            let (most, reason) = (self.rules.most_equal_keys, Reason::KeysDiffer(key));
            if op == Compare::Eq {
                facts.widths.at_most(self.lengths.iter().map(|_| most), &reason);
            } else {
                facts.widths.at_least(self.fewest_seen().map(|n| n.saturating_sub(most)), &reason);
            }
        }
        let Some((least, most)) = self.matches(key, query, op) else { return };
        if most == 0 {
            facts.widths.at_most(self.lengths.iter().map(|_| 0), &Reason::NothingMatches);
        } else if least == usize::MAX {
            facts.widths.at_least(self.fewest_seen(), &Reason::EverythingMatches);
            facts.always = Some(Reason::EverythingMatches);
        } else if differ {
            let reason = Reason::FewKeysMatch { key, matches: most };
            facts.widths.at_most(self.lengths.iter().map(|_| most), &reason);
        }
    }

    /// Whether a position selects itself, for all positions alike.
    fn itself(&mut self, key: SOpId, query: SOpId, op: Compare) -> Option<bool> {
        let (key, query) = (self.table(key)?.clone(), self.table(query)?.clone());
        let space = Space::of([&*key, &*query]);
        if space.size() > MAX_STATES || !self.spend(space.size() * (2 * cost::CELL + cost::COMPARE)) {
            return None;
        }
        let (mut yes, mut no) = (false, false);
        space.walk(&[&key, &query], |_, _, ids| {
            match op.holds(&key.values[ids[0] as usize], &query.values[ids[1] as usize]) {
                Ok(true) => yes = true,
                Ok(false) => no = true,
                Err(_) => {}
            }
        });
        (yes != no).then_some(yes)
    }

    /// The least and the greatest number of different key values that match one value of the query; the
    /// least is `usize::MAX` if all match for every query.
    fn matches(&mut self, key: SOpId, query: SOpId, op: Compare) -> Option<(usize, usize)> {
        let (keys, queries) = (self.table(key)?.values.clone(), self.table(query)?.values.clone());
        if !self.spend(keys.len().saturating_mul(queries.len()).saturating_mul(cost::COMPARE)) {
            return None;
        }
        // One value of each class stands for those that are equal to it.
        let classes = classes(&keys);
        let keys: Vec<&Value> =
            (0..keys.len()).filter(|&i| classes[i] == i as u32).map(|i| &keys[i]).collect();
        let (mut least, mut most) = (usize::MAX, 0);
        for query in &*queries {
            let outcomes = keys.iter().filter_map(|key| op.holds(key, query).ok());
            let (mut hold, mut all) = (0, 0);
            for outcome in outcomes {
                all += 1;
                hold += usize::from(outcome);
            }
            most = most.max(hold);
            if hold < all {
                least = least.min(hold);
            }
        }
        Some((least, most))
    }

    fn and(&self, facts: &mut SelectorFacts, a: SelectorId, b: SelectorId) {
        let [a, b] = [&self.selectors[a.index()], &self.selectors[b.index()]];
        let (x, y) = (&a.widths.by_length, &b.widths.by_length);
        // Of m keys, x + y - m are in both; a query sees at most n.
        let both = x.iter().zip(y).zip(&self.lengths);
        facts
            .widths
            .at_least(both.map(|((x, y), n)| x.0.saturating_add(y.0).saturating_sub(*n)), &Reason::Parts);
        facts.widths.at_most(x.iter().zip(y).map(|(x, y)| x.1.min(y.1)), &Reason::Parts);
        facts.itself = match (a.itself, b.itself) {
            (Some(true), Some(true)) => Some(true),
            (Some(false), _) | (_, Some(false)) => Some(false),
            _ => None,
        };
        facts.signs = Signs::both(&a.signs, &b.signs, |a, b| a & b);
        facts.fixed = union(&a.fixed, &b.fixed);
        facts.fixed_outside = intersection(&a.fixed_outside, &b.fixed_outside);
    }

    fn or(&self, facts: &mut SelectorFacts, a: SelectorId, b: SelectorId) {
        let [a, b] = [&self.selectors[a.index()], &self.selectors[b.index()]];
        let (x, y) = (&a.widths.by_length, &b.widths.by_length);
        facts.widths.at_least(x.iter().zip(y).map(|(x, y)| x.0.max(y.0)), &Reason::Parts);
        facts.widths.at_most(x.iter().zip(y).map(|(x, y)| x.1.saturating_add(y.1)), &Reason::Parts);
        facts.itself = match (a.itself, b.itself) {
            (Some(false), Some(false)) => Some(false),
            (Some(true), _) | (_, Some(true)) => Some(true),
            _ => None,
        };
        facts.signs = Signs::both(&a.signs, &b.signs, |a, b| a | b);
        facts.fixed = intersection(&a.fixed, &b.fixed);
        facts.fixed_outside = union(&a.fixed_outside, &b.fixed_outside);
    }

    fn not(&self, facts: &mut SelectorFacts, a: SelectorId) {
        let a = &self.selectors[a.index()];
        let widths = &a.widths.by_length;
        let least = widths.iter().zip(self.fewest_seen()).map(|(w, m)| m.saturating_sub(w.1));
        facts.widths.at_least(least, &Reason::Parts);
        let most =
            |(w, &n): (&(usize, usize), &usize)| if n == usize::MAX { n } else { n.saturating_sub(w.0) };
        facts.widths.at_most(widths.iter().zip(&self.lengths).map(most), &Reason::Parts);
        facts.itself = a.itself.map(|itself| !itself);
        facts.signs = a.signs.as_ref().map(Signs::not);
        facts.fixed.clone_from(&a.fixed_outside);
        facts.fixed_outside.clone_from(&a.fixed);
    }

    /// What follows from the order of the positions that the selector compares.
    fn by_order(&self, facts: &mut SelectorFacts) {
        let Some(signs) = &facts.signs else { return };
        if signs.always() {
            facts.widths.at_least(self.fewest_seen(), &Reason::EverythingMatches);
            facts.always = Some(Reason::EverythingMatches);
        }
        if signs.never() {
            facts.widths.at_most(self.lengths.iter().map(|_| 0), &Reason::NothingMatches);
        }
        // A mask changes nothing if no key behind the query is selected anyway.
        let is_index = |id: SOpId| self.graph()[id].op == Op::Indices;
        let masked = (self.rules.masked)(self.program.causal) && !signs.never_behind(is_index);
        facts.order = lexicographic(signs).filter(|_| !masked).and_then(|mut order| {
            let tells_apart =
                |n: &usize| self.tell_apart(&[&order.within, &order.sops[..*n]].concat()).is_some();
            let enough = (1..=order.sops.len()).find(tells_apart)?;
            order.sops.truncate(enough);
            Some(order)
        });
    }

    /// Those of some s-ops in which no two positions agree, if there are such.
    fn tell_apart(&self, sops: &[SOpId]) -> Option<Vec<SOpId>> {
        let alone = sops.iter().find(|id| self.sops[id.index()].injective.is_some());
        alone
            .map(|&id| vec![id])
            .or_else(|| self.together.iter().find(|set| set.iter().all(|id| sops.contains(id))).cloned())
    }

    /// The least and the greatest value of a table of widths at each length.
    fn by_length(&mut self, table: &Table) -> Vec<(usize, usize)> {
        let width = |id: u32| match &table.values[id as usize] {
            Value::Number(n) => n.to_i64().map_or(0, |w| w as usize),
            Value::Bool(_) | Value::Str(_) => 0,
        };
        let mut bounds = vec![None; self.lengths.len()];
        let mut add = |length: usize, width: usize| {
            let (lo, hi) = bounds[length].unwrap_or((width, width));
            bounds[length] = Some((width.min(lo), width.max(hi)));
        };
        let mut space = Space::of([table]);
        space.add(&self.length_dim());
        let ranged = table.dims.iter().any(|d| d.ranges.is_some());
        if table.reads(Axis::Length)
            || ranged && space.size() <= MAX_STATES && self.spend(space.size() * cost::CELL)
        {
            space.walk(&[table], |_, coordinates, ids| add(coordinates[0], width(ids[0])));
        } else {
            let widths = table.cells.iter().filter(|&&c| c != NONE).map(|&c| width(c));
            for width in [widths.clone().min(), widths.max()].into_iter().flatten() {
                (0..self.lengths.len()).for_each(|length| add(length, width));
            }
        }
        bounds.iter().zip(&self.lengths).map(|(b, &n)| b.map_or((0, n), |(lo, hi)| (lo, hi.min(n)))).collect()
    }

    /// The s-op that counts the selected keys.
    pub fn width(&mut self, id: SOpId, selector: SelectorId) -> SOpFacts {
        let facts = &self.selectors[selector.index()];
        let order = facts.order.clone();
        if let Some(order) = order.as_ref().filter(|order| !order.within.is_empty()) {
            // The rank among the positions that agree in some s-ops tells these positions apart.
            self.together.push([&*order.within, &[id]].concat());
        }
        let mut out = match &facts.by_query {
            Some(table) => SOpFacts {
                table: Some(table.clone()),
                ..SOpFacts::of(super::ValueSet::of([]), self.depends_of(table))
            },
            None => self.width_axis(id, selector),
        };
        if let Some(order) = order.filter(|order| order.within.is_empty()) {
            let reason = Reason::Rank(selector);
            out.permutation = order.strict.then(|| reason.clone());
            out.injective = Some(reason);
        }
        out
    }

    fn width_axis(&self, id: SOpId, selector: SelectorId) -> SOpFacts {
        let depends = self.depends_of_attention(selector, None);
        let WidthBounds { min, max } = self.selectors[selector.index()].widths.overall();
        if max > MAX_STATES {
            return SOpFacts::of(super::ValueSet::Unbounded(self.graph()[id].kinds), depends);
        }
        let range = |&(lo, hi): &(usize, usize)| {
            let place = |width: usize| width.clamp(min, max + 1).saturating_sub(min) as u32;
            (place(lo), place(hi.saturating_add(1)))
        };
        let ranges = self.selectors[selector.index()].widths.by_length.iter().map(range).collect();
        let values = (min..=max).map(|width| Value::Number(width.into())).collect();
        self.axis(id, values, Some(ranges), depends)
    }
}

fn union(a: &[(SOpId, SOpId)], b: &[(SOpId, SOpId)]) -> Vec<(SOpId, SOpId)> {
    let mut all = [a, b].concat();
    all.sort_unstable();
    all.dedup();
    all
}

fn intersection(a: &[(SOpId, SOpId)], b: &[(SOpId, SOpId)]) -> Vec<(SOpId, SOpId)> {
    a.iter().filter(|pair| b.contains(pair)).copied().collect()
}
