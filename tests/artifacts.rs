//! Is a damaged model noticed, whatever the damage?
//!
//! `RASPC_FUZZ_CASES=1000000 cargo test artifacts` tries more of each.

use crate::common::compiled::{Compiled, compile};
use candle_core::Device;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use raspc::model::{Artifact, Manifest, Transformer};
use raspc::value::Value;
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

fn cases() -> usize {
    std::env::var("RASPC_FUZZ_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000)
}

fn small() -> Compiled {
    compile("input tokens : 0..1; length 1..3; output shift(tokens, 1, 5);")
}

/// Whether a file is refused, or is read as the model that it was before.
#[track_caller]
fn refused_or_unharmed(file: &[u8], whole: &Artifact, what: &dyn std::fmt::Display) -> bool {
    match Artifact::from_bytes(file) {
        Err(error) => {
            assert!(!error.to_string().is_empty());
            true
        }
        Ok(artifact) => {
            assert!(artifact == *whole, "{what} goes unnoticed, and the model is another one");
            false
        }
    }
}

#[test]
fn every_flipped_bit_is_noticed_or_harmless() {
    let whole = small().artifact;
    let bytes = whole.to_bytes().unwrap();
    // Every bit where that is asked for, else one of each byte, another one from byte to byte.
    let all = cases() > 8 * bytes.len();
    let bits = (0..8 * bytes.len()).filter(|bit| all || bit % 8 == bit / 8 % 8);
    let (mut tried, mut noticed) = (0, 0);
    for bit in bits {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        tried += 1;
        noticed += usize::from(refused_or_unharmed(&damaged, &whole, &format!("bit {bit}")));
    }
    println!("{noticed} of {tried} flipped bits are noticed, in {} bytes", bytes.len());
    // Blanks of the header may become other blanks.
    assert!(tried - noticed <= tried / 100, "{noticed} of {tried} are noticed");
}

/// README says how.
#[test]
fn hashes_can_be_computed_again() {
    let whole = small().artifact;
    let file = whole.to_bytes().unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&file).unwrap();
    let metadata = &header.metadata().as_ref().unwrap()["raspc"];
    let hex = |hash: Sha256| hash.finalize().iter().map(|b| format!("{b:02x}")).collect::<String>();
    let hashes = &whole.manifest.sha256;
    let unsigned = metadata.replace(&hashes.manifest, "");
    assert_eq!(hex(Sha256::new_with_prefix(unsigned)), hashes.manifest);
    let mut sources = Sha256::new();
    let texts = whole.manifest.sources.iter().flat_map(|s| [&s.name, &s.text]);
    texts.for_each(|text| sources.update([&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()));
    assert_eq!(hex(sources), hashes.sources);
    let tensors = safetensors::SafeTensors::deserialize(&file).unwrap();
    let mut weights = Sha256::new();
    for (name, [rows, columns]) in whole.manifest.config.shapes() {
        weights.update(format!("{name} ({rows}, {columns})\n"));
        weights.update(tensors.tensor(&name).unwrap().data());
    }
    assert_eq!(hex(weights), hashes.weights);
}

/// Bytes changed, cut off, taken out, doubled or exchanged, and lengths of headers made up.
fn corrupt(bytes: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
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

#[test]
fn corrupted_files_are_refused_without_a_panic() {
    let whole = small().artifact;
    let bytes = whole.to_bytes().unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    for case in 0..cases() {
        let file = corrupt(&bytes, &mut rng);
        refused_or_unharmed(&file, &whole, &format!("case {case}"));
    }
}

/// JSON pointers to every value inside another one.
fn places(json: &Json, at: &str) -> Vec<String> {
    let below = |key: String, value: &Json| {
        let at = format!("{at}/{key}");
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

/// A manifest that someone changed and hashed anew is no longer damaged: it may be refused, and it
/// may run to wrong outputs or to an error, but to no panic.
#[test]
fn forged_manifests_do_no_harm() {
    let whole = small().artifact;
    let json = serde_json::to_value(&whole.manifest).unwrap();
    let all = places(&json["config"], "/config");
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let (mut read, mut ran) = (0, 0);
    for _ in 0..cases() / 10 {
        let mut forged = json.clone();
        let place = &all[rng.random_range(0..all.len())];
        *forged.pointer_mut(place).unwrap() = match rng.random_range(0..6) {
            0 => Json::from(rng.random::<u64>()),
            1 => Json::from(rng.random_range(0..12_u64)),
            2 => Json::from(-1),
            3 => Json::from("x"),
            4 => Json::Array(vec![Json::from(1); rng.random_range(0..4)]),
            _ => Json::Bool(rng.random()),
        };
        let Ok(manifest) = serde_json::from_value::<Manifest>(forged) else { continue };
        let forged = Artifact::new(manifest, whole.weights.clone());
        let Ok(artifact) = Artifact::from_bytes(&forged.to_bytes().unwrap()) else { continue };
        read += 1;
        let Ok(model) = Transformer::from_artifact(&artifact, &Device::Cpu) else { continue };
        ran += usize::from(model.run(&[vec![Value::int(0), Value::int(1)]]).is_ok());
    }
    assert!(read > 0 && ran > 0, "no forged manifest is read: the test tests nothing");
}
