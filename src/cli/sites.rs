//! What do the sites of a run hold?

use super::draw;
use super::input::Columns;
use super::json_input;
use super::table;
use crate::ir::Column;
use crate::model::{Config, Decoded, Manifest, Part, Recorder, Site, SlotInfo, Transformer, json as exact};
use candle_core::{DType, Tensor};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// A run of a model on one input.
pub struct Run {
    outputs: Vec<Vec<Decoded>>,
    sites: Vec<(Site, Values)>,
}

/// The values of a site.
enum Values {
    /// `[position][direction or neuron]`
    Rows(Vec<Vec<f64>>),
    /// `[head][query][key]`
    Heads(Vec<Vec<Vec<f64>>>),
}

/// The sites that are shown unless others are asked for: all patterns and the last residual
/// stream; in JSON, that after every half-layer.
pub fn usual(config: &Config, all: bool) -> Vec<Site> {
    let known = Site::all(config);
    let last = known.iter().rfind(|s| matches!(s, Site::ResidPost(_))).copied().unwrap_or(Site::Embed);
    let wanted = |site: &Site| match site {
        Site::Pattern(_) => true,
        Site::ResidMid(_) | Site::ResidPost(_) | Site::Embed => all || *site == last,
        Site::ResidPre(l) => all && *l == 0,
        Site::PosEmbed => all,
        Site::Head(..)
        | Site::AttnScores(_)
        | Site::AttnOut(_)
        | Site::MlpPre(_)
        | Site::MlpPost(_)
        | Site::MlpOut(_) => false,
    };
    known.into_iter().filter(wanted).collect()
}

pub fn record(model: &Transformer, input: &Columns, wanted: &[Site]) -> anyhow::Result<Run> {
    let mut recorder = Recorder { wanted: wanted.to_vec(), seen: BTreeMap::new() };
    let outputs = model.run_hooked(input, &mut recorder)?;
    let seen = |site: &Site| Some((*site, values(recorder.seen.get(site)?)));
    let sites = wanted.iter().filter_map(seen).map(|(site, values)| Ok((site, values?)));
    Ok(Run { outputs, sites: sites.collect::<candle_core::Result<_>>()? })
}

fn values(tensor: &Tensor) -> candle_core::Result<Values> {
    let only = tensor.squeeze(0)?.to_dtype(DType::F64)?;
    match only.rank() {
        2 => Ok(Values::Rows(only.to_vec2()?)),
        _ => Ok(Values::Heads(only.to_vec3()?)),
    }
}

/// The names of positions, BOS included.
fn tokens(config: &Config, input: &Columns) -> Vec<String> {
    let length = input.first().map_or(0, Vec::len);
    let label = |i| input.iter().filter_map(|c| c.get(i)).map(draw::cell).collect::<Vec<_>>().join(",");
    config.bos.then(|| "BOS".to_owned()).into_iter().chain((0..length).map(label)).collect()
}

pub fn json(manifest: &Manifest, columns: &[Column], input: &Columns, run: &Run) -> Json {
    let outputs = manifest.config.outputs.iter().zip(&run.outputs);
    let outputs: serde_json::Map<String, Json> = outputs
        .map(|(o, values)| (o.name.clone(), Json::Array(values.iter().map(exact::decoded).collect())))
        .collect();
    let sites = run.sites.iter().map(|(site, values)| {
        let values = match values {
            Values::Rows(rows) => json!(rows),
            Values::Heads(heads) => json!(heads),
        };
        (site.to_string(), values)
    });
    json!({
        "input": json_input::to_json(columns, input),
        "outputs": outputs,
        "positions": tokens(&manifest.config, input),
        "directions": all_directions(manifest),
        "sites": sites.collect::<serde_json::Map<_, _>>(),
    })
}

/// The slots in the order in which they are written.
fn written(manifest: &Manifest) -> Vec<&SlotInfo> {
    let mut slots: Vec<&SlotInfo> = manifest.slots.iter().collect();
    slots.sort_by_key(|s| s.live[0]);
    slots
}

/// The labels of each residual direction: what it holds first, and then.
fn all_directions(manifest: &Manifest) -> Vec<Vec<&str>> {
    let mut labels = vec![Vec::new(); manifest.config.d_model];
    written(manifest).into_iter().for_each(|slot| labels[slot.direction].push(slot.label.as_str()));
    labels
}

/// The label of each residual direction after a half-layer: what was last written there, or its number
/// where nobody knows.
fn directions(manifest: &Manifest, half_layer: usize) -> Vec<String> {
    let mut labels: Vec<String> =
        (0..manifest.config.d_model).map(|direction| direction.to_string()).collect();
    for slot in written(manifest).into_iter().filter(|s| s.live[0] <= half_layer) {
        labels[slot.direction].clone_from(&slot.label);
    }
    labels
}

/// The label of each value of a head: what it writes, in the order of its outputs, or its number.
fn values_of_head(manifest: &Manifest, layer: usize, head: usize, count: usize) -> Vec<String> {
    let owner = format!("blocks.{layer}.attn.{head}");
    let mut labels = manifest.slots.iter().filter(|s| s.owner == owner).map(|s| s.label.clone());
    (0..count).map(|value| labels.next().unwrap_or_else(|| value.to_string())).collect()
}

/// The label of each neuron of a layer.
fn neurons(manifest: &Manifest, layer: usize, count: usize) -> Vec<String> {
    let mut labels: Vec<String> = (0..count).map(|i| i.to_string()).collect();
    for group in manifest.neurons.iter().filter(|n| n.layer == layer) {
        let [first, end] = group.neurons;
        let sop = draw::shorten(&group.sop, MAX_LABEL);
        labels[first..end].iter_mut().for_each(|label| *label += &format!(" {sop}"));
    }
    labels
}

pub fn text(manifest: &Manifest, input: &Columns, run: &Run, width: usize) -> String {
    let positions = tokens(&manifest.config, input);
    let mut out = String::new();
    for (site, values) in &run.sites {
        match values {
            Values::Heads(heads) => {
                for (h, rows) in heads.iter().enumerate() {
                    let info = manifest.heads.iter().find(|i| Some(i.layer) == layer(*site) && i.head == h);
                    let selector = info.map_or_else(String::new, |i| {
                        let sops: Vec<&str> = i.outputs.iter().map(|o| o.sop.as_str()).collect();
                        format!(": {} → {}", i.selector, sops.join(", "))
                    });
                    let title = format!("{site}, head {h}{}", draw::printable(&selector));
                    out += &(table::broken(&title, width).join("\n    ") + "\n");
                    out += &heat(&positions, &positions, rows, width);
                }
            }
            Values::Rows(rows) => {
                let count = rows.first().map_or(0, Vec::len);
                let labels = match site {
                    Site::MlpPre(l) | Site::MlpPost(l) => neurons(manifest, *l, count),
                    Site::Embed | Site::PosEmbed => directions(manifest, 0),
                    Site::ResidPre(l) => directions(manifest, 2 * l),
                    Site::AttnOut(l) | Site::ResidMid(l) => directions(manifest, 2 * l + 1),
                    Site::MlpOut(l) | Site::ResidPost(l) => directions(manifest, 2 * l + 2),
                    Site::Head(l, _, Part::Result) => directions(manifest, 2 * l + 1),
                    Site::Head(l, h, Part::V | Part::Z) => values_of_head(manifest, *l, *h, count),
                    Site::Head(_, _, Part::Q | Part::K) => {
                        (0..count).map(|column| column.to_string()).collect()
                    }
                    Site::AttnScores(_) | Site::Pattern(_) => Vec::new(),
                };
                let all = labels.len();
                out += &format!("{site}\n");
                // Directions go downwards, as there are more of them; those that are 0 are not shown.
                let by_direction = |d: usize| rows.iter().map(|row| row[d]).collect::<Vec<f64>>();
                let shown = labels.iter().enumerate().map(|(d, label)| (label.clone(), by_direction(d)));
                let (labels, columns): (Vec<String>, Vec<Vec<f64>>) =
                    shown.filter(|(_, values)| values.iter().any(|x| *x != 0.0)).unzip();
                out += &heat(&labels, &positions, &columns, width);
                match all - labels.len() {
                    0 => {}
                    1 => out += "    (one more is 0 at every position)\n",
                    more => out += &format!("    ({more} more are 0 at every position)\n"),
                }
            }
        }
    }
    out
}

fn layer(site: Site) -> Option<usize> {
    match site {
        Site::AttnScores(l) | Site::Pattern(l) => Some(l),
        Site::Embed
        | Site::PosEmbed
        | Site::ResidPre(_)
        | Site::Head(..)
        | Site::AttnOut(_)
        | Site::ResidMid(_)
        | Site::MlpPre(_)
        | Site::MlpPost(_)
        | Site::MlpOut(_)
        | Site::ResidPost(_) => None,
    }
}

/// Longer labels are cut off.
const MAX_LABEL: usize = 36;

/// Numbers with a name per row and per column.
fn heat(rows: &[String], columns: &[String], numbers: &[Vec<f64>], width: usize) -> String {
    let head = (String::new(), columns.to_vec());
    let row = |(label, values): (&String, &Vec<f64>)| {
        let label = draw::shorten(&draw::printable(label), MAX_LABEL);
        (label, values.iter().map(|x| number(*x)).collect())
    };
    let table: Vec<draw::Row> = std::iter::once(head).chain(rows.iter().zip(numbers).map(row)).collect();
    draw::Grid::of(&table, width).table(&table)
}

/// A dot for 0, three digits of what is no integer.
fn number(x: f64) -> String {
    match x {
        0.0 => ".".to_owned(),
        x if x.fract() == 0.0 && x.abs() < 1e6 => format!("{x}"),
        x if (0.001..1e6).contains(&x.abs()) => format!("{x:.3}"),
        x => format!("{x:.1e}"),
    }
}
