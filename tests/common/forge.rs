//! Files of models with a manifest or a header that someone changed, with hashes that fit.

use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use raspc::model::{Artifact, Config, Manifest};
use serde_json::{Map, Value as Json, json};
use sha2::{Digest as _, Sha256};

/// A file before it is written: JSON that may be anything.
pub struct Draft {
    pub manifest: Json,
    pub tensors: Vec<(String, [usize; 2], Vec<u8>)>,
    /// Changes of the header, made when everything else is ready.
    pub header: Vec<(String, Json)>,
}

impl Draft {
    pub fn of(artifact: &Artifact) -> Self {
        let tensor = |(name, matrix): (String, &ndarray::Array2<f32>)| {
            (name, [matrix.nrows(), matrix.ncols()], matrix.iter().flat_map(|x| x.to_le_bytes()).collect())
        };
        Self {
            manifest: serde_json::to_value(&artifact.manifest).unwrap(),
            tensors: artifact.weights.named().into_iter().map(tensor).collect(),
            header: Vec::new(),
        }
    }

    /// Gives the file the tensors that its configuration describes, if that is one and they are small.
    pub fn refit(&mut self, rng: &mut ChaCha8Rng) {
        let Ok(config) = serde_json::from_value::<Config>(self.manifest["config"].clone()) else { return };
        let sizes = [config.d_model, config.n_ctx];
        let in_layers = config
            .layers
            .iter()
            .flat_map(|l| l.heads.iter().flat_map(|h| [h.d_head, h.d_value]).chain([l.d_mlp]));
        if sizes.into_iter().chain(in_layers).any(|size| size > 1 << 12) {
            return;
        }
        let shapes = config.shapes();
        if shapes.iter().map(|(_, [rows, columns])| rows * columns).sum::<usize>() > 1 << 20 {
            return;
        }
        let old = std::mem::take(&mut self.tensors);
        for (name, shape) in shapes {
            let size = shape[0] * shape[1];
            let kept = old.iter().find(|(known, known_shape, _)| *known == name && *known_shape == shape);
            let entries = kept.map(|(_, _, entries)| entries.clone()).unwrap_or_else(|| {
                (0..size).flat_map(|_| (rng.random_range(-8..=8) as f32 / 4.0).to_le_bytes()).collect()
            });
            self.tensors.push((name, shape, entries));
        }
    }

    /// The file, with the hashes of what is in it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let hex = |hash: Sha256| hash.finalize().iter().map(|b| format!("{b:02x}")).collect::<String>();
        let (mut sources, mut weights) = (Sha256::new(), Sha256::new());
        for source in self.manifest["sources"].as_array().into_iter().flatten() {
            for text in [&source["name"], &source["text"]].map(|text| text.as_str().unwrap_or_default()) {
                sources.update([&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat());
            }
        }
        for (name, [rows, columns], entries) in &self.tensors {
            weights.update(format!("{name} ({rows}, {columns})\n"));
            weights.update(entries);
        }
        let mut manifest = self.manifest.clone();
        if manifest["sha256"].is_object() {
            manifest["sha256"] = json!({ "sources": hex(sources), "weights": hex(weights), "manifest": "" });
            let hash = hex(Sha256::new_with_prefix(manifest.to_string()));
            manifest["sha256"]["manifest"] = hash.into();
        }
        let mut header = Map::new();
        header.insert("__metadata__".to_owned(), json!({ "raspc": manifest.to_string() }));
        let mut data: Vec<u8> = Vec::new();
        for (name, shape, entries) in &self.tensors {
            let begin = data.len();
            data.extend(entries);
            let info = json!({ "dtype": "F32", "shape": shape, "data_offsets": [begin, data.len()] });
            header.insert(name.clone(), info);
        }
        let mut header = Json::Object(header);
        for (pointer, value) in &self.header {
            if let Some(place) = header.pointer_mut(pointer) {
                *place = value.clone();
            }
        }
        assemble(header.to_string().as_bytes(), &data)
    }

    /// Whether it describes itself as raspc's own types can.
    pub fn parses(&self) -> bool {
        serde_json::from_value::<Manifest>(self.manifest.clone()).is_ok()
    }
}

/// The bytes of a safetensors file.
pub fn assemble(header: &[u8], data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header, data].concat()
}

/// JSON pointers to every value inside another one.
pub fn places(json: &Json, at: &str) -> Vec<String> {
    let below = |key: String, value: &Json| {
        let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
        let mut found = places(value, &at);
        found.push(at);
        found
    };
    match json {
        Json::Object(entries) => entries.iter().flat_map(|(key, value)| below(key.clone(), value)).collect(),
        Json::Array(items) => items.iter().enumerate().flat_map(|(i, v)| below(i.to_string(), v)).collect(),
        Json::Number(_) | Json::Bool(_) | Json::String(_) | Json::Null => Vec::new(),
    }
}

const OPTIONS: [(&str, &[&str]); 4] = [
    ("attn_scale", &["one", "sqrt_d_head"]),
    ("activation", &["relu", "gelu", "gelu_tanh"]),
    ("positions", &["learned", "sinusoidal", "query_key"]),
    ("biases", &["none", "neurons", "all"]),
];

fn pick<'a, T>(items: &'a [T], rng: &mut ChaCha8Rng) -> &'a T {
    &items[rng.random_range(0..items.len())]
}

/// Sets an option of the configuration to a value that it can have.
fn toggle(manifest: &mut Json, rng: &mut ChaCha8Rng) -> String {
    let Some(config) = manifest["config"].as_object_mut() else { return "nothing".to_owned() };
    let (key, value) = match rng.random_range(0..8) {
        0 => ("causal", json!(rng.random::<bool>())),
        1 => ("bos", json!(rng.random::<bool>())),
        2 => ("tied", json!(rng.random::<bool>())),
        3 => (
            "norm",
            json!({ "eps": pick(&[1e-5, 1e-30, 1e30, 0.0, -1.0], rng), "bias": rng.random::<bool>() }),
        ),
        _ => {
            let (key, values) = pick(&OPTIONS, rng);
            (*key, json!(pick(values, rng)))
        }
    };
    let what = format!("{key} = {value}");
    config.insert(key.to_owned(), value);
    what
}

/// Another value in the place of this one.
fn another(old: &Json, rng: &mut ChaCha8Rng) -> Json {
    let nines = "9".repeat(rng.random_range(1..1100));
    let strange = [
        Json::Null,
        json!(true),
        json!({}),
        json!([]),
        json!("x"),
        json!(0),
        json!({ "ratio": "1/3" }),
        json!({ "ratio": "-1/3" }),
        json!({ "ratio": "1/0" }),
        json!({ "ratio": nines }),
        json!({ "ratio": format!("1/{nines}") }),
    ];
    if rng.random_range(0..6) == 0 {
        return pick(&strange, rng).clone();
    }
    match old {
        Json::Number(number) => {
            let n = number.as_i64().unwrap_or(1);
            let near = [
                json!(n.saturating_add(1)),
                json!(n.saturating_sub(1)),
                json!(n.saturating_mul(2)),
                json!(0),
                json!(1),
                json!(-1),
            ];
            let far = [
                json!((1 << 24) - 1),
                json!(1 << 24),
                json!(1_u64 << 32),
                json!((1_u64 << 53) + 1),
                json!(i64::MAX),
                json!(u64::MAX),
                json!(0.5),
                json!(1e308),
            ];
            pick(if rng.random() { &near } else { &far[..] }, rng).clone()
        }
        Json::String(text) => {
            let words =
                ["", "\u{1b}[2J", "embedding", "blocks.0.mlp", "blocks.0.attn.9", "numeric", "tokens"];
            match rng.random_range(0..4) {
                0 => json!(text.repeat(1000 / (text.len() + 1) + 1)),
                1 => json!(text.chars().rev().collect::<String>()),
                _ => json!(pick(&words, rng)),
            }
        }
        Json::Bool(b) => json!(!b),
        Json::Array(items) => {
            let mut items = items.clone();
            let (a, b) = match items.len() {
                0 => return json!([0]),
                n => (rng.random_range(0..n), rng.random_range(0..n)),
            };
            match rng.random_range(0..6) {
                0 => items.clear(),
                1 => items.swap(a, b),
                2 => drop(items.remove(a)),
                3 => items.reverse(),
                4 => items.insert(a, items[b].clone()),
                _ => items = (0..200).map(|i| items[i % items.len()].clone()).collect(),
            }
            Json::Array(items)
        }
        Json::Object(fields) => {
            let mut fields = fields.clone();
            let keys: Vec<String> = fields.keys().cloned().collect();
            match (rng.random_range(0..3), keys.is_empty()) {
                (0, _) | (_, true) => drop(fields.insert("more".to_owned(), json!(1))),
                (1, false) => drop(fields.remove(pick(&keys, rng))),
                (_, false) => {
                    let value = fields.remove(pick(&keys, rng)).unwrap_or_default();
                    fields.insert("renamed".to_owned(), value);
                }
            }
            Json::Object(fields)
        }
        Json::Null => json!(0),
    }
}

/// Changes one thing of the manifest; says what.
pub fn change_manifest(manifest: &mut Json, rng: &mut ChaCha8Rng) -> String {
    if rng.random_range(0..5) == 0 {
        return toggle(manifest, rng);
    }
    let root = if rng.random_range(0..5) < 3 { "/config" } else { "" };
    let Some(part) = manifest.pointer(root) else { return "nothing".to_owned() };
    let all = places(part, root);
    if all.is_empty() {
        return "nothing".to_owned();
    }
    let at = pick(&all, rng);
    let Some(place) = manifest.pointer_mut(at) else { return "nothing".to_owned() };
    *place = another(place, rng);
    format!("{at} = {:.80}", place.to_string())
}

/// Changes one thing of the header of a file that is written already, or its bytes.
pub fn change_header(draft: &mut Draft, rng: &mut ChaCha8Rng) -> String {
    let names: Vec<String> = draft.tensors.iter().map(|(name, ..)| name.clone()).collect();
    let field = *pick(
        &["dtype", "shape", "shape/0", "shape/1", "data_offsets", "data_offsets/0", "data_offsets/1"],
        rng,
    );
    let name = pick(&names, rng);
    let value = match rng.random_range(0..9) {
        0 => json!(0),
        1 => json!(u64::MAX),
        2 => json!(-1),
        3 => json!(1_u64 << 62),
        4 => json!(*pick(&["F64", "F16", "BF16", "I8", "U64", "F4", "x"], rng)),
        5 => json!([]),
        6 => json!([1_u64 << 32, 1_u64 << 32]),
        7 => json!([rng.random_range(0..64), rng.random_range(0..64)]),
        _ => json!(rng.random_range(0..64)),
    };
    let what = format!("header {name}/{field} = {value}");
    draft.header.push((format!("/{name}/{field}"), value));
    what
}

/// Bytes changed, cut off, taken out, doubled or exchanged, and lengths of headers made up.
pub fn corrupt(bytes: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut file = bytes.to_vec();
    let mut at = || rng.random_range(0..bytes.len());
    let (a, b) = (at(), at());
    let (start, end) = (a.min(b), a.max(b));
    match rng.random_range(0..6) {
        0 => file.truncate(a),
        1 => drop(file.drain(start..end)),
        2 => drop(file.splice(start..start, bytes[a..].to_vec())),
        3 => file[start..end].reverse(),
        4 => {
            let header: u64 = match rng.random_range(0..3) {
                0 => rng.random(),
                1 => rng.random_range(0..2 * bytes.len() as u64),
                _ => u64::MAX - rng.random_range(0..16),
            };
            file[..8].copy_from_slice(&header.to_le_bytes());
        }
        _ => {
            for _ in 0..rng.random_range(1..=8) {
                let place = rng.random_range(0..file.len());
                file[place] = rng.random();
            }
        }
    }
    file
}
