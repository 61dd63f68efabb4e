//! The programs that tracr's sizes are known for, compiled by raspc and put beside them.

use super::compiled::{Compiled, compile_for};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// tracr's name of a program, the file in `programs/` that means the same, and the tokens.
const PROGRAMS: [(&str, &str, &str); 32] = [
    ("causal_detect_pattern_ab", "causal_detect_pattern_ab", r#""a".."c""#),
    ("causal_frac_prevs", "causal_fraction_previous", r#""a".."f""#),
    ("causal_shift_by_1", "causal_shift_by_1", r#""a".."f""#),
    ("causal_width", "causal_width", r#""a".."f""#),
    ("count_a", "count_a", r#""a".."f""#),
    ("count_less_freq_2", "count_less_frequent_2", r#""a".."d""#),
    ("detect_pattern_a", "detect_pattern_a", r#""a".."d""#),
    ("detect_pattern_ab", "detect_pattern_ab", r#""a".."c""#),
    ("detect_pattern_abc", "detect_pattern_abc", r#""a".."c""#),
    ("frac_prevs", "fraction_previous", r#""a".."f""#),
    ("hist", "histogram", r#""a".."f""#),
    ("hist_num", "histogram", r#""a".."f""#),
    ("length", "length", r#""a".."f""#),
    ("length_num", "length_numerical", r#""a".."f""#),
    ("llc_dompeak", "dominating_peak", "0..6"),
    ("llc_fractok", "fractok", r#"{"x", "a".."m"}"#),
    ("llc_palindrome", "palindrome", r#"{"a".."z", " "}"#),
    ("llc_peak", "peak", "0..4"),
    // Rank sort without a tie-break, of distinct tokens.
    ("llc_sort", "sort_unique", r#""a".."e""#),
    ("llc_triplets", "triplets", r#""a".."e""#),
    ("nary_mul", "nary_muldiv", "1..6"),
    ("nary_sum", "nary_sum", "1..6"),
    ("pair_balance", "pair_balance", r#"{"(", ")", "a".."c"}"#),
    ("reverse", "reverse", r#""a".."f""#),
    ("shift_by_1", "shift_by_1", r#""a".."f""#),
    ("shift_by_2", "shift_by_2", r#""a".."f""#),
    ("shuffle_dyck1", "dyck1", r#"{"(", ")"}"#),
    ("shuffle_dyck2", "shuffle_dyck2", r#"{"(", ")", "{", "}"}"#),
    ("shuffle_dyck3", "shuffle_dyck3", r#"{"(", ")", "{", "}", "[", "]"}"#),
    ("sort", "sort", "1..6"),
    ("sort_freq", "sort_by_frequency", r#""a".."f""#),
    ("sort_unique", "sort_unique", "1..8"),
];

/// What is known of tracr, from `tests/baselines/tracr.json`.
#[derive(Deserialize)]
struct Baseline {
    program: String,
    max_seq_len: usize,
    /// None of these where tracr did not finish in two minutes.
    layers: Option<usize>,
    parameters: Option<usize>,
    inputs: Option<usize>,
    inputs_wrong: Option<usize>,
}

#[derive(Deserialize)]
struct Baselines {
    rows: Vec<Baseline>,
}

/// One program at one greatest length, by both compilers.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub program: &'static str,
    pub max_len: usize,
    pub layers: usize,
    /// Without the unembedding, as tracr's are counted.
    pub parameters: usize,
    pub unembedding: usize,
    /// Inputs on which weights and interpreter were compared; all were equal.
    pub inputs_equal: usize,
    pub tracr_layers: Option<usize>,
    pub tracr_parameters: Option<usize>,
    pub tracr_inputs: Option<usize>,
    pub tracr_inputs_wrong: Option<usize>,
}

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Every program compiled for lengths up to `max_len`, and compared on random inputs.
pub fn rows(max_len: usize, samples: usize) -> Vec<Row> {
    let baselines: Baselines = serde_json::from_str(&file("tests/baselines/tracr.json")).unwrap();
    let row = |&(program, ours, tokens): &(&'static str, &str, &str)| {
        let text = file(&format!("programs/{ours}.rasp"));
        let compiled = compile_for(&text, Some(tokens), &format!("1..{max_len}"));
        let same = |b: &&Baseline| b.program == program && b.max_seq_len == max_len;
        let tracr = baselines.rows.iter().find(same);
        let Compiled { artifact, .. } = &compiled;
        Row {
            program,
            max_len,
            layers: artifact.manifest.config.layers.len(),
            parameters: artifact.weights.n_params(),
            unembedding: artifact.weights.w_u.iter().map(|w_u| w_u.len()).sum(),
            inputs_equal: compiled.compare(0, samples),
            tracr_layers: tracr.and_then(|t| t.layers),
            tracr_parameters: tracr.and_then(|t| t.parameters),
            tracr_inputs: tracr.and_then(|t| t.inputs),
            tracr_inputs_wrong: tracr.and_then(|t| t.inputs_wrong),
        }
    };
    PROGRAMS.iter().map(row).collect()
}
