//! Predicates on one base of the key and one of the query.

use super::Partition;
use super::view::View;
use crate::value::{Compare, Number, Value};
use std::collections::HashMap;
use std::hash::Hash;

/// A predicate on one base of the key and one of the query.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Atom {
    pub key: Partition,
    pub query: Partition,
    pub holds: Relation,
}

/// Which classes of keys a class of queries selects.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    /// `[query class][key class]`, row by row.
    Table(Vec<bool>),
    /// The one that each selects, if any; no two select the same. So is `==`, whose table would grow with
    /// the square of a vocabulary.
    Matching(Vec<Option<u32>>),
}

impl Atom {
    pub(super) fn at(&self, query: usize, key: usize) -> bool {
        match &self.holds {
            Relation::Table(holds) => holds[query * self.key.n_classes + key],
            Relation::Matching(of) => of[query] == Some(key as u32),
        }
    }

    /// How many pairs of classes there are.
    pub(super) fn pairs(&self) -> usize {
        self.key.n_classes.saturating_mul(self.query.n_classes)
    }

    /// `key op query`, of views of one base at most; none if that takes a table of more than `limit` pairs.
    pub(super) fn select(key: &View, query: &View, op: Compare, limit: usize) -> Option<Self> {
        let side = |view: &View| view.args.first().cloned().unwrap_or_else(Partition::constant);
        let holds = match matching(key, query).filter(|_| op == Compare::Eq) {
            Some(of) => Relation::Matching(of),
            None if key.cells.len().saturating_mul(query.cells.len()) > limit => return None,
            None => {
                let holds = |q: &_, k: &_| op.holds(k, q).unwrap_or(false);
                let row = |q| key.cells.iter().flatten().map(move |k| holds(q, k));
                Relation::Table(query.cells.iter().flatten().flat_map(row).collect())
            }
        };
        Some(Self { key: side(key), query: side(query), holds }.reduced())
    }

    /// Both atoms as one, if they read the same bases, and there are no more than `limit` pairs.
    pub(super) fn join(&self, other: &Self, op: fn(bool, bool) -> bool, limit: usize) -> Option<Self> {
        let (key, keys) = self.key.joint(&other.key)?;
        let (query, queries) = self.query.joint(&other.query)?;
        if keys.len().saturating_mul(queries.len()) > limit {
            return None;
        }
        let cell = |q: (u32, u32), k: (u32, u32)| {
            op(self.at(q.0 as usize, k.0 as usize), other.at(q.1 as usize, k.1 as usize))
        };
        let holds = queries.iter().flat_map(|&q| keys.iter().map(move |&k| cell(q, k))).collect();
        Some(Self { key, query, holds: Relation::Table(holds) }.reduced())
    }

    /// Holds where this one does not.
    pub(super) fn negated(self) -> Self {
        let not = |q: usize| (0..self.key.n_classes).map(move |k| (q, k));
        let holds = (0..self.query.n_classes).flat_map(not).map(|(q, k)| !self.at(q, k)).collect();
        Self { holds: Relation::Table(holds), key: self.key, query: self.query }
    }

    /// The atom with queries that select the same keys in one class, and likewise keys.
    fn reduced(self) -> Self {
        let (n_queries, n_keys) = (self.query.n_classes, self.key.n_classes);
        match &self.holds {
            Relation::Table(_) => {
                let row = |q: usize| -> Vec<bool> { (0..n_keys).map(|k| self.at(q, k)).collect() };
                let column = |k: usize| -> Vec<bool> { (0..n_queries).map(|q| self.at(q, k)).collect() };
                let (query, queries) = self.query.coarsened(row);
                let (key, keys) = self.key.coarsened(column);
                let holds = queries.iter().flat_map(|&q| keys.iter().map(move |&k| (q, k)));
                let holds = holds.map(|(q, k)| self.at(q, k)).collect();
                Self { key, query, holds: Relation::Table(holds) }
            }
            Relation::Matching(of) => {
                let mut by = vec![None; n_keys];
                of.iter().enumerate().for_each(|(q, k)| k.iter().for_each(|k| by[*k as usize] = Some(q)));
                let (query, queries) = self.query.coarsened(|q| of[q]);
                let (key, keys) = self.key.coarsened(|k| by[k]);
                let mut place = vec![None; n_keys];
                keys.iter().enumerate().for_each(|(new, old)| place[*old] = Some(new as u32));
                let of = queries.iter().map(|q| place[of[*q]? as usize]).collect();
                Self { key, query, holds: Relation::Matching(of) }
            }
        }
    }

    /// Whether it holds of every query and key.
    pub(super) fn always(&self) -> bool {
        match &self.holds {
            Relation::Table(holds) => holds.iter().all(|holds| *holds),
            Relation::Matching(of) => self.key.n_classes == 1 && of.iter().all(Option::is_some),
        }
    }

    /// Whether it holds of no query and key.
    pub(super) fn never(&self) -> bool {
        match &self.holds {
            Relation::Table(holds) => !holds.contains(&true),
            Relation::Matching(of) => of.iter().all(Option::is_none),
        }
    }

    /// The class of keys that each class of queries selects, if none selects several, and no two the same.
    pub(super) fn matching(&self) -> Option<Vec<Option<u32>>> {
        if let Relation::Matching(of) = &self.holds {
            return Some(of.clone());
        }
        let mut taken = vec![false; self.key.n_classes];
        let mut key_of = vec![None; self.query.n_classes];
        for (q, key) in key_of.iter_mut().enumerate() {
            for k in (0..self.key.n_classes).filter(|&k| self.at(q, k)) {
                if key.replace(k as u32).is_some() || std::mem::replace(&mut taken[k], true) {
                    return None;
                }
            }
        }
        Some(key_of)
    }
}

/// A value as `==` sees it.
#[derive(PartialEq, Eq, Hash)]
enum Same<'v> {
    Number(Number),
    Str(&'v str),
}

impl<'v> Same<'v> {
    fn of(value: &'v Value) -> Self {
        match value {
            Value::Number(n) => Self::Number(n.clone()),
            Value::Bool(b) => Self::Number(i64::from(*b).into()),
            Value::Str(text) => Self::Str(text),
        }
    }
}

/// The key class that is equal to each query class; none if several are, as `1` and `True`.
fn matching(key: &View, query: &View) -> Option<Vec<Option<u32>>> {
    let mut places = HashMap::new();
    for (k, value) in key.cells.iter().flatten().enumerate() {
        if places.insert(Same::of(value), k as u32).is_some() {
            return None;
        }
    }
    let of: Vec<Option<u32>> =
        query.cells.iter().flatten().map(|q| places.get(&Same::of(q)).copied()).collect();
    let mut taken = vec![false; places.len()];
    let twice = of.iter().flatten().any(|k| std::mem::replace(&mut taken[*k as usize], true));
    (!twice).then_some(of)
}

impl Partition {
    /// The joint partition of two that read the same base, or of which one is constant.
    fn joint(&self, other: &Self) -> Option<(Self, Vec<(u32, u32)>)> {
        match (self.base, other.base) {
            (_, None) => Some((self.clone(), (0..self.n_classes as u32).map(|c| (c, 0)).collect())),
            (None, _) => Some((other.clone(), (0..other.n_classes as u32).map(|c| (0, c)).collect())),
            (Some(a), Some(b)) => (a == b).then(|| self.refine(other)),
        }
    }

    /// The partition with classes of equal `kind` merged, and one old class for each new one.
    fn coarsened<K: Hash + Eq>(&self, kind: impl Fn(usize) -> K) -> (Self, Vec<usize>) {
        let kinds: Vec<K> = (0..self.n_classes).map(kind).collect();
        let (class, kept) = classes(&kinds);
        let names: Vec<Option<u32>> = class.into_iter().map(|c| Some(c as u32)).collect();
        match kept.len() {
            1 => (Self::constant(), kept),
            n => (self.merge(&names, n), kept),
        }
    }
}

/// Numbers equal kinds alike: the number of each, and a member for each number.
pub(super) fn classes<K: Hash + Eq>(kinds: &[K]) -> (Vec<usize>, Vec<usize>) {
    let mut seen: HashMap<&K, usize> = HashMap::new();
    let mut first = Vec::new();
    let class = kinds.iter().enumerate().map(|(i, kind)| {
        *seen.entry(kind).or_insert_with(|| {
            first.push(i);
            first.len() - 1
        })
    });
    (class.collect(), first)
}
