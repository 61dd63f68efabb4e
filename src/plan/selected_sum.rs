//! Which sums of what a selector selects stand as a number that neurons digitise?
//!
//! `aggregate(s, x) * selector_width(s)` is `Σ x` over the selected keys. Facts know its values, which
//! are few, where a table would ask for every mean and every width.

use super::arithmetic::manageable;
use super::attend::Steps;
use super::lower::{Lower, Lowering, MAX_DEEP, MAX_VALUES};
use super::product::Widths;
use super::view::View;
use super::{Base, Form};
use crate::ir::SOpId;
use crate::value::{Elementwise, Value};
use std::collections::BTreeSet;

impl Lower<'_> {
    /// A base for a product of a mean that has integer values only, if its table is large.
    pub(super) fn selected_sum(&mut self, id: SOpId, f: &Elementwise, args: &[SOpId]) -> Option<View> {
        let [a, b] = args else { return None };
        let views: Option<Vec<&View>> = args.iter().map(|arg| self.view(*arg).ok()).collect();
        let large = views.is_none_or(|views| View::combined_size(&views) > MAX_DEEP);
        let of_mean = *f == Elementwise::Mul && args.iter().any(|arg| self.means.contains_key(arg));
        (large && of_mean && self.knobs.optimise).then_some(())?;
        let values = self.facts.values(id).members(MAX_VALUES)?;
        let whole = |v: &Value| matches!(v, Value::Number(n) if n.is_integer() && manageable(n));
        values.iter().all(whole).then_some(())?;
        let product = self.product(*a, *b, Widths::Digitised)?;
        let ready = args.iter().filter_map(|arg| self.depths.get(&Base::SOp(*arg))).max().copied()?;
        self.depths.insert(Base::SOp(id), ready.next_mlp().next_mlp());
        self.selected_sums.insert(id, product);
        Some(View::base(Base::SOp(id), &values))
    }

    /// The sum that an s-op is, under whatever name: the rounded sum is the sum.
    pub(super) fn as_selected_sum(&self, id: SOpId) -> Option<SOpId> {
        let view = self.view(id).ok()?;
        let Base::SOp(of) = view.args.first()?.base? else { return None };
        let same = self.selected_sums.contains_key(&of) && self.view(of).is_ok_and(|sum| sum == view);
        same.then_some(of)
    }

    /// The neurons of a sum, with a thermometer of what is read of it.
    pub(super) fn digitised_sum(&mut self, id: SOpId, forms: &BTreeSet<Form>) -> Option<Lowering> {
        let product = self.selected_sums.get(&id)?.clone();
        self.read_product(&product);
        let values = self.facts.values(id).members(MAX_VALUES)?;
        let read = Steps::of(values.into(), forms);
        Some(Lowering::Product { base: Base::SOp(id), product, read })
    }
}
