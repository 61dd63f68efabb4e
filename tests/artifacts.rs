//! Is a damaged model noticed, whatever the damage?
//!
//! `RASPC_FUZZ_CASES=1000000 cargo test artifacts` tries more of each.

use crate::common::compiled::{Compiled, compile};
use crate::common::forge::corrupt;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use raspc::model::Artifact;
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

/// docs/file-format.md says how.
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
