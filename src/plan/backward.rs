//! The backward pass: which bases are read, and what computes each?
//!
//! It begins at the outputs and knows all that is read of a base before it decides how that base is
//! held.

use super::attend::Steps;
use super::folded::{folded, of_sum};
use super::lower::{Held, Lower, Lowered, Lowering, MAX_NUMBERS, TableNeuron};
use super::of_sum::OfSum;
use super::view::View;
use super::{Base, Column, Features, Form, Partition, PlanError};
use crate::ir::Op;
use crate::value::{Number, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The most neurons of one table: more make no network that anyone would run.
const MAX_NEURONS: usize = 1 << 16;

impl Lower<'_> {
    /// How values are held of which these forms are read.
    pub(super) fn held(&self, base: Base, values: Arc<[Value]>, forms: &BTreeSet<Form>) -> Held {
        let gates = self.gates.get(&base).into_iter().flatten();
        let features = || Features::for_forms(values.len(), forms, gates);
        Held { features: self.knobs.optimise.then(features).flatten(), values }
    }

    pub(super) fn backward(mut self) -> Result<Lowered, Vec<PlanError>> {
        let mut errors = Vec::new();
        let mut outputs = Vec::new();
        for output in &self.program.outputs {
            match self.reading(output.sop) {
                Ok(reading) => outputs.push(reading),
                Err(error) => errors.push(error),
            }
        }
        let mut inputs = BTreeMap::new();
        // Readers come first here. Classes of keys and queries may come again for a later reader.
        let mut computed: Vec<(Base, Lowering)> = Vec::new();
        let mut read: HashMap<Base, BTreeSet<Form>> = HashMap::new();
        // Whatever reads an s-op stands behind it, so its readers are all known when it is popped.
        while let Some((base, forms)) = self.needed.pop_last() {
            let forms = {
                let all = read.entry(base).or_default();
                all.extend(forms);
                all.clone()
            };
            match base {
                Base::Column(column) => {
                    let domain = self.program.columns[column].domain.as_deref().unwrap_or_default();
                    inputs.insert(base, self.held(base, domain.into(), &forms));
                }
                Base::Index => {
                    inputs.insert(base, self.held(base, self.indices().into(), &forms));
                }
                Base::SOp(_) | Base::Width(_) | Base::Keys(_) | Base::Queries(_) => {
                    if let Base::SOp(id) = base
                        && let Some(sum) = self.digitised_product(id, &forms)
                    {
                        computed.retain(|c| c.0 != base);
                        computed.push((base, sum));
                        continue;
                    }
                    if let Base::SOp(id) = base
                        && let Some(product) = self.products.remove(&id)
                    {
                        self.read_product(&product);
                        computed.push((base, Lowering::Product { base, product, read: Steps::none() }));
                        if forms.is_empty() {
                            continue;
                        }
                    }
                    match self.compute(base, &forms) {
                        Ok(lowering) => {
                            computed.retain(|c| c.0 != base || matches!(c.1, Lowering::Product { .. }));
                            computed.push((base, lowering));
                        }
                        Err(error) => errors.push(error),
                    }
                }
            }
        }
        errors.dedup();
        if !errors.is_empty() {
            return Err(errors);
        }
        let column = |c: &crate::ir::Column| Column {
            name: c.name.clone(),
            vocabulary: c.domain.clone().unwrap_or_default(),
        };
        let columns = self.program.columns.iter().map(column).collect();
        let computed = computed.into_iter().rev().map(|(_, lowering)| lowering).collect();
        Ok(Lowered { lengths: self.lengths, columns, inputs, computed, outputs })
    }

    /// A view of one base at most, with each class named by its place in `values`.
    pub(super) fn coded(&self, view: &View, values: &[Value]) -> (Partition, Arc<[Value]>) {
        let place = |v: &Option<Value>| Some(values.binary_search(v.as_ref()?).ok()? as u32);
        let names: Vec<Option<u32>> = view.cells.iter().map(place).collect();
        let partition = match view.args.first() {
            Some(arg) if names.iter().flatten().count() > 1 => arg.merge(&names, values.len()),
            _ => Partition::constant().merge(&[names.into_iter().flatten().next()], values.len()),
        };
        (partition, values.into())
    }

    fn compute(&mut self, base: Base, forms: &BTreeSet<Form>) -> Result<Lowering, PlanError> {
        if let Some(view) = self.tables.get(&base).cloned() {
            return self.table(base, &view, forms);
        }
        if let Some(of) = self.of_sums.remove(&base) {
            let lowering = self.function_of_sum(base, &of, forms);
            self.of_sums.insert(base, of);
            return lowering;
        }
        let id = match base {
            Base::SOp(id) => id,
            Base::Width(selector) => return Ok(Lowering::Attend(self.width(base, selector, forms)?.into())),
            Base::Column(_) | Base::Index | Base::Keys(_) | Base::Queries(_) => {
                unreachable!("inputs are embedded, and classes are tables")
            }
        };
        let attend = match self.program.graph[id].op.clone() {
            Op::Aggregate { selector, value, default } => {
                self.aggregate(id, selector, value, &default, forms)?
            }
            Op::Width { selector } => self.width(base, selector, forms)?,
            Op::Elementwise { .. } => self.aggregate_of_means(id, forms)?,
            Op::Input(_) | Op::Indices | Op::Const(_) => {
                unreachable!("what is not attended to is a table")
            }
        };
        Ok(Lowering::Attend(attend.into()))
    }

    /// The neurons of a function of a sum: one for each of its bends.
    fn function_of_sum(
        &mut self,
        base: Base,
        of: &OfSum,
        forms: &BTreeSet<Form>,
    ) -> Result<Lowering, PlanError> {
        let mut held = self.held(base, of.values().into(), forms);
        if self.gates.contains_key(&base) {
            held.features = None;
        }
        let neurons = of_sum(of, &held.values, held.features.as_mut());
        let too_many = || {
            let tuples = of.codes.iter().map(Vec::len).product();
            PlanError::TooManyTuples { at: super::origin(self.program, base), tuples, limit: MAX_NEURONS }
        };
        let neurons = neurons.ok_or_else(too_many)?;
        neurons.iter().flat_map(|n| &n.forms).for_each(|form| self.need(form));
        Ok(Lowering::Table { base, held, neurons })
    }

    /// The neurons of a table: one for each tuple of arguments, but for those whose result is held
    /// as zeros; or fewer, if there is a way.
    fn table(&mut self, base: Base, view: &View, forms: &BTreeSet<Form>) -> Result<Lowering, PlanError> {
        let mut held = self.held(base, view.values().into(), forms);
        if self.gates.contains_key(&base) {
            // Features of tables are shifted, and where a gate is open there must be nothing.
            held.features = None;
        }
        let tuples = view.tuples(&held.values);
        let mut zeros = None;
        if let Some(features) = &mut held.features {
            let count = |v: usize| tuples.iter().filter(|t| t.1 == v).count();
            let most = (0..held.values.len()).max_by_key(|v| count(*v)).unwrap_or(0);
            zeros = Some(most);
            let others = tuples.len() - count(most);
            let fewer = folded(view, &held.values, features).filter(|neurons| neurons.len() < others);
            if let Some(neurons) = fewer {
                neurons.iter().flat_map(|n| &n.forms).for_each(|form| self.need(form));
                return Ok(Lowering::Table { base, held, neurons });
            }
            features.zero_at(most);
        }
        let numbers: usize = view.args.iter().map(|a| a.n_classes.saturating_mul(a.class.len())).sum();
        for (tuples, limit) in [(tuples.len(), MAX_NEURONS), (numbers, MAX_NUMBERS)] {
            if tuples > limit {
                return Err(PlanError::TooManyTuples {
                    at: super::origin(self.program, base),
                    tuples,
                    limit,
                });
            }
        }
        let of_arg = |arg: &Partition| (0..arg.n_classes).map(|c| Form::indicator(arg, c)).collect();
        let classes: Vec<Vec<Form>> = view.args.iter().map(of_arg).collect();
        classes.iter().flatten().for_each(|form| self.need(form));
        let neuron = |(tuple, result): (Vec<u32>, usize)| {
            let form = |(forms, class): (&Vec<Form>, &u32)| forms[*class as usize].clone();
            // It sees how many arguments are in its classes; one less than all is not enough.
            let bias = Number::from(1 - tuple.len() as i64);
            let writes = match &held.features {
                None => vec![(result, Number::ONE)],
                Some(features) => features.written(result),
            };
            TableNeuron { forms: classes.iter().zip(&tuple).map(form).collect(), bias, writes }
        };
        let tuples = tuples.into_iter().filter(|(_, result)| Some(*result) != zeros);
        let neurons = tuples.map(neuron).filter(|n| !n.writes.is_empty()).collect();
        Ok(Lowering::Table { base, held, neurons })
    }
}
