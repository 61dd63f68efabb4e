//! How does an output become a sum of numbers that the unembedding reads?
//!
//! Means and widths arrive from attention as numbers that are off by a little. An output that is a
//! sum of such numbers is read as one. A product of one, `x`, with an exact s-op `f` takes neurons
//! that `f` opens: where `f` is a natural number, `f · x = Σ_b 2^b · bit_b(f) · x`, and
//! `ReLU(x - K · [bit_b(f) = 0])` is one of the terms if `x` is not negative and below `K`. What shuts
//! a neuron is exactly 0 where it is open, so that nothing but `x` is rounded.
//!
//! A width `d` arrives as `x = 1/(d + 1)`, and is a sum of bends, `Σ_j bend(j) · ReLU(1/(j + 1) - x)`:
//! at great lengths that is too far off, and the digitised width takes its place. As `f` it is a sum of
//! its steps, `d · x = Σ_j [d >= j] · x`. Products of integers
//! that are held exactly are exact.

use super::arithmetic::{above, add, div, gamma, manageable, mul, power_of_two, rounded, sub};
use super::gate::{Gate, by_code, by_steps};
use super::lower::Lower;
use super::view::View;
use super::{Base, Form, Partition};
use crate::ir::{Op, SOpId, SelectorId};
use crate::value::{Elementwise, Number, Value};

/// f32 adds integers exactly up to 2^24; a bit is left for what a bound is rounded up by.
const MAX_EXACT: i32 = 23;

/// The most that a form of integers goes up and down: a thermometer adds up so much.
const MAX_VARIATION: i64 = 1 << 22;

/// As many s-ops are looked at for one output.
const MAX_LOOKS: usize = 1 << 10;

/// `Σ factor · number + Σ form`
#[derive(Clone, Default)]
pub(super) struct RoughSum {
    /// Bases that stand as a number, each times a factor.
    pub numbers: Vec<(Base, Number)>,
    pub forms: Vec<Form>,
}

/// `Σ_g gate(g) · Σ_h hinge(h)`
#[derive(Clone)]
pub(super) struct Product {
    /// What stands as a number, if the hinges read one.
    pub of: Option<Base>,
    pub gates: Vec<Gate>,
    pub hinges: Vec<Hinge>,
    /// The greatest size of what the gates add up to.
    largest: Number,
}

/// `factor · ReLU(offset + slope · x + form)`; offset and slope are f32 numbers, and the form is of
/// integers.
#[derive(Clone)]
pub(super) struct Hinge {
    pub offset: Number,
    pub slope: Number,
    pub form: Option<Form>,
    pub factor: Number,
    /// No argument of the ReLU is larger.
    reach: Number,
}

/// How a factor that is a width is read.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Widths {
    /// As it arrives: products are there one layer earlier.
    AsShares,
    Digitised,
}

/// What is found of an output.
#[derive(Clone)]
struct Found {
    widths: Widths,
    sum: RoughSum,
    products: Vec<(SOpId, Product)>,
    /// As many more s-ops are looked at.
    looks: usize,
}

impl RoughSum {
    fn add(&mut self, base: Base, factor: &Number) {
        match self.numbers.iter_mut().find(|(b, _)| *b == base) {
            Some((_, f)) => *f = add(f, factor),
            None => self.numbers.push((base, factor.clone())),
        }
    }

    /// Adds a view of one base at most, if it is of numbers.
    fn add_form(&mut self, view: &View, factor: &Number) -> Option<()> {
        let partition = view.args.first().cloned().unwrap_or_else(Partition::constant);
        self.forms.push(Form::of(&partition, &numbers(view)?).map(|n| mul(n, factor)));
        Some(())
    }
}

impl Hinge {
    fn new(offset: &Number, slope: i64, factor: Number, reach: Number) -> Self {
        Self { offset: rounded(offset), slope: slope.into(), form: None, factor, reach }
    }

    fn of_form(form: &Form, sign: i64, reach: Number) -> Self {
        let form = Some(form.map(|n| mul(n, &sign.into())));
        Self { offset: Number::ZERO, slope: Number::ZERO, form, factor: sign.into(), reach }
    }

    /// The weight that shuts it for certain.
    pub fn lock(&self) -> Number {
        let twice = mul(&self.reach, &2i64.into());
        (0..).map(power_of_two).find(|lock| *lock >= twice).unwrap_or(Number::ONE)
    }
}

impl Product {
    /// How far the product is off if the number is off by `error`.
    ///
    /// The argument of each hinge is off by what the number is, by one unit for its offset and two for
    /// the sum; then come one unit for each factor, and γ for the sum of all.
    pub fn bound(&self, error: &Number) -> Number {
        if self.is_exact() {
            return Number::ZERO;
        }
        let relative = gamma(self.n_neurons() + 3);
        self.hinges.iter().fold(Number::ZERO, |sum, hinge| {
            let Hinge { slope, factor, reach, .. } = hinge;
            // Offset and number are no larger than the reach where the neuron is not silent.
            let argument = add(&mul(&slope.abs(), error), &mul(&gamma(3), reach));
            let factor = mul(&factor.abs(), &self.largest);
            let of_hinge = add(&argument, &mul(&relative, &add(reach, &argument)));
            above(&add(&sum, &mul(&factor, &of_hinge)))
        })
    }

    /// Whether it adds up integers that f32 holds.
    fn is_exact(&self) -> bool {
        let whole = self.gates.iter().all(|g| g.factor.is_integer());
        self.of.is_none() && whole && self.reach() < power_of_two(MAX_EXACT)
    }

    /// No product is larger in size.
    pub fn reach(&self) -> Number {
        let of_hinge = |h: &Hinge| mul(&mul(&h.factor.abs(), &h.reach), &self.largest);
        self.hinges.iter().fold(Number::ZERO, |sum, h| above(&add(&sum, &of_hinge(h))))
    }

    fn n_neurons(&self) -> usize {
        self.gates.len() * self.hinges.len()
    }
}

impl Lower<'_> {
    /// An output as a sum of numbers, if it is best read as one: it has means in it, or the numbers
    /// tell its values apart and take fewer neurons than a table.
    pub(super) fn rough(&mut self, id: SOpId) -> Option<RoughSum> {
        let id = self.as_integer_product(id).unwrap_or(id);
        let is_mean = self.means.contains_key(&id) || self.integer_products.contains_key(&id);
        let exact = |v: &View| match v.args.as_slice() {
            [] => true,
            [arg] => arg.base == Some(Base::Index) || !is_mean,
            _ => false,
        };
        if !self.knobs.optimise && !is_mean || self.view(id).is_ok_and(exact) {
            return None;
        }
        let find = |widths: Widths| {
            let mut found =
                Found { widths, sum: RoughSum::default(), products: Vec::new(), looks: MAX_LOOKS };
            self.collect(id, &Number::ONE, &mut found).map(|()| found)
        };
        let worth_it = |found: &Found| {
            let has_mean = |(base, _): &(Base, Number)| matches!(base, Base::SOp(id) if self.has_mean(*id));
            found.sum.numbers.iter().any(has_mean) || self.replaces_a_table(id, found)
        };
        let ways = [Widths::AsShares, Widths::Digitised];
        let found = ways.into_iter().filter_map(find).find(worth_it)?;
        Some(self.read_products(found))
    }

    fn read_products(&mut self, Found { sum, products, .. }: Found) -> RoughSum {
        for (id, product) in products {
            self.products.insert(id, product);
        }
        sum
    }

    /// Notes what the neurons of a product read.
    pub(super) fn read_product(&mut self, product: &Product) {
        for Gate { shut, .. } in &product.gates {
            match shut.base.and_then(|base| self.share(base)) {
                Some(_) => self.need(shut),
                None => self.gate(shut),
            }
        }
        product.hinges.iter().filter_map(|h| h.form.as_ref()).for_each(|form| self.need(form));
        product.of.into_iter().for_each(|of| self.rough_read(of));
    }

    /// Whether an s-op is a mean, or a product with one.
    fn has_mean(&self, id: SOpId) -> bool {
        let factors = match &self.program.graph[id].op {
            Op::Elementwise { args, .. } => args.as_slice(),
            Op::Aggregate { .. } | Op::Input(_) | Op::Indices | Op::Const(_) | Op::Width { .. } => &[],
        };
        factors.iter().chain([&id]).any(|id| self.means.contains_key(id))
    }

    /// Whether products are near enough to read every value off, and take no more neurons than there
    /// are tuples of arguments.
    fn replaces_a_table(&self, id: SOpId, Found { sum, products, .. }: &Found) -> bool {
        let neurons: usize = products.iter().map(|(_, p)| p.n_neurons()).sum();
        let tuples = self.view(id).map_or(usize::MAX, |v| v.cells.len());
        if products.is_empty() || neurons > tuples {
            return false;
        }
        let error = self.share_error();
        let bound = products.iter().fold(Number::ZERO, |all, (id, product)| {
            let factors = sum.numbers.iter().filter(|(base, _)| *base == Base::SOp(*id));
            factors.fold(all, |all, (_, f)| add(&all, &mul(&f.abs(), &product.bound(&error))))
        });
        // Half of the gap, and half of that for what the unembedding rounds.
        let least = mul(&4i64.into(), &bound);
        let apart = |n: &Vec<Number>| n.windows(2).all(|w| sub(&w[1], &w[0]) > least);
        let values = self.facts.values(id).explicit();
        let numbers = values.and_then(|v| v.iter().map(number).collect::<Option<Vec<Number>>>());
        bound.is_zero() || numbers.as_ref().is_some_and(apart)
    }

    /// Adds `factor` times an s-op to a sum.
    fn collect(&self, id: SOpId, factor: &Number, found: &mut Found) -> Option<()> {
        found.looks = found.looks.checked_sub(1)?;
        manageable(factor).then_some(())?;
        if self.means.contains_key(&id) {
            found.sum.add(Base::SOp(id), factor);
            return Some(());
        }
        let single = self.view(id).ok().filter(|view| view.args.len() <= 1);
        // What neurons or a mean give is better taken apart, so that it need not be digitised.
        let comes_apart = |base: Option<Base>| match base {
            Some(Base::SOp(of)) => of == id && self.in_neurons(Base::SOp(of)) || self.means.contains_key(&of),
            Some(Base::Column(_) | Base::Index | Base::Width(_) | Base::Keys(_) | Base::Queries(_))
            | None => false,
        };
        if let Some(view) = single.filter(|v| v.args.first().is_none_or(|arg| !comes_apart(arg.base))) {
            return found.sum.add_form(view, factor);
        }
        let mut parts = found.clone();
        if self.collect_parts(id, factor, &mut parts).is_some() {
            *found = parts;
            return Some(());
        }
        found.sum.add_form(single?, factor)
    }

    /// Adds `factor` times what an operation is made of to a sum.
    fn collect_parts(&self, id: SOpId, factor: &Number, found: &mut Found) -> Option<()> {
        let Op::Elementwise { f, args } = &self.program.graph[id].op else { return None };
        let constant = |id: SOpId| match self.view(id) {
            Ok(view) if view.args.is_empty() => number(view.cells[0].as_ref()?),
            Ok(_) | Err(_) => None,
        };
        match (f, args.as_slice()) {
            (Elementwise::Add, [a, b]) => {
                self.collect(*a, factor, found)?;
                self.collect(*b, factor, found)
            }
            (Elementwise::Sub, [a, b]) => {
                self.collect(*a, factor, found)?;
                self.collect(*b, &factor.neg(), found)
            }
            (Elementwise::Neg, [a]) => self.collect(*a, &factor.neg(), found),
            (Elementwise::Mul, [a, b]) => match (constant(*a), constant(*b)) {
                (Some(n), _) => self.collect(*b, &mul(&n, factor), found),
                (_, Some(n)) => self.collect(*a, &mul(&n, factor), found),
                (None, None) => {
                    found.products.push((id, self.product(*a, *b, found.widths)?));
                    found.sum.add(Base::SOp(id), factor);
                    Some(())
                }
            },
            (Elementwise::Div, [a, b]) => {
                let by = constant(*b).filter(|n| !n.is_zero())?;
                self.collect(*a, &div(factor, &by), found)
            }
            _ => None,
        }
    }

    /// The product of two s-ops, of which one opens and shuts neurons.
    pub(super) fn product(&self, a: SOpId, b: SOpId, widths: Widths) -> Option<Product> {
        let product = |gates: Option<(Vec<Gate>, Number)>, other: SOpId| {
            let (gates, largest) = gates?;
            let (of, hinges) = self.hinges(other, widths)?;
            Some(Product { of, gates, hinges, largest })
        };
        let by_code = [product(self.gates_of_code(a), b), product(self.gates_of_code(b), a)];
        let found = by_code.into_iter().flatten().min_by_key(Product::n_neurons);
        // Steps are there a layer later.
        let by_steps = || product(self.gates_of_steps(a), b).or_else(|| product(self.gates_of_steps(b), a));
        found.or_else(by_steps)
    }

    /// Gates that add up to an s-op that is held as a code, and its greatest size.
    fn gates_of_code(&self, id: SOpId) -> Option<(Vec<Gate>, Number)> {
        let view = self.view(id).ok().filter(|v| v.args.len() == 1)?;
        let is_code = match view.args[0].base? {
            Base::Column(_) | Base::Index | Base::Keys(_) | Base::Queries(_) => true,
            base @ Base::SOp(id) => self.tables.contains_key(&base) || !self.is_stepped(id),
            Base::Width(_) => false,
        };
        let numbers = numbers(view).filter(|_| is_code)?;
        let largest = numbers.iter().map(Number::abs).max()?;
        Some((by_code(&view.args[0], &numbers), largest))
    }

    /// Gates that add up to a function of a width that arrives as a share, and what they add up to if
    /// all their factors are of one sign.
    fn gates_of_steps(&self, id: SOpId) -> Option<(Vec<Gate>, Number)> {
        let view = self.view(id).ok().filter(|v| v.args.len() == 1)?;
        self.share(view.args[0].base?)?;
        let gates = by_steps(&view.args[0], &numbers(view)?);
        let largest = gates.iter().fold(Number::ZERO, |sum, gate| add(&sum, &gate.factor.abs()));
        Some((gates, largest))
    }

    /// Hinges that add up to an s-op, and what stands as a number if they read one.
    fn hinges(&self, id: SOpId, widths: Widths) -> Option<(Option<Base>, Vec<Hinge>)> {
        if let Some(mean) = self.means.get(&id) {
            let (low, high) = mean.range()?;
            // It is off by less than its greatest size.
            let reach = mul(&2i64.into(), &high.abs().max(low.abs()));
            let sides = [(1, high > Number::ZERO), (-1, low.is_negative())];
            let hinge = |sign: i64| Hinge::new(&Number::ZERO, sign, sign.into(), reach.clone());
            let hinges = sides.into_iter().filter(|(_, needed)| *needed).map(|(sign, _)| hinge(sign));
            return Some((Some(Base::SOp(id)), hinges.collect()));
        }
        let view = self.view(id).ok().filter(|v| v.args.len() == 1)?;
        let (arg, numbers) = (&view.args[0], numbers(view)?);
        let share = arg.base.filter(|_| widths == Widths::AsShares).and_then(|b| Some((b, self.share(b)?)));
        let Some((of, selector)) = share else { return Some((None, of_integers(arg, &numbers)?)) };
        let class = |place: usize| arg.class.get(place).copied().flatten();
        let point = |(place, width): (usize, &Value)| {
            let share = div(&Number::ONE, &add(&number(width)?, &Number::ONE));
            Some((share, numbers[class(place)? as usize].clone()))
        };
        let points: Vec<(Number, Number)> =
            self.width_values(selector).iter().enumerate().filter_map(point).collect();
        Some((Some(of), bends(&points)))
    }

    /// The selector whose width arrives as this share.
    fn share(&self, base: Base) -> Option<SelectorId> {
        let selector = match base {
            Base::Width(selector) => Some(selector),
            Base::SOp(id) => match self.program.graph[id].op {
                Op::Width { selector } => Some(selector),
                Op::Elementwise { .. } | Op::Aggregate { .. } => None,
                Op::Input(_) | Op::Indices | Op::Const(_) => None,
            },
            Base::Column(_) | Base::Index | Base::Keys(_) | Base::Queries(_) => None,
        };
        selector.filter(|selector| self.is_share(*selector))
    }

    /// How far a share is off: `fl(1/(d+1))` is exact for `d = 0`, and off by half a unit in the last
    /// place of ½ at most; and what leaks.
    pub(super) fn share_error(&self) -> Number {
        add(&power_of_two(-25), &self.knobs.leak(super::attend::BosLevel::Selected, self.lengths.max))
    }
}

fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Number(n) if manageable(n) => Some(n.clone()),
        Value::Number(_) | Value::Bool(_) | Value::Str(_) => None,
    }
}

/// A number for each class of a view of one base, 0 where the program has none; none if a value is no
/// number.
fn numbers(view: &View) -> Option<Vec<Number>> {
    view.cells.iter().map(|cell| cell.as_ref().map_or(Some(Number::ZERO), number)).collect()
}

/// Integers of either sign, each read as it is.
fn of_integers(partition: &Partition, numbers: &[Number]) -> Option<Vec<Hinge>> {
    let form = Form::of(partition, numbers);
    let gentle = numbers.iter().all(Number::is_integer) && form.variation() <= MAX_VARIATION.into();
    let reach = numbers.iter().map(Number::abs).max().filter(|_| gentle)?;
    let signs =
        [(1, numbers.iter().any(|n| *n > Number::ZERO)), (-1, numbers.iter().any(Number::is_negative))];
    let signs = signs.into_iter().filter(|(_, needed)| *needed);
    Some(signs.map(|(sign, _)| Hinge::of_form(&form, sign, reach.clone())).collect())
}

/// The function that goes straight from point to point, `x` falling: its first number and its bends.
fn bends(points: &[(Number, Number)]) -> Vec<Hinge> {
    let first = points.first().map_or(Number::ZERO, |(_, number)| number.clone());
    let mut hinges = vec![Hinge::new(&Number::ONE, 0, first, Number::ONE)];
    let mut slope = Number::ZERO;
    for pair in points.windows(2) {
        let ((x, from), (y, to)) = (&pair[0], &pair[1]);
        let next = div(&sub(to, from), &sub(x, y));
        hinges.push(Hinge::new(x, -1, sub(&next, &slope), x.clone()));
        slope = next;
    }
    hinges.retain(|hinge| !hinge.factor.is_zero());
    hinges
}
