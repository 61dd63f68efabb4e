//! Which products of a mean stand as a number that neurons digitise?
//!
//! `aggregate(s, x) * selector_width(s)` is `Σ x` over the selected keys. Facts know its values, which
//! are few integers, where a table would ask for every mean and every width.

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
    pub(super) fn integer_product(&mut self, id: SOpId, f: &Elementwise, args: &[SOpId]) -> Option<View> {
        let [a, b] = args else { return None };
        let views: Option<Vec<&View>> = args.iter().map(|arg| self.view(*arg).ok()).collect();
        let large = views.is_none_or(|views| View::combined_size(&views) > MAX_DEEP);
        let of_mean = *f == Elementwise::Mul && args.iter().any(|arg| self.means.contains_key(arg));
        (large && of_mean && self.knobs.optimise).then_some(())?;
        let values = self.facts.values(id).members(MAX_VALUES)?;
        let whole = |v: &Value| matches!(v, Value::Number(n) if n.is_integer() && manageable(n));
        values.iter().all(whole).then_some(())?;
        let product = self.product(*a, *b, Widths::Digitised)?;
        // A mean that has too many values to be listed stands by itself.
        let ready = |arg: &SOpId| match self.view(*arg) {
            Ok(view) => Some(self.ready(view)),
            Err(_) => self.depths.get(&Base::SOp(*arg)).copied(),
        };
        let ready = args.iter().filter_map(ready).max()?;
        self.depths.insert(Base::SOp(id), ready.next_mlp().next_mlp());
        self.integer_products.insert(id, product);
        Some(View::base(Base::SOp(id), &values))
    }

    /// The product that an s-op is, under whatever name: rounded it is the same.
    pub(super) fn as_integer_product(&self, id: SOpId) -> Option<SOpId> {
        let view = self.view(id).ok()?;
        let Base::SOp(of) = view.args.first()?.base? else { return None };
        let same = self.integer_products.contains_key(&of) && self.view(of).is_ok_and(|sum| sum == view);
        same.then_some(of)
    }

    /// The neurons of a product, with a thermometer of what is read of it.
    pub(super) fn digitised_product(&mut self, id: SOpId, forms: &BTreeSet<Form>) -> Option<Lowering> {
        let product = self.integer_products.get(&id)?.clone();
        self.read_product(&product);
        let values = self.facts.values(id).members(MAX_VALUES)?;
        let read = Steps::of(values.into(), forms);
        Some(Lowering::Product { base: Base::SOp(id), product, read })
    }
}
