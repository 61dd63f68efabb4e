//! The 99 reference programs of `tests/fixtures/`, with inputs and what they give.
//!
//! A `rasp_*` file carries its program (`prelude`, then `expr`, with `tokens` bound as
//! `params.tokens` says); the others name a program that is written in our language, in
//! `programs/` or in [`WRITTEN_HERE`]. `null` stands for a value that the reference leaves open.
//! `true` equals 1; other numbers agree within 1e-9, as the reference rounds.

use super::file::File;
use raspc::ir::lower::{NoFiles, Outside, Read, read};
use raspc::value::{Number, Value};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};

/// Fixtures whose program is `programs/NAME.rasp`. Where tracr knows a categorical and a numerical
/// way to hold a number, the numerical one is computed from a mean here.
const IN_PROGRAMS: [(&str, &str); 38] = [
    ("llc_peak_own_cases", "peak"),
    ("tracr_detect_pattern_a", "detect_pattern_a"),
    ("tracr_detect_pattern_ab", "detect_pattern_ab"),
    ("tracr_detect_pattern_ab_causal", "causal_detect_pattern_ab"),
    ("tracr_detect_pattern_aba", "detect_pattern_aba"),
    ("tracr_detect_pattern_abc", "detect_pattern_abc"),
    ("tracr_llc_dompeak", "dominating_peak"),
    ("tracr_llc_fractok", "fractok"),
    ("tracr_llc_palindrome", "palindrome"),
    ("tracr_llc_peak", "peak"),
    ("tracr_llc_rank_sort", "rank_sort"),
    ("tracr_llc_triplets", "triplets"),
    ("tracr_make_count_a", "count_a"),
    ("tracr_make_count_less_freq_1", "count_less_frequent_1"),
    ("tracr_make_count_less_freq_2", "count_less_frequent_2"),
    ("tracr_make_count_less_freq_2_numerical", "count_less_frequent_2_numerical"),
    ("tracr_make_count_less_freq_3", "count_less_frequent_3"),
    ("tracr_make_frac_prevs", "fraction_previous"),
    ("tracr_make_frac_prevs_causal", "causal_fraction_previous"),
    ("tracr_make_hist", "histogram"),
    ("tracr_make_length", "length"),
    ("tracr_make_length_numerical", "length_numerical"),
    ("tracr_make_nary_sequencemap_muldiv", "nary_muldiv"),
    ("tracr_make_nary_sequencemap_sum", "nary_sum"),
    ("tracr_make_pair_balance", "pair_balance"),
    ("tracr_make_reverse", "reverse"),
    ("tracr_make_shuffle_dyck2", "shuffle_dyck2"),
    ("tracr_make_shuffle_dyck_1", "dyck1"),
    ("tracr_make_shuffle_dyck_3", "shuffle_dyck3"),
    ("tracr_make_sort", "sort"),
    ("tracr_make_sort_freq", "sort_by_frequency"),
    ("tracr_make_sort_unique", "sort_unique"),
    ("tracr_selector_width_causal", "causal_width"),
    ("tracr_shift_by_1", "shift_by_1"),
    ("tracr_shift_by_1_causal", "causal_shift_by_1"),
    ("tracr_shift_by_2", "shift_by_2"),
    ("tracr_shift_by_3", "shift_by_3"),
    ("tracr_shift_by_minus1", "shift_by_minus_1"),
];

/// Fixtures whose program serves no other purpose.
const WRITTEN_HERE: [(&str, &str); 2] = [
    ("tracr_make_sort_index_keys", "output sort(tokens, 1 - indices);"),
    (
        "tracr_make_sort_unique_neg_index_keys",
        "key = 1 - indices;
         rank = selector_width(select(key, key, <));
         output aggregate(select(rank, indices, ==), tokens);",
    ),
];

/// One file of `tests/fixtures/`.
pub struct Fixture {
    pub name: String,
    json: Json,
}

impl Fixture {
    /// The files whose names begin so, sorted.
    pub fn all(prefix: &str) -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut all: Vec<Self> = files.filter_map(|path| Self::read(path, prefix)).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    fn read(path: PathBuf, prefix: &str) -> Option<Self> {
        let name = path.file_stem()?.to_str()?.to_owned();
        if !name.starts_with(prefix) {
            return None;
        }
        let text = std::fs::read_to_string(path).unwrap();
        Some(Self { name, json: serde_json::from_str(&text).unwrap() })
    }

    /// How many layers the RASP tool counts.
    pub fn layers_by_the_tool(&self) -> Option<usize> {
        self.json["rasp_analysis"]["layers"].as_u64().and_then(|n| usize::try_from(n).ok())
    }

    pub fn text(&self, key: &str) -> &str {
        self.json[key].as_str().unwrap()
    }

    pub fn param(&self, key: &str) -> &Json {
        &self.json["params"][key]
    }

    /// Whether the file carries its program as an expression of the RASP tool.
    pub fn is_expression(&self) -> bool {
        self.name.starts_with("rasp_")
    }

    /// The program that the file is about, in our language.
    pub fn source(&self) -> String {
        if !self.is_expression() {
            return text_of(&self.name);
        }
        let (tokens, prelude) = (self.param("tokens").as_str().unwrap(), self.text("prelude"));
        format!("tokens = {tokens};\n{prelude}\n{};", self.text("expr"))
    }

    /// The program on the fixture's vocabulary (or the tokens that occur in its cases) and lengths.
    pub fn program(&self) -> Read {
        let mut vocabulary = match self.param("vocab").as_array() {
            Some(listed) => listed.iter().map(value).collect(),
            None => self.cases().flat_map(|(input, _)| input).collect::<Vec<_>>(),
        };
        vocabulary.sort();
        vocabulary.dedup();
        let vocabulary: Vec<String> = vocabulary.iter().map(literal).collect();
        let (vocabulary, longest) = (vocabulary.join(", "), self.param("max_seq_len"));
        let declarations = format!("input tokens : {{{vocabulary}}};\nlength 1..{longest};\n");
        let outputs = if self.is_expression() { "output out;".to_owned() } else { String::new() };
        let outside = Outside { declarations, outputs, ..Outside::default() };
        read(&self.name, &self.source(), &NoFiles, &outside)
    }

    /// Inputs, with what they give: a list, or a matrix of a selector.
    pub fn cases(&self) -> impl Iterator<Item = (Vec<Value>, &Json)> {
        self.json["cases"].as_array().unwrap().iter().map(|case| (input(&case["input"]), &case["expected"]))
    }

    /// The first case in which `run` gives something else.
    pub fn disagreement(
        &self,
        mut run: impl FnMut(&[Value]) -> Result<Vec<Vec<Value>>, String>,
    ) -> Option<String> {
        self.cases().find_map(|(input, expected)| {
            let rows = match expected[0].as_array() {
                Some(_) => expected.as_array().unwrap().clone(),
                None => vec![expected.clone()],
            };
            let found = run(&input);
            let same = found.as_ref().is_ok_and(|found| {
                found.len() == rows.len()
                    && rows.iter().zip(found).all(|(row, found)| list_agrees(row.as_array().unwrap(), found))
            });
            (!same).then(|| format!("{}: on {input:?} expected {expected}, found {found:?}", self.name))
        })
    }
}

fn input(json: &Json) -> Vec<Value> {
    match json {
        Json::String(word) => word.chars().map(|c| Value::str(&c.to_string())).collect(),
        list => list.as_array().unwrap().iter().map(value).collect(),
    }
}

/// A value as a domain lists it: fractions with a decimal point.
fn literal(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_f64().to_string(),
        Value::Bool(_) | Value::Str(_) => value.to_string(),
    }
}

fn value(json: &Json) -> Value {
    match json {
        Json::Bool(b) => Value::Bool(*b),
        Json::String(s) => Value::str(s),
        Json::Number(n) => Value::Number(Number::from_f64(n.as_f64().unwrap()).unwrap()),
        Json::Null | Json::Array(_) | Json::Object(_) => panic!("{json} is no value"),
    }
}

fn list_agrees(expected: &[Json], found: &[Value]) -> bool {
    expected.len() == found.len() && expected.iter().zip(found).all(|(e, f)| e.is_null() || agrees(e, f))
}

fn agrees(expected: &Json, found: &Value) -> bool {
    let expected = value(expected);
    match (expected.number(), found.number()) {
        (Some(expected), Some(found)) => {
            found.sub(&expected).unwrap().abs() <= Number::ratio(1, 1_000_000_000).unwrap()
        }
        _ => expected == *found,
    }
}

/// The text of the program that computes what a fixture's program computes.
fn text_of(fixture: &str) -> String {
    let named = |table: &[(&str, &'static str)]| table.iter().find(|(f, _)| *f == fixture).map(|(_, p)| *p);
    match (named(&IN_PROGRAMS), named(&WRITTEN_HERE)) {
        (Some(program), _) => File::read(program).text,
        (_, Some(text)) => text.to_owned(),
        (None, None) => panic!("{fixture} has no program"),
    }
}
