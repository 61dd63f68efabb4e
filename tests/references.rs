//! Do the programs without a fixture compute what a plain Rust function computes?

use crate::common::file::File;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use raspc::inputs::Inputs;
use raspc::interp::Interpreter;
use raspc::value::Value;

/// A table: one list per column.
type Columns = [Vec<Value>];

/// Compares a program with a function from input columns to outputs, on its first inputs and on
/// random ones of every length.
#[track_caller]
fn check(name: &str, reference: impl Fn(&Columns) -> Vec<Vec<Value>>) {
    let program = File::read(name).program();
    let interpreter = Interpreter::new(&program);
    let inputs = Inputs::new(&program, &interpreter, Vec::new()).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let random = std::iter::from_fn(|| inputs.sample(&mut rng)).take(300);
    for input in inputs.all().take(300).chain(random) {
        assert_eq!(interpreter.outputs(&input).unwrap(), reference(&input), "{name} on {input:?}");
    }
}

fn word(value: &Value) -> &str {
    match value {
        Value::Str(text) => text,
        Value::Bool(_) | Value::Number(_) => panic!("{value} is no string"),
    }
}

fn integer(value: &Value) -> i64 {
    value.number().and_then(|n| n.to_i64()).unwrap()
}

fn integers(values: impl IntoIterator<Item = usize>) -> Vec<Value> {
    values.into_iter().map(|n| Value::int(n as i64)).collect()
}

fn occurrences(values: &[Value], of: &Value) -> usize {
    values.iter().filter(|v| *v == of).count()
}

/// Each value once, in the order of first occurrence.
fn unique(values: &[Value]) -> Vec<Value> {
    let first = |i: &usize| !values[..*i].contains(&values[*i]);
    (0..values.len()).filter(first).map(|i| values[i].clone()).collect()
}

#[test]
fn dyck2_is_what_a_stack_accepts() {
    check("dyck2", |columns| {
        let mut open = Vec::new();
        let fits = columns[0].iter().all(|token| match word(token) {
            "(" => {
                open.push(")");
                true
            }
            "{" => {
                open.push("}");
                true
            }
            close => open.pop() == Some(close),
        });
        vec![vec![Value::Bool(fits && open.is_empty()); columns[0].len()]]
    });
}

#[test]
fn dominating_peaks_fall_by_two_and_do_not_rise_again() {
    check("dominating_peak", |columns| {
        let tokens: Vec<i64> = columns[0].iter().map(integer).collect();
        let falls = |way: &mut dyn Iterator<Item = &i64>, from: i64| {
            let (near, far) = (way.next(), way.next());
            near.is_none_or(|n| from - n >= 2) && near.zip(far).is_none_or(|(n, f)| f <= n)
        };
        let dominates = |i: usize| {
            let (left, right) = (&tokens[..i], &tokens[i + 1..]);
            falls(&mut left.iter().rev(), tokens[i]) && falls(&mut right.iter(), tokens[i])
        };
        vec![(0..tokens.len()).map(|i| Value::Bool(tokens.len() > 1 && dominates(i))).collect()]
    });
}

#[test]
fn rank_sort_sorts_equal_tokens_too() {
    check("rank_sort", |columns| {
        let mut sorted = columns[0].clone();
        sorted.sort();
        vec![sorted]
    });
}

#[test]
fn histograms_of_tokens_and_of_counts() {
    check("double_histogram", |columns| {
        let tokens = &columns[0];
        let alike =
            |t| unique(tokens).iter().filter(|u| occurrences(tokens, u) == occurrences(tokens, t)).count();
        vec![integers(tokens.iter().map(alike))]
    });
    check("most_frequent", |columns| {
        let mut symbols = unique(&columns[0]);
        symbols.sort_by_key(|s| std::cmp::Reverse(occurrences(&columns[0], s)));
        symbols.resize(columns[0].len(), Value::str(""));
        vec![symbols]
    });
}

/// Where the program on cells has the answers of the program on rows.
#[derive(Clone, Copy)]
enum Place {
    /// In the first column; the second holds the null string.
    First,
    /// In the second column; the first holds the null string.
    Second,
    /// In the first column; the second stays as it is.
    FirstBesideInput,
    /// One output per column.
    Both,
    /// The same answer at every position.
    Everywhere,
}

/// Compares both programs of a query with a function from the table's columns to outputs.
#[track_caller]
fn check_query(name: &str, place: Place, reference: impl Fn(&[Value], &[Value]) -> Vec<Vec<Value>>) {
    check(&format!("sql/{name}_rows"), |columns| reference(&columns[0], &columns[1]));
    check(&format!("sql/{name}_cells"), |columns| {
        let (first, second) = columns[0].split_at(columns[0].len() / 2);
        let answer = reference(first, second);
        let nulls = vec![Value::str("NULL"); first.len()];
        vec![match place {
            Place::First => [answer[0].clone(), nulls].concat(),
            Place::Second => [nulls, answer[0].clone()].concat(),
            Place::FirstBesideInput => [answer[0].clone(), second.to_vec()].concat(),
            Place::Both => answer.concat(),
            Place::Everywhere => [answer[0].clone(), answer[0].clone()].concat(),
        }]
    });
}

/// The values of the rows that are kept, the null string elsewhere.
fn kept(values: &[Value], keep: impl Fn(usize) -> bool) -> Vec<Value> {
    values.iter().enumerate().map(|(i, v)| if keep(i) { v.clone() } else { Value::str("NULL") }).collect()
}

#[test]
fn sql_where() {
    check_query("where_equal", Place::First, |names, departments| {
        vec![kept(names, |i| word(&departments[i]) == "Sales")]
    });
    check_query("where_in", Place::First, |names, departments| {
        vec![kept(names, |i| ["Sales", "HR"].contains(&word(&departments[i])))]
    });
    check_query("where_between", Place::First, |ids, salaries| {
        vec![kept(ids, |i| (70_000..=80_000).contains(&integer(&salaries[i])))]
    });
}

#[test]
fn sql_join() {
    check_query("join_bonus", Place::FirstBesideInput, |salaries, staff_rows| {
        let bonuses = |i: usize| occurrences(staff_rows, &Value::int(i as i64)) as i64;
        let pay = |i: usize| Value::int(integer(&salaries[i]) + 5_000 * bonuses(i));
        vec![(0..salaries.len()).map(pay).collect()]
    });
}

#[test]
fn sql_distinct_and_groups() {
    check_query("distinct", Place::Second, |_, departments| {
        vec![kept(departments, |i| !departments[..i].contains(&departments[i]))]
    });
    check_query("count_distinct", Place::Everywhere, |_, departments| {
        vec![integers(vec![unique(departments).len(); departments.len()])]
    });
    check_query("group_by_count", Place::Second, |_, departments| {
        vec![integers(departments.iter().map(|d| occurrences(departments, d)))]
    });
}

#[test]
fn sql_average() {
    check_query("average", Place::Everywhere, |_, salaries| {
        let sum: i64 = salaries.iter().map(integer).sum();
        let mean = raspc::value::Number::ratio(sum, salaries.len() as i64).unwrap();
        vec![vec![Value::Number(mean); salaries.len()]]
    });
}

#[test]
fn sql_order_by() {
    check_query("order_by", Place::Both, |ids, salaries| {
        let mut rows: Vec<(&Value, &Value)> = ids.iter().zip(salaries).collect();
        rows.sort_by_key(|(_, salary)| *salary);
        let (ids, salaries): (Vec<Value>, Vec<Value>) =
            rows.into_iter().map(|(i, s)| (i.clone(), s.clone())).unzip();
        vec![ids, salaries]
    });
}
