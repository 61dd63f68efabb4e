//! Sizes beside tracr's: `cargo bench --bench tracr`, for one length `-- 20`, as JSON `-- --json`.

#![allow(clippy::print_stdout, clippy::unwrap_used, dead_code)]

#[path = "../common/compiled.rs"]
mod compiled;
#[path = "../common/tracr.rs"]
mod tracr;

const LENGTHS: [usize; 3] = [10, 20, 50];
/// Random inputs that each network is compared with its program on.
const SAMPLES: usize = 1_000;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let asked: Vec<usize> = args.iter().filter_map(|a| a.parse().ok()).collect();
    let lengths = if asked.is_empty() { LENGTHS.to_vec() } else { asked };
    for length in lengths {
        let rows = tracr::rows(length, SAMPLES);
        if args.iter().any(|a| a == "--json") {
            rows.iter().for_each(|row| println!("{}", serde_json::to_string(row).unwrap()));
        } else {
            println!("\nUp to {length} tokens\n\n{}", table(&rows));
        }
    }
}

/// A table in Markdown with a row per program and their sums.
fn table(rows: &[tracr::Row]) -> String {
    let mut text = "| program | layers | tracr | parameters | tracr | unembedding | inputs equal | \
        wrong in tracr |\n|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    let known = |n: Option<usize>| n.map_or("–".to_owned(), |n| n.to_string());
    for r in rows {
        let wrong = match (r.tracr_inputs_wrong, r.tracr_inputs) {
            (Some(wrong), Some(all)) => format!("{wrong} of {all}"),
            _ => "not known".to_owned(),
        };
        text += &format!(
            "| {} | {} | {} | {} | {} | {} | {} | {wrong} |\n",
            r.program,
            r.layers,
            known(r.tracr_layers),
            r.parameters,
            known(r.tracr_parameters),
            r.unembedding,
            r.inputs_equal,
        );
    }
    let sum = |f: &dyn Fn(&tracr::Row) -> Option<usize>| rows.iter().filter_map(f).sum::<usize>();
    let programs_wrong = rows.iter().filter(|r| r.tracr_inputs_wrong.is_some_and(|n| n > 0)).count();
    text + &format!(
        "| **all {}** | **{}** | **{}** | **{}** | **{}** | **{}** | **{}** | **{programs_wrong} programs** |\n",
        rows.len(),
        sum(&|r| Some(r.layers)),
        sum(&|r| r.tracr_layers),
        sum(&|r| Some(r.parameters)),
        sum(&|r| r.tracr_parameters),
        sum(&|r| Some(r.unembedding)),
        sum(&|r| Some(r.inputs_equal)),
    )
}
